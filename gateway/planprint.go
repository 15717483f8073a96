package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/gateway/internal/bustime"
	"github.com/linshao/linshao/gateway/internal/config"
)

// A planPage prints plans for people, on 80 columns.
type planPage struct {
	w   io.Writer
	say func(zh, en string) string
}

func (pg planPage) line(format string, args ...any) { fmt.Fprintf(pg.w, format+"\n", args...) }

// channel prints one channel: what it is asked for, how full it gets, and who fills it, the greatest first.
func (pg planPage) channel(ch config.Channel, p bustime.Plan) {
	head := []string{ch.ID, ch.Driver}
	if p.Serial != nil {
		head = append(head, settingsOf(p.Serial))
	}
	count := pg.say("%d 台", "%d devices")
	if len(p.Units) == 1 {
		count = pg.say("%d 台", "%d device")
	}
	pg.line("%s", strings.Join(append(head, fmt.Sprintf(count, len(p.Units))), "  "))
	if !p.Known {
		pg.line(pg.say("  驱动说不出请求，不计时间", "  its driver cannot say what it asks: nothing is planned") + "\n")
		return
	}
	if len(p.Units) == 0 {
		pg.line(pg.say("  还没有设备：gateway scan --bus %s", "  no devices yet: gateway scan --bus %s")+"\n", ch.ID)
		return
	}
	pg.line("  %s  %s", bar(p.Utilisation), pg.verdict(ch, p))
	pg.costs(p)
	pg.line("")
	rows := [][]string{{pg.say("设备/请求", "device/request"), pg.say("周期", "each"), pg.say("发+收 字节", "out+in bytes"), pg.say("用时", "takes"), pg.say("占用", "share")}}
	right := []bool{false, true, true, true, true}
	all := alike(p)
	for i, same := range all {
		rows = append(rows, pg.rows(same, all[:i])...)
	}
	printColumns(pg.w, "  ", rows, right)
	pg.line("")
}

// costs are the times that are no device's own: of a round, of the pauses, and of a device that is dead, whose attempts are met
// with silence until the time-out.
func (pg planPage) costs(p bustime.Plan) {
	pg.line(pg.say("  一轮 %s", "  one round: %s"), spanOf(p.Cycle))
	if p.Pause > 0 {
		pg.line(pg.say("  每个请求前停 %s：总线的 pause", "  pause before each request: %s, the channel's"), spanOf(p.Pause))
	}
	assumed := pg.say("  估算按：设备收完请求 %s 后开始应答（不符就写 turnaround）", "  taken: devices answer %s after a request (turnaround says otherwise)")
	if p.Serial == nil {
		assumed = pg.say("  估算按：一来一回 %s（不符就写 turnaround）", "  taken: a round trip is %s (turnaround says otherwise)")
	}
	pg.line(assumed, spanOf(p.Turnaround))
	var worst time.Duration
	for _, u := range p.Units {
		worst = max(worst, u.Silent)
	}
	pg.line(pg.say("  一台不应答：每试一次占 %s；所有试探合计不超过线路的 5 %%", "  a silent device: %s each attempt; of all together at most 5 %% of the line"), spanOf(worst))
}

// verdict is what the figures mean, and what to do about it.
func (pg planPage) verdict(ch config.Channel, p bustime.Plan) string {
	percent := percentOf(p.Utilisation)
	switch planVerdict(p) {
	case planImpossible:
		if !p.Impossible() {
			return pg.say("✗ 占用 ", "✗ used ") + percent + pg.hurried(p)
		}
		return pg.say("✗ 占用 ", "✗ used ") + percent + pg.say("，排不下", ": more than it carries") + pg.fit(ch, p)
	case planTight:
		return pg.say("! 占用 ", "! used ") + percent + pg.say("，余量太小", ": hardly any room") + pg.fit(ch, p)
	}
	return pg.say("✓ 占用 ", "✓ used ") + percent
}

