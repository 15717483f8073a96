package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/incident"
)

// Figures are what was counted of the incidents that were opened within a period. A rate is null when there is nothing of
// which it would be one; a median likewise. Rates are in per cent, rounded to one digit: 8793 of 9686 are 90.8.
type Figures struct {
	Reported     int         `json:"reported" doc:"incidents of dangers opened within the period; those of rules on trial and of devices' own faults are not in it"`
	Handled      int         `json:"handled" doc:"of those, closed before the period's end, or before now if that is earlier"`
	Rate         *float64    `json:"rate" doc:"handled of reported, per cent"`
	Response     *int64      `json:"responseMs" doc:"median time until the first deed of a person"`
	Steps        []StepTime  `json:"steps" doc:"median times from the step before; done: from the begin of the handling until it was said to be done"`
	Within       *float64    `json:"withinLimit" doc:"per cent of the handled whose every step came within its limit; those that are still open are not in it"`
	Reworked     int         `json:"reworked" doc:"sent back at least once"`
	ReworkRate   *float64    `json:"reworkRate" doc:"per cent of the reported"`
	FalseAlarms  int         `json:"falseAlarms" doc:"closed with the outcome false_alarm"`
	FalseRate    *float64    `json:"falseRate" doc:"false alarms, per cent of those that were closed as real or false"`
	ByRule       []FalseRate `json:"falseByRule" doc:"rules and kinds with false alarms, most first, at most 10"`
	BySite       []FalseRate `json:"falseBySite" doc:"sites with false alarms, most first, at most 10"`
	SelfFound    int         `json:"selfFound" doc:"found by sensors or reported by people on duty"`
	Complaints   int         `json:"complaints" doc:"found by complaint"`
	Satisfaction *float64    `json:"satisfaction" doc:"per cent of the ratings that are 4 or 5 of 5"`
	Ratings      int         `json:"ratings" doc:"how many were rated"`
	Maintenance  Upkeep      `json:"maintenance" doc:"incidents of devices' own faults"`
	Online       *float64    `json:"online" doc:"per cent of the time that devices answered while their gateway reported"`
	Rounds       Rounds      `json:"rounds"`
	Checks       Checks      `json:"dutyChecks"`
	Alarms       Alarms      `json:"alarms"`
}

// Rounds is how the patrols (巡查) were walked that began within the period.
type Rounds struct {
	Over       int      `json:"over" doc:"patrol rounds whose time is over or that are done; those of which the cloud was down do not count"`
	InTime     int      `json:"inTime" doc:"rounds of which every point was seen in time"`
	Late       int      `json:"late" doc:"rounds of which every point was seen, not all in time"`
	Missed     int      `json:"missed" doc:"rounds of which points were not seen"`
	InTimeRate *float64 `json:"inTimeRate" doc:"rounds walked in time, per cent of those that are over"`
	Seen       *float64 `json:"seen" doc:"points that were seen, per cent of those of all these rounds"`
}

// Checks is how the duty checks (查岗) were answered that were made within the period.
type Checks struct {
	Asked    int      `json:"asked" doc:"duty checks that were answered or whose time is over; those of which no message arrived do not count"`
	Answered int      `json:"answered" doc:"duty checks that were answered in time"`
	Unmet    int      `json:"missed" doc:"duty checks that nobody answered in time"`
	Untold   int      `json:"untold" doc:"duty checks of which no message arrived, so that nobody could know"`
	Answers  *float64 `json:"rate" doc:"duty checks answered in time, per cent of the asked"`
}

// A StepTime is how long a step took.
type StepTime struct {
	Step   string        `json:"step"`
	Name   incident.Text `json:"name"`
	Median *int64        `json:"medianMs"`
	N      int           `json:"n" doc:"incidents that came to it"`
}

// A FalseRate is the false alarms of a rule or a site.
type FalseRate struct {
	Of     string  `json:"of"`
	False  int     `json:"false"`
	Closed int     `json:"closed" doc:"closed as real or false; drills and faults of devices say nothing of a rule"`
	Rate   float64 `json:"rate" doc:"per cent of the closed"`
}

// Upkeep is the work on devices' own faults.
type Upkeep struct {
	Reported int      `json:"reported"`
	Handled  int      `json:"handled"`
	Rate     *float64 `json:"rate"`
}

// Percent is a part of a whole in per cent, rounded half up to one digit; what is not all is never rounded up to all. Nil of nothing.
func Percent[N int | int64](part, whole N) *float64 {
	if whole <= 0 {
		return nil
	}
	tenths := (int64(part)*2000 + int64(whole)) / (2 * int64(whole))
	if part < whole {
		tenths = min(tenths, 999)
	}
	p := float64(tenths) / 10
	return &p
}

// span is a period: from..to in Unix ms, to not included; now bounds what can have happened.
type span struct{ from, to, now int64 }

// end is until when something counts as done.
func (s span) end() int64 { return min(s.to, s.now+1) }

func (s span) has(at int64) bool { return at >= s.from && at < s.to }

