package charging

import (
	"math/rand/v2"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/firmware-sim/physics"
)

// A Trouble is what goes wrong between socket and rules.
type Trouble string

// The troubles.
const (
	NoTrouble   Trouble = "none"
	BadReadings Trouble = "bad readings" // up to 5 % of the samples fail, one by one
	Gaps        Trouble = "gaps"         // the line is dead for 2 to 40 min, up to three times
	LateStart   Trouble = "late start"   // the gateway begins to look in the midst of a charge
	Restart     Trouble = "restart"      // the gateway is off for 1 to 20 min and takes its state up again
)

// Troubles are all of them.
func Troubles() []Trouble {
	return []Trouble{NoTrouble, BadReadings, Gaps, LateStart, Restart}
}

// A play is one course, as the gateway gets to see it.
type play struct {
	seed    uint64
	course  *physics.Course
	every   time.Duration
	trouble Trouble
	device  device.Device
	watch   physics.Watch
	samples []physics.Sample
	off     physics.Gap // when the gateway is not running; zero: never
}

// draw makes the play of a seed.
func draw(class physics.Class, every time.Duration, seed uint64) *play {
	p := &play{seed: seed, every: every, course: physics.DrawCourse(class, seed)}
	r := rand.New(rand.NewPCG(seed, 0x77617463))
	p.watch = physics.DrawWatch(r, every)
	p.trouble = []Trouble{NoTrouble, NoTrouble, NoTrouble, BadReadings, BadReadings, Gaps, Gaps, LateStart, Restart, Restart}[r.IntN(10)]
	length := p.course.Length() - p.course.Learned
	someTime := func(from, to float64) time.Duration {
		return p.course.Learned + time.Duration((from+(to-from)*r.Float64())*float64(length))
	}
	minutes := func(low, high int) time.Duration { return time.Duration(low+r.IntN(high-low)) * time.Minute }
	switch p.trouble {
	case NoTrouble:
		p.watch.Lost = 0
	case BadReadings:
		p.watch.Lost = 0.002 + 0.05*r.Float64()
	case Gaps:
		for range 1 + r.IntN(3) {
			at := someTime(0.1, 0.9)
			p.watch.Gaps = append(p.watch.Gaps, physics.Gap{From: at, To: at + minutes(2, 40)})
		}
	case LateStart:
		if p.course.Learned == 0 {
			p.watch.From = someTime(0.1, 0.5)
		}
	case Restart:
		at := someTime(0.1, 0.9)
		p.off = physics.Gap{From: at, To: at + minutes(1, 20)}
	}
	p.device = socket(r, p.course, every)
	for _, s := range p.watch.Look(p.course, r) {
		if s.At < p.off.From || s.At >= p.off.To { // what a gateway that is off does not read is no bad reading, it is nothing
			p.samples = append(p.samples, s)
		}
	}
	return p
}

// socket draws a model: half of them show everything, some no plug and no temperature, some nothing but power. Four of ten
// carry a label with the battery's kind. A class that shows in one point alone gets a model that has it.
func socket(r *rand.Rand, c *physics.Course, every time.Duration) device.Device {
	names := []string{"power", "energy", "relay", "plugged", "temperature"}
	switch n := r.IntN(10); c.Class {
	case physics.HotSocket, physics.StuckRelay, physics.NothingPlugged:
	default:
		names = names[:[]int{5, 5, 5, 5, 5, 3, 3, 3, 2, 1}[n]]
	}
	units := map[string]string{"power": "W", "energy": "kWh", "temperature": "°C"}
	d := device.Device{ID: "A-03.1", Name: "A-03 插座 1", Kind: "socket", Model: "generated", Place: "地下车棚", Poll: every, Labels: map[string]string{}}
	for _, name := range names {
		p := device.Point{Device: d.ID, Name: name, Unit: units[name]}
		if name == "relay" {
			p.Writable = []float64{0, 1}
		}
		d.Points = append(d.Points, p)
	}
	if r.Float64() < 0.4 && len(c.Batteries) > 0 && c.Class != physics.TwoInARow && c.Class != physics.TwoAtOnce {
		d.Labels["battery"] = string(c.Batteries[0].Pack.Chemistry)
	}
	return d
}

func (p *play) has(point string) bool {
	for _, q := range p.device.Points {
		if q.Name == point {
			return true
		}
	}
	return false
}
