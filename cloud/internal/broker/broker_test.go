package broker_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/broker"
	"github.com/linshao/linshao/cloud/internal/ingest"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const gw = "gw-0142"

// echo answers every message on the gateway's own ack topic, or fails on demand.
type echo struct {
	fail atomic.Bool
	took chan string
	gone chan string
}

func newEcho() *echo { return &echo{took: make(chan string, 100), gone: make(chan string, 10)} }

func (e *echo) Handle(_ context.Context, topic string, payload []byte) ([]ingest.Reply, error) {
	if e.fail.Load() {
		return nil, errors.New("disk full")
	}
	e.took <- string(payload)
	gateway, _, err := wire.ParseTopic(topic)
	if err != nil {
		return nil, nil
	}
	return []ingest.Reply{{Topic: wire.Topic(gateway, wire.DownAck), Payload: payload}}, nil
}

func (e *echo) Heard(string, time.Duration) {}

func (e *echo) Disconnected(_ context.Context, gateway string) error {
	e.gone <- gateway
	return nil
}

// within receives within ten seconds.
func within[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: not within 10 s", what)
		panic("unreachable")
	}
}

// run runs a part until the test ends.
func run(t *testing.T, part interface{ Run(context.Context) error }) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- part.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func embedded(t *testing.T, h broker.Handler, conf *tls.Config) *broker.Embedded {
	t.Helper()
	e, err := broker.NewEmbedded(broker.EmbeddedConfig{Listen: "127.0.0.1:0", TLS: conf, Handler: h, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	run(t, e)
	return e
}

// client connects a gateway; acks carries what comes down.
func client(t *testing.T, url, id string, conf *tls.Config) (c paho.Client, acks chan string, lost chan error, err error) {
	t.Helper()
	acks, lost = make(chan string, 100), make(chan error, 1)
	o := paho.NewClientOptions().AddBroker(url).SetClientID(id).SetAutoReconnect(false).SetConnectTimeout(5*time.Second).SetTLSConfig(conf).
		SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { acks <- string(m.Payload()) }).
		SetConnectionLostHandler(func(_ paho.Client, err error) { lost <- err }).
		SetWill(wire.Topic(id, wire.StatusLeaf), "x", 1, true)
	c = paho.NewClient(o)
	token := c.Connect()
	if !token.WaitTimeout(10 * time.Second) {
		t.Fatal("no answer to connect")
	}
	t.Cleanup(func() { c.Disconnect(0) })
	return c, acks, lost, token.Error()
}

func subscribe(t *testing.T, c paho.Client) {
	t.Helper()
	token := c.Subscribe(wire.Topic(gw, wire.DownAck), 0, nil)
	if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		t.Fatalf("subscribe: %v", token.Error())
	}
}

func TestEmbeddedStoresBeforeItConfirms(t *testing.T) {
	h := newEcho()
	e := embedded(t, h, nil)
	c, acks, _, err := client(t, "tcp://"+e.Addr(), gw, nil)
	if err != nil {
		t.Fatal(err)
	}
	subscribe(t, c)
	token := c.Publish(wire.Topic(gw, wire.UpHello), 1, false, "1")
	if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		t.Fatalf("publish: %v", token.Error())
	}
	if within(t, "stored", h.took) != "1" || within(t, "acknowledged", acks) != "1" {
		t.Error("another message")
	}
	h.fail.Store(true)
	token = c.Publish(wire.Topic(gw, wire.UpTelemetry), 1, false, "2")
	if token.WaitTimeout(300 * time.Millisecond) {
		t.Errorf("what was not stored was confirmed: %v", token.Error())
	}
	h.fail.Store(false)
	if token = c.Publish(wire.Topic(gw, wire.UpTelemetry), 1, false, "3"); !token.WaitTimeout(10 * time.Second) {
		t.Error("the connection did not survive")
	}
	c.Disconnect(0)
	if within(t, "disconnect", h.gone) != gw {
		t.Error("another gateway")
	}
}

