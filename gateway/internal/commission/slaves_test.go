package commission_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/firmware-sim/modbus"
	"github.com/linshao/linshao/firmware-sim/physics"
	"github.com/linshao/linshao/firmware-sim/serial"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

// quick is how the lines of these tests are set: nothing on the wire takes long, and meters are asked for too.
func quick() commission.Setting { return commission.Setting{Baud: 115200, Parity: "even", StopBits: 1} }

// slaves puts devices on a line, and answers the site that has it, as rs485-1 with nothing configured.
func slaves(t *testing.T, on ...serial.Slave) *config.Site {
	t.Helper()
	l, err := serial.NewLine(serial.LineConfig{Path: filepath.Join(t.TempDir(), "rs485-1")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- l.Serve(ctx, func(p serial.Port) { serial.TalkBus(p, serial.BusConfig{Slaves: on, Seed: 1}) })
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	site := oneLine()
	site.Channels[0].Address, site.Channels[0].Driver, site.Channels[0].Serial = l.Path(), config.DriverSerial, quick().Serial()
	return site
}

// scanned scans the line of a site for one protocol.
func scanned(t *testing.T, site *config.Site, protocol string, req commission.ScanRequest) commission.Report {
	t.Helper()
	req.Channel, req.Protocols, req.Settings = "rs485-1", []string{protocol}, []commission.Setting{quick()}
	if protocol == "osdp" {
		req.Settings[0].Parity = "none"
	}
	if req.TimeoutMS == 0 {
		req.TimeoutMS = patient
	}
	r, err := service(t, site).Scan(t.Context(), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// dlt645 is a meter with a number.
func dlt645(t *testing.T, number string) serial.Slave {
	t.Helper()
	m, err := serial.NewMeter(serial.MeterConfig{Number: number, Measure: func() serial.Electric {
		return serial.Electric{Voltage: 231.4, Current: 2.5, Power: 570, Energy: 1204.37, Frequency: 50.02, PowerFactor: 0.98}
	}})
	if err != nil {
		t.Fatal(err)
	}
	return serial.Slave{Answer: m.Hear, Delay: time.Millisecond}
}

// unit is a Modbus device at an address.
func unit(address byte, u modbus.Unit) serial.Slave {
	var bank modbus.Bank
	bank.Add(address, "", u)
	return serial.Slave{Answer: modbus.NewRTU(&bank, nil).Answer, Delay: time.Millisecond}
}

func sdm630() modbus.Unit {
	m := physics.NewMeter(1, time.Unix(1_700_000_000, 0), 900)
	m.SetEnergy(123.5)
	return &modbus.SDM630{Meter: m}
}

// configured puts a device into a site's channel.
func configured(site *config.Site, id, address string, points ...device.Point) {
	for i := range points {
		points[i].Device, points[i].Address = id, address
	}
	site.Channels[0].Devices = append(site.Channels[0].Devices, device.Device{ID: id, Points: points})
}
