package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// Whistle names a rung of the handling, 1 to 3; empty of any other.
func Whistle(rung int) Text {
	switch rung {
	case 1:
		return Text{"常规哨", "first whistle"}
	case 2:
		return Text{"联合哨", "joint whistle"}
	case mostRung:
		return Text{"攻坚哨", "last whistle"}
	}
	return Text{}
}

const mostRung = 3

// A sight is what the rules make of an incident at a moment.
type sight struct {
	rung  int
	text  Text   // of the rule that says so, without what an incident's page tells already
	state []byte // of the engine; nil when it has nothing to remember
}

// watch is what is kept of it, with what was told before; nil when that is nothing.
func (s sight) watch(before *Watch) *Watch {
	w := Watch{State: s.state}
	if before != nil {
		w.Told = before.Told
	}
	if s.rung == 0 && w.State == nil && w.Told == nil {
		return nil
	}
	return &w
}

// see builds an engine for one incident, as it was left, and shows it the incident. A state that cannot be read, or of other
// rules, is left behind: the rules begin anew, and what was told is not told again.
func (w *Watcher) see(in Incident, now time.Time, urgent bool) (sight, error) {
	subject := in.subject()
	e, err := rules.NewEngine(w.cfg.Rules, []device.Device{subject}, nil)
	if err != nil {
		return sight{}, fmt.Errorf("build rules for incident %s: %w", in.ID, err)
	}
	if in.Detail.Watch != nil && in.Detail.Watch.State != nil {
		if err := e.Restore(in.Detail.Watch.State); err != nil {
			w.cfg.Log.Warn("rules begin anew with an incident", "incident", in.ID, "err", err)
		}
	}
	e.SetEmergency(urgent, now)
	e.Apply(in.readings(now))
	e.Tick(now) // ends alerts of rules that are no more
	var s sight
	open := e.Active()
	for _, a := range open {
		if rung := min(a.Level+1, mostRung); a.State == rules.Firing && !a.Shadow && rung > s.rung {
			s.rung, s.text = rung, subjectless(a, subject)
		}
	}
	if len(open) > 0 {
		if s.state, err = e.Snapshot(); err != nil {
			return sight{}, fmt.Errorf("keep rules of incident %s: %w", in.ID, err)
		}
	}
	return s, nil
}

// subject is an incident as rules see it.
func (in *Incident) subject() device.Device {
	d := device.Device{ID: in.ID, Kind: "incident", Name: in.Title.ZH, Place: in.Place}
	for _, r := range in.readings(time.Time{}) {
		p := device.Point{Device: in.ID, Name: r.Point}
		if r.Point == "waiting" {
			p.Unit = "s"
		}
		d.Points = append(d.Points, p)
	}
	return d
}

// readings are an incident's values at a moment. It waits since people know it as severe as it is, by the cloud's clock.
func (in *Incident) readings(now time.Time) []device.Reading {
	class := slices.Index([]string{"A", "B", "C"}, in.Severity) + 1
	values := []struct {
		point string
		value float64
	}{
		{"waiting", max(0, float64(now.UnixMilli()-in.Graded)/1000)}, {"class", float64(class)},
		{"acked", truth(in.Handling != Open)}, {"closed", truth(in.Handling == Closed)},
	}
	var out []device.Reading
	for _, v := range values {
		out = append(out, device.Reading{Device: in.ID, Point: v.point, Value: v.value, Quality: device.Good, Time: now})
	}
	return out
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// subjectless is a rule's sentence without the incident's place and name in front.
func subjectless(a rules.AlertEvent, subject device.Device) Text {
	cut := func(s string) string {
		for _, head := range []string{subject.Place, subject.Name, subject.Name} {
			if head != "" {
				s = strings.TrimLeft(strings.TrimPrefix(s, head), " :：，,·")
			}
		}
		return s
	}
	t := Text{cut(a.Message.ZH), capital(cut(a.Message.EN))}
	if t.ZH == "" || t.EN == "" {
		return text(a.Title)
	}
	return t
}
