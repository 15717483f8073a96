package modbus_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
)

// A taught is a device and a driver with a memory, and a clock that the test moves.
type taught struct {
	slave   *slave
	unit    *unit
	driver  modbus.TCP
	channel device.Channel
	at      time.Time
	conn    device.Conn
}

func newTaught(t *testing.T, missing ...uint16) *taught {
	x := &taught{unit: fullUnit(), at: time.Unix(1_800_000_000, 0)}
	for _, a := range missing {
		delete(x.unit.holding, a)
	}
	x.slave = &slave{units: map[byte]*unit{1: x.unit}}
	x.driver = modbus.TCP{Memory: &modbus.Memory{}, Now: func() time.Time { return x.at }, Dial: x.slave.dial}
	x.channel = tcpChannel("", 10*time.Second)
	x.conn = open(t, x.driver, x.channel)
	return x
}

// read reads the points and compares the requests. It answers which of the points had a value.
func (x *taught) read(t *testing.T, points []device.Point, want string) (good string) {
	t.Helper()
	rs, err := x.conn.Read(t.Context(), points)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(asked(x.slave.requests())); got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
	for _, r := range rs {
		switch {
		case r.Quality == device.Good:
			good += "+"
		case r.Reason == device.NoSuchPoint:
			good += "-"
		default:
			t.Errorf("got %+v", r)
		}
	}
	return good
}

func (x *taught) has(a uint16) {
	x.slave.mu.Lock()
	defer x.slave.mu.Unlock()
	x.unit.holding[a] = 7
}

// What a device has refused costs no request more, not even after the line was lost.
func TestMemoryOutlivesTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTaught(t, 4, 9)
		points := u16s("holding", 0, 1, 8, 9)
		if got := x.read(t, points, "[3:0+10 3:0+2 3:8+2 3:8+1 3:9+1]"); got != "+++-" {
			t.Error(got)
		}
		for _, want := range []string{"[3:0+2 3:8+1 3:9+1]", "[3:0+2 3:8+1]"} { // the first time it may have been a slip
			if got := x.read(t, points, want); got != "+++-" {
				t.Error(got)
			}
			if err := x.conn.Close(); err != nil {
				t.Fatal(err)
			}
			x.conn = open(t, x.driver, x.channel)
		}
		x.driver.Memory = nil
		x.conn = open(t, x.driver, x.channel)
		x.read(t, points, "[3:0+10 3:0+2 3:8+2 3:8+1 3:9+1]")
	})
}

// A refused register is tried again now and then, less and less often. When the device has it, it is another device, or has
// started: all that it has taught is forgotten.
func TestRefusedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTaught(t, 4, 9)
		points := u16s("holding", 0, 8, 9)
		const known, retry = "[3:0+1 3:8+1]", "[3:0+1 3:8+1 3:9+1]"
		x.read(t, points, "[3:0+10 3:0+1 3:8+2 3:8+1 3:9+1]")
		x.read(t, points, retry)
		for _, step := range []struct {
			wait time.Duration
			want string
		}{{59 * time.Second, known}, {time.Second, retry}, {119 * time.Second, known}, {time.Second, retry}, {239 * time.Second, known}} {
			x.at = x.at.Add(step.wait)
			if got := x.read(t, points, step.want); got != "++-" {
				t.Error(got)
			}
		}
		x.has(9)
		x.at = x.at.Add(10 * time.Minute)
		if got := x.read(t, points, retry); got != "+++" {
			t.Error(got)
		}
		x.has(4)
		if got := x.read(t, points, "[3:0+10]"); got != "+++" {
			t.Error(got)
		}
	})
}

// A hole that no point stands in is looked into again after some hours: the device may have been exchanged.
func TestSplitIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTaught(t, 4)
		points := u16s("holding", 0, 8)
		x.read(t, points, "[3:0+9 3:0+1 3:8+1]")
		x.has(4)
		x.at = x.at.Add(6 * time.Hour)
		x.read(t, points, "[3:0+1 3:8+1]")
		x.at = x.at.Add(time.Second)
		for range 2 {
			x.read(t, points, "[3:0+9]")
		}
	})
}

