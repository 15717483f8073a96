package report

import (
	"cmp"
	"strings"

	"github.com/linshao/linshao/cloud/internal/incident"
)

// A tally counts the facts of a period one by one, so that nobody needs all of a year's at once.
type tally struct {
	s                      span
	f                      Figures
	response               []int64
	took                   [steps][]int64
	within, rated, content int
	judged                 int // closed as real or false
	rules, sites           map[string]*FalseRate

	sensed  int // incidents of sensors
	classes map[string]int
	people  map[string]bool
	buckets map[int64]int // incidents of sensors by tens of minutes
	actors  map[BadActor]int
}

func newTally(s span) *tally {
	return &tally{s: s, rules: map[string]*FalseRate{}, sites: map[string]*FalseRate{}, classes: map[string]int{}, people: map[string]bool{},
		buckets: map[int64]int{}, actors: map[BadActor]int{}}
}

// add counts a fact of a site. It keeps neither.
func (t *tally) add(n *fact, site string) {
	if !t.s.has(n.opened) {
		return
	}
	t.cope(n, site)
	f, closed := &t.f, n.closed > 0 && n.closed < t.s.end()
	if n.category == incident.Maintenance {
		f.Maintenance.Reported++
		if closed {
			f.Maintenance.Handled++
		}
		return
	}
	f.Reported++
	if n.response >= 0 && n.opened+n.response < t.s.end() {
		t.response = append(t.response, n.response)
	}
	for step, ms := range n.took {
		if ms >= 0 {
			t.took[step] = append(t.took[step], ms)
		}
	}
	f.found(n)
	if n.rating > 0 {
		t.rated++
		if n.rating >= 4 {
			t.content++
		}
	}
	if !closed {
		return
	}
	f.Handled++
	if n.late == 0 {
		t.within++
	}
	wrong := n.outcome == "false_alarm"
	if !wrong && n.outcome != "real" { // a drill, or a fault of a device, says nothing of the rule
		return
	}
	t.judged++
	if wrong {
		f.FalseAlarms++
	}
	note(t.rules, cmp.Or(n.rule, n.source), wrong)
	note(t.sites, site, wrong)
}

// cope counts how well people could cope: incidents of sensors, dangers and devices' faults alike.
func (t *tally) cope(f *fact, site string) {
	for _, p := range f.people {
		if p != "" && !t.people[p] {
			t.people[strings.Clone(p)] = true
		}
	}
	if f.source != incident.FromSensor {
		return
	}
	a, end := &t.f.Alarms, t.s.end()
	t.sensed++
	if _, ok := t.classes[f.severity]; !ok {
		t.classes[strings.Clone(f.severity)] = 0
	}
	t.classes[f.severity]++
	t.buckets[f.opened/tenMinutes]++
	if f.opened >= end-weekMs {
		t.actors[BadActor{Site: site, Device: f.device, Rule: f.rule}]++
	}
	if f.recovered > 0 {
		end = min(end, f.recovered)
	}
	if lasted := end - f.since; lasted > dayMs {
		a.Standing++
	} else if f.recovered > 0 && f.recovered-f.since < minute {
		a.Fleeting++
	}
	if f.burst >= 3 {
		a.Chattering++
	}
}

// figures are what was counted. They may be asked for once.
func (t *tally) figures() Figures {
	f := t.f
	f.Rate, f.Within, f.ReworkRate, f.FalseRate = Percent(f.Handled, f.Reported), Percent(t.within, f.Handled), Percent(f.Reworked, f.Reported), Percent(f.FalseAlarms, t.judged)
	f.Satisfaction, f.Ratings, f.Maintenance.Rate = Percent(t.content, t.rated), t.rated, Percent(f.Maintenance.Handled, f.Maintenance.Reported)
	f.Response = median(t.response)
	f.Steps = []StepTime{}
	for step, name := range stepNames() {
		f.Steps = append(f.Steps, StepTime{name.word, name.text, median(t.took[step]), len(t.took[step])})
	}
	f.ByRule, f.BySite = most(t.rules), most(t.sites)
	a := &f.Alarms
	a.Operators = max(1, len(t.people))
	length := float64(max(1, t.s.end()-t.s.from))
	each := float64(t.sensed) / float64(a.Operators) / length
	a.PerTenMin, a.PerHour, a.PerDay = round2(each*tenMinutes), round2(each*60*minute), round2(each*dayMs)
	a.floods(t.buckets, length)
	a.SeverityA, a.SeverityB, a.SeverityC = Percent(t.classes["A"], t.sensed), Percent(t.classes["B"], t.sensed), Percent(t.classes["C"], t.sensed)
	a.BadActors = worst(t.actors)
	return f
}

// found counts who found an incident, and whether it was sent back.
func (f *Figures) found(n *fact) {
	if n.reworked > 0 {
		f.Reworked++
	}
	if n.source == incident.FromCaller {
		f.Complaints++
	} else {
		f.SelfFound++
	}
}

func note(of map[string]*FalseRate, key string, wrong bool) {
	n := of[key]
	if n == nil {
		n = &FalseRate{Of: strings.Clone(key)}
		of[n.Of] = n
	}
	n.Closed++
	if wrong {
		n.False++
	}
}

// median is the middle one, of an even number the mean of the two in the middle; nil of none. It moves what it is given: a
// sort of nine times a year's would be most of a report's time.
func median(of []int64) *int64 {
	if len(of) == 0 {
		return nil
	}
	k := len(of) / 2
	m := nth(of, k)
	if len(of)%2 == 0 { // all before k are not larger than m now
		lower := of[0]
		for _, v := range of[:k] {
			lower = max(lower, v)
		}
		m = (m + lower) / 2
	}
	return &m
}

// nth puts the value that would be k-th in order in its place, smaller ones before it and larger ones behind it, and answers it.
func nth(of []int64, k int) int64 {
	lo, hi := 0, len(of)-1
	for lo < hi {
		a, b, c := of[lo], of[lo+(hi-lo)/2], of[hi]
		pivot := max(min(a, b), min(max(a, b), c))
		i, j := lo, hi
		for i <= j {
			for of[i] < pivot {
				i++
			}
			for of[j] > pivot {
				j--
			}
			if i <= j {
				of[i], of[j] = of[j], of[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return of[k]
		}
	}
	return of[k]
}
