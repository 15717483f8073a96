package poll_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
	"github.com/linshao/linshao/gateway/internal/poll"
)

// says is a line on which unit 1 says a number, whatever register it is asked for.
func says(t *testing.T, number byte) *linetest.Wire {
	w := linetest.New(t)
	w.Serve(t, 8, func(r []byte) { w.Send(checked(r[0], r[1], 2, 0, number)...) })
	return w
}

// checked adds the checksum of Modbus RTU.
func checked(b ...byte) []byte {
	sum := uint16(0xFFFF)
	for _, x := range b {
		sum ^= uint16(x)
		for range 8 {
			low := sum & 1
			if sum >>= 1; low == 1 {
				sum ^= 0xA001
			}
		}
	}
	return append(b, byte(sum), byte(sum>>8))
}

// An adapter is pulled and comes back as ttyUSB1; what was its number is another line's now, on which the same unit says
// something else. The port is configured by its path, which the system points to the right one.
func TestAReplugFindsTheSameLine(t *testing.T) {
	dir := t.TempDir()
	dev := func(name string) string { return filepath.Join(dir, name) }
	point := func(name, to string) {
		t.Helper()
		if err := os.Symlink(to, dev(name)+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(dev(name)+".new", dev(name)); err != nil {
			t.Fatal(err)
		}
	}
	before := says(t, 1)
	point("ttyUSB0", before.Path)
	point("by-path", "ttyUSB0")
	p, err := poll.New(poll.Config{
		Channel: device.Channel{ID: "rs485-1", Address: dev("by-path"), Serial: device.Serial{Baud: 115200}, Timeout: 2 * time.Second},
		Driver:  modbus.RTU{},
		Devices: []device.Device{{ID: "m", Poll: 50 * time.Millisecond, Points: []device.Point{{Device: "m", Name: "x", Address: "1", Register: device.Register{Space: "holding", Type: "u16"}}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	out, ended := make(chan []device.Reading), make(chan error, 1)
	go func() { ended <- p.Run(ctx, out); close(out) }()
	// until takes readings until a good one has the value; another good value than the two is another line's.
	until := func(want float64) {
		t.Helper()
		limit := time.After(60 * time.Second)
		for {
			select {
			case rs := <-out:
				r := rs[0]
				if r.Quality == device.Good && r.Value != 1 && r.Value != 2 {
					t.Fatalf("the value %v of another line", r.Value)
				}
				if r.Quality == device.Good && r.Value == want {
					return
				}
			case <-limit:
				t.Fatalf("no %v", want)
			}
		}
	}
	until(1)
	point("ttyUSB0", says(t, 99).Path)
	point("ttyUSB1", says(t, 2).Path)
	if err := os.Remove(dev("by-path")); err != nil {
		t.Fatal(err)
	}
	before.Unplug()
	began := time.Now()
	for r := (<-out)[0]; r.Quality == device.Good; r = (<-out)[0] { // what was read before
	}
	point("by-path", "ttyUSB1")
	until(2)
	t.Logf("found again after %v", time.Since(began).Round(time.Millisecond))
	cancel()
	for range out { // until it has ended
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
