package shift

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/rules"
)

const (
	dayMinutes = 24 * 60
	maxDays    = 60 // single days and ranges of one shift
	longest    = 366
)

// A Mistake is a text that says no days, no hours or no mode.
type Mistake struct{ Text rules.Text }

func (m *Mistake) Error() string { return m.Text.EN }

func mistake(zh, en string, args ...any) error {
	return &Mistake{rules.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}}
}

// span is from one day to another, both included.
type span struct{ from, to date }

func (s span) has(d date) bool {
	t := d.time()
	return !t.Before(s.from.time()) && !t.After(s.to.time())
}

func (s span) String() string {
	if s.from == s.to {
		return s.from.String()
	}
	return s.from.String() + ".." + s.to.String()
}

// days are those on which a shift begins.
type days struct {
	week    [7]bool // from Sunday, as time.Weekday
	in, out []span
}

func (d days) on(day date) bool {
	has := func(s span) bool { return s.has(day) }
	if slices.ContainsFunc(d.out, has) {
		return false
	}
	return d.week[day.time().Weekday()] || slices.ContainsFunc(d.in, has)
}

// Days answers the one right spelling of days; a *Mistake when they are none.
func Days(text string) (string, error) {
	d, err := parseDays(text)
	if err != nil {
		return "", err
	}
	var out []string
	if !slices.Contains(d.week[:], false) {
		out = append(out, "daily")
	} else {
		for i := 1; i <= 7; i++ { // a week begins on Monday
			j := i
			for ; j <= 7 && d.week[j%7]; j++ {
			}
			switch {
			case j-i == 1:
				out = append(out, names()[i-1])
			case j-i > 1:
				out = append(out, names()[i-1]+"-"+names()[j-2])
			}
			i = max(i, j)
		}
	}
	for _, s := range d.in {
		out = append(out, s.String())
	}
	for _, s := range d.out {
		out = append(out, "!"+s.String())
	}
	return strings.Join(out, " "), nil
}

func names() [7]string { return [7]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} }

func parseDays(text string) (days, error) {
	var d days
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return strings.ContainsRune(" \t;；,，、", r) })
	week := false
	for _, w := range words {
		out := strings.TrimLeft(w, "!！")
		if strings.HasPrefix(out, "20") || out != w {
			s, err := parseSpan(out)
			if err != nil {
				return days{}, err
			}
			if out != w {
				d.out = append(d.out, s)
			} else {
				d.in, week = append(d.in, s), true
			}
			continue
		}
		from, to, ok := weekdays(w)
		if !ok {
			return days{}, mistake("%q 不是日子：可写 每天、周一至周五、周末、2026-10-01、2026-10-01..2026-10-07，某天除外写 !2026-10-02",
				"%q says no days: write daily, mon-fri, weekend, 2026-10-01, 2026-10-01..2026-10-07, and !2026-10-02 for a day off", w)
		}
		week = true
		for i := from; ; i = (i + 1) % 7 {
			d.week[(i+1)%7] = true
			if i == to {
				break
			}
		}
	}
	if len(d.in)+len(d.out) > maxDays {
		return days{}, mistake("一个班次最多 %d 个单独的日期", "a shift has at most %d single days", maxDays)
	}
	if !week { // nothing at all, or days off alone
		d.week = [7]bool{true, true, true, true, true, true, true}
	}
	d.in, d.out = tidy(d.in), tidy(d.out)
	return d, nil
}

func parseSpan(text string) (span, error) {
	first, last, two := strings.Cut(text, "..")
	if !two {
		last = first
	}
	from, err1 := time.Parse(time.DateOnly, first)
	to, err2 := time.Parse(time.DateOnly, last)
	if err1 != nil || err2 != nil {
		return span{}, mistake("%q 不是日期，要写成 2026-10-01 或 2026-10-01..2026-10-07", "%q is no day such as 2026-10-01 or 2026-10-01..2026-10-07", text)
	}
	if n := to.Sub(from) / (24 * time.Hour); n < 0 || n > longest {
		return span{}, mistake("%q 的结束要晚于开始，最长一年", "%q ends before it begins, or is longer than a year", text)
	}
	return span{dateOf(from), dateOf(to)}, nil
}

