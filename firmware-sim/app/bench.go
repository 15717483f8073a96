package app

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/linshao/linshao/firmware-sim/fault"
	"github.com/linshao/linshao/firmware-sim/modbus"
)

// BenchConfig says what a bench of register files serves.
type BenchConfig struct {
	Devices   int
	Registers int
	PerPort   int    // devices behind one TCP port, 1 to 247
	Ready     string // file to write when everything is open; empty: none
	Control   string // "127.0.0.1:0"; empty: no control port
	Journal   string // file for served values; empty: none
	T0        time.Time
}

// A Bench is a set of register files behind Modbus TCP ports: devices "bench-1"…, ports "port-1"….
type Bench struct {
	cfg      BenchConfig
	servers  []*modbus.TCP
	switches map[string]*fault.Switches
	control  net.Listener
	journal  *modbus.Journal
	ready    Ready
}

// NewBench opens the ports; Run serves.
func NewBench(cfg BenchConfig) (*Bench, error) {
	if cfg.Devices < 1 || cfg.Registers < 1 || cfg.Registers > 65536 || cfg.PerPort < 1 || cfg.PerPort > 247 {
		return nil, fmt.Errorf("bench: need devices above 0, registers 1..65536, devices per port 1..247")
	}
	b := &Bench{cfg: cfg, switches: map[string]*fault.Switches{}}
	if err := b.open(); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *Bench) open() (err error) {
	if b.cfg.Journal != "" {
		if b.journal, err = modbus.OpenJournal(b.cfg.Journal); err != nil {
			return err
		}
	}
	b.ready = Ready{T0: b.cfg.T0.UnixMilli(), Present: b.cfg.T0.UnixMilli(), Warp: 1, Endpoints: map[string]string{}}
	for first := 1; first <= b.cfg.Devices; first += b.cfg.PerPort {
		if err := b.port(first, min(first+b.cfg.PerPort-1, b.cfg.Devices)); err != nil {
			return err
		}
	}
	if b.cfg.Control != "" {
		if b.control, err = listenLoopback(b.cfg.Control); err != nil {
			return err
		}
		b.ready.Control = "http://" + b.control.Addr().String()
	}
	return nil
}

// port opens one TCP port with devices first to last.
func (b *Bench) port(first, last int) error {
	name := "port-" + strconv.Itoa(len(b.servers)+1)
	var bank modbus.Bank
	for i := first; i <= last; i++ {
		unit, id := i-first+1, "bench-"+strconv.Itoa(i)
		b.switches[id] = fault.New(uint64(i))
		bank.Add(byte(unit), id, modbus.NewRegisterFile(byte(unit), b.cfg.Registers), b.switches[id])
	}
	b.switches[name] = fault.New(uint64(first))
	t, err := modbus.NewTCP(modbus.TCPConfig{Listen: "127.0.0.1:0", Bank: &bank, Faults: b.switches[name], Journal: b.journal})
	if err != nil {
		return err
	}
	b.servers = append(b.servers, t)
	b.ready.Endpoints[name] = t.Addr()
	for i := first; i <= last; i++ {
		b.ready.Devices = append(b.ready.Devices, BenchDevice{ID: "bench-" + strconv.Itoa(i), Address: t.Addr(), Unit: i - first + 1})
	}
	return nil
}

// close ends what never ran.
func (b *Bench) close() {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, t := range b.servers {
		_ = t.Run(ended)
	}
	if b.journal != nil {
		_ = b.journal.Close()
	}
}

// Ready says where everything is.
func (b *Bench) Ready() Ready { return b.ready }

// Do sets and clears faults: a register file has nothing else to do.
func (b *Bench) Do(e Event) error { return faultTarget(b.switches, e) }

// State answers which faults are set.
func (b *Bench) State() State {
	s := State{Now: time.Now().UnixMilli(), Present: true, Devices: map[string]DeviceState{}}
	for id, f := range b.switches {
		s.Devices[id] = DeviceState{Name: id, Kind: "register-file", Faults: f.Active()}
	}
	return s
}

// Run serves until ctx ends, then closes everything.
func (b *Bench) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, t := range b.servers {
		g.Go(func() error { return t.Run(ctx) })
	}
	if b.control != nil {
		g.Go(func() error { return serveControl(ctx, b.control, b) })
	}
	if b.journal != nil {
		g.Go(func() error { return b.flush(ctx) })
	}
	g.Go(func() error { return b.ready.write(b.cfg.Ready) })
	err := g.Wait()
	if b.journal != nil {
		if e := b.journal.Close(); err == nil {
			err = e
		}
	}
	return err
}

func (b *Bench) flush(ctx context.Context) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := b.journal.Flush(); err != nil {
				return err
			}
		}
	}
}
