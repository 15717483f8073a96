package uplink_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/firmware-sim/freeport"
	"github.com/linshao/linshao/gateway/internal/uplink"
)

// mosquitto runs the real broker.
type mosquitto struct {
	t    *testing.T
	port int
	conf string
	cmd  *exec.Cmd
}

func newMosquitto(t *testing.T, lines ...string) *mosquitto {
	t.Helper()
	program(t, "mosquitto", "mosquitto")
	m := &mosquitto{t: t, port: freeport.Port(t), conf: filepath.Join(t.TempDir(), "mosquitto.conf")}
	text := fmt.Sprintf("listener %d 127.0.0.1\nuser root\nmax_queued_messages 0\n", m.port)
	for _, line := range lines {
		text += line + "\n"
	}
	if err := os.WriteFile(m.conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m.start()
	t.Cleanup(m.kill)
	return m
}

func (m *mosquitto) start() {
	m.t.Helper()
	path := program(m.t, "mosquitto", "mosquitto")
	m.cmd = exec.Command(path, "-c", m.conf)
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	for limit := time.Now().Add(time.Minute); ; <-time.After(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", m.port))
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(limit) {
			m.t.Fatal("mosquitto does not listen: ", err)
		}
	}
}

func (m *mosquitto) kill() {
	if m.cmd != nil {
		_ = m.cmd.Process.Kill()
		_ = m.cmd.Wait()
		m.cmd = nil
	}
}

// attach makes the cloud a client of a broker.
func (c *cloud) attach(t *testing.T, url string, config *tls.Config) {
	t.Helper()
	o := mqtt.NewClientOptions().AddBroker(url).SetClientID("cloud").SetTLSConfig(config)
	o.SetAutoReconnect(true).SetMaxReconnectInterval(100 * time.Millisecond).SetConnectRetry(true).SetConnectRetryInterval(100 * time.Millisecond)
	ready := make(chan struct{}, 100)
	o.SetOnConnectHandler(func(client mqtt.Client) {
		client.SubscribeMultiple(map[string]byte{wire.Filter("up/+"): 1, wire.Filter(wire.StatusLeaf): 1}, func(_ mqtt.Client, m mqtt.Message) {
			for _, a := range c.handle(m.Topic(), m.Payload()) {
				b, err := proto.Marshal(a)
				if err != nil {
					t.Error(err)
				}
				client.Publish(wire.Topic(gateway, wire.DownAck), 0, false, b)
			}
		}).Wait()
		ready <- struct{}{}
	})
	client := mqtt.NewClient(o)
	client.Connect()
	t.Cleanup(func() { client.Disconnect(100) })
	select {
	case <-ready:
	case <-time.After(time.Minute):
		t.Fatal("the test's cloud cannot connect to ", url)
	}
}

func (s *site) goOn(t *testing.T, url string, config *tls.Config) (stop func()) {
	t.Helper()
	s.cfg.URL, s.cfg.TLS = url, config
	u, err := uplink.New(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	stop = start(t, u)
	t.Cleanup(stop)
	return stop
}

func TestMosquitto(t *testing.T) {
	m := newMosquitto(t, "allow_anonymous true")
	s, c := newSite(t), newCloud()
	defer s.close(t)
	url := fmt.Sprint("127.0.0.1:", m.port)
	c.attach(t, "tcp://"+url, nil)
	s.append(t, 100, 2000)
	stop := s.goOn(t, "mqtt://"+url, nil)
	c.until(t, "the backlog", s.delivered)
	s.append(t, 1, 1)
	c.until(t, "a new record", s.delivered)
	stop()
	c.until(t, "the goodbye", func(c *cloud) bool { return len(c.online) > 0 && !c.online[len(c.online)-1] })
	s.check(t, c)
}

// TestMosquittoKilled: the broker dies in the middle, more than once, with whatever it had confirmed.
func TestMosquittoKilled(t *testing.T) {
	m := newMosquitto(t, "allow_anonymous true")
	s, c := newSite(t), newCloud()
	defer s.close(t)
	url := fmt.Sprint("127.0.0.1:", m.port)
	c.attach(t, "tcp://"+url, nil)
	stop := s.goOn(t, "mqtt://"+url, nil)
	for round := range 4 {
		s.append(t, 20, 1500)
		epoch, _, next := s.telemetry.State()
		c.until(t, "half of a round", func(c *cloud) bool { return c.place(2, epoch).cum+750 > next })
		m.kill()
		s.append(t, 5, 50)
		m.start()
		c.until(t, fmt.Sprint("round ", round), s.delivered)
	}
	stop()
	s.check(t, c)
}

// TestUngracefulEnd: the last will speaks for a gateway that is cut off.
func TestUngracefulEnd(t *testing.T) {
	m := newMosquitto(t, "allow_anonymous true")
	s, c := newSite(t), newCloud()
	defer s.close(t)
	url := fmt.Sprint("127.0.0.1:", m.port)
	c.attach(t, "tcp://"+url, nil)
	relay, target := relayTo(t, url)
	s.goOn(t, "mqtt://"+target, nil)
	c.until(t, "the hello", func(c *cloud) bool { return len(c.hellos) > 0 && len(c.online) > 0 })
	relay()
	c.until(t, "the will", func(c *cloud) bool {
		for _, online := range c.online {
			if !online {
				return true
			}
		}
		return false
	})
}

// relayTo is a TCP relay; the returned function cuts its connections without a goodbye, and refuses new ones.
func relayTo(t *testing.T, to string) (cut func(), address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns := make(chan net.Conn, 10)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			conns <- in
			conns <- out
			pipe := func(a, b net.Conn) {
				defer a.Close()
				defer b.Close()
				buf := make([]byte, 4096)
				for {
					n, err := a.Read(buf)
					if err != nil {
						return
					}
					if _, err := b.Write(buf[:n]); err != nil {
						return
					}
				}
			}
			go pipe(in, out)
			go pipe(out, in)
		}
	}()
	cut = func() {
		l.Close()
		<-done
		for len(conns) > 0 {
			(<-conns).Close()
		}
	}
	t.Cleanup(cut)
	return cut, l.Addr().String()
}

func TestMochi(t *testing.T) {
	server := mochi.New(&mochi.Options{InlineClient: true})
	if err := server.AddHook(new(auth.AllowHook), nil); err != nil {
		t.Fatal(err)
	}
	port := freeport.Port(t)
	if err := server.AddListener(listeners.NewTCP(listeners.Config{ID: "t", Address: fmt.Sprint("127.0.0.1:", port)})); err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	s, c := newSite(t), newCloud()
	defer s.close(t)
	url := fmt.Sprint("127.0.0.1:", port)
	c.attach(t, "tcp://"+url, nil)
	s.append(t, 100, 2000)
	stop := s.goOn(t, "mqtt://"+url, nil)
	c.until(t, "the backlog", s.delivered)
	stop()
	s.check(t, c)
}
