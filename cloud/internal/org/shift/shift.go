// Package shift says when somebody is on duty: days of the week and single days, hours that may run past midnight, a time
// zone, and whether it counts in ordinary or in emergency mode. Texts are those of files and of the API, in both languages;
// each has one right spelling. For every instant the answer is defined, whatever the clocks of the zone do.
package shift

import (
	"time"
)

// A Shift is one line of a roster: a person in a role at a node.
type Shift struct {
	Role  string `json:"role" maxLength:"80" doc:"free words, such as 值班, or the kind of an emergency team"`
	Name  string `json:"name" maxLength:"80"`
	Phone string `json:"phone,omitempty" maxLength:"20"`
	Mode  string `json:"mode,omitempty" maxLength:"20" doc:"ordinary or emergency: counts in that mode alone; absent: in both"`
	Days  string `json:"days" maxLength:"400" doc:"daily, mon-fri, 周末, 2026-10-01, 2026-10-01..2026-10-07, !2026-10-02 (not on this day), with blanks between"`
	Hours string `json:"hours" maxLength:"20" doc:"08:00-20:00; 20:00-08:00 runs into the next day; 00:00-24:00"`
	Zone  string `json:"zone,omitempty" maxLength:"60" doc:"time zone; absent: that of the street"`
}

// Modes in which a shift counts.
const (
	Always    = ""
	Ordinary  = "ordinary"
	Emergency = "emergency"
)

// Counts says whether the shift counts in a mode.
func (s Shift) Counts(emergency bool) bool {
	return s.Mode == Always || emergency == (s.Mode == Emergency)
}

// On says whether the shift has somebody on duty at an instant, and until when. A zone of its own counts, else that of the
// instant. A shift whose texts were not checked is never on.
func (s Shift) On(at time.Time) (until time.Time, on bool) {
	days, err := parseDays(s.Days)
	if err != nil {
		return time.Time{}, false
	}
	from, to, err := parseHours(s.Hours)
	if err != nil {
		return time.Time{}, false
	}
	if s.Zone != "" {
		zone, err := time.LoadLocation(s.Zone)
		if err != nil {
			return time.Time{}, false
		}
		at = at.In(zone)
	}
	year, month, day := at.Date()
	minute := at.Hour()*60 + at.Minute()
	for back := range 2 { // a shift that began yesterday may run yet
		if m := minute + back*dayMinutes; from <= m && m < to && days.on(date{year, month, day - back}.normal()) {
			return time.Date(year, month, day-back, 0, to, 0, 0, at.Location()), true
		}
	}
	return time.Time{}, false
}

// date is a day of the calendar.
type date struct {
	year  int
	month time.Month
	day   int
}

func (d date) normal() date {
	y, m, day := d.time().Date()
	return date{y, m, day}
}

func (d date) time() time.Time { return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC) }

func (d date) String() string { return d.time().Format(time.DateOnly) }
