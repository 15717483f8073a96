package rules

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/configs"
)

// class of a value in an expression.
type class uint8

const (
	number class = iota
	duration
	boolean
)

// A typ is what is known of a value before it has one.
type typ struct {
	class class
	unit  string // of a number; "" for a plain one
	any   bool   // a literal number takes the unit of what it meets
}

func (t typ) String() string {
	switch {
	case t.class == boolean:
		return "a condition"
	case t.class == duration:
		return "a duration"
	case t.unit != "":
		return "a number in " + t.unit
	}
	return "a plain number"
}

// unitType is the type of a point: seconds are durations, so that they compare with 15s.
func unitType(unit string) typ {
	if unit == "s" {
		return typ{class: duration}
	}
	return typ{unit: unit}
}

// A quantity is a parameter's value: a number with its unit, or a duration in seconds.
type quantity struct {
	typ    typ
	value  float64
	urgent float64 // the same in 急 mode; usually equal
}

// get is the value for the mode that the site is in.
func (q quantity) get() numFn {
	if q.value == q.urgent {
		return constant(q.value)
	}
	return func(f *frame) float64 {
		if f.emergency {
			return q.urgent
		}
		return q.value
	}
}

// parseQuantity reads "25 %LEL", "1.15" or "6h30m". The hint says how it is written right.
func parseQuantity(s string) (q quantity, hint string, err error) {
	s = strings.TrimSpace(s)
	if d, err := parseDuration(s); err == nil && s != "0" {
		return quantity{typ{class: duration}, d.Seconds(), d.Seconds()}, "", nil
	}
	digits, unit, _ := strings.Cut(s, " ")
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return q, `a number with its unit such as "25 %LEL", or a duration such as "6h30m"`, fmt.Errorf("%q is no quantity", s)
	}
	unit = strings.TrimSpace(unit)
	for _, known := range append(rates(), units()...) {
		if unit == known {
			return quantity{typ{unit: unit}, v, v}, "", nil
		}
	}
	if unit != "" {
		return q, unitHint(unit), fmt.Errorf("unknown unit %q", unit)
	}
	return quantity{typ{}, v, v}, "", nil
}

// parseDuration is time.ParseDuration with days before the rest: "7d", "1d12h".
func parseDuration(s string) (time.Duration, error) {
	days, rest, ok := strings.Cut(s, "d")
	if !ok {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("parse duration %q: days are a whole number", s)
	}
	d := time.Duration(n) * 24 * time.Hour
	if rest == "" {
		return d, nil
	}
	more, err := time.ParseDuration(rest)
	return d + more, err
}

// perHour is the unit of a slope.
func perHour(t typ) typ {
	switch {
	case t.class == duration:
		return typ{unit: "s/h"}
	case t.unit == "":
		return typ{unit: "1/h"}
	}
	return typ{unit: t.unit + "/h"}
}

// rates are the units of slopes.
func rates() []string {
	all := []string{"1/h", "s/h"}
	for _, unit := range units() {
		all = append(all, unit+"/h")
	}
	return all
}

func unitHint(unit string) string {
	if strings.EqualFold(unit, "kW") {
		return "power is always in W"
	}
	if near := configs.Nearest(unit, append(rates(), units()...)); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "units are " + strings.Join(units(), " ") + ", the same per hour (W/h), and durations such as 60s"
}

// language of a text for people.
type language uint8

const (
	zh language = iota
	en
)

// format writes a value for people: three digits that matter, its unit, and a word where there is no value.
func (t typ) format(v float64, lang language) string {
	switch {
	case math.IsNaN(v) && lang == zh:
		return "未知"
	case math.IsNaN(v):
		return "unknown"
	case t.class == boolean:
		return formatBool(v != 0, lang)
	case t.class == duration:
		return formatDuration(v, lang)
	}
	s := formatNumber(v)
	if t.unit != "" {
		s += " " + t.unit
	}
	return s
}

func formatBool(yes bool, lang language) string {
	switch {
	case yes && lang == zh:
		return "是"
	case lang == zh:
		return "否"
	case yes:
		return "yes"
	}
	return "no"
}

func formatNumber(v float64) string {
	decimals := 0
	switch size := math.Abs(v); {
	case size < 10:
		decimals = 2
	case size < 100:
		decimals = 1
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}

func formatDuration(seconds float64, lang language) string {
	if seconds < 0 || seconds > 1e9 {
		return formatNumber(seconds) + " s"
	}
	s := int64(seconds + 0.5)
	h, m := s/3600, s%3600/60
	words := [...]string{"小时", "分", "秒"}
	if lang == en {
		words = [...]string{" h", " min", " s"}
	}
	var parts []string
	if h > 0 {
		parts = append(parts, strconv.FormatInt(h, 10)+words[0])
	}
	if m > 0 {
		parts = append(parts, strconv.FormatInt(m, 10)+words[1])
	}
	if h == 0 && (m < 5 && s%60 > 0 || m == 0) {
		parts = append(parts, strconv.FormatInt(s%60, 10)+words[2])
	}
	if lang == zh {
		return strings.Join(parts, "")
	}
	return strings.Join(parts, " ")
}