func dateOf(t time.Time) date {
	y, m, d := t.Date()
	return date{y, m, d}
}

// tidy sorts spans and joins those that touch.
func tidy(in []span) []span {
	slices.SortFunc(in, func(a, b span) int {
		return cmp.Or(a.from.time().Compare(b.from.time()), a.to.time().Compare(b.to.time()))
	})
	var out []span
	for _, s := range in {
		if n := len(out); n > 0 && !s.from.time().After(out[n-1].to.time().AddDate(0, 0, 1)) {
			if s.to.time().After(out[n-1].to.time()) {
				out[n-1].to = s.to
			}
			continue
		}
		out = append(out, s)
	}
	return out
}

// weekdays answers the first and last day, from Monday = 0, that a word names.
func weekdays(w string) (from, to int, ok bool) {
	switch w {
	case "daily", "每天", "每日", "天天":
		return 0, 6, true
	case "weekend", "周末":
		return 5, 6, true
	case "weekdays", "工作日":
		return 0, 4, true
	}
	for _, dash := range []string{"-", "至", "到", "~", "～", "—"} {
		if a, b, two := strings.Cut(w, dash); two {
			from, ok1 := weekday(a)
			to, ok2 := weekday(b)
			return from, to, ok1 && ok2
		}
	}
	from, ok = weekday(w)
	return from, from, ok
}

func weekday(w string) (int, bool) {
	for i, name := range names() {
		if w == name {
			return i, true
		}
	}
	for _, week := range []string{"周", "星期", "礼拜"} {
		if day, ok := strings.CutPrefix(w, week); ok {
			if day == "天" {
				return 6, true
			}
			i := slices.Index([]string{"一", "二", "三", "四", "五", "六", "日"}, day)
			return i, i >= 0
		}
	}
	return 0, false
}

// Hours answers the one right spelling of hours; a *Mistake when they are none.
func Hours(text string) (string, error) {
	from, to, err := parseHours(text)
	if err != nil {
		return "", err
	}
	if to > dayMinutes {
		to -= dayMinutes
	}
	return fmt.Sprintf("%02d:%02d-%02d:%02d", from/60, from%60, to/60, to%60), nil
}

// parseHours answers minutes since the begin of the day; those of an end on the next day are beyond 24 hours.
func parseHours(text string) (from, to int, err error) {
	plain := strings.NewReplacer("：", ":", "—", "-", "～", "-", "~", "-", "–", "-", "至", "-", "到", "-", " ", "").Replace(strings.ToLower(text))
	if plain == "" || plain == "全天" || plain == "allday" {
		return 0, dayMinutes, nil
	}
	first, last, two := strings.Cut(plain, "-")
	from, ok1 := clock(first)
	to, ok2 := clock(last)
	if !two || !ok1 || !ok2 || from == dayMinutes {
		return 0, 0, mistake("%q 不是时段，要写成 08:00-20:00；跨夜写 20:00-08:00，全天写 00:00-24:00", "%q says no hours: write 08:00-20:00, 20:00-08:00 across midnight, 00:00-24:00 for all day", text)
	}
	if to <= from {
		to += dayMinutes
	}
	return from, to, nil
}

func clock(text string) (int, bool) {
	h, m, two := strings.Cut(text, ":")
	hour, err1 := strconv.ParseUint(h, 10, 8)
	minute, err2 := strconv.ParseUint(m, 10, 8)
	n := int(hour)*60 + int(minute)
	return n, two && err1 == nil && err2 == nil && len(h) <= 2 && len(m) == 2 && minute < 60 && n <= dayMinutes
}

// Mode answers the one right spelling of a mode; a *Mistake when it is none.
func Mode(text string) (string, error) {
	switch strings.ToLower(text) {
	case "", "always", "平急", "始终":
		return Always, nil
	case Ordinary, "平", "平时":
		return Ordinary, nil
	case Emergency, "急", "急时":
		return Emergency, nil
	}
	return "", mistake("%q 不是 平、急 之一；平急都算就留空", "%q is neither ordinary nor emergency; leave it empty for both", text)
}
