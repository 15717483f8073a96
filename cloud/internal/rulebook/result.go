package rulebook

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/rules"
)

// Why a site is not covered, or not to the end.
const (
	LeftTime  = "time"    // the limit was over
	LeftNone  = "nothing" // it has no device that the rule judges
	LeftEmpty = "empty"   // there are no readings of the time
	LeftRules = "unfit"   // its devices count in other units than the rule
)

// A ReplayResult is two sets of rules beside each other. Times are Unix ms.
type ReplayResult struct {
	From     int64           `json:"from"`
	To       int64           `json:"to"`
	TookMs   int64           `json:"tookMs"`
	Samples  uint64          `json:"samples" doc:"readings that were judged, those of the 12 hours before the period too"`
	Versions []RuleVersion   `json:"versions"`
	Covered  []ReplayCovered `json:"covered" doc:"site by site, how far it was played"`
	Current  ReplaySide      `json:"current"`
	Draft    ReplaySide      `json:"draft"`
	Both     int             `json:"both" doc:"alerts that both have"`
	Noisiest []ReplayNoise   `json:"noisiest"`
	Rows     []ReplayRow     `json:"rows" doc:"devices with something to show, those with most alerts first"`
	More     int             `json:"more,omitempty" doc:"devices that are not among the rows"`
}

// A RuleVersion says what is compared: a rule as shipped, and as drafted. The same when they say the same.
type RuleVersion struct {
	Rule    string `json:"rule"`
	Current string `json:"current,omitempty" doc:"absent: the rule is new"`
	Draft   string `json:"draft,omitempty"`
}

// ReplayCovered is how much of a site was played.
type ReplayCovered struct {
	Site    string `json:"site"`
	Name    string `json:"name"`
	Gateway string `json:"gateway"`
	First   int64  `json:"first,omitempty" doc:"of the readings of the period"`
	To      int64  `json:"to" doc:"up to when it was played"`
	Points  int    `json:"points"`
	Samples uint64 `json:"samples"`
	Holes   int    `json:"holes" doc:"times without any reading; nothing is judged within them"`
	HoleMs  int64  `json:"holeMs"`
	Told    int    `json:"told" doc:"alerts of the rules that the gateway told at the time"`
	Left    string `json:"left,omitempty" enum:"time,nothing,empty,unfit" doc:"why it is not covered, or not to the end"`
}

// A ReplaySide is what one set made of the readings.
type ReplaySide struct {
	Fired      int            `json:"fired"`
	NeverFired int            `json:"neverFired" doc:"conditions that ended before they had held long enough"`
	Outcomes   map[string]int `json:"outcomes" doc:"alerts that match one that people closed, by what they found"`
	DelayMs    *int64         `json:"delayMs" doc:"median, from when either set saw the condition to the alert, of the alerts that both have; null without any"`
	Missed     []ReplayMissed `json:"missed" doc:"alerts that people closed as real, and that this set does not have"`
}

// ReplayMissed is an alert that was real.
type ReplayMissed struct {
	Alert   string `json:"alert"`
	Gateway string `json:"gateway"`
	Device  string `json:"device"`
	At      int64  `json:"at"`
}

// A ReplayNoise is how often a device's alerts fired.
type ReplayNoise struct {
	Gateway string `json:"gateway"`
	Device  string `json:"device"`
	Name    string `json:"name"`
	Current int    `json:"current"`
	Draft   int    `json:"draft"`
}

// A ReplayRow is one device: what either set told of it, and what people found.
type ReplayRow struct {
	Site    string       `json:"site"`
	Gateway string       `json:"gateway"`
	Device  string       `json:"device"`
	Name    string       `json:"name"`
	Place   string       `json:"place"`
	Current []ReplaySpan `json:"current"`
	Draft   []ReplaySpan `json:"draft"`
	Found   []ReplayMark `json:"found" doc:"alerts that the gateway told at the time"`
}

// A ReplaySpan is one alert of a replay.
type ReplaySpan struct {
	Rule     string `json:"rule"`
	Since    int64  `json:"since" doc:"when the condition became true"`
	Fired    int64  `json:"fired"`
	End      int64  `json:"end,omitempty" doc:"absent: it fires at the end"`
	Severity string `json:"severity" enum:"A,B,C"`
	Outcome  string `json:"outcome,omitempty" enum:"real,false_alarm,drill,device_fault"`
}

// A ReplayMark is an alert as it was told, with what people found of it.
type ReplayMark struct {
	At      int64  `json:"at"`
	Outcome string `json:"outcome,omitempty" enum:"real,false_alarm,drill,device_fault" doc:"absent: it is not closed"`
}

