package series

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// serverState is what VictoriaMetrics tells of itself in its metrics.
type serverState struct {
	started   float64       // when its process began, in whole seconds
	uptime    float64       // how long ago that was, in whole seconds; at most one second late
	ignored   float64       // rows that it took and dropped
	retention time.Duration // older rows are dropped
	settle    time.Duration // how long rows may be in memory alone when no merge is late
	rows      float64       // that it took since it began
	merges    float64       // under way
}

const (
	maxAhead     = 47 * time.Hour // VictoriaMetrics drops rows more than two days ahead
	maxName      = 4 << 10        // it cuts labels off at 16 KiB
	defaultMonth = 31 * 24 * time.Hour
)

var (
	flagLine   = regexp.MustCompile(`^flag\{name="(retentionPeriod|inmemoryDataFlushInterval)", value="([^"]*)"`)
	metricLine = regexp.MustCompile(`^(vm_rows_ignored_total|vm_app_start_timestamp|vm_app_uptime_seconds|vm_rows_inserted_total|vm_active_merges)(?:\{[^}]*\})? (\S+)`)
)

// state reads the server's metrics.
func (v *Victoria) state(ctx context.Context) (serverState, error) {
	body, err := v.get(ctx, "/metrics", nil)
	if err != nil {
		return serverState{}, fmt.Errorf("read metrics of VictoriaMetrics: %w", err)
	}
	defer body.Close()
	s := serverState{retention: defaultMonth, settle: oldSettle}
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "flag{") {
			if m := flagLine.FindStringSubmatch(line); m != nil {
				s.flag(m[1], m[2])
			}
		} else if m := metricLine.FindStringSubmatch(line); m != nil {
			x, err := strconv.ParseFloat(m[2], 64)
			if err != nil {
				return s, fmt.Errorf("read metrics of VictoriaMetrics: %q", line)
			}
			s.metric(m[1], line, x)
		}
	}
	if err := lines.Err(); err != nil {
		return s, fmt.Errorf("read metrics of VictoriaMetrics: %w", err)
	}
	if s.started == 0 {
		return s, errors.New("read metrics of VictoriaMetrics: no vm_app_start_timestamp among them; the address of its single-node version is wanted")
	}
	return s, nil
}

func (s *serverState) metric(name, line string, x float64) {
	switch name {
	case "vm_rows_ignored_total":
		s.ignored += x
	case "vm_app_start_timestamp":
		s.started = x
	case "vm_app_uptime_seconds":
		s.uptime = x
	case "vm_rows_inserted_total":
		s.rows += x
	case "vm_active_merges":
		if !strings.Contains(line, `"indexdb"`) { // up to 1.84, where a flush waits until the index is on the disk
			s.merges += x
		}
	}
}

func (s *serverState) flag(name, value string) {
	if name == "retentionPeriod" {
		if d, ok := parseRetention(value); ok {
			s.retention = d
		}
		return
	}
	// Since 1.85 rows and index are written when they are an interval old, looked for once an interval; those that are
	// merged in memory then, at the next look.
	if d, err := time.ParseDuration(value); err == nil && d > 0 {
		s.settle = 3*max(d, leastFlush) + settleMargin
	}
}

// parseRetention reads VictoriaMetrics' own notation: a number of months, or one with the unit h, d, w, M or y.
func parseRetention(text string) (time.Duration, bool) {
	units := map[string]time.Duration{"": defaultMonth, "M": defaultMonth, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "y": 365 * 24 * time.Hour}
	number := strings.TrimRight(text, "hdwMy")
	unit, ok := units[text[len(number):]]
	n, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || n <= 0 || n*float64(unit) > float64(1<<62) {
		return 0, false
	}
	return time.Duration(n * float64(unit)), true
}

// fit answers the columns in order of time and without what the server would drop; that is refused.
func (s serverState) fit(columns []Column, now time.Time, refused *RefusedError) []Column {
	oldest, farthest := now.Add(-s.retention+time.Minute).UnixMilli(), now.Add(maxAhead).UnixMilli()
	out := make([]Column, 0, len(columns))
	for _, c := range columns {
		if len(c.Times) == 0 {
			continue
		}
		if len(c.Device) > maxName || len(c.Point) > maxName {
			refused.add(c, "a name is longer than the store takes")
			continue
		}
		c = c.normal()
		i, j := 0, len(c.Times)
		for i < j && c.Times[i] < oldest {
			i++
		}
		for j > i && c.Times[j-1] > farthest {
			j--
		}
		if i > 0 {
			refused.add(c.part(0, i), fmt.Sprintf("older than the store's retention of %.0f days", s.retention.Hours()/24))
		}
		if j < len(c.Times) {
			refused.add(c.part(j, len(c.Times)), "more than two days in the future")
		}
		if i < j {
			out = append(out, c.part(i, j))
		}
	}
	return out
}
