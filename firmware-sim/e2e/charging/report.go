package charging

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/linshao/linshao/firmware-sim/physics"
)

// A Row is what became of one statement in the courses of one class, sampled at one interval or, in a summary, at all.
type Row struct {
	Class      physics.Class `json:"class"`
	Rule       Key           `json:"rule"`
	EveryS     float64       `json:"every_s,omitempty"` // 0: at all intervals
	Sessions   int           `json:"sessions"`
	Due        int           `json:"due"`        // in so many it was true, and a perfect observer of the samples could know
	Detected   int           `json:"detected"`   // of those
	Graver     int           `json:"graver"`     // of those: not told, but a graver statement was, before it was due
	Missed     int           `json:"missed"`     // of those: neither
	Unknowable int           `json:"unknowable"` // true, but not to be known from the samples
	False      int           `json:"false"`      // told, and not true
	DelayMidS  float64       `json:"delay_median_s"`
	DelayMaxS  float64       `json:"delay_max_s"`
	OverMidS   float64       `json:"past_full_median_s,omitempty"` // of an overcharge: since the battery began to take more than it holds
	OverMaxS   float64       `json:"past_full_max_s,omitempty"`

	delays, over []time.Duration
}

// A Total is what became of the courses of one class, or of those with one kind of trouble.
type Total struct {
	Name       string  `json:"name"`
	Healthy    bool    `json:"healthy,omitempty"`
	Sessions   int     `json:"sessions"`
	Hours      float64 `json:"hours"` // played
	Due        int     `json:"due"`
	Detected   int     `json:"detected"`
	Graver     int     `json:"graver"`
	Missed     int     `json:"missed"`
	Unknowable int     `json:"unknowable"`
	False      int     `json:"false"`         // sessions with a false alarm
	FalseA     int     `json:"false_severe"`  // with one of severity A
	Told       int     `json:"sessions_told"` // in which anything was told, true or not
}

// An Example is a play to look at again.
type Example struct {
	Class   physics.Class `json:"class"`
	Rule    Key           `json:"rule"`
	What    string        `json:"what"` // "missed", "false" or "late"
	Seed    uint64        `json:"seed"`
	EveryS  float64       `json:"every_s"`
	Trouble Trouble       `json:"trouble"`
	Pack    string        `json:"pack"`
	AtS     float64       `json:"at_s"` // of the alarm, or of the truth that was missed
}

// A Report is the table.
type Report struct {
	Proof    string         `json:"proof"`
	Seed     uint64         `json:"seed"` // of the first session; they count up
	Sessions int            `json:"sessions"`
	Hours    float64        `json:"hours"`
	Seconds  float64        `json:"seconds"`
	Summary  []Row          `json:"summary"` // by class and statement, over all sampling intervals
	Rows     []Row          `json:"rows"`    // the same by interval
	Classes  []Total        `json:"classes"`
	Troubles []Total        `json:"troubles"`
	Others   map[string]int `json:"others,omitempty"` // alerts of rules whose truth is not known here
	Examples []Example      `json:"examples,omitempty"`
}

// Broken lists the promises that the table breaks. Their bounds were chosen after the first tables of tuning seeds and
// before those of the proof.
func (r *Report) Broken() []string {
	var why []string
	for _, t := range r.Classes {
		if t.Healthy && t.FalseA > 0 {
			why = append(why, fmt.Sprintf("%d of %d sessions of %s have a false alarm of severity A", t.FalseA, t.Sessions, t.Name))
		}
	}
	if due, got := r.found(physics.Overcharge, Overcharge); got < 0.98*due {
		why = append(why, fmt.Sprintf("%.0f of %.0f overcharges are detected", got, due))
	}
	return why
}

// found is how often a statement was due in a class, and how often it was detected.
func (r *Report) found(class physics.Class, k Key) (due, detected float64) {
	for _, row := range r.Rows {
		if row.Class == class && row.Rule == k {
			due, detected = due+float64(row.Due), detected+float64(row.Detected)
		}
	}
	return due, detected
}

// At most so many examples of one kind; late is so much after the truth.
const (
	most = 3
	late = 20 * time.Minute
)

// add counts a play.
func (r *Report) add(res result) {
	p, verdicts, others := res.play, res.verdicts, res.others
	class, trouble := total(&r.Classes, string(p.course.Class)), total(&r.Troubles, string(p.trouble))
	class.Healthy = p.course.Class.Healthy()
	hours := res.length.Hours()
	r.Sessions++
	r.Hours += hours
	told, lied, severe := len(others) > 0, false, false
	for _, o := range others {
		r.Others[o.name+" in "+string(p.course.Class)]++
	}
	for i, v := range verdicts {
		row := r.row(p, Key(i))
		row.Sessions++
		for _, t := range []*Total{class, trouble} {
			t.count(v, verdicts[:], i)
		}
		r.count(row, p, v, verdicts[:], i)
		told = told || v.lied || v.fired != physics.NoTime
		lied = lied || v.lied
		severe = severe || v.lied && Key(i).severity() == 'A'
	}
	for _, t := range []*Total{class, trouble} {
		t.Sessions++
		t.Hours += hours
		t.Told += one(told)
		t.False += one(lied)
		t.FalseA += one(severe)
	}
}

