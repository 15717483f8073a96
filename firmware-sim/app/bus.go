package app

import (
	"context"
	"fmt"
	"time"

	"github.com/linshao/linshao/firmware-sim/modbus"
	"github.com/linshao/linshao/firmware-sim/serial"
)

// bus opens a line on which every device is a slave of its own, so that two can have one address.
func (f *field) bus(s *Scenario, w *Site, ch Channel, path string) error {
	cfg := serial.BusConfig{Echo: ch.Echo, Noise: ch.Noise, Seed: s.Seed}
	module := map[int]bool{} // units of input and output modules, which stand for up to three devices
	for _, d := range s.Devices {
		if d.Channel != ch.ID || d.Dead || module[d.Unit] && isModule(d) {
			continue
		}
		module[d.Unit] = module[d.Unit] || isModule(d)
		answer, err := voice(s, w, d)
		if err != nil {
			return fmt.Errorf("device %s: %w", d.ID, err)
		}
		cfg.Slaves = append(cfg.Slaves, serial.Slave{Setting: settingOf(ch, d), Answer: answer, Delay: time.Duration(d.Delay), Far: d.Far})
	}
	line, err := serial.NewLine(serial.LineConfig{Path: path, Faults: w.faultsOf(ch.ID)})
	if err != nil {
		return fmt.Errorf("channel %s: %w", ch.ID, err)
	}
	f.endpoints[ch.ID] = path
	f.run = append(f.run, func(ctx context.Context) error {
		return line.Serve(ctx, func(p serial.Port) { serial.TalkBus(p, cfg) })
	})
	return nil
}

func isModule(d Device) bool { return d.Kind == "valve" || d.Kind == "siren" || d.Kind == "door" }

// voice is how one device answers.
func voice(s *Scenario, w *Site, d Device) (func([]byte) []byte, error) {
	if d.Kind == "meter" {
		m, err := serial.NewMeter(serial.MeterConfig{Number: d.Number, Measure: w.measure(d.ID), Faults: w.faultsOf(d.ID)})
		if err != nil {
			return nil, err
		}
		return m.Hear, nil
	}
	var bank modbus.Bank
	unit, faults := unitOf(s, w, d)
	bank.Add(byte(d.Unit), d.ID, guarded{w, unit}, faults...)
	return modbus.NewRTU(&bank, nil).Answer, nil
}

// settingOf is how a device speaks: as it says, as its channel says, or as its kind is delivered.
func settingOf(ch Channel, d Device) serial.Setting {
	set := serial.Setting{Baud: 9600, Parity: "none", Stop: 1}
	if d.Kind == "meter" {
		set = serial.Setting{Baud: 2400, Parity: "even", Stop: 1}
	} else if ch.Baud != 0 {
		set.Baud = ch.Baud
	}
	if d.Kind != "meter" && ch.Parity != "" {
		set.Parity = ch.Parity
	}
	if d.Baud != 0 {
		set.Baud = d.Baud
	}
	if d.Parity != "" {
		set.Parity = d.Parity
	}
	return set
}

func tables() map[string]modbus.Table {
	return map[string]modbus.Table{"coil": modbus.Coils, "discrete": modbus.Discretes, "input": modbus.Inputs, "holding": modbus.Holdings}
}

// unknownOf is a device with a map of its own.
func unknownOf(d Device) modbus.Unit {
	var u modbus.Unknown
	for _, w := range d.Words {
		u.Windows = append(u.Windows, modbus.Window{Table: tables()[w.Table], At: w.At, Hold: w.Hold})
	}
	return &u
}
