package incident

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Why says in one sentence what the rule saw.
func Why(in Incident) Text {
	var zh, en []string
	for _, e := range in.Detail.Evidence {
		v := "?"
		if e.Value != nil {
			v = strings.TrimSpace(strconv.FormatFloat(*e.Value, 'g', 6, 64) + " " + e.Unit)
		}
		if e.Quality != "good" && e.Reason != "" {
			v += " (" + e.Reason + ")"
		}
		zh, en = append(zh, e.Name+" = "+v), append(en, e.Name+" = "+v)
	}
	t := Text{"规则 " + in.Rule, "Rule " + in.Rule}
	if l := in.Detail.Limit; l != nil {
		limit := strings.TrimSpace(fmt.Sprintf("%g %s", l.Value, l.Unit))
		if l.Above {
			t.ZH, t.EN = t.ZH+":"+l.Point+" 高于阈值 "+limit, t.EN+": "+l.Point+" is above its limit of "+limit
		} else {
			t.ZH, t.EN = t.ZH+":"+l.Point+" 低于阈值 "+limit, t.EN+": "+l.Point+" is below its limit of "+limit
		}
	}
	if len(zh) > 0 {
		t.ZH, t.EN = t.ZH+"。当时 "+strings.Join(zh, "，"), t.EN+". It saw "+strings.Join(en, ", ")
	}
	return t
}

// chartBefore and chartAfter are shown around an incident.
const (
	chartBefore = 30 * time.Minute
	chartAfter  = 10 * time.Minute
)

// Window is the time that a chart of the incident shows, Unix ms. A rule that looked at a whole charging session is
// shown with the whole session.
func Window(in Incident, now time.Time) (from, to int64) {
	before := chartBefore
	for _, e := range in.Detail.Evidence {
		if e.Name == "session.duration" && e.Value != nil {
			before = max(before, time.Duration(*e.Value*float64(unit(e.Unit)))+chartAfter)
		}
	}
	to = now.UnixMilli()
	if in.RecoveredAt > 0 {
		to = min(to, in.RecoveredAt+chartAfter.Milliseconds())
	}
	return in.Since - min(before, 48*time.Hour).Milliseconds(), to
}

func unit(s string) time.Duration {
	switch s {
	case "h":
		return time.Hour
	case "min", "m":
		return time.Minute
	case "ms":
		return time.Millisecond
	}
	return time.Second
}