func (t *Total) count(v verdict, all []verdict, i int) {
	switch outcome(v, all, i) {
	case "detected":
		t.Due, t.Detected = t.Due+1, t.Detected+1
	case "graver":
		t.Due, t.Graver = t.Due+1, t.Graver+1
	case "missed":
		t.Due, t.Missed = t.Due+1, t.Missed+1
	case "unknowable":
		t.Unknowable++
	}
}

func (r *Report) count(row *Row, p *play, v verdict, all []verdict, i int) {
	switch outcome(v, all, i) {
	case "detected":
		row.Due, row.Detected = row.Due+1, row.Detected+1
		row.delays = append(row.delays, v.fired-v.true)
		if v.fired-v.true > late {
			r.example(p, Key(i), "late", v.fired)
		}
	case "graver":
		row.Due, row.Graver = row.Due+1, row.Graver+1
	case "missed":
		row.Due, row.Missed = row.Due+1, row.Missed+1
		r.example(p, Key(i), "missed", v.known)
	case "unknowable":
		row.Unknowable++
	}
	if v.over != physics.NoTime {
		row.over = append(row.over, v.over)
	}
	if v.lied {
		row.False++
		r.example(p, Key(i), "false", v.lie)
	}
}

// outcome of a statement that is true; "" where it is not.
func outcome(v verdict, all []verdict, i int) string {
	switch {
	case v.due == physics.NoTime:
		return ""
	case !v.expected():
		return "unknowable"
	case v.fired != physics.NoTime:
		return "detected"
	}
	for j, other := range all {
		if Key(j).severity() < Key(i).severity() && other.fired <= v.known {
			return "graver"
		}
	}
	return "missed"
}

func (r *Report) example(p *play, k Key, what string, at time.Duration) {
	same := 0
	for _, e := range r.Examples {
		if e.Class == p.course.Class && e.Rule == k && e.What == what {
			same++
		}
	}
	pack := ""
	if len(p.course.Batteries) > 0 {
		pack = p.course.Batteries[0].Pack.Name
	}
	if same < most {
		r.Examples = append(r.Examples, Example{p.course.Class, k, what, p.seed, p.every.Seconds(), p.trouble, pack, at.Seconds()})
	}
}

func (r *Report) row(p *play, k Key) *Row {
	i := slices.IndexFunc(r.Rows, func(row Row) bool {
		return row.Class == p.course.Class && row.Rule == k && row.EveryS == p.every.Seconds()
	})
	if i < 0 {
		i = len(r.Rows)
		r.Rows = append(r.Rows, Row{Class: p.course.Class, Rule: k, EveryS: p.every.Seconds()})
	}
	return &r.Rows[i]
}

func total(list *[]Total, name string) *Total {
	i := slices.IndexFunc(*list, func(t Total) bool { return t.Name == name })
	if i < 0 {
		i = len(*list)
		*list = append(*list, Total{Name: name})
	}
	return &(*list)[i]
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// finish sums up, works out the delays and drops rows in which nothing was due and nothing was told.
func (r *Report) finish() {
	r.Rows = slices.DeleteFunc(r.Rows, func(row Row) bool { return row.Due+row.Unknowable+row.False == 0 })
	order := physics.Classes()
	slices.SortFunc(r.Rows, func(a, b Row) int {
		return cmp.Or(slices.Index(order, a.Class)-slices.Index(order, b.Class), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.EveryS, b.EveryS))
	})
	slices.SortFunc(r.Classes, func(a, b Total) int {
		return slices.Index(order, physics.Class(a.Name)) - slices.Index(order, physics.Class(b.Name))
	})
	for _, row := range r.Rows {
		if n := len(r.Summary); n == 0 || r.Summary[n-1].Class != row.Class || r.Summary[n-1].Rule != row.Rule {
			r.Summary = append(r.Summary, Row{Class: row.Class, Rule: row.Rule})
		}
		r.Summary[len(r.Summary)-1].join(&row)
	}
	for _, rows := range [][]Row{r.Rows, r.Summary} {
		for i := range rows {
			row := &rows[i]
			row.DelayMidS, row.DelayMaxS = midAndMost(row.delays)
			row.OverMidS, row.OverMaxS = midAndMost(row.over)
		}
	}
}

// join adds what another row counts.
func (row *Row) join(other *Row) {
	row.Sessions += other.Sessions
	row.Due += other.Due
	row.Detected += other.Detected
	row.Graver += other.Graver
	row.Missed += other.Missed
	row.Unknowable += other.Unknowable
	row.False += other.False
	row.delays = append(row.delays, other.delays...)
	row.over = append(row.over, other.over...)
}

func midAndMost(d []time.Duration) (mid, most float64) {
	if len(d) == 0 {
		return 0, 0
	}
	slices.Sort(d)
	return d[len(d)/2].Seconds(), d[len(d)-1].Seconds()
}
