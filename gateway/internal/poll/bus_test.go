package poll_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/poll"
)

// bus is a serial line in memory on which every request takes its time, and silence the time-out or what the caller waits.
type bus struct {
	timeout time.Duration
	takes   func(address string) time.Duration
	silent  func(address string) bool
	per     int           // points of one request
	quick   time.Duration // how long somebody is waited for who answered the last time, as a driver that learns does; 0: the time-out

	mu    sync.Mutex
	asked []request
	ill   map[string]bool // did not answer the last time
	busy  time.Duration
	quiet time.Duration // of busy: spent on silence
}

type request struct {
	address string
	at      time.Time
	took    time.Duration
	points  int
	write   bool
	good    bool
}

func (b *bus) Open(context.Context, device.Channel) (device.Conn, error) { return b, nil }
func (b *bus) Close() error                                              { return nil }

// Plan implements device.Planner.
func (b *bus) Plan(_ device.Channel, points []device.Point) ([]device.Transaction, error) {
	var plan []device.Transaction
	for i := range points {
		if i%max(1, b.per) == 0 {
			plan = append(plan, device.Transaction{})
		}
		last := &plan[len(plan)-1]
		last.Points = append(last.Points, i)
	}
	return plan, nil
}

func (b *bus) exchange(ctx context.Context, p device.Point, points int, write bool) bool {
	began := time.Now()
	good := b.silent == nil || !b.silent(p.Address)
	if good {
		<-time.After(b.takes(p.Address))
	} else {
		limit := b.timeout
		if b.quick > 0 && !b.ill[p.Address] {
			limit = b.quick
		}
		limited, cancel := context.WithTimeout(ctx, limit)
		<-limited.Done()
		cancel()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	took := time.Since(began)
	if b.ill == nil {
		b.ill = map[string]bool{}
	}
	b.ill[p.Address] = !good
	if b.busy += took; !good {
		b.quiet += took
	}
	b.asked = append(b.asked, request{p.Address, began, took, points, write, good})
	return good
}

func (b *bus) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	rs := make([]device.Reading, len(points))
	good := b.exchange(ctx, points[0], len(points), false)
	for i, p := range points {
		if rs[i] = device.Judge(p, 1, time.Now()); !good {
			rs[i] = device.BadReading(p, device.Timeout, time.Now())
		}
	}
	return rs, nil
}

func (b *bus) Write(ctx context.Context, p device.Point, _ float64) error {
	b.exchange(ctx, p, 1, true)
	return nil
}

// served are the requests of an address so far.
func (b *bus) served(address string) []request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.asked), func(r request) bool { return r.address != address })
}

// gaps are the times between the beginnings of good requests for an address, sorted.
func (b *bus) gaps(address string) []time.Duration {
	var gaps []time.Duration
	var last time.Time
	for _, r := range b.served(address) {
		if !last.IsZero() {
			gaps = append(gaps, r.at.Sub(last))
		}
		last = r.at
	}
	slices.Sort(gaps)
	return gaps
}

// of is a device of a kind with so many points, its address and id the same.
func of(kind, id string, every time.Duration, points int) device.Device {
	d := device.Device{ID: id, Kind: kind, Poll: every}
	for i := range points {
		d.Points = append(d.Points, device.Point{Device: id, Name: "p" + string(rune('a'+i)), Address: id, Writable: []float64{0, 1}})
	}
	return d
}

// always takes the same.
func always(d time.Duration) func(string) time.Duration {
	return func(string) time.Duration { return d }
}

// play runs a poller on a bus.
func (b *bus) play(t *testing.T, devices []device.Device, overloaded func(poll.Overload)) *bench {
	t.Helper()
	cfg := pollConfig(b, b, devices...)
	cfg.Overloaded = overloaded
	return startOn(t, cfg)
}

func pollConfig(b *bus, d device.Driver, devices ...device.Device) poll.Config {
	return poll.Config{Channel: device.Channel{ID: "c", Timeout: b.timeout, Serial: device.Serial{Baud: 9600}}, Driver: d, Devices: devices}
}

// mutes is a bus on which the points pe and pf are met with silence.
type mutes struct{ *bus }

func (m mutes) Open(context.Context, device.Channel) (device.Conn, error) { return m, nil }

func (m mutes) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	m.silent = func(string) bool { return points[0].Name == "pe" }
	return m.bus.Read(ctx, points)
}
