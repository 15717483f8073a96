package rules

import (
	"cmp"
	"slices"
	"time"
)

// A ReplayReport is what one set of rules made of recorded readings. Times are UTC.
type ReplayReport struct {
	First   time.Time     `json:"first"`   // of the readings that are reported
	Last    time.Time     `json:"last"`    // likewise
	Samples uint64        `json:"samples"` // readings judged, as recorded
	Filled  uint64        `json:"filled"`  // readings put back that were not recorded because nothing had changed
	Rules   []ReplayRule  `json:"rules"`
	Alerts  []ReplayAlert `json:"alerts"` // that fired
	Holes   []Hole        `json:"holes"`

	never []judgement // pending alerts that ended before they fired
}

// A ReplayRule is the sum of one rule.
type ReplayRule struct {
	Rule       string `json:"rule"`
	Version    string `json:"version"`
	Title      Spoken `json:"title"`
	Alerts     int    `json:"alerts"`
	NeverFired int    `json:"never_fired"` // pending alerts that ended before they fired
	DelayMs    *int64 `json:"delay_ms"`    // median from the condition to the alert; null without alerts
	// Outcomes are the alerts that match closed ones, by outcome. Nil when nothing is known of outcomes.
	Outcomes map[string]int `json:"outcomes,omitempty"`
}

// Spoken is a Text as reports print it. (The keys of Text itself are part of rules' versions.)
type Spoken struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// A ReplayAlert is one alert of a replay.
type ReplayAlert struct {
	Alert    string    `json:"alert"`
	Rule     string    `json:"rule"`
	Subject  string    `json:"subject"`
	Severity Severity  `json:"severity"`
	Level    int       `json:"level"` // the highest rung that it reached
	Since    time.Time `json:"since"` // when the condition became true
	Fired    time.Time `json:"fired"`
	End      time.Time `json:"end,omitzero"` // zero: still firing at the end
	Shadow   bool      `json:"shadow"`
	Shelved  bool      `json:"shelved"`
	Message  Spoken    `json:"message"`
	Outcome  string    `json:"outcome,omitempty"` // of the recorded alert that it matches

	fired bool
}

func (r *ReplayReport) rule(info Info) ReplayRule {
	sum := ReplayRule{Rule: info.ID, Version: info.Version, Title: Spoken(info.Title)}
	for _, j := range r.never {
		if j.rule == info.ID {
			sum.NeverFired++
		}
	}
	var delays []int64
	for _, a := range r.Alerts {
		if a.Rule == info.ID {
			sum.Alerts++
			delays = append(delays, a.Fired.Sub(a.Since).Milliseconds())
		}
	}
	sum.DelayMs = median(delays)
	return sum
}

// median of numbers; the mean of the two in the middle; nil of none.
func median(all []int64) *int64 {
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	m := (all[(len(all)-1)/2] + all[len(all)/2]) / 2
	return &m
}

// Only keeps the alerts and sums of some rules.
func (r ReplayReport) Only(ids []string) ReplayReport {
	r.Rules = slices.DeleteFunc(slices.Clone(r.Rules), func(s ReplayRule) bool { return !slices.Contains(ids, s.Rule) })
	r.Alerts = slices.DeleteFunc(slices.Clone(r.Alerts), func(a ReplayAlert) bool { return !slices.Contains(ids, a.Rule) })
	return r
}

// A Noise is how often rules spoke of one subject.
type Noise struct {
	Subject string `json:"subject"`
	Before  int    `json:"before"` // by the set compared with
	After   int    `json:"after"`
}

// A ReplayDiff is what another set of rules makes of the same readings.
type ReplayDiff struct {
	BeforeDelayMs *int64  `json:"before_delay_ms"` // median over the alerts that both have, from when either saw it to the alert
	AfterDelayMs  *int64  `json:"after_delay_ms"`
	Both          int     `json:"both"` // alerts of after that before has too
	Noisiest      []Noise `json:"noisiest"`
}

// A judgement is a rule of a subject.
type judgement struct{ rule, subject string }

