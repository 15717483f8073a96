package enroll_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/linshao/linshao/cloud/internal/broker"
	"github.com/linshao/linshao/cloud/internal/ingest"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// patient is how long a test waits for what must come.
const (
	patient = 10 * time.Second
	brief   = 300 * time.Millisecond // for what need not come
)

// A door is a broker at which gateways knock: the embedded one, or mosquitto with the files that the cloud writes.
type door struct {
	t        *testing.T
	embedded bool
	addr     string
	dir      string // of the broker's certificate
	roots    *x509.CertPool
	send     func(topic, payload string) // down to gateways

	mu   sync.Mutex
	seen []string // payloads that came through, whatever their topic
	news chan struct{}
}

func (d *door) note(payload string) {
	d.mu.Lock()
	d.seen = append(d.seen, payload)
	d.mu.Unlock()
	select {
	case d.news <- struct{}{}:
	default:
	}
}

func (d *door) has(payload string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.seen, payload)
}

// await waits until a payload has come through.
func (d *door) await(payload string) {
	d.t.Helper()
	limit := time.After(patient)
	for !d.has(payload) {
		select {
		case <-d.news:
		case <-limit:
			d.t.Fatalf("%s has not come through", payload)
		}
	}
}

// Handle implements broker.Handler.
func (d *door) Handle(_ context.Context, _ string, payload []byte) ([]ingest.Reply, error) {
	d.note(string(payload))
	return nil, nil
}

// Heard implements broker.Handler.
func (d *door) Heard(string, time.Duration) {}

// Disconnected implements broker.Handler.
func (d *door) Disconnected(context.Context, string) error {
	d.note("gone")
	return nil
}

func newDoor(t *testing.T, o *office) *door {
	roots := x509.NewCertPool()
	roots.AddCert(o.ca.Root)
	return &door{t: t, roots: roots, news: make(chan struct{}, 1)}
}

