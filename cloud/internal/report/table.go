package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"time"

	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/sheet"
)

// A Line is one figure as people read it.
type Line struct {
	Name   incident.Text
	Now    string
	Before string
	Doc    string // what it is, in English; the Chinese name says it shortly
	Head   bool   // the title of a group, without figures
}

// Lines are the figures of a report in their order.
func (r Report) Lines() []Line {
	n, b := r.Now, r.Before
	docs := docsOf(reflect.TypeFor[Figures](), reflect.TypeFor[Alarms](), reflect.TypeFor[Upkeep](), reflect.TypeFor[Rounds](), reflect.TypeFor[Checks]())
	line := func(zh, en, now, before, field string) Line {
		return Line{Name: incident.Text{ZH: zh, EN: en}, Now: now, Before: before, Doc: docs[field]}
	}
	head := func(zh, en string) Line { return Line{Name: incident.Text{ZH: zh, EN: en}, Head: true} }
	out := []Line{
		head("处置", "Handling"),
		line("上报（件）", "Reported", num(n.Reported), num(b.Reported), "Reported"),
		line("办结（件）", "Handled", num(n.Handled), num(b.Handled), "Handled"),
		line("处置率", "Handling rate", pct(n.Rate), pct(b.Rate), "Rate"),
		line("首次响应（中位）", "First response (median)", dur(n.Response), dur(b.Response), "Response"),
		line("已办结中按时", "Closed on time", pct(n.Within), pct(b.Within), "Within"),
		line("返工（件）", "Reworked", num(n.Reworked), num(b.Reworked), "Reworked"),
		line("返工率", "Rework rate", pct(n.ReworkRate), pct(b.ReworkRate), "ReworkRate"),
		line("误报（件）", "False alarms", num(n.FalseAlarms), num(b.FalseAlarms), "FalseAlarms"),
		line("误报率（占判为真实或误报的）", "False alarm rate, of those closed as real or false", pct(n.FalseRate), pct(b.FalseRate), "FalseRate"),
		line("主动发现 : 投诉发现", "Self-found : by complaint", ratio(n), ratio(b), "SelfFound"),
		line("满意度", "Satisfaction", pct(n.Satisfaction), pct(b.Satisfaction), "Satisfaction"),
		line("评价（次）", "Ratings", num(n.Ratings), num(b.Ratings), "Ratings"),
		head("各步用时（中位）", "Time per step (median)"),
	}
	for i, s := range n.Steps {
		before := "–"
		if i < len(b.Steps) {
			before = dur(b.Steps[i].Median)
		}
		out = append(out, line(s.Name.ZH, s.Name.EN, dur(s.Median), before, "Steps"))
	}
	out = append(out, onDuty(n, b, line, head)...)
	a, c := n.Alarms, b.Alarms
	return append(out,
		head("设备", "Devices"),
		line("网关在线期间设备应答占比", "Devices answering while their gateway reported", pct(n.Online), pct(b.Online), "Online"),
		line("维护工单（件）", "Maintenance reported", num(n.Maintenance.Reported), num(b.Maintenance.Reported), "Maintenance"),
		line("维护办结率", "Maintenance handled", pct(n.Maintenance.Rate), pct(b.Maintenance.Rate), "Maintenance"),
		head("告警管理", "Alarm management"),
		line("参与人数", "Operators", num(a.Operators), num(c.Operators), "Operators"),
		line("人均每 10 分钟", "Per operator and 10 min", dec(a.PerTenMin), dec(c.PerTenMin), "PerTenMin"),
		line("人均每小时", "Per operator and hour", dec(a.PerHour), dec(c.PerHour), "PerHour"),
		line("人均每天", "Per operator and day", dec(a.PerDay), dec(c.PerDay), "PerDay"),
		line("10 分钟内最多（含设备故障）", "Most within 10 min, device faults included", num(a.Peak), num(c.Peak), "Peak"),
		line("告警洪峰（次）", "Floods", num(a.Floods), num(c.Floods), "Floods"),
		line("洪峰时间占比", "Time in flood", dec(a.FloodShare)+" %", dec(c.FloodShare)+" %", "FloodShare"),
		line("抖动告警", "Chattering", num(a.Chattering), num(c.Chattering), "Chattering"),
		line("瞬时告警", "Fleeting", num(a.Fleeting), num(c.Fleeting), "Fleeting"),
		line("持续超过 24 h", "Standing over 24 h", num(a.Standing), num(c.Standing), "Standing"),
		line("A : B : C", "A : B : C", pct(a.SeverityA)+" : "+pct(a.SeverityB)+" : "+pct(a.SeverityC), pct(c.SeverityA)+" : "+pct(c.SeverityB)+" : "+pct(c.SeverityC), "SeverityA"))
}

