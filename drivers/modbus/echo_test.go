package modbus_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
)

// An adapter that hears itself delivers each request back before the answer.
func TestEchoIsSkipped(t *testing.T) {
	w := linetest.New(t)
	s := &slave{units: map[byte]*unit{1: sampleUnit()}}
	w.Serve(t, 8, func(r []byte) {
		w.Send(r...)
		w.Send(rtuFrame(append([]byte{1}, s.pdu(r[0], r[1:6])...)...)...)
	})
	c := open(t, modbus.RTU{}, rtuChannel(w.Path, 10*time.Second))
	relay := point("coil", 1, "bool")
	relay.Writable = []float64{0, 1}
	for _, v := range []float64{1, 0} { // the very first exchange is a write
		if err := c.Write(t.Context(), relay, v); err != nil {
			t.Fatal(err)
		}
		if r := readOne(t, c, relay); r.Value != v || r.Quality != device.Good {
			t.Errorf("got %+v, want %v", r, v)
		}
	}
	if r := readOne(t, c, point("input", 0, "u16")); r.Value != 2305 {
		t.Errorf("got %+v", r)
	}
}

// The adapter of a line that never echoed is exchanged for one that does. The request for 20 coils at 0x0300 is as long as
// its answer, and in its third byte stands their count.
func TestEchoThatAppearsIsNoAnswer(t *testing.T) {
	w := linetest.New(t)
	var echoes atomic.Bool
	w.Serve(t, 8, func(r []byte) {
		if echoes.Load() {
			w.Send(r...)
		}
		w.Send(rtuFrame(r[0], 1, 3, 0xFF, 0xFF, 0x0F)...)
	})
	c := open(t, modbus.RTU{}, rtuChannel(w.Path, 10*time.Second))
	var coils []device.Point
	for a := range uint32(20) {
		coils = append(coils, point("coil", 0x300+a, "bool"))
	}
	for _, e := range []bool{false, true, true} {
		echoes.Store(e)
		rs, err := c.Read(t.Context(), coils)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range rs {
			if r.Quality != device.Good || r.Value != 1 {
				t.Fatalf("echo %v: coil %d: %+v", e, i, r)
			}
		}
	}
}

// The answer to a write equals its request: an echo must not confirm what a dead valve never did.
func TestEchoConfirmsNoWrite(t *testing.T) {
	t.Parallel() // most of it is waiting
	w := linetest.New(t)
	w.Serve(t, 8, func(r []byte) { w.Send(r...) })
	c := open(t, modbus.RTU{}, rtuChannel(w.Path, 100*time.Millisecond))
	relay := point("coil", 1, "bool")
	relay.Writable = []float64{0, 1}
	for range 3 {
		if err := c.Write(t.Context(), relay, 1); err == nil {
			t.Fatal("an echo confirmed a write")
		}
	}
	if r := readOne(t, c, relay); r.Reason != device.Timeout {
		t.Errorf("an echo with no answer: got %+v", r)
	}
}

// A write that another value or address comes back for is not confirmed.
func TestWriteAnswerIsVerified(t *testing.T) {
	for name, spoil := range map[string]int{"address": 3, "value": 4} {
		w := linetest.New(t)
		s := &slave{units: map[byte]*unit{1: sampleUnit()}}
		w.Serve(t, 8, func(r []byte) {
			a := append([]byte{1}, s.pdu(r[0], r[1:6])...)
			if a[1] == 5 {
				a[spoil] ^= 0xFF
			}
			w.Send(rtuFrame(a...)...)
		})
		c := open(t, modbus.RTU{}, rtuChannel(w.Path, 10*time.Second))
		relay := point("coil", 1, "bool")
		relay.Writable = []float64{0, 1}
		if err := c.Write(t.Context(), relay, 1); err == nil {
			t.Errorf("another %s confirmed the write", name)
		}
	}
}

