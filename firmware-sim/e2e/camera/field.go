package camera

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linshao/linshao/firmware-sim/fault"
	"github.com/linshao/linshao/firmware-sim/modbus"
	"github.com/linshao/linshao/firmware-sim/rtsp"
)

const (
	rebooting = 16 // cameras that reboot side by side, for one is away for seconds each time
	hosts     = 16 // of hostile cameras, for one host is not asked by many at once
	perHost   = 3  // all of them fewer than the devices of which the gateway remembers that they broke the given library
)

// A field is what the gateway reads.
type field struct {
	quiet  string            // URL of the camera that must not notice
	away   []string          // URLs of those that reboot
	faults []*fault.Switches // theirs
	bad    []string          // URLs of the hostile ones
	served atomic.Int64      // connections that these took
	lan    string            // address of the meter
	meter  *meter
	open   chan struct{} // closed when the hostile ones answer
}

// newField serves until ctx ends. Hostile cameras take connections and are silent until begin.
func newField(ctx context.Context, all *sync.WaitGroup, seed uint64) (*field, error) {
	f := &field{meter: &meter{}, open: make(chan struct{})}
	var err error
	if f.quiet, err = simulated(ctx, all, nil); err != nil {
		return nil, err
	}
	for n := range rebooting {
		faults := fault.New(seed + uint64(n))
		url, err := simulated(ctx, all, faults)
		if err != nil {
			return nil, err
		}
		f.faults, f.away = append(f.faults, faults), append(f.away, url)
	}
	for host := range hosts {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.%d:0", host+2))
		if err != nil {
			return nil, fmt.Errorf("listen for a hostile camera: %w", err)
		}
		h := &hostile{listener: l, open: f.open, served: &f.served, seed: seed}
		all.Go(func() { h.serve(ctx) })
		for n := range perHost {
			f.bad = append(f.bad, fmt.Sprintf("rtsp://%s/%d", l.Addr(), n))
		}
	}
	var bank modbus.Bank
	bank.Add(1, "meter", f.meter)
	server, err := modbus.NewTCP(modbus.TCPConfig{Listen: "127.0.0.1:0", Bank: &bank})
	if err != nil {
		return nil, fmt.Errorf("start meter: %w", err)
	}
	all.Go(func() { _ = server.Run(ctx) }) // what it does not serve is missing in the result
	f.lan = server.Addr()
	return f, nil
}

// begin lets the hostile cameras answer; the meter counts from here.
func (f *field) begin() {
	close(f.open)
	f.meter.begin()
}

// simulated starts a simulated camera.
func simulated(ctx context.Context, all *sync.WaitGroup, faults *fault.Switches) (string, error) {
	c, err := rtsp.New(rtsp.Config{Listen: "127.0.0.1:0", Path: "cam", Width: 64, Height: 48, FPS: 10, KeyEvery: 5, Faults: faults})
	if err != nil {
		return "", fmt.Errorf("start camera: %w", err)
	}
	all.Go(func() { _ = c.Run(ctx) })
	return c.URL(), nil
}

// A meter has one register, and knows when it was asked for it.
type meter struct {
	mu    sync.Mutex
	asked []time.Time
}

// ReadWords answers the register.
func (m *meter) ReadWords(_ modbus.Table, at uint16, dst []uint16) modbus.Exception {
	if at != 0 || len(dst) != 1 {
		return modbus.IllegalAddress
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked, dst[0] = append(m.asked, time.Now()), 60
	return 0
}

// WriteWords refuses: nothing of it can be moved.
func (m *meter) WriteWords(uint16, []uint16) modbus.Exception { return modbus.IllegalAddress }

// ReadBits refuses: it has none.
func (m *meter) ReadBits(modbus.Table, uint16, []bool) modbus.Exception { return modbus.IllegalAddress }

// WriteBits refuses: it has none.
func (m *meter) WriteBits(uint16, []bool) modbus.Exception { return modbus.IllegalAddress }

func (m *meter) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = nil
}

func (m *meter) late() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return late(m.asked)
}
