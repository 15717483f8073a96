package command_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/command"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/gateway/internal/uplink"
)

// nothing is a stream without records.
type nothing struct{}

func (nothing) State() (epoch, oldest, next uint64)       { return 1, 0, 1 }
func (nothing) Read(uint64, int) ([]outbox.Record, error) { return nil, nil }
func (nothing) Ack(uint64)                                {}
func (nothing) Changed() <-chan struct{}                  { return nil }

// line is a broker between this test, which plays the cloud, and a gateway's uplink and desk.
type line struct {
	t      *testing.T
	server *mochi.Server
	hellos chan *wire.Hello
}

func newLine(t *testing.T) (*line, string) {
	l := &line{t: t, server: mochi.New(&mochi.Options{InlineClient: true}), hellos: make(chan *wire.Hello, 100)}
	tcp := listeners.NewTCP(listeners.Config{ID: "t", Address: "127.0.0.1:0"})
	if err := errors.Join(l.server.AddHook(new(auth.AllowHook), nil), l.server.AddListener(tcp), l.server.Serve()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.server.Close(); err != nil {
			t.Error(err)
		}
	})
	err := l.server.Subscribe(wire.Filter(wire.UpHello), 1, func(_ *mochi.Client, _ packets.Subscription, p packets.Packet) {
		var h wire.Hello
		if proto.Unmarshal(p.Payload, &h) == nil {
			l.hellos <- &h
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return l, "mqtt://" + tcp.Address()
}

// hello waits for one of another session than the one before.
func (l *line) hello(before uint64) *wire.Hello {
	l.t.Helper()
	limit := time.After(30 * time.Second)
	for {
		select {
		case h := <-l.hellos:
			if h.GetSession() != before {
				return h
			}
		case <-limit:
			l.t.Fatal("no hello")
		}
	}
}

func (l *line) send(payload []byte) {
	l.t.Helper()
	if err := l.server.Publish(wire.Topic(gateway, wire.DownCommand), payload, false, 0); err != nil {
		l.t.Fatal(err)
	}
}

// TestThroughABroker: commands are lost, doubled, reordered and late on a real broker, and all of them come again after a
// reconnect. Each is carried out at most once, and never when its time was over or its session is.
func TestThroughABroker(t *testing.T) {
	b := newBench(command.Config{})
	stop := b.run(t)
	defer stop()
	l, url := newLine(t)
	up, err := uplink.New(uplink.Config{URL: url, Gateway: gateway, Boot: boot, Started: b.began, Streams: []uplink.Feed{{ID: wire.StreamEvents, Stream: nothing{}}}, OnCommand: b.desk.Take})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- up.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	random := rand.New(rand.NewPCG(1, 2))
	var all [][]byte
	want := map[string]bool{}
	session := l.hello(0).GetSession()
	for i := range 40 {
		fate := []string{"ok", "twice", "lost", "late"}[i%4]
		c := order(fmt.Sprintf("%s-%d", fate, i), time.Since(b.began)+14*time.Second)
		if fate == "late" {
			c.UntilMs = uint64((time.Since(b.began) - time.Millisecond).Milliseconds())
		}
		c.Session = session
		payload := signed(t, 1, c)
		all = append(all, payload)
		want[c.GetId()] = fate == "ok" || fate == "twice"
	}
	var sent [][]byte
	for i, payload := range all {
		switch i % 4 {
		case 0, 3:
			sent = append(sent, payload)
		case 1:
			sent = append(sent, payload, payload, payload)
		}
	}
	random.Shuffle(len(sent), func(i, j int) { sent[i], sent[j] = sent[j], sent[i] })
	for _, payload := range sent {
		l.send(payload)
	}
	l.mark(b, session, "mark-1")
	for id, done := range want {
		if n := len(b.times(id)); done && n != 1 || !done && n != 0 {
			t.Errorf("%s was carried out %d times", id, n)
		}
		if refused := slices.Contains(b.outcomes(id), "refused"); refused != strings.HasPrefix(id, "late") {
			t.Errorf("%s: told %v", id, b.outcomes(id))
		}
	}

	for _, cl := range l.server.Clients.GetAll() {
		if cl.ID == gateway {
			if err := l.server.DisconnectClient(cl, packets.ErrServerShuttingDown); err != nil {
				t.Log(err)
			}
		}
	}
	again := l.hello(session).GetSession()
	for _, payload := range all { // also those that were lost, within their time
		l.send(payload)
	}
	l.mark(b, again, "mark-2")
	for id, done := range want {
		if n := len(b.times(id)); done && n != 1 || !done && n != 0 {
			t.Errorf("after the reconnect %s was carried out %d times", id, n)
		}
	}
}

// mark sends a command and waits until it is carried out: all that was sent before has been looked at.
func (l *line) mark(b *bench, session uint64, id string) {
	l.t.Helper()
	c := order(id, time.Since(b.began)+14*time.Second)
	c.Session = session
	l.send(signed(l.t, 1, c))
	limit := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for len(b.times(id)) == 0 || b.busy() {
		select {
		case <-tick.C:
		case <-limit:
			l.t.Fatal("not carried out: ", id)
		}
	}
}

func (h *hands) times(id string) []time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.done[id]
}

// busy says whether commands are under way.
func (b *bench) busy() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.file) != "[]"
}
