package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// number is a size: digits and a unit, "512MiB".
var size = regexp.MustCompile(`^(\d+(?:\.\d+)?) ?(B|KiB|MiB|GiB|TiB|KB|MB|GB)$`)

// parseSize reads "512MiB" into bytes.
func parseSize(s string) (int64, error) {
	m := size.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is no size", s)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no size: %w", s, err)
	}
	step := 1024.0
	if !strings.Contains(m[2], "i") {
		step = 1000
	}
	n *= math.Pow(step, float64(strings.Index("BKMGT", m[2][:1])))
	if n > 1<<50 {
		return 0, fmt.Errorf("%q is more than 1 PiB", s)
	}
	return int64(n), nil
}

// duration reads a duration between two limits, or answers the default for an empty text. A bad one is told at its path.
func (l *loader) duration(path, text string, standard, least, most time.Duration) time.Duration {
	if text == "" {
		return standard
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		l.add(path, l.say("%q 不是时长", "%q is no duration", text), l.say("写成 300ms、5s、6h", "write 300ms, 5s or 6h"))
		return standard
	}
	if d < least || d > most {
		l.add(path, l.say("%s 超出范围", "%s is out of range", text), l.say("%v 到 %v", "%v to %v", least, most))
		return standard
	}
	return d
}

// bytes reads a size between two limits, or answers the default for an empty text.
func (l *loader) bytes(path, text string, standard, least int64) int64 {
	if text == "" {
		return standard
	}
	n, err := parseSize(text)
	if err != nil {
		l.add(path, l.say("%q 不是大小", "%q is no size", text), l.say("写成 512MiB 或 2GiB", "write 512MiB or 2GiB"))
		return standard
	}
	if n < least {
		l.add(path, l.say("%s 太小", "%s is too small", text), l.say("至少 %d 字节", "at least %d bytes", least))
		return standard
	}
	return n
}
