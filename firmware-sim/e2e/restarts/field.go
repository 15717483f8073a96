package restarts

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"github.com/linshao/linshao/firmware-sim/modbus"
	"github.com/linshao/linshao/firmware-sim/serial"
)

// What the simulated meters show, in watts.
const (
	calm   = 60
	much   = 400  // more than the rule lets pass
	severe = 4000 // an alert of severity A
)

// The registers of a meter.
const (
	regCount = iota // of the answers: no value is given twice
	regPower
	regRelay
	registers
)

// A meter is a simulated one, and the record of what it answered.
type meter struct {
	id string

	mu     sync.Mutex
	count  uint16
	power  uint16
	relay  uint16
	served []answer
	next   time.Time // of another power
}

type answer struct {
	at    time.Time
	count uint16
	power uint16
}

// ReadWords answers the registers.
func (m *meter) ReadWords(_ modbus.Table, at uint16, dst []uint16) modbus.Exception {
	if int(at)+len(dst) > registers {
		return modbus.IllegalAddress
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if at == regCount {
		m.count++
		m.served = append(m.served, answer{time.Now(), m.count, m.power})
	}
	all := [registers]uint16{m.count, m.power, m.relay}
	copy(dst, all[at:])
	return 0
}

// WriteWords moves the relay.
func (m *meter) WriteWords(at uint16, v []uint16) modbus.Exception {
	if at != regRelay || len(v) != 1 || v[0] > 1 {
		return modbus.IllegalAddress
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.relay = v[0]
	return 0
}

// ReadBits refuses: a meter has none.
func (m *meter) ReadBits(modbus.Table, uint16, []bool) modbus.Exception { return modbus.IllegalAddress }

// WriteBits refuses: a meter has none.
func (m *meter) WriteBits(uint16, []bool) modbus.Exception { return modbus.IllegalAddress }

func (m *meter) set(power uint16) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.power = power
}

// mend ends what was severe, and closes the relay.
func (m *meter) mend() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.power, m.relay = calm, 1
}

// closed says whether the relay is.
func (m *meter) closed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.relay == 1
}

// since counts the answers after a moment.
func (m *meter) since(t time.Time) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := len(m.served) - 1; i >= 0 && m.served[i].at.After(t); i-- {
		n++
	}
	return n
}

// A field is the meters: behind one TCP port m01…m50 and the one that is claimed; on a serial line the first one, the one that is
// claimed, and one that only a scan finds.
type field struct {
	meters []*meter
	addr   string // of the TCP port
	random *rand.Rand
	server *modbus.TCP
	line   *serial.Line
	rtu    *modbus.RTU
}

// The meters beside the 50.
const (
	extraTCP    = "extra-1"
	firstSerial = "line-1"
	extraSerial = "extra-2"
	found       = "unclaimed"
)

// extra says whether a meter is not the gateway's all the time.
func extra(id string) bool { return id == extraTCP || id == extraSerial || id == found }

func newField(dir string, seed uint64) (*field, error) {
	f := &field{random: rand.New(rand.NewPCG(seed, 51))}
	var tcp, line modbus.Bank
	add := func(bank *modbus.Bank, unit byte, id string) {
		m := &meter{id: id, power: calm, relay: 1}
		f.meters = append(f.meters, m)
		bank.Add(unit, id, m)
	}
	for i := range meters {
		add(&tcp, byte(i+1), fmt.Sprintf("m%02d", i+1))
	}
	add(&tcp, meters+1, extraTCP)
	for i, id := range []string{firstSerial, extraSerial, found} {
		add(&line, byte(i+1), id)
	}
	var err error
	if f.server, err = modbus.NewTCP(modbus.TCPConfig{Listen: "127.0.0.1:0", Bank: &tcp}); err != nil {
		return nil, err
	}
	f.addr, f.rtu = f.server.Addr(), modbus.NewRTU(&line, nil)
	f.line, err = serial.NewLine(serial.LineConfig{Path: filepath.Join(dir, "rs485"), Baud: 9600})
	return f, err
}

// run serves until ctx ends.
func (f *field) run(ctx context.Context) *sync.WaitGroup {
	var ended sync.WaitGroup
	ended.Go(func() { _ = f.server.Run(ctx) }) // what it does not serve is missing in the result
	ended.Go(func() { _ = f.line.Serve(ctx, func(p serial.Port) { f.rtu.Talk(p) }) })
	return &ended
}

// live lets the power of the 50 come and go, until the answered function is called: then all are calm.
func (f *field) live(ctx context.Context) (end func()) {
	ctx, stop := context.WithCancel(ctx)
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			select {
			case now := <-tick.C:
				for _, m := range f.meters[:meters] {
					f.step(m, now)
				}
			case <-ctx.Done():
			}
		}
	})
	return func() {
		stop()
		ended.Wait()
		for _, m := range f.meters {
			m.set(calm)
		}
	}
}

// step changes a meter's power when it is time: it is too much for less than the hold time as often as for more.
func (f *field) step(m *meter, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.power == severe || now.Before(m.next):
		return
	case m.power == much || m.next.IsZero():
		m.power = calm
	default:
		m.power = much
	}
	m.next = now.Add(time.Duration(1000+f.random.IntN(6500)) * time.Millisecond)
}

func (f *field) meter(id string) *meter {
	for _, m := range f.meters {
		if m.id == id {
			return m
		}
	}
	return nil
}
