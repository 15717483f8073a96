package broker_test

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/broker"
	"github.com/linshao/linshao/cloud/wire"
)

// none has no shard: the gateways are another process's.
type none struct{}

// Shards implements broker.Shards.
func (none) Shards() ([]string, <-chan struct{}) { return nil, nil }

// watched are the gateways whose cameras are shown here.
type watched struct {
	mu       sync.Mutex
	gateways []string
	changed  chan struct{}
}

// Watched implements broker.Looks.
func (w *watched) Watched() ([]string, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gateways, w.changed
}

func (w *watched) set(gateways ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gateways = gateways
	close(w.changed)
	w.changed = make(chan struct{})
}

// TestPicturesOfAnotherProcessesGateway: what a camera shows comes to the process that shows it, whoever has the gateway, as long as
// it shows it, and nothing else of that gateway does.
func TestPicturesOfAnotherProcessesGateway(t *testing.T) {
	ca := newCA(t)
	for _, name := range []string{"server", "linshao-cloud", gw} {
		ca.issue(t, name)
	}
	addr, _ := mosquitto(t, ca)
	conf, err := broker.ClientTLS(ca.file("ca.pem"), ca.file("linshao-cloud.pem"), ca.file("linshao-cloud.key"))
	if err != nil {
		t.Fatal(err)
	}
	h, looks := newEcho(), &watched{changed: make(chan struct{})}
	x, err := broker.NewExternal(broker.ExternalConfig{URL: "mqtts://" + addr, TLS: conf, ClientID: "linshao-cloud", Shards: none{}, Looks: looks, Handler: h, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	run(t, x)
	c, _, _, err := client(t, "ssl://"+addr, gw, ca.client(t, gw))
	if err != nil {
		t.Fatal(err)
	}
	say := func(leaf, text string) { c.Publish(wire.Topic(gw, leaf), 1, false, text).WaitTimeout(5 * time.Second) }
	tick, limit := time.NewTicker(50*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	// shown publishes until the wanted text comes, or, for none, until the other does not come for a while.
	shown := func(want bool) {
		t.Helper()
		quiet := 0
		for {
			say(wire.UpTelemetry, "a reading")
			say(wire.UpLook, "a picture")
			select {
			case got := <-h.took:
				if got != "a picture" {
					t.Fatalf("%q came", got)
				}
				if quiet = 0; want {
					return
				}
			case <-tick.C:
				if quiet++; !want && quiet > 6 {
					return
				}
			case <-limit:
				t.Fatal("pictures come: ", !want)
			}
		}
	}
	looks.set(gw)
	shown(true)
	looks.set()
	shown(false)
}
