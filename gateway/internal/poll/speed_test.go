package poll_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	drivers "github.com/linshao/linshao/drivers/modbus"
	serialline "github.com/linshao/linshao/drivers/serial/line"
	"github.com/linshao/linshao/firmware-sim/modbus"
	"github.com/linshao/linshao/firmware-sim/serial"
	"github.com/linshao/linshao/gateway/internal/poll"
)

// The line of the speed figures: 30 meters of 16 registers on 9600 8N1.
const (
	busMeters = 30
	busBaud   = 9600
	// meterThinks is how long the simulated meters take before they answer.
	meterThinks = 5 * time.Millisecond
)

// meterMap is where the 16 registers of a meter stand. Every third is a three-phase meter with the map of the Acrel ADL400
// (three places far apart), the others are single-phase: eight registers of energy, a gap of four, eight of momentary values.
func meterMap(unit int) (at []uint32) {
	runs := [][2]uint32{{0x0000, 8}, {0x000C, 8}}
	if unit%3 == 0 {
		runs = [][2]uint32{{0x0000, 2}, {0x0061, 6}, {0x0164, 8}}
	}
	for _, r := range runs {
		for i := range r[1] {
			at = append(at, r[0]+i)
		}
	}
	return at
}

// meters are the devices of the line. most is their max_registers.
func meters(most int) (ds []device.Device) {
	for unit := 1; unit <= busMeters; unit++ {
		d := device.Device{ID: fmt.Sprint(unit), Poll: time.Hour} // the first round is read as fast as the line takes it
		for _, at := range meterMap(unit) {
			d.Points = append(d.Points, device.Point{Device: d.ID, Name: fmt.Sprint(at), Address: fmt.Sprint(unit), Scale: 1,
				Register: device.Register{Space: "holding", Addr: at, Type: "u16", MaxRegisters: most}})
		}
		ds = append(ds, d)
	}
	return ds
}

// A thinker is a port behind which the devices take their time.
type thinker struct{ serial.Port }

func (p thinker) Write(b []byte) (int, error) {
	p.Wait(meterThinks)
	return p.Port.Write(b)
}

// paced serves the meters on a pseudo-terminal that brings and takes bytes at the speed of the line.
func paced(b *testing.B) device.Channel {
	var bank modbus.Bank
	for unit := 1; unit <= busMeters; unit++ {
		bank.Add(byte(unit), fmt.Sprint(unit), modbus.NewRegisterFile(byte(unit), 0x200))
	}
	path := filepath.Join(b.TempDir(), "rs485")
	l, err := serial.NewLine(serial.LineConfig{Path: path, Baud: busBaud})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	var ended sync.WaitGroup
	ended.Go(func() { _ = l.Serve(ctx, func(p serial.Port) { modbus.NewRTU(&bank, nil).Talk(thinker{p}) }) })
	b.Cleanup(func() { stop(); ended.Wait() })
	return device.Channel{ID: "rs485", Driver: "modbus-rtu", Address: path, Serial: device.Serial{Baud: busBaud}, Timeout: time.Second}
}

// round is how long the poller takes to read all meters once, from closed port to last value.
func round(b *testing.B, ch device.Channel, devices []device.Device) time.Duration {
	p, err := poll.New(poll.Config{Channel: ch, Driver: drivers.RTU{}, Devices: devices})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	out := make(chan []device.Reading)
	var ended sync.WaitGroup
	began := time.Now()
	ended.Go(func() { _ = p.Run(ctx, out) })
	for left := len(devices) * 16; left > 0; {
		for _, r := range <-out {
			var unit byte
			var at uint16
			// The k-th reading of a register answers its own number and k: no other register's value passes for it.
			if _, err := fmt.Sscan(r.Device+" "+r.Point, &unit, &at); err != nil {
				b.Fatal(err)
			}
			first := float64(modbus.Counter(unit, at, 0))
			if r.Quality != device.Good || r.Value <= first || r.Value > first+6 {
				b.Fatalf("got %+v, the register begins at %v", r, first)
			}
			left--
		}
	}
	took := time.Since(began)
	stop()
	ended.Wait()
	return took
}

// wireTime is what the chosen requests take on the line: every character of them and of their answers, a silence before each
// request and the meters' own time.
func wireTime(b *testing.B, ch device.Channel, devices []device.Device) (sum time.Duration) {
	for _, d := range devices {
		plan, err := drivers.RTU{}.Plan(ch, d.Points)
		if err != nil {
			b.Fatal(err)
		}
		for _, t := range plan {
			sum += time.Duration(t.Out+t.In)*serialline.Character(ch.Serial) + serialline.Silence(ch.Serial) + meterThinks
		}
	}
	return sum - serialline.Silence(ch.Serial) // there is none after the last value
}

