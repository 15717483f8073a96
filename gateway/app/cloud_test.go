package app_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/firmware-sim/freeport"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

// cloud is a broker and a small responder behind it, which keeps the rules of the wire and stores every record in order.
type cloud struct {
	t      *testing.T
	broker *mochi.Server
	url    string

	mu      sync.Mutex
	mute    bool // it hears nothing and answers nothing
	linger  uint32
	session uint64
	epoch   map[uint32]uint64
	got     map[uint32][]*wire.Record // the record with number n is at n-1
	wrong   []string

	glimpses []*wire.Glimpse // of looks and answers
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	addr := freeport.Address(t)
	c := &cloud{t: t, broker: mochi.New(&mochi.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)}), url: "mqtt://" + addr, epoch: map[uint32]uint64{}, got: map[uint32][]*wire.Record{}}
	if err := c.broker.AddHook(new(auth.AllowHook), nil); err != nil {
		t.Fatal(err)
	}
	if err := c.broker.AddListener(listeners.NewTCP(listeners.Config{ID: "t", Address: addr})); err != nil {
		t.Fatal(err)
	}
	if err := c.broker.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.broker.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := c.broker.Subscribe(wire.Filter("up/+"), 1, func(_ *mochi.Client, _ packets.Subscription, p packets.Packet) { c.hear(p.TopicName, p.Payload) }); err != nil {
		t.Fatal(err)
	}
	return c
}

// hear takes a message and answers it.
func (c *cloud) hear(topic string, payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	gateway, leaf, err := wire.ParseTopic(topic)
	switch {
	case c.mute:
	case err != nil || gateway != "gw-test":
		c.wrong = append(c.wrong, fmt.Sprint(topic, err))
	case leaf == wire.UpHello:
		c.hello(payload)
	case leaf == wire.UpLook:
		g := &wire.Glimpse{}
		if err := proto.Unmarshal(payload, g); err != nil {
			c.wrong = append(c.wrong, err.Error())
			return
		}
		c.glimpses = append(c.glimpses, g)
	default:
		c.batch(payload)
	}
}

func (c *cloud) hello(payload []byte) {
	var h wire.Hello
	if err := proto.Unmarshal(payload, &h); err != nil {
		c.wrong = append(c.wrong, err.Error())
		return
	}
	c.session = h.GetSession()
	for _, s := range h.GetStreams() {
		if old := c.epoch[s.GetStream()]; old != 0 && old != s.GetEpoch() {
			c.wrong = append(c.wrong, "a stream began anew")
		}
		c.epoch[s.GetStream()] = s.GetEpoch()
		c.ack(s.GetStream())
	}
}

func (c *cloud) batch(payload []byte) {
	var b wire.Batch
	if err := proto.Unmarshal(payload, &b); err != nil {
		c.wrong = append(c.wrong, err.Error())
		return
	}
	if b.GetSession() != c.session || b.GetEpoch() != c.epoch[b.GetStream()] {
		return // of a connection that is gone
	}
	for i, r := range b.GetRecords() {
		stored := c.got[b.GetStream()]
		switch n := b.GetFirst() + uint64(i); {
		case wire.Checksum(r.GetPayload()) != r.GetCrc():
			c.wrong = append(c.wrong, fmt.Sprint("checksum of ", n))
		case n > uint64(len(stored))+1:
			c.wrong = append(c.wrong, fmt.Sprint(n, " came after ", len(stored)))
			return
		case n <= uint64(len(stored)):
			if !bytes.Equal(stored[n-1].GetPayload(), r.GetPayload()) {
				c.wrong = append(c.wrong, fmt.Sprint("two records are called ", n))
			}
		default:
			c.got[b.GetStream()] = append(stored, r)
		}
	}
	c.ack(b.GetStream())
}

func (c *cloud) ack(stream uint32) {
	payload, err := proto.Marshal(&wire.Ack{Session: c.session, Stream: stream, Epoch: c.epoch[stream], Cum: uint64(len(c.got[stream])), Credit: 8, LingerMs: c.linger})
	if err == nil {
		err = c.broker.Publish(wire.Topic("gw-test", wire.DownAck), payload, false, 0)
	}
	if err != nil {
		c.wrong = append(c.wrong, err.Error())
	}
}

// look makes the cloud ask for fresh readings, and answers how many records of them it has.
func (c *cloud) look() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.linger = 1000
	return len(c.got[wire.StreamTelemetry])
}

func (c *cloud) setMute(mute bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mute = mute
}

// events are what it has of the events stream, in words.
func (c *cloud) events() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for _, r := range c.got[wire.StreamEvents] {
		all = append(all, word(c.t, r.GetPayload()))
	}
	return strings.Join(all, ", ")
}

