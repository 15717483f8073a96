package incident

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Why says what the rule saw: its own sentence without what the page's head and timeline tell already, or one made of
// its values.
func Why(in Incident) Text {
	t := Text{core(in.Message.ZH, in, "已命令", "本区无"), core(in.Message.EN, in, "Commanded", "No device")}
	if t.ZH == "" || t.EN == "" {
		t = seen(in)
	}
	t.EN = capital(t.EN)
	return t
}

func capital(s string) string {
	_, n := utf8.DecodeRuneInString(s) // it may begin with a Chinese name
	return strings.ToUpper(s[:n]) + s[n:]
}

// core takes the place and the name in front of a message away, and the sentence of what was commanded behind it, unless
// that also says what could not be.
func core(message string, in Incident, commanded, missing string) string {
	s := message
	for _, head := range []string{in.Place, in.DeviceName, in.Place} {
		if head != "" {
			s = strings.TrimLeft(strings.TrimPrefix(s, head), " :：，,·")
		}
	}
	stop := "。"
	if !strings.Contains(s, stop) {
		stop = ". "
	}
	var kept []string
	for _, sentence := range strings.SplitAfter(s, stop) {
		if !strings.HasPrefix(strings.TrimSpace(sentence), commanded) || strings.Contains(sentence, missing) {
			kept = append(kept, sentence)
		}
	}
	return strings.TrimSpace(strings.Join(kept, ""))
}

// seen makes a sentence of the values and the limit.
func seen(in Incident) Text {
	var zh, en []string
	for _, e := range in.Detail.Evidence {
		name := words(e.Name)
		v := Text{"未知", "unknown"}
		if e.Value != nil {
			v = amount(e.Name, *e.Value, e.Unit)
		}
		if e.Quality != "good" && e.Reason != "" {
			why := reasons(e.Reason)
			v.ZH, v.EN = v.ZH+"（"+why.ZH+"）", v.EN+" ("+why.EN+")"
		}
		zh, en = append(zh, name.ZH+" "+v.ZH), append(en, name.EN+" "+v.EN)
	}
	t := Text{strings.Join(zh, "，"), strings.Join(en, ", ")}
	if l := in.Detail.Limit; l != nil {
		name, limit := words(l.Point), amount(l.Point, l.Value, l.Unit)
		if l.Above {
			t.ZH, t.EN = join(t.ZH, "。", name.ZH+"的上限是 "+limit.ZH), join(t.EN, ". ", "The upper limit of the "+name.EN+" is "+limit.EN)
		} else {
			t.ZH, t.EN = join(t.ZH, "。", name.ZH+"的下限是 "+limit.ZH), join(t.EN, ". ", "The lower limit of the "+name.EN+" is "+limit.EN)
		}
	}
	return t
}

func join(a, by, b string) string {
	if a == "" {
		return b
	}
	return a + by + b
}

// fired is the first line of a timeline: the value with the limit that it passed, or what happened and a value.
func (a *Alert) fired() Text {
	v := valueOf(a.detail)
	if v == nil {
		return a.Title
	}
	name, value := words(v.Point), amount(v.Point, v.Value, v.Unit)
	if v.Limit == nil {
		return Text{a.Title.ZH + "，" + name.ZH + " " + value.ZH, a.Title.EN + ", " + name.EN + " " + value.EN}
	}
	limit := amount(v.Point, *v.Limit, v.Unit)
	return Text{name.ZH + " " + value.ZH + "（阈值 " + limit.ZH + "）", capital(name.EN) + " " + value.EN + " (limit " + limit.EN + ")"}
}

// Around an incident so much is shown before it: as long as it lasts, between these two; and so much after it.
const (
	leastBefore = 2 * time.Minute
	mostBefore  = 15 * time.Minute
	chartAfter  = 5 * time.Minute
	mostSession = 48 * time.Hour
)

// Window is the time that a chart of the incident shows, Unix ms, when its point is read every poll. The incident fills
// most of it. A rule that looked at a whole charging session is shown with the whole session.
func Window(in Incident, poll time.Duration, now time.Time) (from, to int64) {
	to = now.UnixMilli()
	if in.RecoveredAt > 0 {
		to = min(to, in.RecoveredAt+chartAfter.Milliseconds())
	}
	lasted := time.Duration(max(0, to-in.Since)) * time.Millisecond
	before := min(max(lasted, leastBefore, 10*poll), max(mostBefore, 10*poll))
	for _, e := range in.Detail.Evidence {
		if e.Name == "session.duration" && e.Value != nil {
			session := time.Duration(*e.Value * float64(unit(e.Unit)))
			before = max(before, min(session+session/20, mostSession))
		}
	}
	return in.Since - before.Milliseconds(), max(to, in.Since+1)
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