// What an answer holds at most.
const (
	mostRows   = 60
	mostSpans  = 200 // of one row and side
	mostMissed = 50
	mostNoise  = 5
)

// A table gathers what the sites come to.
type table struct {
	began   time.Time
	ask     Ask
	covered []ReplayCovered
	reports [2]rules.ReplayReport // subjects with their gateway in front
	missed  [2][]ReplayMissed
	rows    map[string]*ReplayRow
	samples uint64

	site, sites int // which one is played, of how many
}

func (t *table) add(y *yard, c ReplayCovered, reports [2]rules.ReplayReport, missed [2][]rules.RecordedAlert, recorded []rules.RecordedAlert) {
	t.covered, t.samples = append(t.covered, c), t.samples+c.Samples
	for i, report := range reports {
		for _, a := range report.Alerts {
			span := ReplaySpan{Rule: a.Rule, Since: a.Since.UnixMilli(), Fired: a.Fired.UnixMilli(), Severity: string(a.Severity), Outcome: a.Outcome}
			if !a.End.IsZero() {
				span.End = a.End.UnixMilli()
			}
			row := t.row(y, a.Subject)
			side := []*[]ReplaySpan{&row.Current, &row.Draft}[i]
			if len(*side) < mostSpans {
				*side = append(*side, span)
			}
			a.Subject = y.gateway + "/" + a.Subject
			t.reports[i].Alerts = append(t.reports[i].Alerts, a)
		}
		t.reports[i].Rules = append(t.reports[i].Rules, report.Rules...)
		for _, m := range missed[i] {
			if m.Outcome == "real" && len(t.missed[i]) < mostMissed {
				t.missed[i] = append(t.missed[i], ReplayMissed{m.Alert, y.gateway, m.Subject, m.Since.UnixMilli()})
			}
		}
	}
	for _, a := range recorded {
		if row := t.row(y, a.Subject); len(row.Found) < mostSpans {
			row.Found = append(row.Found, ReplayMark{a.Since.UnixMilli(), a.Outcome})
		}
	}
}

func (t *table) row(y *yard, subject string) *ReplayRow {
	key := y.gateway + "/" + subject
	if t.rows == nil {
		t.rows = map[string]*ReplayRow{}
	}
	if t.rows[key] == nil {
		r := &ReplayRow{Site: y.site, Gateway: y.gateway, Device: subject, Name: subject, Current: []ReplaySpan{}, Draft: []ReplaySpan{}, Found: []ReplayMark{}}
		for _, d := range y.devices {
			if d.ID == subject {
				r.Name, r.Place = d.Name, d.Place
			}
		}
		t.rows[key] = r
	}
	return t.rows[key]
}

func (t *table) result(took time.Duration) ReplayResult {
	out := ReplayResult{From: t.ask.From.UnixMilli(), To: t.ask.To.UnixMilli(), TookMs: took.Milliseconds(), Samples: t.samples, Covered: t.covered, Noisiest: []ReplayNoise{}, Rows: []ReplayRow{}}
	diff := rules.Compare(t.reports[0], t.reports[1])
	out.Both = diff.Both
	for i, side := range []*ReplaySide{&out.Current, &out.Draft} {
		side.Fired, side.Outcomes, side.Missed = len(t.reports[i].Alerts), map[string]int{}, t.missed[i]
		if side.Missed == nil {
			side.Missed = []ReplayMissed{}
		}
		for _, r := range t.reports[i].Rules {
			side.NeverFired += r.NeverFired
			for outcome, n := range r.Outcomes {
				side.Outcomes[outcome] += n
			}
		}
	}
	out.Current.DelayMs, out.Draft.DelayMs = diff.BeforeDelayMs, diff.AfterDelayMs
	for _, n := range rules.Noisiest(t.reports[0], t.reports[1], mostNoise) {
		gateway, dev, _ := strings.Cut(n.Subject, "/")
		out.Noisiest = append(out.Noisiest, ReplayNoise{gateway, dev, t.rows[n.Subject].Name, n.Before, n.After})
	}
	for _, r := range t.rows {
		out.Rows = append(out.Rows, *r)
	}
	slices.SortFunc(out.Rows, func(a, b ReplayRow) int {
		return cmp.Or(max(len(b.Current), len(b.Draft))-max(len(a.Current), len(a.Draft)), len(b.Found)-len(a.Found), cmp.Compare(a.Gateway, b.Gateway), cmp.Compare(a.Device, b.Device))
	})
	out.More = max(0, len(out.Rows)-mostRows)
	out.Rows = out.Rows[:len(out.Rows)-out.More]
	if out.Covered == nil {
		out.Covered = []ReplayCovered{}
	}
	return out
}
