// Package names says points, numbers and times in the words of who stands before the gateway's own pages. Profiles and rules know
// a point as "voltage_l1"; an installer on a ladder reads 「A 相电压」.
package names

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
)

// Point is the name of a point for people: "A 相电压", "voltage l1". A point without a Chinese name keeps its own.
func Point(name string, lang config.Language) string {
	if zh, ok := points()[name]; ok && lang == config.Chinese {
		return zh
	}
	return strings.ReplaceAll(name, "_", " ")
}

// Value is a value for people: a state by its name, a number with its unit and as many decimals as the unit deserves.
func Value(pt device.Point, value float64, lang config.Language) string {
	if label, ok := Label(pt, value, lang); ok {
		return label
	}
	digits := 3
	switch pt.Unit {
	case "V", "W", "°C", "1/s", "kbit/s", "%LEL":
		digits = 1
	case "A", "kWh", "Hz":
		digits = 2
	}
	shift := math.Pow10(digits)
	text, unit := strconv.FormatFloat(math.Round(value*shift)/shift, 'f', -1, 64), pt.Unit
	if text == "-0" {
		text = "0"
	}
	if zh, ok := map[string]string{"1/s": "帧/秒", "s": "秒"}[unit]; ok && lang == config.Chinese {
		unit = zh
	}
	return strings.TrimSpace(text + " " + unit)
}

// Label is the name of a state; ok is false when the value is none that has a name. A driver of another process knows names in one
// language: they are better than a number.
func Label(pt device.Point, value float64, lang config.Language) (label string, ok bool) {
	if value != math.Trunc(value) {
		return "", false
	}
	if en, known := pt.LabelsEN[int64(value)]; known && lang != config.Chinese {
		return en, true
	}
	label, ok = pt.Labels[int64(value)]
	return label, ok
}

// Span is a length of time for people, its two greatest parts: "2 分 18 秒", "3 h 5 min".
func Span(d time.Duration, lang config.Language) string {
	d = max(0, d.Round(time.Second))
	units := []string{"d", "h", "min", "s"}
	if lang == config.Chinese {
		units = []string{"天", "小时", "分", "秒"}
	}
	parts := []time.Duration{d / (24 * time.Hour), d / time.Hour % 24, d / time.Minute % 60, d / time.Second % 60}
	for i, n := range parts[:3] {
		switch {
		case n == 0:
		case parts[i+1] == 0 && units[i] == "分":
			return fmt.Sprintf("%d 分钟", n)
		case parts[i+1] == 0:
			return fmt.Sprintf("%d %s", n, units[i])
		default:
			return fmt.Sprintf("%d %s %d %s", n, units[i], parts[i+1], units[i+1])
		}
	}
	return fmt.Sprintf("%d %s", parts[3], units[3])
}

// Ago is how old something is: "刚刚", "3 s ago".
func Ago(age time.Duration, lang config.Language) string {
	switch now := age < 1500*time.Millisecond; {
	case now && lang == config.Chinese:
		return "刚刚"
	case now:
		return "now"
	case lang == config.Chinese:
		return Span(age, lang) + "前"
	}
	return Span(age, lang) + " ago"
}
