package charging

import (
	"math"
	"time"

	"github.com/linshao/linshao/firmware-sim/physics"
)

// A verdict is what became of one statement in one play.
type verdict struct {
	true  time.Duration // when it became true by the words, to which delays count; NoTime: never
	due   time.Duration // when it became true beyond doubt; NoTime: never
	known time.Duration // when a perfect observer of the same samples could know; NoTime: never
	fired time.Duration // when the engine told it first; NoTime: never
	lied  bool          // the engine told it when it was not true
	lie   time.Duration // when it first did
	over  time.Duration // past the physical beginning of an overcharge when it was told; NoTime where that means nothing
}

// expected says whether silence would be a miss.
func (v verdict) expected() bool { return v.due != physics.NoTime && v.known != physics.NoTime }

// judge compares what the engine told with the truth. The last result lists statements that this package knows nothing about.
func (p *play) judge(told []firing) (verdicts [keys]verdict, unknown []firing) {
	truth := p.truth()
	for i := range verdicts {
		verdicts[i] = verdict{true: truth.true[i], due: truth.due[i], known: truth.known[i], fired: physics.NoTime, over: physics.NoTime}
	}
	for _, f := range told {
		k, ok := keyNamed(f.name)
		if !ok {
			unknown = append(unknown, f)
			continue
		}
		v := &verdicts[k]
		if !truth.may(k, f.at) {
			if !v.lied {
				v.lied, v.lie = true, f.at
			}
			continue
		}
		if v.fired == physics.NoTime {
			v.fired = f.at
			if k == Overcharge && p.course.Over != physics.NoTime {
				v.over = f.at - p.course.Over
			}
		}
	}
	return verdicts, unknown
}

// truth is what is true in a play, and what can be known.
type truth struct {
	true, due [keys]time.Duration
	known     [keys]time.Duration
	span      time.Duration   // how much later than its truth a statement may be told
	fine      [keys][]stretch // by statement: when telling it is no lie
}

// A stretch of time, both ends included.
type stretch struct{ from, to time.Duration }

func (t *truth) may(key Key, at time.Duration) bool {
	for _, s := range t.fine[key] {
		if at >= s.from && at <= s.to+t.span {
			return true
		}
	}
	return false
}

// truth watches the course at every moment and at the samples, for what is true beyond doubt and for what may be.
func (p *play) truth() *truth {
	all, seen := looksAt(p.course, p.watch.From, p.samples)
	t := &truth{span: 2*p.every + tick}
	t.true = p.first(all, physics.CourseStep, 0)
	t.due = p.first(all, physics.CourseStep, +1)
	t.known = p.first(seen, p.every, +1)
	// What is known so late that the engine could not have told it before the end is nobody's miss, nor is what the socket
	// does not measure.
	for i := range t.known {
		if need := Key(i).needs(); t.known[i] > p.course.Length()-3*p.every || need != "" && !p.has(need) {
			t.known[i] = physics.NoTime
		}
	}
	p.fine(t, all, physics.CourseStep)
	p.fine(t, seen, p.every)
	return t
}

// first is when each statement becomes true.
func (p *play) first(looks []look, pace time.Duration, slack float64) (at [keys]time.Duration) {
	for i := range at {
		at[i] = physics.NoTime
	}
	o := p.observer(slack, pace)
	for _, l := range looks {
		for i, yes := range o.see(l) {
			if yes && at[i] == physics.NoTime && p.due(Key(i), l.at) {
				at[i] = l.at
			}
		}
	}
	return at
}

// fine adds the stretches in which each statement may be true.
func (p *play) fine(t *truth, looks []look, pace time.Duration) {
	o := p.observer(-1, pace)
	var open [keys]bool
	for _, l := range looks {
		for i, yes := range o.see(l) {
			switch yes = p.allowed(Key(i), l.at, yes); {
			case yes && open[i]:
				last := &t.fine[i][len(t.fine[i])-1]
				last.to = l.at
			case yes:
				t.fine[i] = append(t.fine[i], stretch{l.at, l.at})
			}
			open[i] = yes
		}
	}
}

func (p *play) observer(slack float64, pace time.Duration) *observer {
	return &observer{slack: slack, pace: pace, lithium: p.device.Labels["battery"] == "li", nominal: p.nominal(), counter: p.has("energy"), plugs: p.has("plugged")}
}

// nominal is the most that a battery on such a charger holds by the table, in kWh: who knows every charger on the road can
// tell no more from a socket. Where a label says what kind it is, only those count.
func (p *play) nominal() float64 {
	most := math.NaN()
	if len(p.course.Batteries) == 0 {
		return most
	}
	peak, label := p.course.Batteries[0].Peak, p.device.Labels["battery"]
	for _, pack := range physics.Packs() {
		if math.Abs(peak/pack.Peak-1) <= physics.PeakSpread && (label == "" || label == string(pack.Chemistry)) && !(pack.Energy <= most) {
			most = pack.Energy
		}
	}
	return most
}

// due says whether a class makes a statement due, beside its words being true. Those about curves belong to their class:
// elsewhere the words may come true by chance.
func (p *play) due(k Key, at time.Duration) bool {
	switch c := p.course.Class; k {
	case Overcharge:
		return c == physics.Overcharge && at >= p.course.Over
	case Energy:
		return !c.Healthy() && at >= p.course.Learned
	case TailStep:
		return c == physics.TailStep
	case Square:
		return c == physics.Cutting
	}
	return true
}

// allowed says whether telling a statement now is no lie; words says whether its words may be true.
//   - Overcharge is true as soon as the battery takes more than it holds, whatever anybody can prove. In a charge that is too
//     long or takes too much, and with a lamp, the words decide: from the socket these look the same as an overcharge.
//   - A healthy charge has none of the curves of a faulty one, even where the words come true by chance: that is a false alarm.
//     But two chargers at once are a second load, as the rule for the tail says.
func (p *play) allowed(k Key, at time.Duration, words bool) bool {
	c := p.course.Class
	switch k {
	case Overcharge:
		switch c {
		case physics.Overcharge:
			return at >= p.course.Over
		case physics.Lamp:
			return at > 6*time.Hour
		}
		return words && !c.Healthy()
	case Energy, Square:
		return words && !c.Healthy()
	case TailStep:
		return words && (!c.Healthy() || c == physics.TwoAtOnce)
	}
	return words
}
