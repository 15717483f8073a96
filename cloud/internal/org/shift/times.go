package shift

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mostTimes bounds how often something is begun in one day.
const mostTimes = 96

// Times answers the one right spelling of moments of a day: 08:00,14:00 or 08:00-20:00/2h, which is 08:00, 10:00 … 20:00.
// A *Mistake when it says none.
func Times(text string) (string, error) {
	t, err := parseTimes(text)
	if err != nil {
		return "", err
	}
	if t.every == 0 {
		words := make([]string, len(t.at))
		for i, m := range t.at {
			words[i] = spelled(m)
		}
		return strings.Join(words, ","), nil
	}
	rest := strconv.Itoa(t.every) + "m"
	if t.every%60 == 0 {
		rest = strconv.Itoa(t.every/60) + "h"
	}
	return spelled(t.from) + "-" + spelled(t.to) + "/" + rest, nil
}

// Begins answers the moments after one time, not after another, at which what has these days and times begins. Both are
// read in the location of the first. Texts that were not checked begin nothing.
func Begins(daysText, timesText string, after, until time.Time) []time.Time {
	d, err := parseDays(daysText)
	if err != nil {
		return nil
	}
	t, err := parseTimes(timesText)
	if err != nil {
		return nil
	}
	var out []time.Time
	y, m, day := after.Date()
	for i := 0; ; i++ {
		when := date{y, m, day + i}.normal()
		if time.Date(when.year, when.month, when.day, 0, 0, 0, 0, after.Location()).After(until) {
			return out
		}
		if !d.on(when) {
			continue
		}
		for _, minute := range t.at {
			if at := time.Date(when.year, when.month, when.day, 0, minute, 0, 0, after.Location()); at.After(after) && !at.After(until) {
				out = append(out, at)
			}
		}
	}
}

// times are minutes of a day, in order.
type times struct {
	at              []int
	from, to, every int // of a regular one; every 0: it is a list
}

func spelled(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

func parseTimes(text string) (times, error) {
	text = strings.NewReplacer("，", ",", "、", ",", "：", ":", "每", "/", " ", "", "—", "-", "~", "-").Replace(strings.ToLower(text))
	window, rest, regular := strings.Cut(text, "/")
	if regular {
		return parseRegular(window, rest)
	}
	var t times
	for w := range strings.SplitSeq(text, ",") {
		m, ok := clock(w)
		if !ok || m == dayMinutes {
			return times{}, mistake("%q 不是时刻：可写 08:00,14:00 或 08:00-20:00/2h", "%q is no time of the day: write 08:00,14:00 or 08:00-20:00/2h", w)
		}
		t.at = append(t.at, m)
	}
	slices.Sort(t.at)
	if t.at = slices.Compact(t.at); len(t.at) > mostTimes {
		return times{}, mistake("一天最多 %d 次", "at most %d times a day", mostTimes)
	}
	return t, nil
}

func parseRegular(window, rest string) (times, error) {
	first, last, two := strings.Cut(window, "-")
	from, ok1 := clock(first)
	to, ok2 := clock(last)
	rest = strings.NewReplacer("小时", "h", "分钟", "m", "分", "m").Replace(rest)
	every, err := time.ParseDuration(rest)
	minutes := int(every / time.Minute)
	if !two || !ok1 || !ok2 || to < from || to == dayMinutes || err != nil || every%time.Minute != 0 || minutes < 1 || minutes >= dayMinutes {
		return times{}, mistake("%q 要写成 08:00-20:00/2h", "%q must be such as 08:00-20:00/2h", window+"/"+rest)
	}
	t := times{from: from, to: to, every: minutes}
	for m := from; m <= to; m += minutes {
		t.at = append(t.at, m)
	}
	if len(t.at) > mostTimes {
		return times{}, mistake("一天最多 %d 次", "at most %d times a day", mostTimes)
	}
	return t, nil
}
