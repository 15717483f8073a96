package uplink_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/gateway/internal/uplink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const gateway = "gw-0142"

// program finds a counterpart, or skips the test by its name.
func program(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("LINSHAO_REQUIRE") == "1" {
		t.Fatalf("needs %s: apt-get install %s", name, pkg)
	}
	t.Skipf("needs %s: apt-get install %s", name, pkg)
	return ""
}

// place is one stream's state in the cloud.
type place struct {
	cum  uint64
	got  map[uint64][]byte
	rows []uint64 // what was stored, in order: a number at or below the cursor is not stored again
	lost []uint64 // first numbers behind holes the gateway told of
}

// cloud keeps the rules of the wire, in memory: the counterpart of every test here.
type cloud struct {
	mu       sync.Mutex
	session  uint64
	places   map[string]*place // by stream and epoch
	refuse   map[uint64]string // sequence numbers it never takes
	credit   uint32
	retry    uint32
	repeats  int // records that came again
	wrong    []string
	hellos   []*wire.Hello
	online   []bool
	mute     bool
	changed  chan struct{}
	standing bool // rejected records do not move the cursor
	slow     time.Duration
	linger   uint32
	late     map[uint32][]bool // marks of batches, by stream
}

func newCloud() *cloud {
	return &cloud{late: map[uint32][]bool{}, places: map[string]*place{}, refuse: map[uint64]string{}, credit: 8, changed: make(chan struct{})}
}

func (c *cloud) place(stream uint32, epoch uint64) *place {
	key := fmt.Sprint(stream, epoch)
	if c.places[key] == nil {
		c.places[key] = &place{got: map[uint64][]byte{}}
	}
	return c.places[key]
}

func (c *cloud) cumOf(stream uint32, epoch uint64) (cum uint64) {
	c.do(func() { cum = c.place(stream, epoch).cum })
	return cum
}

// do looks at the cloud or changes it while it works.
func (c *cloud) do(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// handle takes one message and answers with acknowledgements.
func (c *cloud) handle(topic string, payload []byte) (acks []*wire.Ack) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { close(c.changed); c.changed = make(chan struct{}) }()
	_, leaf, err := wire.ParseTopic(topic)
	if err != nil || len(payload) > wire.MaxMessage {
		c.wrong = append(c.wrong, fmt.Sprint("message on ", topic, " of ", len(payload), " bytes: ", err))
		return nil
	}
	switch leaf {
	case wire.StatusLeaf:
		var s wire.Status
		_ = proto.Unmarshal(payload, &s)
		c.online = append(c.online, s.Online)
	case wire.UpHello:
		acks = c.hello(payload)
	case wire.UpEvents, wire.UpTelemetry, wire.UpEvidence:
		acks = c.batch(leaf, payload)
	}
	if c.mute {
		return nil
	}
	return acks
}

func (c *cloud) hello(payload []byte) (acks []*wire.Ack) {
	var h wire.Hello
	if err := proto.Unmarshal(payload, &h); err != nil {
		c.wrong = append(c.wrong, err.Error())
		return nil
	}
	c.hellos = append(c.hellos, &h)
	c.session = h.Session
	for _, s := range h.Streams {
		p := c.place(s.Stream, s.Epoch)
		if s.Oldest > p.cum+1 {
			p.lost = append(p.lost, s.Oldest)
			p.cum = s.Oldest - 1
		}
		acks = append(acks, c.ack(s.Stream, s.Epoch))
	}
	return acks
}

func (c *cloud) ack(stream uint32, epoch uint64) *wire.Ack {
	return &wire.Ack{Session: c.session, Stream: stream, Epoch: epoch, Cum: c.place(stream, epoch).cum, Credit: c.credit, RetryAfterMs: c.retry,
		LingerMs: c.linger, TimeMs: time.Now().UnixMilli()}
}

func (c *cloud) batch(leaf string, payload []byte) []*wire.Ack {
	var b wire.Batch
	if err := proto.Unmarshal(payload, &b); err != nil || leaf != wire.UpLeaf(b.Stream) {
		c.wrong = append(c.wrong, fmt.Sprint("batch on ", leaf, ": ", err))
		return nil
	}
	if b.Session != c.session {
		return nil // an older session's
	}
	c.late[b.Stream] = append(c.late[b.Stream], b.Late)
	p := c.place(b.Stream, b.Epoch)
	if b.First > p.cum+1 {
		return nil // something is missing before it
	}
	var rejects []*wire.Reject
	for i, r := range b.Records {
		seq := b.First + uint64(i)
		if code := c.refuse[seq]; code != "" {
			rejects = append(rejects, &wire.Reject{First: seq, Last: seq, Code: code})
			if c.standing {
				break
			}
			p.cum = max(p.cum, seq)
			continue
		}
		if wire.Checksum(r.Payload) != r.Crc {
			c.wrong = append(c.wrong, fmt.Sprint("checksum of ", seq))
		}
		if old, ok := p.got[seq]; ok {
			c.repeats++
			if !bytes.Equal(old, r.Payload) {
				c.wrong = append(c.wrong, fmt.Sprint("two different records have number ", seq))
			}
		}
		p.got[seq] = bytes.Clone(r.Payload)
		if seq > p.cum {
			p.rows, p.cum = append(p.rows, seq), seq
		}
	}
	ack := c.ack(b.Stream, b.Epoch)
	ack.Rejects = rejects
	return []*wire.Ack{ack}
}

