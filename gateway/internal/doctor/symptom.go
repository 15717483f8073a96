package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/rules"
)

func lineArea() commission.Text { return commission.Text{ZH: "总线", EN: "line"} }

// lines looks at the traffic of every line that cfg can read. Where the port itself is the problem that has been said: one
// cause, one finding.
func lines(ctx context.Context, cfg Config, site *config.Site, ports []Finding) []Finding {
	var found []Finding
	for _, ch := range site.Channels {
		known := func(f Finding) bool { return f.Channel == ch.ID && f.Level == Problem && f.Code != "port_held" }
		if slices.ContainsFunc(ports, known) {
			continue
		}
		if ch.Driver == config.DriverRTSP || ch.Driver == config.DriverPlugin || len(ch.Devices) == 0 || ctx.Err() != nil {
			continue
		}
		l, err := cfg.Read(ctx, ch)
		if err != nil {
			found = append(found, Finding{Area: lineArea(), Channel: ch.ID, Subject: ch.ID, Level: Warning, Code: "line_not_looked_at",
				Said: commission.Text{ZH: "这次没有检查：" + err.Error(), EN: "not looked at: " + err.Error()}})
			continue
		}
		found = append(found, Diagnose(l)...)
	}
	return found
}

// Diagnose draws conclusions from what was seen of a line: what is wrong, the likeliest cause first.
func Diagnose(l Line) []Finding {
	var right, requests, echoed, damaged, heads int
	var silent []string
	for _, s := range l.Seen {
		right, requests, echoed, damaged, heads = right+s.Right, requests+s.Requests, echoed+s.Echoed, damaged+s.Damaged, heads+s.heads
		if s.Right == 0 && s.Damaged == 0 && s.Foreign == 0 {
			silent = append(silent, s.ID)
		}
	}
	f := Finding{Area: lineArea(), Channel: l.Channel.ID, Subject: l.Channel.ID, Level: Problem}
	serial := l.Channel.Serial.Baud != 0
	switch {
	case l.Down != nil:
		f.Code = "line_down"
		f.Said = commission.Text{ZH: "断开：" + reasonOf(l.Down).ZH, EN: "is down: " + reasonOf(l.Down).EN}
		return []Finding{f}
	case requests > 0 && right == 0 && damaged == 0 && len(silent) == len(l.Seen):
		return []Finding{mute(f, l, requests, echoed, serial)}
	case serial && right == 0 && damaged > 0 && heads == damaged:
		f.Code = "line_long_damaged"
		f.Said = commission.Text{ZH: fmt.Sprintf("应答开头正确，后面损坏（%d 帧）：波特率和校验是对的", damaged), EN: fmt.Sprintf("answers begin rightly and then break (%d frames): baud and parity are right", damaged)}
		f.Next = []commission.Text{
			{ZH: "线路末端缺 120 Ω 终端电阻或偏置，或分支太长；降低波特率", EN: "no 120 Ω or bias at the far end, or branches that are too long; a lower baud"},
			{ZH: "两台设备同一地址也会这样：gateway scan --bus " + l.Channel.ID, EN: "two devices with one address look like this too: gateway scan --bus " + l.Channel.ID}}
		return []Finding{f}
	case serial && right == 0 && damaged > 0:
		f.Code = "line_garbled"
		f.Said = commission.Text{ZH: fmt.Sprintf("收到的全是乱码（%d 帧）", damaged), EN: fmt.Sprintf("everything that comes is garbled (%d frames)", damaged)}
		f.Next = []commission.Text{
			{ZH: "波特率或校验与设备不符：gateway scan --bus " + l.Channel.ID + " --baud all", EN: "another baud or parity than the devices': gateway scan --bus " + l.Channel.ID + " --baud all"},
			{ZH: "A/B 接反的线上也会有乱码：对调再试", EN: "lines with A and B exchanged give garbage too: swap them and try again"}}
		return []Finding{f}
	}
	var found []Finding
	answering := 0
	for _, s := range l.Seen {
		if s.Right > 0 {
			answering++
		}
		if f, bad := judgeSeen(l, s, right > 0, serial); bad {
			found = append(found, f)
		}
	}
	f.Level = Well
	f.Said = commission.Text{ZH: fmt.Sprintf("%d/%d 台应答，损坏 %d/%d 帧", answering, len(l.Seen), damaged, requests),
		EN: fmt.Sprintf("%d of %d devices answer, %d of %d frames damaged", answering, len(l.Seen), damaged, requests)}
	if echoed > 0 && serial {
		f.Said.ZH, f.Said.EN = f.Said.ZH+"；适配器有回波（已处理）", f.Said.EN+"; the adapter hears itself (taken care of)"
	}
	return append([]Finding{f}, found...)
}

// mute is a line on which nobody says anything.
func mute(f Finding, l Line, requests, echoed int, serial bool) Finding {
	f.Code = "line_mute"
	f.Said = commission.Text{ZH: fmt.Sprintf("没有任何应答（%d 帧，0 应答，%s）", requests, echoWords(echoed).ZH), EN: fmt.Sprintf("nobody answers (%d frames, 0 answers, %s)", requests, echoWords(echoed).EN)}
	if !serial {
		f.Next = []commission.Text{{ZH: "地址对吗（单元号）？网关后面的总线通吗？", EN: "is the unit id right? does the line behind the gateway work?"}}
		return f
	}
	f.Next = []commission.Text{
		{ZH: "1 A/B 是否接反：对调再试", EN: "1 are A and B exchanged: swap them and try again"},
		{ZH: "2 设备是否上电", EN: "2 do the devices have power"},
		{ZH: "3 转换器的灯是否随请求闪烁", EN: "3 does the converter's lamp blink with each request"},
		{ZH: "4 波特率和校验：gateway scan --bus " + l.Channel.ID + " --baud all", EN: "4 baud and parity: gateway scan --bus " + l.Channel.ID + " --baud all"}}
	return f
}

