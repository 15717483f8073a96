package modbus_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
)

// asked are requests as "3:16+4": function, first register, count.
func asked(pdus [][]byte) []string {
	var out []string
	for _, p := range pdus {
		out = append(out, fmt.Sprintf("%d:%d+%d", p[0], binary.BigEndian.Uint16(p[1:]), binary.BigEndian.Uint16(p[3:])))
	}
	return out
}

func u16s(space string, addrs ...uint32) []device.Point {
	var ps []device.Point
	for _, a := range addrs {
		typ := "u16"
		if space == "coil" || space == "discrete" {
			typ = "bool"
		}
		ps = append(ps, point(space, a, typ))
	}
	return ps
}

func with(ps []device.Point, change func(*device.Register)) []device.Point {
	for i := range ps {
		change(&ps[i].Register)
	}
	return ps
}

func TestBlocks(t *testing.T) {
	holes := func(first, last uint32) func(*device.Register) {
		return func(r *device.Register) { r.Holes = []device.Extent{{First: first, Last: last}} }
	}
	cases := []struct {
		name   string
		points []device.Point
		want   string
	}{
		{"neighbours", u16s("holding", 3, 1, 2), "[3:1+3]"},
		{"small gap is bridged", u16s("holding", 0, 11), "[3:0+12]"},
		{"large gap is not", u16s("holding", 0, 60), "[3:0+1 3:60+1]"},
		{"spaces apart", append(u16s("holding", 0), append(u16s("input", 1), u16s("coil", 2)...)...), "[1:2+1 3:0+1 4:1+1]"},
		{"hole", with(u16s("holding", 0, 2, 5), holes(3, 4)), "[3:0+3 3:5+1]"},
		{"hole elsewhere", with(u16s("holding", 0, 2, 5), holes(6, 9)), "[3:0+6]"},
		{"125 at most, cut at the widest gap", u16s("holding", 0, 40, 80, 90, 125), "[3:0+1 3:40+86]"},
		{"the model's own limit", with(u16s("holding", 0, 3, 4), func(r *device.Register) { r.MaxRegisters = 4 }), "[3:0+1 3:3+2]"},
		{"even", with(u16s("holding", 3, 6), func(r *device.Register) { r.Even = true }), "[3:2+6]"},
		{"2000 bits at most", u16s("coil", 0, 500, 1000, 1500, 1999, 2000), "[1:0+1 1:500+1501]"},
		{"twice the same", u16s("holding", 7, 7), "[3:7+1]"},
		{"a pair is not torn", append(u16s("holding", 0, 40, 80), point("holding", 124, "u32")), "[3:0+81 3:124+2]"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := &slave{units: map[byte]*unit{1: fullUnit()}}
			conn := open(t, modbus.TCP{}, tcpChannel(s.serveTCP(t), 10*time.Second))
			if _, err := conn.Read(t.Context(), c.points); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(asked(s.requests())); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// A gap that the device does not have: found out once, then never read again.
func TestSplitIsRemembered(t *testing.T) {
	u := fullUnit()
	delete(u.holding, 4)
	s := &slave{units: map[byte]*unit{1: u}}
	conn := open(t, modbus.TCP{}, tcpChannel(s.serveTCP(t), 10*time.Second))
	points := u16s("holding", 0, 1, 8, 9)
	for round, want := range []string{"[3:0+10 3:0+2 3:8+2]", "[3:0+2 3:8+2]", "[3:0+2 3:8+2]"} {
		rs, err := conn.Read(t.Context(), points)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rs {
			if r.Quality != device.Good {
				t.Errorf("round %d: %+v", round, r)
			}
		}
		if got := fmt.Sprint(asked(s.requests())); got != want {
			t.Errorf("round %d: got %s, want %s", round, got, want)
		}
	}
}

// A device that has none of the points, perhaps because it is still starting, is not asked for each of them every time.
func TestNothingThereIsCheap(t *testing.T) {
	u := fullUnit()
	s := &slave{units: map[byte]*unit{1: u}}
	at := time.Unix(1_800_000_000, 0)
	conn := open(t, modbus.TCP{Now: func() time.Time { return at }}, tcpChannel(s.serveTCP(t), 10*time.Second))
	u.holding = map[uint16]uint16{}
	points := u16s("holding", 0, 1, 2, 3)
	for round, most := range []int{7, 1, 1} {
		at = at.Add(15 * time.Second)
		rs, err := conn.Read(t.Context(), points)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rs {
			if r.Reason != device.NoSuchPoint {
				t.Errorf("round %d: %+v", round, r)
			}
		}
		if n := len(s.requests()); n > most {
			t.Errorf("round %d: %d requests", round, n)
		}
	}
	s.mu.Lock()
	u.holding = fullUnit().holding
	s.mu.Unlock()
	at = at.Add(15 * time.Second)
	if rs, err := conn.Read(t.Context(), points); err != nil || rs[3].Quality != device.Good {
		t.Errorf("afterwards: %+v %v", rs, err)
	}
	if got := fmt.Sprint(asked(s.requests())); got != "[3:0+4]" {
		t.Errorf("afterwards: %s", got)
	}
}

func TestExceptionsHaveReasons(t *testing.T) {
	t.Parallel() // most of it is waiting
	for code, want := range map[byte]device.Reason{
		0: device.Refused, 1: device.Refused, 2: device.NoSuchPoint, 3: device.Refused, 4: device.Refused, 5: device.Refused, 6: device.DeviceBusy,
		8: device.Refused, 10: device.Refused, 11: device.Timeout, 99: device.Refused,
	} {
		w := linetest.New(t)
		w.Serve(t, 8, func(r []byte) { w.Send(rtuFrame(r[0], r[1]|0x80, code)...) })
		c := open(t, modbus.RTU{}, rtuChannel(w.Path, 10*time.Second))
		if r := readOne(t, c, point("holding", 0, "u16")); r.Reason != want {
			t.Errorf("exception %d: got %q, want %q", code, r.Reason, want)
		}
	}
}

func TestCheckPoint(t *testing.T) {
	bad := map[string]func(*device.Point){
		"broadcast":        func(p *device.Point) { p.Address = "0" },
		"unit 248":         func(p *device.Point) { p.Address = "248" },
		"no unit":          func(p *device.Point) { p.Address = "" },
		"host as unit":     func(p *device.Point) { p.Address = "10.0.0.1" },
		"space":            func(p *device.Point) { p.Register.Space = "holdings" },
		"type":             func(p *device.Point) { p.Register.Type = "u63" },
		"bit16":            func(p *device.Point) { p.Register.Type = "bit16" },
		"bit01":            func(p *device.Point) { p.Register.Type = "bit01" },
		"coil as u16":      func(p *device.Point) { p.Register.Space = "coil" },
		"above the end":    func(p *device.Point) { p.Register.Addr = 0x10000 },
		"half above":       func(p *device.Point) { p.Register.Addr, p.Register.Type = 0xFFFF, "u32" },
		"in a hole":        func(p *device.Point) { p.Register.Holes = []device.Extent{{First: 0, Last: 9}} },
		"wider than limit": func(p *device.Point) { p.Register.Type, p.Register.MaxRegisters = "f32", 1 },
	}
	s := &slave{units: map[byte]*unit{1: fullUnit()}}
	conn := open(t, modbus.TCP{}, tcpChannel(s.serveTCP(t), 10*time.Second))
	for name, change := range bad {
		p, good := point("holding", 5, "u16"), point("holding", 6, "u16")
		if err := modbus.CheckPoint(p); err != nil {
			t.Fatal(err)
		}
		change(&p)
		if err := modbus.CheckPoint(p); err == nil {
			t.Errorf("%s was accepted", name)
		}
		rs, err := conn.Read(t.Context(), []device.Point{good, p})
		if err != nil || rs[1].Reason != device.Unsupported || rs[0].Quality != device.Good {
			t.Errorf("%s: read gave %+v %v", name, rs, err)
		}
		p.Writable = []float64{1}
		if err := conn.Write(t.Context(), p, 1); name != "wider than limit" && name != "in a hole" && err == nil {
			t.Errorf("%s: was written", name)
		}
	}
}

// A valve that could never be closed is found when the site is loaded, not when the gas is there.
func TestCheckPointOfWrites(t *testing.T) {
	for _, c := range []struct {
		p      device.Point
		values []float64
	}{
		{point("input", 0, "u16"), []float64{0}},
		{point("discrete", 0, "bool"), []float64{0}},
		{point("coil", 0, "bool"), []float64{0, 2}},
		{point("holding", 0, "u16"), []float64{0, 65536}},
		{point("holding", 0, "u16"), []float64{0.5}},
		{point("holding", 0, "bool"), []float64{0}},
		{point("holding", 0, "lo8"), []float64{0}},
		{point("holding", 0, "bit3"), []float64{0}},
		{point("holding", 0, "u64"), []float64{0, 1 << 54}},
		{point("holding", 0, "i64"), []float64{-(1 << 54)}},
	} {
		c.p.Writable = c.values
		if err := modbus.CheckPoint(c.p); err == nil {
			t.Errorf("%s may be written %v, which no Write could do", c.p.Name, c.values)
		}
	}
	p := point("holding", 0, "i16")
	p.Scale, p.Writable = 0.1, []float64{-12.3, 0}
	if err := modbus.CheckPoint(p); err != nil {
		t.Error(err)
	}
}

// A meter that knows function 16 alone, as DDS238-2.
func TestWriteFallsBackToFunction16(t *testing.T) {
	u := fullUnit()
	s := &slave{units: map[byte]*unit{1: u}, only: 6}
	conn := open(t, modbus.TCP{}, tcpChannel(s.serveTCP(t), 10*time.Second))
	p := point("holding", 0x1A, "u16")
	p.Writable = []float64{0, 1}
	for _, v := range []float64{1, 0, 1} {
		if err := conn.Write(t.Context(), p, v); err != nil {
			t.Fatal(err)
		}
		if r := readOne(t, conn, p); r.Value != v {
			t.Errorf("got %+v, want %v", r, v)
		}
	}
	first := 0
	for _, req := range s.requests() {
		if req[0] == 6 {
			first++
		}
	}
	if first != 1 {
		t.Errorf("function 6 was tried %d times", first)
	}
}

func TestWritesThatCannotBe(t *testing.T) {
	s := &slave{units: map[byte]*unit{1: fullUnit()}}
	conn := open(t, modbus.TCP{}, tcpChannel(s.serveTCP(t), 10*time.Second))
	cases := []struct {
		p           device.Point
		v           float64
		unsupported bool
	}{
		{point("input", 0, "u16"), 1, true},
		{point("discrete", 0, "bool"), 1, true},
		{point("coil", 0, "bool"), 2, false},
		{point("holding", 0, "u16"), 65536, false},
		{point("holding", 0, "u16"), 0.5, false},
		{point("holding", 0, "i16"), -32769, false},
		{point("holding", 0, "bit3"), 1, false},
	}
	for _, c := range cases {
		c.p.Writable = []float64{c.v}
		err := conn.Write(t.Context(), c.p, c.v)
		if err == nil || errors.Is(err, errors.ErrUnsupported) != c.unsupported {
			t.Errorf("%s = %v: got %v", c.p.Name, c.v, err)
		}
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests went out", n)
	}
}