// BenchmarkBus9600 reads all meters of a slow line as planned, and with one request for each register.
func BenchmarkBus9600(b *testing.B) {
	planned, single := meters(0), meters(1)
	for b.Loop() {
		ch := paced(b)
		wire := wireTime(b, ch, planned)
		best := time.Hour
		for range 3 {
			best = min(best, round(b, ch, planned))
		}
		one := round(b, ch, single)
		b.ReportMetric(float64(best)/float64(wire), "over_wire")
		b.ReportMetric(float64(one)/float64(best), "times_faster")
		b.ReportMetric(best.Seconds()*1000, "cycle-ms")
		b.ReportMetric(wire.Seconds()*1000, "wire-ms")
		b.ReportMetric(float64(one)/float64(wireTime(b, ch, single)), "one-over-wire")
	}
}

// The network of the speed figure: 50 devices of 5,000 registers, each at its own connection. Few long intervals rather than many
// short ones: what another program takes of the machine for a tenth of a second is no skipped interval.
const (
	netDevices   = 50
	netRegisters = 5000
	netTime      = 4 * time.Second
)

// BenchmarkNetwork reads all devices at ever longer intervals, until none is skipped.
func BenchmarkNetwork(b *testing.B) {
	var bank modbus.Bank
	for unit := 1; unit <= netDevices; unit++ {
		bank.Add(byte(unit), fmt.Sprint(unit), modbus.NewRegisterFile(byte(unit), netRegisters))
	}
	server, err := modbus.NewTCP(modbus.TCPConfig{Listen: "127.0.0.1:0", Bank: &bank})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	var ended sync.WaitGroup
	ended.Go(func() { _ = server.Run(ctx) })
	defer func() { stop(); ended.Wait() }()
	for b.Loop() {
		best := 0.0
		for _, every := range []time.Duration{200, 250, 300, 350, 400, 500, 600} {
			rate, skipped := readAll(b, server.Addr(), every*time.Millisecond)
			b.Logf("every %d ms: %.0f points/s, %d intervals skipped", every, rate, skipped)
			if skipped == 0 {
				best = rate
				break
			}
		}
		b.ReportMetric(best, "points/s")
	}
}

// A seen is what came of one device.
type seen struct {
	first, last time.Time
	count       int
	values      []device.Reading
}

// take checks a reading of all registers: each is newer than the one before by the simulator's count, by more than one only
// where the poller has asked again because the machine was slow.
func (s *seen) take(b *testing.B, rs []device.Reading) {
	for i, r := range rs {
		if r.Quality != device.Good || s.count > 0 && uint16(r.Value)-uint16(s.values[i].Value)-1 > 5 {
			b.Fatalf("got %+v behind %d values", r, s.count)
		}
	}
	if s.last = time.Now(); s.count == 0 {
		s.first = s.last
	}
	s.count, s.values = s.count+1, rs
}

// skipped are the intervals that passed between the first and the last reading without one.
func (s *seen) skipped(every time.Duration) int {
	return max(0, int(s.last.Sub(s.first).Seconds()/every.Seconds()+0.5)-(s.count-1))
}

// readAll polls all devices at an interval for a while.
func readAll(b *testing.B, address string, every time.Duration) (pointsPerSecond float64, skipped int) {
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	out, ended := make(chan []device.Reading, netDevices), sync.WaitGroup{}
	for unit := 1; unit <= netDevices; unit++ {
		d := device.Device{ID: fmt.Sprint(unit), Poll: every}
		for at := range uint32(netRegisters) {
			d.Points = append(d.Points, device.Point{Device: d.ID, Name: fmt.Sprint(at), Address: fmt.Sprint(unit),
				Register: device.Register{Space: "holding", Addr: at, Type: "u16"}})
		}
		ch := device.Channel{ID: d.ID, Driver: "modbus-tcp", Address: address, Timeout: time.Second}
		p, err := poll.New(poll.Config{Channel: ch, Driver: drivers.TCP{}, Devices: []device.Device{d}})
		if err != nil {
			b.Fatal(err)
		}
		ended.Go(func() { _ = p.Run(ctx, out) })
	}
	done, over, devices := make(chan struct{}), time.After(netTime), map[string]*seen{}
	go func() { ended.Wait(); close(done) }()
	for running, counts := true, true; running; {
		select {
		case rs := <-out:
			s := devices[rs[0].Device]
			if s == nil {
				s = &seen{}
				devices[rs[0].Device] = s
			}
			if counts { // afterwards a reading may have been cut short
				s.take(b, rs)
			}
		case <-over:
			counts = false
			stop()
		case <-done:
			running = false
		}
	}
	for _, s := range devices {
		if s.count > 1 {
			pointsPerSecond += float64((s.count-1)*netRegisters) / s.last.Sub(s.first).Seconds()
		}
		skipped += s.skipped(every)
	}
	// A device's first interval may be half as long as the others; what was asked for is all that counts.
	return min(pointsPerSecond, netDevices*netRegisters/every.Seconds()), skipped
}