func TestEmbeddedTakeover(t *testing.T) {
	h := newEcho()
	e := embedded(t, h, nil)
	_, _, lost, err := client(t, "tcp://"+e.Addr(), gw, nil)
	if err != nil {
		t.Fatal(err)
	}
	second, acks, _, err := client(t, "tcp://"+e.Addr(), gw, nil)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "the first is cut", lost)
	subscribe(t, second)
	second.Publish(wire.Topic(gw, wire.UpHello), 1, false, "x")
	within(t, "the second lives", acks)
	select {
	case <-h.gone:
		t.Error("the end of the older connection was told as the gateway's")
	default:
	}
}

func TestEmbeddedKeepsGatewaysToTheirTopics(t *testing.T) {
	h := newEcho()
	e := embedded(t, h, nil)
	for _, id := range []string{"", "GW", "a/b", "+", "gw#1", "-x"} {
		if _, _, _, err := client(t, "tcp://"+e.Addr(), id, nil); err == nil {
			t.Errorf("client id %q was let in", id)
		}
	}
	for _, topic := range []string{wire.Topic("gw-other", wire.UpHello), "ls/1/00/" + gw + "/up/hello", wire.Topic(gw, wire.DownAck), "x"} {
		c, _, lost, err := client(t, "tcp://"+e.Addr(), gw, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Publish(topic, 1, false, "no")
		within(t, "cut off after publishing "+topic, lost)
		within(t, "told", h.gone)
	}
	c, _, _, err := client(t, "tcp://"+e.Addr(), gw, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, filter := range []string{"#", "ls/#", wire.Filter(wire.DownAck), wire.Topic("gw-other", wire.DownAck), wire.Topic(gw, wire.UpHello)} {
		token := c.Subscribe(filter, 0, nil)
		token.WaitTimeout(10 * time.Second)
		if code := token.(*paho.SubscribeToken).Result()[filter]; code < 0x80 {
			t.Errorf("subscribed %s", filter)
		}
	}
	if len(h.took) != 0 {
		t.Errorf("took %q", <-h.took)
	}
}

func TestNoPlainListenerBeyondLoopback(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:1883"} {
		if e, err := broker.NewEmbedded(broker.EmbeddedConfig{Listen: listen, Handler: newEcho(), Log: slog.Default()}); err == nil {
			_ = e.Close()
			t.Errorf("%s was opened", listen)
		}
	}
}

func TestEmbeddedTLS(t *testing.T) {
	ca := newCA(t)
	ca.issue(t, "server")
	ca.issue(t, gw)
	other := newCA(t)
	other.issue(t, gw)
	conf, err := broker.ServerTLS(ca.file("ca.pem"), ca.file("server.pem"), ca.file("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	h := newEcho()
	e := embedded(t, h, conf)
	good := ca.client(t, gw)
	if c, acks, _, err := client(t, "ssl://"+e.Addr(), gw, good); err != nil {
		t.Errorf("its own certificate: %v", err)
	} else {
		subscribe(t, c)
		c.Publish(wire.Topic(gw, wire.UpHello), 1, false, "tls")
		within(t, "acknowledged", acks)
	}
	if _, _, _, err := client(t, "ssl://"+e.Addr(), "gw-other", good); err == nil {
		t.Error("another gateway's certificate was let in")
	}
	none := good.Clone()
	none.GetClientCertificate = nil
	if _, _, _, err := client(t, "ssl://"+e.Addr(), gw, none); err == nil {
		t.Error("no certificate was let in")
	}
	foreign := other.client(t, gw)
	foreign.RootCAs = good.RootCAs
	if _, _, _, err := client(t, "ssl://"+e.Addr(), gw, foreign); err == nil {
		t.Error("a certificate of another CA was let in")
	}
	if _, _, _, err := client(t, "tcp://"+e.Addr(), gw, nil); err == nil {
		t.Error("plain was let in")
	}
}

// The external way, against mosquitto with client certificates and access rules as an operator would set them.
func TestExternalMosquitto(t *testing.T) {
	ca := newCA(t)
	for _, name := range []string{"server", "linshao-cloud", gw} {
		ca.issue(t, name)
	}
	addr, restart := mosquitto(t, ca)
	conf, err := broker.ClientTLS(ca.file("ca.pem"), ca.file("linshao-cloud.pem"), ca.file("linshao-cloud.key"))
	if err != nil {
		t.Fatal(err)
	}
	h := newEcho()
	x, err := broker.NewExternal(broker.ExternalConfig{URL: "mqtts://" + addr, TLS: conf, ClientID: "linshao-cloud", Handler: h, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	run(t, x)
	talk := func(text string) {
		t.Helper()
		c, acks, _, err := client(t, "ssl://"+addr, gw, ca.client(t, gw))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Disconnect(0)
		subscribe(t, c)
		// The cloud may not have subscribed yet: a gateway repeats what is not acknowledged, and so does this one.
		again, limit := time.NewTicker(100*time.Millisecond), time.After(20*time.Second)
		defer again.Stop()
		for {
			select {
			case got := <-acks:
				if got == text {
					return
				}
			case <-again.C:
				c.Publish(wire.Topic(gw, wire.UpTelemetry), 1, false, text)
			case <-limit:
				t.Fatalf("%s was not acknowledged", text)
			}
		}
	}
	talk("first")
	restart()
	talk("after a restart of the broker")
	h.fail.Store(true)
	c, acks, _, err := client(t, "ssl://"+addr, gw, ca.client(t, gw))
	if err != nil {
		t.Fatal(err)
	}
	subscribe(t, c)
	c.Publish(wire.Topic(gw, wire.UpTelemetry), 1, false, "not stored").WaitTimeout(5 * time.Second)
	h.fail.Store(false)
	c.Disconnect(100)
	talk("after the database has recovered")
	for len(acks) > 0 {
		if a := <-acks; a == "not stored" {
			t.Error("acknowledged what was not stored")
		}
	}
}

func mosquitto(t *testing.T, ca *authority) (addr string, restart func()) {
	program, err := exec.LookPath("mosquitto")
	if err != nil && os.Getenv("LINSHAO_REQUIRE") == "1" {
		t.Fatal("needs mosquitto: apt-get install mosquitto")
	} else if err != nil {
		t.Skip("needs mosquitto: apt-get install mosquitto")
	}
	port := fmt.Sprint(freeport.Port(t))
	addr = "127.0.0.1:" + port
	acl := "user linshao-cloud\ntopic read ls/1/+/+/up/#\ntopic read ls/1/+/+/status\ntopic write ls/1/+/+/down/#\npattern write ls/1/+/%u/up/#\npattern write ls/1/+/%u/status\npattern read ls/1/+/%u/down/#\n"
	conf := fmt.Sprintf("listener %s 127.0.0.1\ncafile %s\ncertfile %s\nkeyfile %s\nrequire_certificate true\nuse_identity_as_username true\nacl_file %s\nuser root\n",
		port, ca.file("ca.pem"), ca.file("server.pem"), ca.file("server.key"), ca.write(t, "acl", acl))
	file := ca.write(t, "mosquitto.conf", conf)
	var cmd *exec.Cmd
	start := func() {
		cmd = exec.Command(program, "-c", file)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		tick, limit := time.NewTicker(50*time.Millisecond), time.After(10*time.Second)
		defer tick.Stop()
		for {
			if c, err := net.Dial("tcp", addr); err == nil {
				c.Close()
				return
			}
			select {
			case <-tick.C:
			case <-limit:
				t.Fatal("mosquitto does not start")
			}
		}
	}
	stop := func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	start()
	t.Cleanup(func() { stop() })
	return addr, func() { stop(); start() }
}

// authority is a CA in a folder.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newCA(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{dir: t.TempDir(), cert: cert, key: key}
	a.write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return a
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) write(t *testing.T, name, text string) string {
	if err := os.WriteFile(a.file(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return a.file(name)
}

func (a *authority) issue(t *testing.T, name string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	a.write(t, name+".pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	a.write(t, name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw})))
}

func (a *authority) client(t *testing.T, name string) *tls.Config {
	conf, err := broker.ClientTLS(a.file("ca.pem"), a.file(name+".pem"), a.file(name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	return conf
}