// What a serial line does wrong costs at most one reading; the next one is right.
func TestOneFaultOneReadingRTU(t *testing.T) {
	t.Parallel()
	other := slices.Clip(rtuFrame(2, 3, 2, 0x99, 0x99))
	cases := []struct {
		name   string
		answer func(right []byte) []byte
		reason device.Reason // 0: the reading must be good all the same
	}{
		{"silence", func([]byte) []byte { return nil }, device.Timeout},
		{"noise", func([]byte) []byte { return []byte("01234567890") }, device.Corrupt},
		{"bad checksum", func(r []byte) []byte { r[len(r)-1]++; return r }, device.Corrupt},
		{"half", func(r []byte) []byte { return r[:4] }, device.Corrupt},
		{"another function", func([]byte) []byte { return rtuFrame(1, 4, 2, 0x99, 0x99) }, device.Mismatch},
		{"another quantity", func([]byte) []byte { return rtuFrame(1, 3, 4, 0x99, 0x99, 0x99, 0x99) }, device.Mismatch},
		{"another unit and noise", func([]byte) []byte { return append(other, 1, 2, 3) }, device.Mismatch},
		{"another unit alone", func([]byte) []byte { return other }, device.Timeout},
		{"another unit, then the answer", func(r []byte) []byte { return append(other, r...) }, 0},
		{"noise, then the answer", func(r []byte) []byte { return append([]byte{0, 0xFF, 1, 3}, r...) }, 0},
	}
	var all sync.WaitGroup // most of it is waiting, so they wait together
	for _, c := range cases {
		w := linetest.New(t)
		first := true
		w.Serve(t, 8, func(r []byte) {
			right := oneRegister(r)
			if first {
				first, right = false, c.answer(right)
			}
			w.Send(right...)
		})
		conn := open(t, modbus.RTU{}, rtuChannel(w.Path, 2*time.Second))
		all.Go(func() {
			rs, err := conn.Read(t.Context(), u16s("holding", 77))
			if err != nil || rs[0].Reason != c.reason || (c.reason == 0) != (rs[0].Value == 77) {
				t.Errorf("%s: got %+v %v, want %q", c.name, rs, err, c.reason)
			}
			if rs, err := conn.Read(t.Context(), u16s("holding", 78)); err != nil || rs[0].Value != 78 || rs[0].Quality != device.Good {
				t.Errorf("%s: afterwards: %+v %v", c.name, rs, err)
			}
		})
	}
	all.Wait()
}

func TestUnpluggedLineIsAnError(t *testing.T) {
	w := linetest.New(t)
	c := open(t, modbus.RTU{}, rtuChannel(w.Path, time.Minute))
	w.Unplug()
	if rs, err := c.Read(t.Context(), []device.Point{point("holding", 0, "u16")}); err == nil {
		t.Errorf("got %+v", rs)
	}
}

// Noise before an echo does not make a confirmation of it: the valve behind this line is dead.
func TestEchoBehindNoiseConfirmsNoWrite(t *testing.T) {
	t.Parallel() // most of it is waiting
	w := linetest.New(t)
	s := &slave{units: map[byte]*unit{1: sampleUnit()}}
	w.Serve(t, 8, func(r []byte) {
		if r[1] == 5 {
			w.Send(append([]byte{0}, r...)...)
			return
		}
		w.Send(r...)
		w.Send(rtuFrame(append([]byte{1}, s.pdu(r[0], r[1:6])...)...)...)
	})
	c := open(t, modbus.RTU{}, rtuChannel(w.Path, 500*time.Millisecond))
	relay := point("coil", 1, "bool")
	relay.Writable = []float64{0, 1}
	for range 2 {
		if err := c.Write(t.Context(), relay, 1); err == nil {
			t.Fatal("an echo behind noise confirmed a write")
		}
	}
}

// Adapters without bias put a stray byte before every answer. A valve behind such a line can be closed all the same.
func TestStrayByteBeforeEveryAnswerKeepsNoWriteBack(t *testing.T) {
	w := linetest.New(t)
	s := &slave{units: map[byte]*unit{1: sampleUnit()}}
	w.Serve(t, 8, func(r []byte) {
		w.Send(append([]byte{0}, rtuFrame(append([]byte{1}, s.pdu(r[0], r[1:6])...)...)...)...)
	})
	c := open(t, modbus.RTU{}, rtuChannel(w.Path, 10*time.Second))
	relay := point("coil", 1, "bool")
	relay.Writable = []float64{0, 1}
	for _, v := range []float64{1, 0} {
		if err := c.Write(t.Context(), relay, v); err != nil {
			t.Fatal(err)
		}
		if r := readOne(t, c, relay); r.Value != v || r.Quality != device.Good {
			t.Errorf("got %+v, want %v", r, v)
		}
	}
}
