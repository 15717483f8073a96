package osdp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/device/devicetest"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
	"github.com/linshao/linshao/drivers/serial/osdp"
)

// siteKey turns cards into numbers.
var siteKey = bytes.Repeat([]byte{0x5A}, 32)

func keyOf(text string) *osdp.Key { k := osdp.Key([]byte(text)); return &k }

const ownKey = "sixteen secrets!"

// at makes a point of the device in an address.
func at(t testing.TB, a osdp.Address, place, typ string, write ...float64) device.Point {
	t.Helper()
	space, addr, err := osdp.ParsePlace(place)
	if err != nil {
		t.Fatal(err)
	}
	return device.Point{Device: "r", Name: strings.ReplaceAll(place, " ", "_"), Address: a.Text(), Scale: 1,
		Register: device.Register{Space: space, Addr: addr, Type: typ}, Writable: write}
}

func open(t testing.TB, w *linetest.Wire, timeout time.Duration) device.Conn {
	t.Helper()
	c, err := osdp.Driver{}.Open(t.Context(), device.Channel{ID: "osdp", Address: w.Path, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // may be closed already
	return c
}

func read(t testing.TB, c device.Conn, points ...device.Point) []device.Reading {
	t.Helper()
	rs, err := c.Read(t.Context(), points)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// inTheClear and secured are the two ways to speak to device 5.
func inTheClear() (osdp.Address, *pd) { return osdp.Address{Number: 5, CardKey: siteKey}, newPD(5) }

func secured() (osdp.Address, *pd) {
	p := newPD(5)
	p.scbk = []byte(ownKey)
	return osdp.Address{Number: 5, Key: keyOf(ownKey), CardKey: siteKey}, p
}

func TestConformance(t *testing.T) {
	for name, make := range map[string]func() (osdp.Address, *pd){"clear": inTheClear, "secure": secured} {
		t.Run(name, func(t *testing.T) {
			a, p := make()
			secure := 0.0
			if p.scbk != nil {
				secure = 1
			}
			lamp := at(t, a, "led 0 0", "steady", 0, 1, 2)
			devicetest.Run(t, devicetest.Case{
				Driver:  osdp.Driver{},
				Channel: device.Channel{ID: "osdp", Address: serve(t, nil, p).Path, Timeout: 500 * time.Millisecond},
				Points: []devicetest.Want{
					{Point: at(t, a, "online", ""), Value: 1}, {Point: at(t, a, "secure", ""), Value: secure},
					{Point: at(t, a, "tamper", ""), Value: 0}, {Point: at(t, a, "power", ""), Value: 0},
					{Point: at(t, a, "input 0", ""), Value: 0}, {Point: at(t, a, "input 1", ""), Value: 1}, {Point: at(t, a, "reader 0", ""), Value: 0},
					{Point: at(t, a, "card 0", ""), Value: 0}, {Point: at(t, a, "card_at 0", ""), Value: 0}, {Point: at(t, a, "keys 0", ""), Value: 0},
					{Point: at(t, a, "vendor", ""), Value: 0x23265C}, {Point: at(t, a, "model", ""), Value: 7}, {Point: at(t, a, "version", ""), Value: 2},
					{Point: at(t, a, "serial", ""), Value: 0x22334405},
				},
				Missing: at(t, a, "input 9", ""),
				Absent:  osdp.Address{Number: 9, Key: a.Key}.Text(),
				Writes: []devicetest.Want{{Point: at(t, a, "output 1", "switch", 0, 1), Value: 1}, {Point: at(t, a, "output 1", "switch", 0, 1), Value: 0},
					{Point: at(t, a, "output 0", "pulse5", 0, 1), Value: 1}, {Point: lamp, Value: 2}, {Point: at(t, a, "buzzer 0", "beep2", 0, 1), Value: 1}},
			})
		})
	}
}

// What is written, byte by byte.
func TestCommandsToOutputs(t *testing.T) {
	a, p := secured()
	c := open(t, serve(t, nil, p), time.Second)
	write := []float64{0, 1}
	cases := []struct {
		place, typ string
		value      float64
		want       string
	}{
		{"output 1", "switch", 1, "68 01 02 0000"},
		{"output 1", "switch", 0, "68 01 01 0000"},
		{"output 0", "pulse5", 1, "68 00 05 3200"},
		{"output 0", "pulse30", 1, "68 00 05 2C01"},
		{"output 0", "pulse5", 0, "68 00 01 0000"},
		{"led 0 1", "steady", 1, "69 00 01 01 00 00 00 00 0000 01 0A 00 01 01"},
		{"led 0 1", "blink5", 1, "69 00 01 02 03 03 01 00 3200 00 00 00 00 00"},
		{"buzzer 0", "beep3", 1, "6A 00 02 02 02 03"},
		{"buzzer 0", "beep3", 0, "6A 00 01 00 00 00"},
	}
	for i, x := range cases {
		if err := c.Write(t.Context(), at(t, a, x.place, x.typ, write...), x.value); err != nil {
			t.Fatal(err)
		}
		got := p.wanted()
		if len(got) != i+1 || !bytes.Equal(got[i], bin(t, x.want)) {
			t.Errorf("%s %s %v: sent % X, want %s", x.place, x.typ, x.value, got, x.want)
		}
	}
	for _, bad := range []device.Point{
		at(t, a, "output 0", "pulse31", write...), at(t, a, "output 0", "pulse0", write...), at(t, a, "output 0", "", write...),
		at(t, a, "output 0", "switch", 0, 2), at(t, a, "led 0 0", "steady", 8), at(t, a, "led 0 0", "switch", 1), at(t, a, "input 0", "switch", 1), at(t, a, "card 0", "", 1),
	} {
		if osdp.CheckPoint(bad) == nil {
			t.Errorf("%s %s %v was taken", bad.Name, bad.Register.Type, bad.Writable)
		}
		if err := c.Write(t.Context(), bad, bad.Writable[len(bad.Writable)-1]); err == nil {
			t.Errorf("%s %s %v was written", bad.Name, bad.Register.Type, bad.Writable)
		}
	}
	if err := c.Write(t.Context(), at(t, a, "output 0", "switch"), 1); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("read-only: %v", err)
	}
	if n := len(p.wanted()); n != len(cases) {
		t.Errorf("the device got %d commands, want %d", n, len(cases))
	}
}

// Cards and keys are told once, by a poll, and none is lost.
func TestCardsAndKeys(t *testing.T) {
	for name, make := range map[string]func() (osdp.Address, *pd){"clear": inTheClear, "secure": secured} {
		t.Run(name, func(t *testing.T) {
			a, p := make()
			c := open(t, serve(t, nil, p), time.Second)
			points := []device.Point{at(t, a, "card 0", ""), at(t, a, "card_at 0", ""), at(t, a, "keys 0", ""), at(t, a, "input 1", ""), at(t, a, "card 1", "")}
			if rs := read(t, c, points...); rs[0].Value != 0 || rs[0].Quality != device.Good {
				t.Errorf("before any card: %+v", rs)
			}
			first, second := []byte{0x12, 0x34, 0x56, 0x40}, []byte{0x65, 0x43, 0x21, 0x80}
			p.tell(0x53, append([]byte{0, 3}, "147"...)...)
			p.tell(0x50, append([]byte{0, 1, 26, 0}, first...)...)
			p.tell(0x50, append([]byte{0, 1, 26, 0}, second...)...)
			p.tell(0x53, append([]byte{0, 1}, '#')...)
			p.tell(0x49, 0, 0, 1)
			// Somebody asks for another point meanwhile: the card waits for its own.
			for range 3 {
				read(t, c, points[2])
			}
			rs := read(t, c, points...)
			if rs[0].Value != float64(osdp.CardAlias(siteKey, 26, first)) || rs[2].Value != 3 || rs[1].Value < 1.7e9 {
				t.Errorf("first card: %+v", rs)
			}
			rs = read(t, c, points...)
			if rs[0].Value != float64(osdp.CardAlias(siteKey, 26, second)) || rs[2].Value != 3 {
				t.Errorf("second card: %+v", rs)
			}
			rs = read(t, c, points...)
			if rs[2].Value != 4 || rs[3].Value != 0 || rs[4].Value != 0 {
				t.Errorf("keys and inputs: %+v", rs)
			}
			a.CardKey = nil
			if r := read(t, c, at(t, a, "card 0", ""))[0]; r.Quality != device.Bad || r.Reason != device.Unsupported {
				t.Errorf("without the site's key: %+v", r)
			}
		})
	}
}

func TestSomeThingsADeviceDoesNot(t *testing.T) {
	a, p := inTheClear()
	p.lacks = map[byte]bool{0x62: true, 0x67: true}
	c := open(t, serve(t, nil, p), time.Second)
	for range 2 {
		rs := read(t, c, at(t, a, "reader 0", ""), at(t, a, "input 1", ""), at(t, a, "led 0 0", "steady", 1))
		if rs[0].Reason != device.NoSuchPoint || rs[1].Value != 1 || rs[1].Quality != device.Good || rs[2].Value != 0 {
			t.Errorf("%+v", rs)
		}
	}
	p.set(func() { p.lacks[0x68] = true })
	if err := c.Write(t.Context(), at(t, a, "output 0", "switch", 1), 1); err == nil || !strings.Contains(err.Error(), "refuses") {
		t.Errorf("%v", err)
	}
	if r := read(t, c, at(t, a, "input 1", ""))[0]; r.Quality != device.Good {
		t.Errorf("after a refusal: %+v", r)
	}
}

// A device without CRC is spoken to with checksums.
func TestChecksums(t *testing.T) {
	for name, make := range map[string]func() (osdp.Address, *pd){"clear": inTheClear, "secure": secured} {
		a, p := make()
		p.sums = true
		c := open(t, serve(t, nil, p), time.Second)
		for range 3 {
			if r := read(t, c, at(t, a, "input 1", ""))[0]; r.Value != 1 || r.Quality != device.Good {
				t.Errorf("%s: %+v", name, r)
			}
		}
	}
}

// A busy device keeps its session; one that was switched off and on costs one read. No time passes for the driver, so that states
// stay fresh and only the poll is asked again, however slow the machine is; and an answer may take longer than it does there.
func TestBusyAndStartedAnew(t *testing.T) {
	for name, make := range map[string]func() (osdp.Address, *pd){"clear": inTheClear, "secure": secured} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it is waiting
			a, p := make()
			now := time.Now()
			c, err := osdp.Driver{Now: func() time.Time { return now }}.Open(t.Context(), device.Channel{Address: serve(t, nil, p).Path, Timeout: 300 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			pt := at(t, a, "input 1", "")
			read(t, c, pt)
			p.set(func() { p.busy = 1 })
			if r := read(t, c, pt)[0]; r.Value != 1 {
				t.Errorf("busy once: %+v", r)
			}
			p.set(func() { p.busy = 3 })
			if r := read(t, c, pt)[0]; r.Reason != device.DeviceBusy {
				t.Errorf("busy: %+v", r)
			}
			before, after := 0, 0
			p.set(func() { before = p.plainOK })
			r := read(t, c, pt)[0]
			if p.set(func() { after = p.plainOK }); r.Value != 1 || after > before+1 {
				t.Errorf("after it was busy: %+v", r)
			}
			p.set(func() { p.started, p.secure, p.last = false, false, nil })
			if r := read(t, c, pt)[0]; r.Quality != device.Bad || r.Reason == device.Timeout {
				t.Errorf("it started anew: %+v", r)
			}
			if r := read(t, c, pt)[0]; r.Value != 1 {
				t.Errorf("after that: %+v", r)
			}
		})
	}
}

// A session that was left alone is begun anew: the device has given it up.
func TestASessionEnds(t *testing.T) {
	a, p := secured()
	now := time.Now()
	w := serve(t, nil, p)
	c, err := osdp.Driver{Now: func() time.Time { return now }}.Open(t.Context(), device.Channel{Address: w.Path, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // a test's end
	read(t, c, at(t, a, "input 1", ""))
	p.set(func() { p.inputs[1] = 0 })
	if r := read(t, c, at(t, a, "input 1", ""))[0]; r.Value != 1 {
		t.Errorf("asked again within a second: %+v", r)
	}
	now = now.Add(time.Second)
	if r := read(t, c, at(t, a, "input 1", ""))[0]; r.Value != 0 || !r.Time.Equal(now) {
		t.Errorf("a state of a second ago: %+v", r)
	}
	now = now.Add(9 * time.Second)
	p.set(func() { p.started, p.secure = false, false })
	if r := read(t, c, at(t, a, "input 1", ""))[0]; r.Value != 0 || !r.Time.Equal(now) {
		t.Errorf("after 9 s: %+v", r)
	}
}

func TestAddresses(t *testing.T) {
	a := osdp.Address{Number: 126, Key: keyOf(ownKey), Install: true, CardKey: siteKey}
	for _, x := range []osdp.Address{a, {Number: 0}, {Number: 1, Install: true}, {Number: 1, CardKey: siteKey}, {Number: 1, Key: a.Key}} {
		back, err := osdp.ParseAddress(x.Text())
		if err != nil || back.Text() != x.Text() || fmt.Sprint(x) != fmt.Sprint(x.Number) {
			t.Errorf("%v: %v, %v", x, back, err)
		}
	}
	if s := fmt.Sprintf("%v %+v %s", a, a, a.Key); strings.Contains(s, "73697874") || strings.Contains(s, "sixteen") {
		t.Errorf("the key is told: %s", s)
	}
	for _, bad := range []string{"", "127", "-1", "x", "1#", "1#00##", "1##maybe#", "1###zz", "1####"} {
		if got, err := osdp.ParseAddress(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
	for _, bad := range []string{"", "input", "input 256", "input 0 1", "tamper 1", "led 0", "door 1", "card -1"} {
		if _, _, err := osdp.ParsePlace(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	c := osdp.Driver{}.OnWire(nowhere{})
	if r := read(t, c, device.Point{Name: "p", Address: "200"})[0]; r.Reason != device.Unsupported {
		t.Errorf("%+v", r)
	}
	if rs, err := c.Read(context.Background(), nil); rs != nil || err != nil {
		t.Error("nothing was read")
	}
}
