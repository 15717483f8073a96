package charging

import (
	"fmt"
	"io"

	"github.com/linshao/linshao/firmware-sim/physics"
)

// Trace prints what happened in the first session of the options, what was told of it and what was due.
func Trace(w io.Writer, o Options) error {
	set, err := load(o.Rules, o.AllRules)
	if err != nil {
		return err
	}
	p := draw(o.Only, o.Every[0], o.Seed)
	told, err := p.run(set)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s, trouble: %s, gaps %v, off %v, from %v, over at %v\n", p.course.Class, p.trouble, p.watch.Gaps, p.off, p.watch.From, p.course.Over)
	fmt.Fprintf(w, "labels %v, %d points, counter in steps of %g kWh\n", p.device.Labels, len(p.device.Points), p.watch.Counter)
	for _, b := range p.course.Batteries {
		fmt.Fprintf(w, "%s: peak %.0f W, float %.1f W\n", b.Pack.Name, b.Peak, b.Float)
	}
	last := physics.Sample{Power: -100}
	for i, s := range p.samples {
		if d := s.Power - last.Power; d > 6 || d < -6 || i%max(1, len(p.samples)/60) == 0 || s.Good != last.Good {
			fmt.Fprintf(w, "%10v good %-5v %7.1f W %10.3f kWh %5.1f °C relay %v plugged %v\n", s.At.Round(1e9), s.Good, s.Power, s.Energy, s.Heat, s.Relay, s.Plugged)
			last = s
		}
	}
	for _, f := range told {
		fmt.Fprintf(w, "told %s at %v\n", f.name, f.at)
	}
	verdicts, _ := p.judge(told)
	for i, v := range verdicts {
		if v.due != physics.NoTime || v.lied {
			fmt.Fprintf(w, "%s: true %v, due %v, known %v, told %v, lie %v\n", Key(i), v.true, v.due, v.known, v.fired, v.lied)
		}
	}
	return nil
}