const mostNamed = 10

// most are those with the most false alarms.
func most(of map[string]*FalseRate) []FalseRate {
	out := []FalseRate{}
	for _, n := range of {
		if n.False > 0 && n.Of != "" {
			n.Rate = *Percent(n.False, n.Closed)
			out = append(out, *n)
		}
	}
	slices.SortFunc(out, func(a, b FalseRate) int {
		return cmp.Or(cmp.Compare(b.False, a.False), cmp.Compare(b.Rate, a.Rate), cmp.Compare(a.Of, b.Of))
	})
	return out[:min(len(out), mostNamed)]
}

type stepName struct {
	word string
	text incident.Text
}

func stepNames() [steps]stepName {
	var out [steps]stepName
	for i, word := range []string{incident.Verified, incident.Accepted, incident.Dispatched, incident.InProgress, incident.Finished, incident.Checked, incident.Archived, incident.Rated} {
		out[i] = stepName{word, incident.StepText(word)}
	}
	out[stepFinished].text = incident.Text{ZH: "处置完毕", EN: "done"}
	return out
}

// Alarms is how well people can cope with what reaches them, by the measures of EEMUA 191 and ISA-18.2.
type Alarms struct {
	Operators  int        `json:"operators" doc:"people who dealt with an incident of the period, of each incident the first three; at least 1"`
	PerTenMin  float64    `json:"perTenMin" doc:"incidents per operator and 10 minutes, on average; target 1 or less"`
	PerHour    float64    `json:"perHour" doc:"per operator and hour; target 6 or less"`
	PerDay     float64    `json:"perDay" doc:"per operator and day; target 144 or less"`
	Peak       int        `json:"peakTenMin" doc:"most incidents of sensors within 10 minutes of the clock, faults of devices among them; target 10 or less"`
	Floods     int        `json:"floods" doc:"times of more than 10 incidents within 10 minutes of the clock; those that touch are one"`
	FloodShare float64    `json:"floodShare" doc:"per cent of the period; target below 1"`
	Chattering int        `json:"chattering" doc:"incidents with 3 alerts or more of one rule and device within a minute"`
	Fleeting   int        `json:"fleeting" doc:"incidents whose condition was over within a minute"`
	Standing   int        `json:"standing" doc:"incidents whose condition lasted longer than 24 h, or does at the period's end; target below 5"`
	SeverityA  *float64   `json:"severityA" doc:"per cent; target about 5"`
	SeverityB  *float64   `json:"severityB" doc:"per cent; target about 15"`
	SeverityC  *float64   `json:"severityC" doc:"per cent; target about 80"`
	BadActors  []BadActor `json:"badActors" doc:"what made most incidents in the last seven days of the period, at most 10"`
}

// A BadActor makes many incidents.
type BadActor struct {
	Site   string `json:"site"`
	Device string `json:"device"`
	Rule   string `json:"rule"`
	N      int    `json:"n"`
}

const (
	tenMinutes = 10 * 60_000
	floodFrom  = 11
	minute     = 60_000
	dayMs      = 24 * 60 * minute
	weekMs     = 7 * dayMs
)

func round2(x float64) float64 { return float64(int64(x*100+0.5)) / 100 }

func (a *Alarms) floods(buckets map[int64]int, length float64) {
	in := 0
	for at, n := range buckets {
		a.Peak = max(a.Peak, n)
		if n < floodFrom {
			continue
		}
		in++
		if buckets[at-1] < floodFrom {
			a.Floods++
		}
	}
	a.FloodShare = round2(100 * float64(in) * tenMinutes / length)
}

func worst(actors map[BadActor]int) []BadActor {
	out := []BadActor{}
	for a, n := range actors {
		if a.N = n; n > 1 {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b BadActor) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Site, b.Site), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Rule, b.Rule))
	})
	return out[:min(len(out), mostNamed)]
}

// Period kinds.
const (
	Day    = "day"
	Week   = "week"
	Month  = "month"
	Custom = "custom"
)

// Bounds answers the period of a kind that holds a day, and the one before it: days at midnight of their zone, the end not
// included. A custom one is from..to as given, both days included; the one before is as long.
func Bounds(kind string, from, to time.Time) (begin, end, before time.Time) {
	begin = time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, from.Location())
	switch kind {
	case Day:
		return begin, begin.AddDate(0, 0, 1), begin.AddDate(0, 0, -1)
	case Week: // Monday is the first day
		begin = begin.AddDate(0, 0, -(int(begin.Weekday())+6)%7)
		return begin, begin.AddDate(0, 0, 7), begin.AddDate(0, 0, -7)
	case Month:
		begin = time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, from.Location())
		return begin, begin.AddDate(0, 1, 0), begin.AddDate(0, -1, 0)
	}
	end = time.Date(to.Year(), to.Month(), to.Day()+1, 0, 0, 0, 0, to.Location())
	days := int((end.Sub(begin) + 12*time.Hour) / (24 * time.Hour))
	return begin, end, begin.AddDate(0, 0, -days)
}