// until waits for a condition; the real clock bounds it.
func (c *cloud) until(t *testing.T, what string, ok func(c *cloud) bool) {
	t.Helper()
	limit := time.After(60 * time.Second)
	for {
		c.mu.Lock()
		done, changed := ok(c), c.changed
		c.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-limit:
			c.mu.Lock()
			defer c.mu.Unlock()
			t.Fatalf("waited for %s in vain; wrong: %v, hellos %d", what, c.wrong, len(c.hellos))
		}
	}
}

// has says whether the cloud has all records of a log from first to last.
func (c *cloud) has(stream uint32, epoch, first, last uint64) bool {
	p := c.place(stream, epoch)
	for seq := first; seq <= last; seq++ {
		if p.got[seq] == nil {
			return false
		}
	}
	return true
}

// check compares what the cloud has with what was appended.
func (c *cloud) check(t *testing.T, stream uint32, epoch, last uint64, gone map[uint64]bool) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.place(stream, epoch)
	for seq := uint64(1); seq <= last; seq++ {
		if !gone[seq] && !bytes.Equal(p.got[seq], content(stream, seq)) {
			t.Fatalf("stream %d record %d: got %q", stream, seq, p.got[seq])
		}
	}
	if want := int(last) - len(gone); len(p.got) != want {
		t.Errorf("stream %d: %d records, want %d", stream, len(p.got), want)
	}
	for _, w := range c.wrong {
		t.Error(w)
	}
}

// content is the payload of a record in these tests.
func content(stream uint32, seq uint64) []byte {
	return fmt.Appendf(nil, "%d/%d %s", stream, seq, bytes.Repeat([]byte{'x'}, int(seq*37%400)))
}

func openLog(t testing.TB, dir string, stream uint32) *outbox.Log {
	t.Helper()
	l, err := outbox.Open(outbox.Config{Dir: dir, Stream: stream, Quota: 64 << 20, Sync: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func appendN(t testing.TB, l *outbox.Log, stream uint32, n int) {
	t.Helper()
	for range n {
		_, _, next := l.State()
		if _, err := l.Append(stream, time.Now(), 2, content(stream, next)); err != nil {
			t.Fatal(err)
		}
	}
}

// site is a gateway's side of a test: two logs and an uplink over them.
type site struct {
	events, telemetry *outbox.Log
	cfg               uplink.Config
	gone              map[uint32]map[uint64]bool // numbers given up
	dirs              [2]string                  // of the logs
}

func (s *site) drop(l *outbox.Log, stream uint32, n uint64) {
	_, _, next := l.State()
	l.Drop(n)
	for i := range n {
		s.gone[stream][next+i] = true
	}
}

func newSite(t *testing.T) *site {
	s := &site{dirs: [2]string{t.TempDir(), t.TempDir()}}
	s.events, s.telemetry = openLog(t, s.dirs[0], wire.StreamEvents), openLog(t, s.dirs[1], wire.StreamTelemetry)
	s.gone = map[uint32]map[uint64]bool{wire.StreamEvents: {}, wire.StreamTelemetry: {}}
	s.cfg = uplink.Config{Gateway: gateway, Version: "test", Boot: 3, Metrics: uplink.NewMetrics(nil),
		Streams: []uplink.Feed{{ID: wire.StreamEvents, Stream: s.events}, {ID: wire.StreamTelemetry, Stream: s.telemetry}}}
	return s
}

func (s *site) append(t *testing.T, events, telemetry int) {
	t.Helper()
	appendN(t, s.events, wire.StreamEvents, events)
	appendN(t, s.telemetry, wire.StreamTelemetry, telemetry)
}

// start runs an uplink until the returned function is called.
func start(t *testing.T, u *uplink.Uplink) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- u.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (s *site) close(t *testing.T) {
	t.Helper()
	for _, l := range []*outbox.Log{s.events, s.telemetry} {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

func (s *site) check(t *testing.T, c *cloud) {
	t.Helper()
	for _, f := range s.cfg.Streams {
		epoch, _, next := f.Stream.State()
		c.check(t, f.ID, epoch, next-1, s.gone[f.ID])
	}
}

// delivered says whether the cloud has everything.
func (s *site) delivered(c *cloud) bool {
	for _, f := range s.cfg.Streams {
		epoch, _, next := f.Stream.State()
		p := c.place(f.ID, epoch)
		for seq := uint64(1); seq < next; seq++ {
			if p.got[seq] == nil && !s.gone[f.ID][seq] {
				return false
			}
		}
	}
	return true
}
