package audit

import (
	"slices"
	"time"
)

// tolerance is how far apart an alarm and what was told of it may be: a log notes minutes, its clock is known within half of one, a rule
// waits up to 15 s and a detector is polled every few seconds.
const tolerance = 3 * time.Minute

// told are the alerts that speak of a log's detector, or of its zone.
func (l Log) told(all []Told) []Told {
	return slices.DeleteFunc(slices.Clone(all), func(t Told) bool {
		return t.Subject == "" || t.Subject != l.Detector && t.Subject != l.Zone
	})
}

// A verdict is what is thought of one alarm.
type verdict uint8

const (
	early  verdict = iota // it may have been told by now, or not: it is judged the next time
	fine                  // told, or from before anything could have been
	absent                // nothing was told of it
)

// judge says what is thought of an alarm that the detector noted at a time of its own clock, which is ahead of ours by one of the
// offsets; nobody knows which, so that what fits under any of them is taken for told, and what is too old under any is let be.
func judge(noted time.Time, offsets []time.Duration, told []Told, from, to time.Time) verdict {
	v := absent
	for _, offset := range offsets {
		at := noted.Add(-offset)
		switch {
		case at.Before(from.Add(tolerance)) || slices.ContainsFunc(told, func(t Told) bool { return t.covers(at) }):
			v = fine
		case at.After(to.Add(-tolerance)):
			return early
		}
	}
	return v
}

func (t Told) covers(at time.Time) bool {
	return !at.Before(t.From.Add(-tolerance)) && (t.To.IsZero() || !at.After(t.To.Add(tolerance)))
}