func echoWords(echoed int) commission.Text {
	if echoed > 0 {
		return commission.Text{ZH: "只听到自己的回波", EN: "only our own echo"}
	}
	return commission.Text{ZH: "未见回波", EN: "no echo"}
}

// slow is how long a device may think before people are told: it takes the line's time from all others.
const slow = 300 * time.Millisecond

// judgeSeen looks at one device on a line on which others may answer.
func judgeSeen(l Line, s Seen, others, serial bool) (f Finding, bad bool) {
	f = Finding{Area: lineArea(), Channel: l.Channel.ID, Subject: l.Channel.ID + " " + s.ID, Level: Problem}
	broken := s.Damaged + s.Foreign
	switch {
	case s.Requests == 0:
		return f, false
	case s.Right == 0 && broken == 0:
		f.Code = "device_silent"
		f.Said = commission.Text{ZH: fmt.Sprintf("没有应答（%d 次）", s.Requests), EN: fmt.Sprintf("does not answer (asked %d times)", s.Requests)}
		f.Next = []commission.Text{{ZH: "同线的别台有应答：查它的电源、接线和地址；gateway scan --bus " + l.Channel.ID, EN: "others on the line do: its power, its wires, its address; gateway scan --bus " + l.Channel.ID}}
		if !others {
			f.Next = nil
		}
	case s.Damaged > 0 && s.most > s.longest && s.longest > 0 && serial, broken > 1 && s.Right == 0 && others && serial:
		f.Code = "duplicate_address"
		f.Said = commission.Text{ZH: fmt.Sprintf("应答损坏 %d/%d：疑似两台设备同一地址", broken, s.Requests), EN: fmt.Sprintf("%d of %d answers damaged: probably two devices with one address", broken, s.Requests)}
		f.Next = []commission.Text{{ZH: "拔下其中一台再查一次；改其中一台的地址", EN: "unplug one of them and look again; give one another address"},
			{ZH: "只有一台？那它的校验位与别台不同", EN: "there is only one? then its parity is another than that of the others"}}
	case s.Damaged > 0 && s.shortest > s.longest/2 && s.longest > 0 && serial && s.shortest >= longAnswer:
		f.Code = "line_reflects"
		f.Level = Warning
		f.Said = commission.Text{ZH: fmt.Sprintf("只有长应答损坏（%d/%d）", s.Damaged, s.Requests), EN: fmt.Sprintf("only long answers are damaged (%d of %d)", s.Damaged, s.Requests)}
		f.Next = []commission.Text{{ZH: "线两端各接一个 120 Ω 终端电阻；降低波特率", EN: "120 Ω at both ends of the line; a lower baud"}}
	case broken > 0:
		f.Code, f.Level = "device_noisy", Warning
		f.Said = commission.Text{ZH: fmt.Sprintf("应答时好时坏：损坏 %d，答非所问 %d，共 %d", s.Damaged, s.Foreign, s.Requests), EN: fmt.Sprintf("answers at times: %d damaged, %d of another, of %d", s.Damaged, s.Foreign, s.Requests)}
		f.Next = []commission.Text{{ZH: "接线松动、屏蔽层接地、与动力线同槽；末端 120 Ω", EN: "a loose wire, the shield's ground, mains in the same duct; 120 Ω at the ends"}}
	case s.median() > slow:
		f.Code, f.Level = "device_slow", Warning
		f.Said = commission.Text{ZH: fmt.Sprintf("应答慢：%d ms，占用总线", s.median().Milliseconds()), EN: fmt.Sprintf("slow: answers after %d ms, which the line is busy for", s.median().Milliseconds())}
	case s.Silent > 0:
		f.Code, f.Level = "device_drops", Warning
		f.Said = commission.Text{ZH: fmt.Sprintf("%d/%d 次没有应答", s.Silent, s.Requests), EN: fmt.Sprintf("%d of %d requests are met with silence", s.Silent, s.Requests)}
	default:
		return f, false
	}
	return f, true
}

// longAnswer is how many bytes make an answer long: reflections hurt the end of a frame.
const longAnswer = 40

// ruleSet says which rules are in force.
func ruleSet(site *config.Site) []Finding {
	area := commission.Text{ZH: "规则", EN: "rules"}
	if len(site.Refused) > 0 {
		return []Finding{{Area: area, Level: Problem, Code: "rules_refused",
			Said: commission.Text{ZH: fmt.Sprintf("规则文件有 %d 个错误，用的是上次正确的规则", len(site.Refused)), EN: fmt.Sprintf("the rule files have %d mistakes; the last good ones are in force", len(site.Refused))},
			Next: []commission.Text{{ZH: "gateway check config " + site.File, EN: "gateway check config " + site.File}}}}
	}
	armed, quiet := 0, []string{}
	for _, r := range site.Rules.Rules() {
		mode := r.Mode
		if o := site.Overrides[r.ID].Mode; o != "" {
			mode = o
		}
		if mode == rules.Armed {
			armed++
		} else {
			quiet = append(quiet, r.ID)
		}
	}
	said := commission.Text{ZH: fmt.Sprintf("%d 条会自动动作", armed), EN: fmt.Sprintf("%d are armed", armed)}
	if len(quiet) > 0 {
		said.ZH, said.EN = said.ZH+"，只通知："+strings.Join(quiet, " "), said.EN+"; these only notify: "+strings.Join(quiet, " ")
	}
	return []Finding{{Area: area, Level: Well, Said: said}}
}
