package charging

import (
	"fmt"
	"math"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/firmware-sim/physics"
	"github.com/linshao/linshao/rules"
)

// tick is how often time alone is judged. The gateway does it every second; with samples 15 s apart or more, a verdict can
// only come up to tick later, so the table's delays are never too short.
const tick = 15 * time.Second

// epoch is when every course begins.
const epoch = 1_795_305_600 // 2026-11-22T00:00:00Z

// A firing is an alert that began to fire, or rose by a rung.
type firing struct {
	name string // of its statement
	at   time.Duration
}

// run feeds what the gateway would have read to the real engine and answers what it told people. Nobody acts on it: the
// socket stays on, so that the later statements of a charge are judged too.
func (p *play) run(set *rules.Set) ([]firing, error) {
	overrides := map[string]rules.Override{}
	for _, r := range set.Rules() {
		if r.Mode == rules.ShadowMode {
			overrides[r.ID] = rules.Override{Mode: rules.NotifyOnly}
		}
	}
	engine, err := rules.NewEngine(set, []device.Device{p.device}, overrides)
	if err != nil {
		return nil, fmt.Errorf("build engine: %w", err)
	}
	g := &gateway{engine: engine}
	next, down := p.watch.From, p.off.To != 0
	for _, s := range p.samples {
		if down && s.At >= p.off.To {
			down = false
			g.ticks(&next, p.off.From)
			if g.engine, err = reborn(g.engine, set, p.device, overrides); err != nil {
				return nil, err
			}
			next = p.off.To
		}
		g.ticks(&next, s.At)
		g.tell(s.At, g.engine.Apply(p.readings(s)))
	}
	g.ticks(&next, p.course.Length())
	return g.told, nil
}

// reborn is the engine of the next process, with the state of the last.
func reborn(old *rules.Engine, set *rules.Set, d device.Device, overrides map[string]rules.Override) (*rules.Engine, error) {
	data, err := old.Snapshot()
	if err != nil {
		return nil, fmt.Errorf("save engine: %w", err)
	}
	engine, err := rules.NewEngine(set, []device.Device{d}, overrides)
	if err != nil {
		return nil, fmt.Errorf("build engine: %w", err)
	}
	if err := engine.Restore(data); err != nil {
		return nil, fmt.Errorf("restore engine: %w", err)
	}
	return engine, nil
}

type gateway struct {
	engine *rules.Engine
	told   []firing
}

// ticks lets time pass until a moment.
func (g *gateway) ticks(next *time.Duration, to time.Duration) {
	for ; *next < to; *next += tick {
		g.tell(*next, g.engine.Tick(moment(*next)))
	}
}

func (g *gateway) tell(at time.Duration, events []rules.AlertEvent) {
	for _, e := range events {
		if e.State == rules.Firing {
			g.told = append(g.told, firing{nameOf(e), at})
		}
	}
}

func moment(at time.Duration) time.Time { return time.Unix(epoch, 0).Add(at).UTC() }

// readings are what the driver would make of a sample.
func (p *play) readings(s physics.Sample) []device.Reading {
	all := make([]device.Reading, len(p.device.Points))
	for i, point := range p.device.Points {
		if !s.Good {
			all[i] = device.BadReading(point, device.Timeout, moment(s.At))
			continue
		}
		all[i] = device.Judge(point, value(s, point.Name), moment(s.At))
	}
	return all
}

func value(s physics.Sample, point string) float64 {
	is := func(yes bool) float64 {
		if yes {
			return 1
		}
		return 0
	}
	switch point {
	case "power":
		return s.Power
	case "energy":
		return s.Energy
	case "temperature":
		return s.Heat
	case "relay":
		return is(s.Relay)
	case "plugged":
		return is(s.Plugged)
	}
	return math.NaN()
}
