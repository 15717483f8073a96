package app

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"

	"github.com/linshao/linshao/firmware-sim/fault"
	"github.com/linshao/linshao/firmware-sim/modbus"
	"github.com/linshao/linshao/firmware-sim/physics"
	"github.com/linshao/linshao/firmware-sim/rtsp"
	"github.com/linshao/linshao/firmware-sim/serial"
)

// A field is the outside of a site: its open ports and lines.
type field struct {
	endpoints map[string]string // channel or camera → "host:port", path or URL
	run       []func(ctx context.Context) error
}

// openField opens every port and line of a scenario. Serial lines are linked into dir. What is open is closed by running
// it with a context that has ended.
func openField(s *Scenario, w *Site, dir string, journal *modbus.Journal) (*field, error) {
	f := &field{endpoints: map[string]string{}}
	for _, ch := range s.Channels {
		var err error
		switch ch.Kind {
		case "modbus-tcp":
			err = f.tcp(s, w, ch, journal)
		case "modbus-rtu":
			err = f.rtu(s, w, ch, filepath.Join(dir, ch.ID), journal)
		case "dlt645":
			err = f.dlt645(s, w, ch, filepath.Join(dir, ch.ID))
		case anyBus:
			err = f.bus(s, w, ch, filepath.Join(dir, ch.ID))
		}
		if err != nil {
			f.close()
			return nil, err
		}
	}
	for _, d := range s.Devices {
		if d.Kind == "camera" {
			if err := f.camera(d, w); err != nil {
				f.close()
				return nil, err
			}
		}
	}
	return f, nil
}

// close ends what was opened and never ran.
func (f *field) close() {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, run := range f.run {
		_ = run(ended)
	}
}

func (f *field) tcp(s *Scenario, w *Site, ch Channel, journal *modbus.Journal) error {
	bank := bankOf(s, w, ch)
	t, err := modbus.NewTCP(modbus.TCPConfig{
		Listen: net.JoinHostPort("127.0.0.1", strconv.Itoa(ch.Port)), Bank: bank, Faults: w.faultsOf(ch.ID), Journal: journal,
	})
	if err != nil {
		return fmt.Errorf("channel %s: %w", ch.ID, err)
	}
	f.endpoints[ch.ID] = t.Addr()
	f.run = append(f.run, t.Run)
	return nil
}

func (f *field) rtu(s *Scenario, w *Site, ch Channel, path string, journal *modbus.Journal) error {
	line, err := serial.NewLine(serial.LineConfig{Path: path, Baud: ch.Baud, Bits: 10, Faults: w.faultsOf(ch.ID)})
	if err != nil {
		return fmt.Errorf("channel %s: %w", ch.ID, err)
	}
	slaves := modbus.NewRTU(bankOf(s, w, ch), journal)
	f.endpoints[ch.ID] = path
	f.run = append(f.run, func(ctx context.Context) error {
		return line.Serve(ctx, func(p serial.Port) { slaves.Talk(p) })
	})
	return nil
}

func (f *field) dlt645(s *Scenario, w *Site, ch Channel, path string) error {
	var meters []*serial.Meter
	for _, d := range s.Devices {
		if d.Channel != ch.ID {
			continue
		}
		m, err := serial.NewMeter(serial.MeterConfig{Number: d.Number, Measure: w.measure(d.ID), Faults: w.faultsOf(d.ID)})
		if err != nil {
			return fmt.Errorf("device %s: %w", d.ID, err)
		}
		meters = append(meters, m)
	}
	line, err := serial.NewLine(serial.LineConfig{Path: path, Baud: ch.Baud, Bits: 11, Faults: w.faultsOf(ch.ID)})
	if err != nil {
		return fmt.Errorf("channel %s: %w", ch.ID, err)
	}
	f.endpoints[ch.ID] = path
	f.run = append(f.run, func(ctx context.Context) error {
		return line.Serve(ctx, func(p serial.Port) { serial.Talk(p, meters...) })
	})
	return nil
}

func (f *field) camera(d Device, w *Site) error {
	c, err := rtsp.New(rtsp.Config{
		Listen: net.JoinHostPort("127.0.0.1", strconv.Itoa(d.Port)), Path: d.ID, Width: d.Width, Height: d.Height,
		FPS: d.FPS, KeyEvery: d.FPS, User: d.User, Password: d.Secret, Faults: w.faultsOf(d.ID),
	})
	if err != nil {
		return err
	}
	f.endpoints[d.ID] = c.URL()
	f.run = append(f.run, c.Run)
	return nil
}

// bankOf puts the devices of a Modbus channel behind their units.
func bankOf(s *Scenario, w *Site, ch Channel) *modbus.Bank {
	var bank modbus.Bank
	for _, d := range s.Devices {
		if d.Channel != ch.ID || bank.Has(byte(d.Unit)) {
			continue
		}
		unit, faults := unitOf(s, w, d)
		bank.Add(byte(d.Unit), d.ID, guarded{w, unit}, faults...)
	}
	return &bank
}

// unitOf is what answers for a device.
func unitOf(s *Scenario, w *Site, d Device) (modbus.Unit, []*fault.Switches) {
	own := w.faultsOf(d.ID)
	faults := []*fault.Switches{own}
	switch d.Kind {
	case "station":
		return &modbus.Station{Ports: w.sockets(d.ID), Stuck: func() bool { return own.On(fault.Stuck) }}, faults
	case "gas":
		return &modbus.FGA1000{Gas: w.byID[d.ID].gas}, faults
	case "feeder":
		return &modbus.SDM630{Meter: w.byID[d.ID].meter}, faults
	case "registers":
		return unknownOf(d), faults
	}
	return moduleOf(s, w, d)
}

// moduleOf makes the one input and output module behind valve, siren and door of the same unit. Its answers suffer from
// the faults of all of them; each output is stuck by its own.
func moduleOf(s *Scenario, w *Site, first Device) (modbus.Unit, []*fault.Switches) {
	io := &modbus.IO{Valve: &physics.Switch{}, Siren: &physics.Switch{}, Door: &physics.Door{}}
	var stuck [3]*fault.Switches
	var faults []*fault.Switches
	for _, d := range s.Devices {
		if d.Channel != first.Channel || d.Unit != first.Unit {
			continue
		}
		t := w.byID[d.ID]
		faults = append(faults, t.faults)
		switch d.Kind {
		case "valve":
			io.Valve, stuck[0] = t.valve, t.faults
		case "siren":
			io.Siren, stuck[1] = t.siren, t.faults
		case "door":
			io.Door, stuck[2] = t.door, t.faults
		}
	}
	io.Stuck = func(coil uint16) bool { return stuck[coil].On(fault.Stuck) }
	return io, faults
}

// measure is what a single-phase meter shows.
func (w *Site) measure(id string) func() serial.Electric {
	m := w.byID[id].meter
	return func() serial.Electric {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.advance()
		return serial.Electric{
			Voltage: m.PhaseVoltage(0), Power: m.Power(), Current: m.Power() / (m.PhaseVoltage(0) * m.PowerFactor()),
			Energy: m.Energy(), Frequency: m.Frequency(), PowerFactor: m.PowerFactor(),
		}
	}
}