// onDuty are the figures of patrols and duty checks.
func onDuty(n, b Figures, line func(zh, en, now, before, field string) Line, head func(zh, en string) Line) []Line {
	return []Line{
		head("巡查与查岗", "Patrols and duty checks"),
		line("巡查（次）", "Patrol rounds", num(n.Rounds.Over), num(b.Rounds.Over), "Over"),
		line("按时完成", "Walked in time", num(n.Rounds.InTime), num(b.Rounds.InTime), "InTime"),
		line("迟到完成", "Walked late", num(n.Rounds.Late), num(b.Rounds.Late), "Late"),
		line("未完成", "Missed", num(n.Rounds.Missed), num(b.Rounds.Missed), "Missed"),
		line("按时率", "Walked in time, share", pct(n.Rounds.InTimeRate), pct(b.Rounds.InTimeRate), "InTimeRate"),
		line("巡查点到位率", "Checkpoints seen", pct(n.Rounds.Seen), pct(b.Rounds.Seen), "Seen"),
		line("查岗（次）", "Duty checks", num(n.Checks.Asked), num(b.Checks.Asked), "Asked"),
		line("已应答", "Answered", num(n.Checks.Answered), num(b.Checks.Answered), "Answered"),
		line("无应答", "Not answered", num(n.Checks.Unmet), num(b.Checks.Unmet), "Unmet"),
		line("应答率", "Answered, share", pct(n.Checks.Answers), pct(b.Checks.Answers), "Answers"),
		line("消息未送达（不计）", "No message arrived (not counted)", num(n.Checks.Untold), num(b.Checks.Untold), "Untold"),
	}
}

// docsOf are the definitions of figures by their fields' names: they are written once, at the fields.
func docsOf(types ...reflect.Type) map[string]string {
	out := map[string]string{}
	for _, t := range types {
		for i := range t.NumField() {
			if f := t.Field(i); f.Tag.Get("doc") != "" {
				out[f.Name] = f.Tag.Get("doc")
			}
		}
	}
	return out
}

func num(n int) string { return strconv.Itoa(n) }

func dec(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func pct(p *float64) string {
	if p == nil {
		return "–"
	}
	return strconv.FormatFloat(*p, 'f', 1, 64) + " %"
}

func ratio(f Figures) string { return num(f.SelfFound) + " : " + num(f.Complaints) }

// dur writes a time in its two largest units.
func dur(ms *int64) string {
	if ms == nil {
		return "–"
	}
	d := (time.Duration(*ms) * time.Millisecond).Round(time.Second)
	day := 24 * time.Hour
	switch {
	case d >= day:
		return fmt.Sprintf("%d d %d h", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// WriteCSV writes the report as a table, with a mark by which Excel knows UTF-8. No cell begins as a formula would.
func (r Report) WriteCSV(w io.Writer) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	out := csv.NewWriter(w)
	rows := [][]string{{"指标", "figure", "本期 this period", "上期 period before", "definition"}, {"", "", r.From + " – " + r.To, "", sheet.Safe(r.title().EN)}}
	for _, l := range r.Lines() {
		rows = append(rows, []string{l.Name.ZH, l.Name.EN, sheet.Safe(l.Now), sheet.Safe(l.Before), l.Doc})
	}
	rows = append(rows, nil, []string{"误报", "false alarms", "误报/办结 false/closed", "%", ""})
	for _, f := range append(append([]FalseRate{}, r.Now.ByRule...), r.Now.BySite...) {
		rows = append(rows, []string{"", sheet.Safe(f.Of), fmt.Sprintf("%d of %d", f.False, f.Closed), dec(f.Rate), ""})
	}
	rows = append(rows, nil, []string{"告警最多", "bad actors", "件 n", "站点 site", "规则 rule"})
	for _, a := range r.Now.Alarms.BadActors {
		rows = append(rows, []string{"", sheet.Safe(a.Device), num(a.N), sheet.Safe(a.Site), sheet.Safe(a.Rule)})
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r Report) title() incident.Text {
	of := r.Name
	if of == "" {
		of = r.Node
	}
	if of == "" {
		return incident.Text{ZH: "全部", EN: "All"}
	}
	return incident.Text{ZH: of, EN: of}
}
