package modbus_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
)

// A yardstick is what the planner must reckon with, written apart from it.
type yardstick struct {
	driver  device.Planner
	channel device.Channel
	out, in int           // framing of a request and of an answer, byte count included
	char    time.Duration // a byte on the wire
	rest    time.Duration // all else that a request takes
}

func yardsticks() []yardstick {
	return []yardstick{
		{driver: modbus.TCP{}, out: 12, in: 9, char: 1, rest: 60},
		{driver: modbus.RTU{}, channel: serialChannel(9600, 0), out: 8, in: 5, char: time.Second / 960, rest: 5*time.Millisecond + time.Second/960*7/2},
		{driver: modbus.RTU{}, channel: serialChannel(1200, 0), out: 8, in: 5, char: time.Second / 120, rest: 2 * (time.Second / 120 * 7 / 2)},
		{driver: modbus.RTU{}, channel: serialChannel(115200, 20*time.Millisecond), out: 8, in: 5, char: time.Second / 11520, rest: 25 * time.Millisecond},
	}
}

func serialChannel(baud int, pause time.Duration) device.Channel {
	return device.Channel{Serial: device.Serial{Baud: baud}, Pause: pause}
}

// request is what reading these points at once costs; false where the device or the protocol forbids it.
func (y yardstick) request(points []device.Point) (cost time.Duration, ok bool) {
	r := points[0].Register
	bits := r.Space == "coil" || r.Space == "discrete"
	first, last := r.Addr, uint32(0)
	for _, p := range points {
		if p.Register.Space != r.Space {
			return 0, false
		}
		first = min(first, p.Register.Addr)
		last = max(last, p.Register.Addr+widths()[p.Register.Type]-1)
	}
	if bits {
		n := last - first + 1
		return time.Duration(y.out+y.in+int(n+7)/8)*y.char + y.rest, n <= 2000
	}
	if r.Even {
		first, last = first-first%2, last+(last+1)%2
	}
	for _, h := range r.Holes {
		for a := first; a <= last; a++ {
			if a >= h.First && a <= h.Last {
				return 0, false
			}
		}
	}
	n := last - first + 1
	return time.Duration(y.out+y.in+2*int(n))*y.char + y.rest, n <= 125 && (r.MaxRegisters == 0 || int(n) <= r.MaxRegisters)
}

func widths() map[string]uint32 {
	return map[string]uint32{"bool": 1, "u16": 1, "bit3": 1, "u32": 2, "f32": 2, "u64": 4}
}

// least is the cheapest of all ways to part the points into requests.
func (y yardstick) least(points []device.Point) time.Duration {
	best := time.Duration(math.MaxInt64)
	var parts [][]device.Point
	var place func(i int)
	place = func(i int) {
		if i == len(points) {
			sum := time.Duration(0)
			for _, part := range parts {
				cost, ok := y.request(part)
				if !ok {
					return
				}
				sum += cost
			}
			best = min(best, sum)
			return
		}
		for k := range parts {
			parts[k] = append(parts[k], points[i])
			place(i + 1)
			parts[k] = parts[k][:len(parts[k])-1]
		}
		parts = append(parts, []device.Point{points[i]})
		place(i + 1)
		parts = parts[:len(parts)-1]
	}
	place(0)
	return best
}

// randomPoints are a few points of one device that its own profile lets be read.
func randomPoints(r *rand.Rand) []device.Point {
	span := []uint32{12, 60, 150, 3000}[r.IntN(4)]
	var holes []device.Extent
	for range r.IntN(3) {
		a := r.Uint32N(span)
		holes = append(holes, device.Extent{First: a, Last: a + r.Uint32N(4)})
	}
	even, most := r.IntN(4) == 0, []int{0, 0, 4, 16}[r.IntN(4)]
	spaces := []string{"holding", "input", "coil", "discrete"}[r.IntN(3):]
	var points []device.Point
	for range 1 + r.IntN(6) {
		p := point(spaces[r.IntN(2)%len(spaces)], r.Uint32N(span), []string{"u16", "bit3", "u32", "f32", "u64"}[r.IntN(5)])
		p.Register.Holes, p.Register.Even, p.Register.MaxRegisters = holes, even, most
		if p.Register.Space == "coil" || p.Register.Space == "discrete" {
			p.Register.Type = "bool"
		}
		if modbus.CheckPoint(p) == nil {
			points = append(points, p)
		}
	}
	return points
}

// The plan is no dearer than the best of all, reads every point exactly once, touches no hole and exceeds no limit.
func TestPlanIsTheCheapest(t *testing.T) {
	for seed := range uint64(4000) {
		points := randomPoints(rand.New(rand.NewPCG(seed, 1)))
		if len(points) == 0 {
			continue
		}
		for _, y := range yardsticks() {
			plan, err := y.driver.Plan(y.channel, points)
			if err != nil {
				t.Fatal(err)
			}
			sum, covered := time.Duration(0), []int{}
			for _, tr := range plan {
				var part []device.Point
				for _, i := range tr.Points {
					part = append(part, points[i])
				}
				cost, ok := y.request(part)
				if bytes := time.Duration(tr.Out+tr.In)*y.char + y.rest; !ok || bytes != cost {
					t.Fatalf("seed %d: %+v: allowed %v, costs %v, want %v\n%+v", seed, tr, ok, bytes, cost, points)
				}
				sum += cost
				covered = append(covered, tr.Points...)
			}
			slices.Sort(covered)
			for i := range points {
				if len(covered) != len(points) || covered[i] != i {
					t.Fatalf("seed %d: %v of %d points", seed, covered, len(points))
				}
			}
			if want := y.least(points); sum != want {
				t.Fatalf("seed %d: %v, the best is %v\n%+v\n%+v", seed, sum, want, plan, points)
			}
		}
	}
}

// What Plan says is what Read does.
func TestReadFollowsItsPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slave{units: map[byte]*unit{1: fullUnit()}}
		ch := tcpChannel("", 10*time.Second)
		conn := open(t, modbus.TCP{Dial: s.dial}, ch)
		for seed := range uint64(50) {
			points := randomPoints(rand.New(rand.NewPCG(seed, 2)))
			points = append(points, point("holding", 1, "u16"))
			for i := range points {
				points[i].Register.Addr %= 200
			}
			points = slices.DeleteFunc(points, func(p device.Point) bool { return modbus.CheckPoint(p) != nil })
			if _, err := conn.Read(t.Context(), points); err != nil {
				t.Fatal(err)
			}
			plan, err := modbus.TCP{}.Plan(ch, points)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, tr := range plan {
				want = append(want, tr.What)
			}
			var got []string
			for _, pdu := range s.requests() {
				space := []string{"coil", "discrete", "holding", "input"}[pdu[0]-1]
				first, n := int(pdu[1])<<8|int(pdu[2]), int(pdu[3])<<8|int(pdu[4])
				what := fmt.Sprintf("%s 0x%04X", space, first)
				if n > 1 {
					what += fmt.Sprintf("–0x%04X", first+n-1)
				}
				got = append(got, what)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d: read %v, planned %v", seed, got, want)
			}
		}
	})
}

// A large station is planned in no time.
func BenchmarkPlan(b *testing.B) {
	var points []device.Point
	for i := range uint32(2000) {
		points = append(points, point("coil", i, "bool"), point("holding", 3*i, "u16"))
	}
	for b.Loop() {
		if _, err := (modbus.TCP{}).Plan(device.Channel{}, points); err != nil {
			b.Fatal(err)
		}
	}
}