// embeddedDoor runs the cloud's own broker, which asks o who may connect.
func embeddedDoor(t *testing.T, o *office) *door {
	t.Helper()
	d := newDoor(t, o)
	cert, key := o.server()
	conf, err := broker.ServerTLS(filepath.Join(o.ca.Dir(), "root.pem"), cert, key)
	if err != nil {
		t.Fatal(err)
	}
	e, err := broker.NewEmbedded(broker.EmbeddedConfig{Listen: "127.0.0.1:0", TLS: conf, Admit: o, Handler: d, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var both sync.WaitGroup
	both.Go(func() {
		if err := e.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	both.Go(func() {
		if err := o.Run(ctx, e, nil); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); both.Wait() })
	d.embedded, d.addr, d.dir = true, e.Addr(), o.ca.Dir()
	d.send = func(topic, payload string) { e.Publish([]ingest.Reply{{Topic: topic, Payload: []byte(payload)}}) }
	return d
}

// server makes the broker's certificate.
func (o *office) server() (cert, key string) {
	o.t.Helper()
	cert, key, err := o.ca.IssueServer("broker", []string{"127.0.0.1"}, time.Now())
	if err != nil {
		o.t.Fatal(err)
	}
	return cert, key
}

// mosquittoDoor runs mosquitto with the configuration that the cloud writes, on free ports, and with one more listener without
// rights at which the test sees all that mosquitto passes on. reload lets it read its files again.
func mosquittoDoor(t *testing.T, o *office) (d *door, reload func()) {
	t.Helper()
	program, err := exec.LookPath("mosquitto")
	if err != nil && os.Getenv("LINSHAO_REQUIRE") == "1" {
		t.Fatal("needs mosquitto: apt-get install mosquitto")
	} else if err != nil {
		t.Skip("needs mosquitto: apt-get install mosquitto")
	}
	d = newDoor(t, o)
	dir := t.TempDir()
	if _, err := o.WriteFiles(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	cert, key := o.server()
	for from, to := range map[string]string{cert: "broker.pem", key: "broker.key"} {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	conf, err := os.ReadFile(filepath.Join(dir, "linshao.conf"))
	if err != nil {
		t.Fatal(err)
	}
	cmd, gateways, all := runMosquitto(t, program, dir, string(conf))
	d.addr, d.dir = "127.0.0.1:"+gateways, dir
	watch := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://127.0.0.1:" + all).SetClientID("watch").SetAutoReconnect(false).SetConnectRetry(true).SetConnectRetryInterval(50 * time.Millisecond).
		SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { d.note(string(m.Payload())) }))
	if token := watch.Connect(); !token.WaitTimeout(patient) || token.Error() != nil {
		t.Fatalf("watch: %v", token.Error())
	}
	t.Cleanup(func() { watch.Disconnect(0) })
	for _, filter := range []string{"#", "$SYS/forged/#"} {
		if token := watch.Subscribe(filter, 1, nil); !token.WaitTimeout(patient) || token.Error() != nil {
			t.Fatalf("watch: %v", token.Error())
		}
	}
	d.send = func(topic, payload string) { watch.Publish(topic, 1, false, payload).WaitTimeout(patient) }
	return d, func() {
		if _, err := o.WriteFiles(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
}

// runMosquitto starts it on free ports, on others when somebody was faster, and answers those of gateways and of the test.
func runMosquitto(t *testing.T, program, dir, conf string) (cmd *exec.Cmd, gateways, all string) {
	t.Helper()
	for range 5 {
		gateways, all = fmt.Sprint(freeport.Port(t)), fmt.Sprint(freeport.Port(t))
		text := strings.NewReplacer("listener 8883", "listener "+gateways+" 127.0.0.1", "listener 8884", "listener "+fmt.Sprint(freeport.Port(t))).Replace(conf)
		file := filepath.Join(dir, "test.conf")
		if err := os.WriteFile(file, []byte(text+"\nlistener "+all+" 127.0.0.1\nallow_anonymous true\nuser root\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		cmd = exec.Command(program, "-c", file)
		cmd.Stderr = &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { defer close(ended); _ = cmd.Wait() }()
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			<-ended
			if t.Failed() {
				t.Logf("mosquitto: %s", log.String())
			}
		})
		for limit := time.Now().Add(patient); time.Now().Before(limit); {
			conn, err := net.Dial("tcp", "127.0.0.1:"+all)
			if err == nil {
				conn.Close()
				return cmd, gateways, all
			}
			select {
			case <-ended:
				limit = time.Time{}
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	t.Fatal("mosquitto does not listen")
	return nil, "", ""
}

// shown is the TLS side of a client that shows some certificates.
func (d *door) shown(key any, ders ...[]byte) *tls.Config {
	c := &tls.Config{RootCAs: d.roots, MinVersion: tls.VersionTLS12}
	if key != nil {
		cert := tls.Certificate{Certificate: ders, PrivateKey: key}
		// Whatever it is: a client that is polite shows nothing that the broker does not ask for.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	}
	return c
}

func (d *door) as(b *box) *tls.Config { return d.shown(b.key, b.chain[0].Raw, b.chain[1].Raw) }

// A guest is a client at a door.
type guest struct {
	paho.Client
	conn net.Conn
	got  chan string // payloads
	lost chan error
}

// knock connects as a client with an id, over TLS unless conf is nil.
func (d *door) knock(id string, conf *tls.Config, will string) (*guest, error) {
	d.t.Helper()
	g := &guest{got: make(chan string, 100), lost: make(chan error, 1)}
	options := paho.NewClientOptions().AddBroker("tcp://" + d.addr).SetClientID(id).SetProtocolVersion(4).SetAutoReconnect(false).SetConnectTimeout(patient).
		SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) {
			raw, err := net.Dial("tcp", d.addr)
			if err != nil || conf == nil {
				g.conn = raw
				return raw, err
			}
			own := conf.Clone()
			own.ServerName = "127.0.0.1"
			c := tls.Client(raw, own)
			if err := c.Handshake(); err != nil {
				raw.Close()
				return nil, err
			}
			g.conn = c
			return c, nil
		}).
		SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { g.got <- string(m.Payload()) }).
		SetConnectionLostHandler(func(_ paho.Client, err error) { g.lost <- err })
	if will != "" {
		topic, payload, _ := strings.Cut(will, "=")
		options.SetBinaryWill(topic, []byte(payload), 1, false)
	}
	g.Client = paho.NewClient(options)
	token := g.Connect()
	if !token.WaitTimeout(2 * patient) {
		d.t.Fatal("no answer to connect")
	}
	d.t.Cleanup(func() { g.Disconnect(0) })
	return g, token.Error()
}

// fair shows that a good gateway passes: what it publishes comes through.
func (d *door) fair(b *box, n int) {
	d.t.Helper()
	g, err := d.knock(b.id, d.as(b), "")
	if err != nil {
		d.t.Fatalf("its own certificate, after case %d: %v", n, err)
	}
	payload := fmt.Sprintf("fair-%s-%d", b.id, n)
	if token := g.Publish(wire.Topic(b.id, wire.UpHello), 1, false, payload); !token.WaitTimeout(patient) || token.Error() != nil {
		d.t.Fatalf("publish on its own topic, after case %d: %v", n, token.Error())
	}
	d.await(payload)
	g.Disconnect(0)
}
