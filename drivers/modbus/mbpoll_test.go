package modbus_test

import (
	"fmt"
	"math"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// mbpoll is a second master, on libmodbus: what it reads is the truth that ours is compared with.
type mbpoll struct {
	path string
	args []string // how it reaches the server
}

var mbpollValue = regexp.MustCompile(`(?m)^\[\d+\]:\s+(\S+)`)

// run answers what it prints; it ends with an error when a device refuses.
func (m mbpoll) run(t *testing.T, flags []string, to string, write ...string) string {
	t.Helper()
	args := append(append(append([]string{}, m.args...), flags...), "-0", "-1", "-a", "1", "-o", "10", to)
	out, err := exec.Command(m.path, append(args, write...)...).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "Illegal") {
		t.Fatalf("mbpoll %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// A comparison is what both masters read: mbpoll with its flags, ours as points.
type comparison struct {
	flags []string
	space string
	typ   string
	swap  bool
	addrs []uint32
}

func comparisons() []comparison {
	return []comparison{
		{[]string{"-t", "4"}, "holding", "u16", false, []uint32{0, 1, 2, 3, 4, 5, 6, 7}},
		{[]string{"-t", "3"}, "input", "u16", false, []uint32{0, 1, 2, 3, 4, 5, 6, 7}},
		{[]string{"-t", "4:int", "-B"}, "holding", "i32", false, []uint32{0, 2, 4, 6}},
		{[]string{"-t", "4:int"}, "holding", "i32", true, []uint32{0, 2, 4, 6}},
		{[]string{"-t", "3:int", "-B"}, "input", "i32", false, []uint32{0, 2, 4, 6}},
		{[]string{"-t", "3:float", "-B"}, "input", "f32", false, []uint32{4}},
		{[]string{"-t", "4:float", "-B"}, "holding", "f32", false, []uint32{2, 4}},
		{[]string{"-t", "4:float"}, "holding", "f32", true, []uint32{0}},
		{[]string{"-t", "0"}, "coil", "bool", false, []uint32{0, 1, 2}},
		{[]string{"-t", "1"}, "discrete", "bool", false, []uint32{0, 1, 2}},
	}
}

// compare lets both masters read everything. Over a pty they take turns: a line has one master.
func (m mbpoll) compare(t *testing.T, d device.Driver, ch device.Channel, to string) {
	t.Helper()
	const changed = 4711
	theirs := make([][]float64, len(comparisons()))
	look := func(c comparison, first uint32, n int) []float64 {
		t.Helper()
		var values []float64
		out := m.run(t, append(c.flags, "-r", fmt.Sprint(first), "-c", fmt.Sprint(n)), to)
		for _, found := range mbpollValue.FindAllStringSubmatch(out, -1) {
			v, err := strconv.ParseFloat(found[1], 64)
			if err != nil {
				t.Fatalf("%s: %v", out, err)
			}
			values = append(values, v)
		}
		return values
	}
	eventually(t, "the server", func() bool {
		out, _ := exec.Command(m.path, append(append([]string{}, m.args...), "-0", "-1", "-t", "4", "-o", "0.5", to)...).CombinedOutput() // not yet there
		return mbpollValue.Match(out)
	})
	m.run(t, []string{"-t", "4", "-r", "7"}, to, fmt.Sprint(changed))
	m.run(t, []string{"-t", "4:float", "-r", "0"}, to, "273.15")
	m.run(t, []string{"-t", "4:float", "-B", "-r", "2"}, to, "1234.5")
	for i, c := range comparisons() {
		theirs[i] = look(c, c.addrs[0], len(c.addrs))
	}
	if out := m.run(t, []string{"-t", "3", "-r", "40"}, to); !strings.Contains(out, "Illegal data address") {
		t.Errorf("mbpoll at 40: %s", out)
	}
	conn := open(t, d, ch)
	for i, c := range comparisons() {
		var points []device.Point
		for _, a := range c.addrs {
			p := point(c.space, a, c.typ)
			p.Register.Swap = c.swap
			points = append(points, p)
		}
		rs := answered(t, conn, points)
		if len(theirs[i]) != len(rs) {
			t.Fatalf("%+v: mbpoll has %v, we %v", c, theirs[i], rs)
		}
		for j, r := range rs {
			if want := theirs[i][j]; r.Quality != device.Good || math.Abs(r.Value-want) > math.Abs(want)*1e-5 { // it prints six digits
				t.Errorf("%s %d %s swap %v: mbpoll has %v, we %+v", c.space, c.addrs[j], c.typ, c.swap, want, r)
			}
		}
	}
	if r := answered(t, conn, u16s("input", 40))[0]; r.Reason != device.NoSuchPoint {
		t.Errorf("40: %+v", r)
	}
	p := point("holding", 7, "u16")
	if r := answered(t, conn, []device.Point{p})[0]; r.Value != changed {
		t.Errorf("what mbpoll wrote: %+v", r)
	}
	p.Writable = []float64{65535}
	if err := conn.Write(t.Context(), p, 65535); err != nil {
		t.Error(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if got := look(comparisons()[0], 7, 1); len(got) != 1 || got[0] != 65535 {
		t.Errorf("mbpoll has %v of what we wrote", got)
	}
}

func TestMbpollReadsTheSame(t *testing.T) {
	t.Parallel() // most of it is waiting
	path := program(t, "mbpoll", "mbpoll")
	servers := map[string]func(t *testing.T, args ...string){
		"pymodbus": func(t *testing.T, args ...string) {
			start(t, pymodbus(t), append([]string{"testdata/pymodbus_server.py"}, args...)...)
		},
		"libmodbus": func(t *testing.T, args ...string) { start(t, libmodbus(t), args...) },
	}
	for name, serve := range servers {
		t.Run(name+" TCP", func(t *testing.T) {
			port := fmt.Sprint(freeport.Port(t))
			serve(t, "tcp", port)
			mbpoll{path, []string{"-m", "tcp", "-p", port}}.compare(t, modbus.TCP{}, tcpChannel("127.0.0.1:"+port, 10*time.Second), "127.0.0.1")
		})
		t.Run(name+" RTU", func(t *testing.T) {
			near, far := wirePair(t)
			serve(t, "rtu", far)
			mbpoll{path, []string{"-m", "rtu", "-b", "115200", "-P", "none"}}.compare(t, modbus.RTU{}, rtuChannel(near, 10*time.Second), near)
		})
	}
}
