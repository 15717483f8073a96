package commission_test

import (
	"context"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
	"github.com/linshao/linshao/firmware-sim/modbus"
	"github.com/linshao/linshao/firmware-sim/physics"
	"github.com/linshao/linshao/firmware-sim/serial"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

// quick is how the lines of these tests are set: nothing on the wire takes long, and meters are asked for too.
func quick() commission.Setting { return commission.Setting{Baud: 115200, Parity: "even", StopBits: 1} }

// A bus is the line rs485-1 of a site that has nothing configured on it, and the devices there.
type bus struct {
	site *config.Site
	on   []serial.Slave
}

// slaves puts devices on a line. They hear one request after the other, also when the scan has connected anew meanwhile.
func slaves(on ...serial.Slave) bus {
	var one sync.Mutex
	for i, s := range on {
		on[i].Answer = func(request []byte) []byte {
			one.Lock()
			defer one.Unlock()
			return s.Answer(request)
		}
	}
	b := bus{oneLine(), on}
	b.site.Channels[0].Driver, b.site.Channels[0].Serial = config.DriverSerial, quick().Serial()
	return b
}

// wired plays the line on a port of this machine, and answers its site.
func (b bus) wired(t *testing.T) *config.Site {
	t.Helper()
	l, err := serial.NewLine(serial.LineConfig{Path: filepath.Join(t.TempDir(), "rs485-1")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- l.Serve(ctx, func(p serial.Port) { serial.TalkBus(p, serial.BusConfig{Slaves: b.on, Seed: 1}) })
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	b.site.Channels[0].Address = l.Path()
	return b.site
}

// connect plays the line at the end of a connection, until it is closed.
func (b bus) connect(playing *sync.WaitGroup) net.Conn {
	near, far := net.Pipe()
	playing.Go(func() { serial.TalkBus(end{far}, serial.BusConfig{Slaves: b.on, Seed: 1}) })
	return near
}

// end is the devices' end of a connection.
type end struct{ net.Conn }

func (end) Setting() serial.Setting {
	return serial.Setting{Baud: quick().Baud, Parity: string(quick().Parity), Stop: quick().StopBits}
}

func (end) Wait(d time.Duration) { <-time.After(d) }

// scanned scans a line for one protocol, in a time of its own: however busy the machine is, no answer is late.
func scanned(t *testing.T, b bus, protocol string, req commission.ScanRequest) (r commission.Report) {
	t.Helper()
	setting := quick()
	if protocol == "osdp" {
		setting.Parity = "none"
	}
	b.site.Channels[0].Serial = setting.Serial()
	req.Channel, req.Protocols, req.Settings, req.TimeoutMS = "rs485-1", []string{protocol}, []commission.Setting{setting}, patient
	synctest.Test(t, func(t *testing.T) {
		var playing sync.WaitGroup
		defer playing.Wait() // time ends with the test
		s, err := commission.New(commission.Config{Site: b.site, Lang: config.English, Open: func(ctx context.Context, ch device.Channel) (commission.Line, error) {
			port, err := line.OpenOver(ctx, ch, func(context.Context) (net.Conn, error) { return b.connect(&playing), nil })
			if err != nil {
				return nil, err
			}
			return commission.OnPort(port), nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if r, err = s.Scan(t.Context(), req, nil); err != nil {
			t.Fatal(err)
		}
	})
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