// A device that refuses everything is asked for something now and then: it must show that it lives.
func TestAllRefusedTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTaught(t, 0, 1, 100)
		points := u16s("holding", 0, 1, 100)
		x.read(t, points, "[3:0+2 3:0+1 3:1+1 3:100+1]")
		x.read(t, points, "[3:0+2 3:100+1]")
		for _, want := range []string{"[]", "[3:100+1]", "[3:0+2]", "[3:100+1]"} {
			if want != "[]" {
				x.at = x.at.Add(10 * time.Second)
			}
			if got := x.read(t, points, want); got != "---" {
				t.Error(got)
			}
		}
		x.has(0)
		x.at = x.at.Add(time.Minute)
		if got := x.read(t, points, "[3:100+1 3:0+2 3:0+1 3:1+1]"); got != "+--" {
			t.Error(got)
		}
	})
}

// Somebody who looks on sees what the device says, not what is remembered of it.
func TestTracedReadAsksForEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTaught(t, 9)
		points := u16s("holding", 8, 9)
		x.read(t, points, "[3:8+2 3:8+1 3:9+1]")
		x.read(t, points, "[3:8+1 3:9+1]")
		x.read(t, points, "[3:8+1]")
		if _, err := x.conn.Read(device.WithTrace(t.Context(), &device.Trace{}), points); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(asked(x.slave.requests())); got != "[3:8+1 3:9+1]" {
			t.Error(got)
		}
	})
}

// What is asked for apart is no reason to ask in vain, as long as the device answers something.
func TestRefusedPartIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTaught(t, 100)
		good, bad := u16s("holding", 0, 1), u16s("holding", 100)
		x.read(t, good, "[3:0+2]")
		x.read(t, bad, "[3:100+1]")
		x.read(t, bad, "[3:100+1]")
		x.at = x.at.Add(30 * time.Second)
		x.read(t, good, "[3:0+2]")
		if got := x.read(t, bad, "[]"); got != "-" {
			t.Error(got)
		}
		x.at = x.at.Add(11 * time.Second)
		x.read(t, bad, "[3:100+1]")
	})
}

// A device that has fallen silent is not taken for one that refuses.
func TestRefusedPartTellsOfSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTaught(t, 100)
		x.channel.Timeout = 50 * time.Millisecond
		x.conn = open(t, x.driver, x.channel)
		good, bad := u16s("holding", 0, 1), u16s("holding", 100)
		x.read(t, bad, "[3:100+1]")
		x.read(t, bad, "[3:100+1]")
		x.slave.mu.Lock()
		x.slave.units = nil
		x.slave.mu.Unlock()
		for _, points := range [][]device.Point{good, bad} {
			rs, err := x.conn.Read(t.Context(), points)
			if err != nil || rs[0].Reason != device.Timeout {
				t.Errorf("%+v %v", rs, err)
			}
		}
	})
}

// A device that says once that it has no such register, while it starts say, has it again with the next read.
func TestOneSlipHidesNoRegister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTaught(t, 9)
		points := u16s("holding", 8, 9)
		x.read(t, points, "[3:8+2 3:8+1 3:9+1]")
		x.has(9)
		x.at = x.at.Add(time.Second)
		if got := x.read(t, points, "[3:8+1 3:9+1]"); got != "++" {
			t.Error(got)
		}
		x.read(t, points, "[3:8+2]")
	})
}

// A device that refuses all of many registers takes the line for a few requests at a time, so that a write need not wait until
// each is known to be refused.
func TestFindingOutIsDoneInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 100
		x := newTaught(t)
		x.unit.holding = map[uint16]uint16{40: 7}
		var addresses []uint32
		for a := range uint32(n) {
			addresses = append(addresses, a)
		}
		points, reads := u16s("holding", addresses...), 0
		for last := 99; last > 2; reads++ {
			if reads > 30 {
				t.Fatalf("still %d requests after %d reads", last, reads)
			}
			x.at = x.at.Add(time.Second)
			rs, err := x.conn.Read(t.Context(), points)
			if err != nil {
				t.Fatal(err)
			}
			if last = len(x.slave.requests()); last > 30 {
				t.Errorf("read %d: %d requests", reads, last)
			}
			if last <= 2 && rs[40].Quality != device.Good {
				t.Errorf("the only register that there is: %+v", rs[40])
			}
		}
		t.Logf("known after %d reads", reads)
	})
}
