package uplink_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/gateway/internal/uplink"
)

// empty is a stream without records.
type empty struct{ never chan struct{} }

func (empty) State() (epoch, oldest, next uint64)       { return 1, 0, 1 }
func (empty) Read(uint64, int) ([]outbox.Record, error) { return nil, nil }
func (empty) Ack(uint64)                                {}
func (s empty) Changed() <-chan struct{}                { return s.never }

// street is thousands of gateways at one broker, which takes so many connections a second and refuses the rest.
type street struct {
	mu     sync.Mutex
	up     bool
	rate   int
	second int64
	taken  int
	tries  map[int64]int // by second
	back   []time.Duration
	urgent []time.Duration
	since  time.Time
	open   map[*uplink.Wire]bool
}

func (h *street) dial(urgent bool) func(context.Context, []byte) (*uplink.Wire, error) {
	return func(context.Context, []byte) (*uplink.Wire, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		now := time.Now().Unix()
		if now != h.second {
			h.second, h.taken = now, 0
		}
		if h.up {
			h.tries[now]++
		}
		if h.taken++; !h.up || h.taken > h.rate {
			return nil, syscall.ECONNREFUSED
		}
		w := uplink.NewWire()
		w.Publish = func(topic string, _ bool, payload []byte) uplink.Receipt {
			var hello wire.Hello
			if _, leaf, _ := wire.ParseTopic(topic); leaf == wire.UpHello && proto.Unmarshal(payload, &hello) == nil {
				for _, s := range hello.Streams {
					body, _ := proto.Marshal(&wire.Ack{Session: hello.Session, Stream: s.Stream, Epoch: s.Epoch, Credit: 8})
					w.Deliver(wire.Topic(hello.Gateway, wire.DownAck), body)
				}
			}
			p := promise{make(chan struct{})}
			close(p.done)
			return p
		}
		w.Close = func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			delete(h.open, w)
		}
		h.open[w] = true
		if took := time.Since(h.since); urgent {
			h.urgent = append(h.urgent, took)
		} else {
			h.back = append(h.back, took)
		}
		return w, nil
	}
}

// herd is what a return of all looks like.
type herd struct {
	Name      string  `json:"name"`
	Gateways  int     `json:"gateways"`
	DownS     int     `json:"down_s"`
	Peak      int     `json:"peak_connects_per_s"`
	P99S      float64 `json:"p99_reconnect_s"`
	UrgentS   float64 `json:"urgent_p99_s"`
	Connected int     `json:"connected"`
}

// TestHerd: 10,000 gateways (2,000 without LINSHAO_PROOF_RUNS) lose the broker in one moment; it is back after a while and takes a
// tenth of them a second.
// One in a hundred has an alert to tell.
func TestHerd(t *testing.T) {
	gateways := 2000
	if os.Getenv("LINSHAO_PROOF_RUNS") != "" {
		gateways = 10_000
	}
	for _, down := range []time.Duration{2 * time.Second, 10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) { runHerd(t, gateways, down) })
	}
}

func runHerd(t *testing.T, gateways int, down time.Duration) {
	h := &street{up: true, rate: gateways, tries: map[int64]int{}, open: map[*uplink.Wire]bool{}, since: time.Now()}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	streams := []uplink.Feed{{ID: 1, Stream: empty{make(chan struct{})}}, {ID: 2, Stream: empty{make(chan struct{})}}}
	m := uplink.NewMetrics(nil)
	for i := range gateways {
		urgent := i%100 == 0
		u, err := uplink.NewOn(uplink.Config{Gateway: gateway, Streams: streams, FirstDelay: time.Minute, Metrics: m, Urgent: func() bool { return urgent }}, h.dial(urgent))
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() { _ = u.Run(ctx) })
	}
	pass(3 * time.Minute)
	h.mu.Lock()
	first, firstUrgent := slices.Max(h.back), slices.Max(h.urgent)
	if len(h.open) != gateways || first > time.Minute || firstUrgent > 5*time.Second {
		t.Errorf("boot: %d connected, the last after %v, with an alert %v", len(h.open), first, firstUrgent)
	}
	h.up, h.rate = false, gateways/10
	for w := range h.open {
		w.Lost <- errors.New("the broker is gone")
	}
	h.mu.Unlock()
	pass(down + time.Duration(rand.IntN(1000))*time.Millisecond)
	h.mu.Lock()
	h.up, h.since, h.back, h.urgent = true, time.Now(), nil, nil
	clear(h.tries)
	h.mu.Unlock()
	pass(15 * time.Minute)
	h.mu.Lock()
	r := herd{Name: "herd", Gateways: gateways, DownS: int(down.Seconds()), P99S: p99(h.back), UrgentS: p99(h.urgent), Connected: len(h.open)}
	for _, n := range h.tries {
		r.Peak = max(r.Peak, n)
	}
	h.mu.Unlock()
	cancel()
	all.Wait()
	show(t, r)
	if r.Connected != gateways || r.P99S > 300 || r.UrgentS > 30 || r.Peak > gateways/4 {
		t.Errorf("%+v", r)
	}
}

func p99(d []time.Duration) float64 {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[len(d)*99/100].Seconds()
}