// complete compares what the cloud has with the gateway's disk: every record, in order, with the same content.
func (c *cloud) complete(t *testing.T, dir string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wrong != nil {
		t.Errorf("the cloud met %v", c.wrong)
	}
	for _, stream := range []uint32{wire.StreamEvents, wire.StreamTelemetry} {
		seen := 0
		summary, err := outbox.Inspect(filepath.Join(dir, "data", wire.StreamName(stream)), func(r outbox.Record) error {
			if n := int(r.Seq); n <= len(c.got[stream]) && !bytes.Equal(c.got[stream][n-1].GetPayload(), r.Payload) {
				t.Errorf("%s %d differs", wire.StreamName(stream), n)
			}
			seen++
			return nil
		})
		if err != nil || seen == 0 || summary.Next != uint64(len(c.got[stream]))+1 || summary.Acked != summary.Next-1 || len(summary.Holes) > 0 {
			t.Errorf("%s: %d in the cloud, on disk %+v, %v", wire.StreamName(stream), len(c.got[stream]), summary, err)
		}
	}
}

// readings counts the good readings of each point and sees to it that none came twice or out of order.
func (c *cloud) readings(t *testing.T) map[device.Key]int {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	decoder, err := wire.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	counts, last := map[device.Key]int{}, map[device.Key]int64{}
	for n, record := range c.got[wire.StreamTelemetry] {
		rs, err := decoder.Readings(record.GetPayload())
		if err != nil {
			t.Fatalf("telemetry %d: %v", n+1, err)
		}
		for _, r := range rs {
			at := r.Time.UnixMilli()
			if at <= last[r.Key()] {
				t.Errorf("telemetry %d: %v of %d after %d", n+1, r.Key(), at, last[r.Key()])
			}
			last[r.Key()] = at
			if r.Quality == device.Good {
				counts[r.Key()]++
			}
		}
	}
	return counts
}

func TestEverythingReachesTheCloudOnceAndInOrder(t *testing.T) {
	k := &kitchen{open: true}
	dir, c := t.TempDir(), newCloud(t)
	field := k.serve(t)
	run := func() *running {
		s := site(t, dir, field)
		s.Cloud.URL = c.url
		return start(t, app.Config{Site: s})
	}
	// more waits until the detector has been read some times more.
	more := func() {
		before, _, _ := k.state()
		eventually(t, "the detector is read", func() bool { now, _, _ := k.state(); return now > before+15 })
	}

	g := run()
	more()
	k.set(62)
	eventually(t, "the cloud knows of the leak and of the valve", func() bool { return strings.HasSuffix(c.events(), "R16 firing, valve-1 intent, valve-1 confirmed") })
	g.stop()
	c.complete(t, dir)

	c.setMute(true)
	before := c.events()
	g = run()
	more()
	k.set(0)
	eventually(t, "the alert can be reset", func() bool { return g.reset(t, alertID(t, g), "http://"+g.StatusAddr()) == "/?reset=done" })
	g.stop()
	if c.events() != before {
		t.Error("a mute cloud has heard something")
	}

	c.setMute(false)
	had := c.look()
	g = run()
	more()
	eventually(t, "who looks gets readings long before a minute is over", func() bool { return c.look() > had+1 })
	if now := newest(t, g.Newest()); now["gas-1.level"] != 0 || len(now) < 6 {
		t.Errorf("the newest readings are %v", now)
	}
	eventually(t, "the cloud knows of the third start", func() bool { return strings.Contains(c.events(), "boot 3 clean") })
	g.stop()
	c.complete(t, dir)
	want := "boot 1 first, inventory 4, gas-1 online true, valve-1 online true, R16 firing, valve-1 intent, valve-1 confirmed, " +
		"boot 2 clean, inventory 4, gas-1 online true, valve-1 online true, R16 resolved, " +
		"boot 3 clean, inventory 4, gas-1 online true, valve-1 online true"
	if got := c.events(); got != want {
		t.Errorf("events\n got %s\nwant %s", got, want)
	}
	counts := c.readings(t)
	reads, _, _ := k.state()
	if n := counts[device.Key{Device: "gas-1", Point: "level"}]; n < 45 || n > reads {
		t.Errorf("%d readings of the level in the cloud, the detector answered %d times", n, reads)
	}
	if n := counts[device.Key{Device: "gateway", Point: "uptime"}]; n < 3 {
		t.Errorf("%d readings of the uptime in three short runs", n)
	}
}

// newest are the values of a payload of the live lane.
func newest(t *testing.T, payload []byte) map[string]float64 {
	t.Helper()
	decoder, err := wire.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	rs, err := decoder.Readings(payload)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, r := range rs {
		values[r.Device+"."+r.Point] = r.Value
	}
	return values
}