// hurried says which devices are asked too often for their own pause.
func (pg planPage) hurried(p bustime.Plan) string {
	all := p.Hurried()
	u := all[0]
	return fmt.Sprintf(pg.say("，但 %s 每 %v 太勤（%d 台）\n  → poll ≥ %v：每次应答后要停 %v", ": but %s each %v is too often (devices: %d)\n  → poll of %v or more: it rests %v after each answer"),
		shortened(u.Name()), u.Interval, len(all), u.Relaxed(), u.Pause)
}

func (pg planPage) fit(ch config.Channel, p bustime.Plan) string {
	f := ch.Fit(p)
	var ways []string
	if f.Poll > 0 {
		ways = append(ways, fmt.Sprintf(pg.say("poll ≥ %v", "poll of %v or more"), f.Poll))
	}
	if f.Baud > 0 {
		ways = append(ways, fmt.Sprintf(pg.say("%d 波特", "%d baud"), f.Baud))
	}
	ways = append(ways, fmt.Sprintf(pg.say("分 %d 条线", "%d lines"), f.Lines))
	return "\n  → " + strings.Join(ways, pg.say("，或 ", ", or "))
}

// alike are the units of a plan that are read in the same way, the greatest eaters first: thirty equal meters are one entry.
func alike(p bustime.Plan) [][]bustime.Unit {
	var all [][]bustime.Unit
	for _, u := range p.Eaters(len(p.Units)) {
		i := slices.IndexFunc(all, func(same []bustime.Unit) bool {
			return same[0].Interval == u.Interval && same[0].Unknown == u.Unknown && same[0].Pause == u.Pause && slices.Equal(same[0].Requests, u.Requests)
		})
		if i < 0 {
			all = append(all, nil)
			i = len(all) - 1
		}
		all[i] = append(all[i], u)
	}
	slices.SortStableFunc(all, func(a, b []bustime.Unit) int {
		return cmp.Compare(b[0].Share*float64(len(b)), a[0].Share*float64(len(a)))
	})
	return all
}

// rows are one line for the units, and one for each of their requests, unless some units before have the same ones.
func (pg planPage) rows(same []bustime.Unit, before [][]bustime.Unit) [][]string {
	u := same[0]
	name := u.Name()
	if n := len(same); n > 1 {
		name = fmt.Sprintf("%s…%s ×%d", name, same[n-1].Name(), n)
	}
	if u.Unknown {
		return [][]string{{shortened(name), u.Interval.String(), "—", "—", "—"}}
	}
	out, in := 0, 0
	for _, r := range u.Requests {
		out, in = out+r.Out, in+r.In
	}
	rows := [][]string{{shortened(name), u.Interval.String(), fmt.Sprintf("%d+%d", out, in), spanOf(u.Took), percentOf(u.Share * float64(len(same)))}}
	if u.Pause > 0 {
		rows = append(rows, []string{fmt.Sprintf(pg.say("  每次后停 %v，线路空出", "  rests %v, the line is free"), u.Pause), "≥ " + spanOf(u.Least), "", "", ""})
	}
	for _, other := range before {
		if slices.Equal(other[0].Requests, u.Requests) {
			return append(rows, []string{pg.say("  请求同 ", "  asked as ") + shortened(other[0].Name()), "", "", "", ""})
		}
	}
	for _, r := range u.Requests {
		every := ""
		if r.Every > u.Interval {
			every = r.Every.String()
		}
		rows = append(rows, []string{"  " + shortened(r.What), every, fmt.Sprintf("%d+%d", r.Out, r.In), spanOf(r.Took), ""})
	}
	return rows
}

// shortened keeps a cell from taking the terminal's whole width.
func shortened(s string) string {
	const most = 34
	if width(s) <= most {
		return s
	}
	n, cut := 0, 0
	for i, r := range s {
		if n += width(string(r)); n > most-1 {
			cut = i
			break
		}
	}
	return s[:cut] + "…"
}

// bar draws a share; what is above the whole does not fit into it.
func bar(share float64) string {
	const size = 20
	n := min(size, int(math.Ceil(share*size)))
	return strings.Repeat("█", n) + strings.Repeat("░", size-n)
}

func percentOf(share float64) string {
	if share < 0.0995 {
		return fmt.Sprintf("%.1f %%", 100*share)
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// spanOf is a duration with as many digits as people read.
func spanOf(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f ms", inMillis(d))
}