// Compare sets two replays of the same readings beside each other.
func Compare(before, after ReplayReport) ReplayDiff {
	var d ReplayDiff
	var was, is []int64
	places := map[judgement][]int{}
	for i, b := range before.Alerts {
		at := judgement{b.Rule, b.Subject}
		places[at] = append(places[at], i)
	}
	for _, a := range after.Alerts {
		all := places[judgement{a.Rule, a.Subject}]
		i := slices.IndexFunc(all, func(i int) bool {
			return overlap(a.Since, a.End, before.Alerts[i].Since, before.Alerts[i].End)
		})
		if i < 0 {
			continue
		}
		b := before.Alerts[all[i]]
		began := a.Since
		if b.Since.Before(began) {
			began = b.Since
		}
		was, is = append(was, b.Fired.Sub(began).Milliseconds()), append(is, a.Fired.Sub(began).Milliseconds())
	}
	d.Both, d.BeforeDelayMs, d.AfterDelayMs = len(is), median(was), median(is)
	d.Noisiest = Noisiest(before, after, 3)
	return d
}

// Noisiest are the n subjects with most alerts, in either report.
func Noisiest(before, after ReplayReport, n int) []Noise {
	byName := map[string]*Noise{}
	all := []Noise{}
	of := func(subject string) *Noise {
		if byName[subject] == nil {
			byName[subject] = &Noise{Subject: subject}
		}
		return byName[subject]
	}
	for _, a := range before.Alerts {
		of(a.Subject).Before++
	}
	for _, a := range after.Alerts {
		of(a.Subject).After++
	}
	for _, noise := range byName {
		all = append(all, *noise)
	}
	slices.SortFunc(all, func(a, b Noise) int {
		return cmp.Or(max(b.Before, b.After)-max(a.Before, a.After), cmp.Compare(a.Subject, b.Subject))
	})
	return all[:min(n, len(all))]
}

// overlap says whether two spans touch, a tick or two being nothing; a zero end is none yet.
func overlap(a1, a2, b1, b2 time.Time) bool {
	const slack = 2 * time.Second
	before := func(end, begin time.Time) bool { return !end.IsZero() && end.Add(slack).Before(begin) }
	return !before(a2, b1) && !before(b2, a1)
}

// A RecordedAlert is an alert as it was told live, and what people found.
type RecordedAlert struct {
	Alert, Rule, Subject string
	Since, End           time.Time // zero End: not known to have ended
	Outcome              string    // "real", "false_alarm", "drill", "device_fault"; "" not closed
}

// MatchOutcomes gives the alerts of a replay the outcomes of the recorded ones that they overlap, of the same rule and subject,
// and answers the recorded alerts that the replay does not have.
func (r *ReplayReport) MatchOutcomes(recorded []RecordedAlert) (missed []RecordedAlert) {
	sums := map[string]map[string]int{}
	for i := range r.Rules {
		r.Rules[i].Outcomes = map[string]int{}
		sums[r.Rules[i].Rule] = r.Rules[i].Outcomes
	}
	for _, was := range recorded {
		if was.Outcome == "" || sums[was.Rule] == nil {
			continue
		}
		found := false
		for i := range r.Alerts {
			a := &r.Alerts[i]
			if a.Rule != was.Rule || a.Subject != was.Subject || !overlap(a.Since, a.End, was.Since, was.End) {
				continue
			}
			found = true
			if a.Outcome == "" {
				a.Outcome = was.Outcome
				sums[a.Rule][a.Outcome]++
			}
		}
		if !found {
			missed = append(missed, was)
		}
	}
	return missed
}

// Of keeps the alerts of some subjects, and sums them anew.
func (r ReplayReport) Of(subjects []string) ReplayReport {
	r.Alerts = slices.DeleteFunc(slices.Clone(r.Alerts), func(a ReplayAlert) bool { return !slices.Contains(subjects, a.Subject) })
	r.never = slices.DeleteFunc(slices.Clone(r.never), func(j judgement) bool { return !slices.Contains(subjects, j.subject) })
	r.Rules = slices.Clone(r.Rules)
	for i, s := range r.Rules {
		r.Rules[i] = r.rule(Info{ID: s.Rule, Version: s.Version, Title: Text(s.Title)})
	}
	return r
}
