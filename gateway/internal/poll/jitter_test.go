package poll_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
	"github.com/linshao/linshao/gateway/internal/poll"
)

// slaves are 30 Modbus devices of 16 registers on a pty, as slow as a line of 9600 baud.
type slaves struct {
	wire   *linetest.Wire
	silent func(unit byte) bool
}

const character = time.Second * 10 / 9600

func (s slaves) answer(request []byte) {
	<-time.After(8*character + 5*time.Millisecond) // the request on the wire, and the device's own time
	if s.silent(request[0]) {
		return
	}
	n := 2 * request[5]
	frame := append([]byte{request[0], request[1], n}, make([]byte, n)...)
	sum := uint16(0xFFFF)
	for _, b := range frame {
		sum ^= uint16(b)
		for range 8 {
			if sum&1 != 0 {
				sum = sum>>1 ^ 0xA001
			} else {
				sum >>= 1
			}
		}
	}
	frame = append(frame, byte(sum), byte(sum>>8))
	<-time.After(time.Duration(len(frame)) * character)
	s.wire.Send(frame...)
}

// gaps are the intervals at which the devices that live are told, from a moment on.
func (s slaves) gaps(t *testing.T, ctx context.Context, since time.Time) []time.Duration {
	s.wire.Serve(t, 8, s.answer)
	var devices []device.Device
	for unit := 1; unit <= 30; unit++ {
		id := fmt.Sprint(unit)
		d := device.Device{ID: id, Kind: "meter", Poll: 1500 * time.Millisecond} // less than the line can do
		for r := range 16 {
			d.Points = append(d.Points, device.Point{Device: id, Name: fmt.Sprint(r), Address: id, Register: device.Register{Space: "holding", Addr: uint32(r), Type: "u16"}})
		}
		devices = append(devices, d)
	}
	p, err := poll.New(poll.Config{Channel: device.Channel{ID: "rs485", Address: s.wire.Path, Timeout: 500 * time.Millisecond, Serial: device.Serial{Baud: 9600}},
		Driver: modbus.RTU{}, Devices: devices})
	if err != nil {
		t.Error(err)
		return nil
	}
	out := make(chan []device.Reading, 100)
	go func() {
		defer close(out)
		_ = p.Run(ctx, out) // answers nil
	}()
	last := map[string]time.Time{}
	var gaps []time.Duration
	for rs := range out {
		if id := rs[0].Device; id != "7" && id != "20" {
			now := time.Now()
			if before := last[id]; before.After(since) {
				gaps = append(gaps, now.Sub(before))
			}
			last[id] = now
		}
	}
	slices.Sort(gaps)
	return gaps
}

// TestJitterOnAPty measures, with the real driver and at the pace of a real line, how a dead and a flapping device of 30 move the
// interval of the others. It takes two and a half minutes: falling silent itself costs each of the two one whole time-out, which
// is a quarter of one round, and must not be one round of six.
func TestJitterOnAPty(t *testing.T) {
	if os.Getenv("LONG") != "1" {
		t.Skip("takes 150 s: set LONG=1")
	}
	began := time.Now()
	fall := began.Add(14 * time.Second) // all are known by then
	ctx, cancel := context.WithDeadline(t.Context(), began.Add(150*time.Second))
	defer cancel()
	var both sync.WaitGroup
	var without, with []time.Duration
	quiet := linetest.New(t)
	both.Go(func() { without = slaves{quiet, func(byte) bool { return false }}.gaps(t, ctx, fall) })
	ill := linetest.New(t)
	both.Go(func() {
		with = slaves{ill, func(unit byte) bool {
			since := time.Since(fall)
			return since > 0 && (unit == 7 || unit == 20 && since%(6*time.Second) < 3*time.Second)
		}}.gaps(t, ctx, fall)
	})
	both.Wait()
	if len(with) < 50 || len(without) < 50 {
		t.Fatalf("only %d and %d intervals", len(without), len(with))
	}
	at := func(gaps []time.Duration, q float64) time.Duration { return gaps[int(q*float64(len(gaps)-1))] }
	t.Logf("median %v → %v, p95 %v → %v; %d and %d intervals", at(without, 0.5), at(with, 0.5), at(without, 0.95), at(with, 0.95), len(without), len(with))
	if at(with, 0.5) > at(without, 0.5)*11/10 { // of p95 a busy machine makes what it likes
		t.Error("the others' intervals have moved")
	}
}
