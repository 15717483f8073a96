package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/status"
	"github.com/linshao/linshao/rules"
)

func stateWord(lang config.Language, s rules.State) string {
	zh := map[rules.State]string{rules.Pending: "待确认", rules.Firing: "报警", rules.Resolved: "结束", rules.Cancelled: "未持续", "": "没有告警"}
	if word, ok := zh[s]; ok && lang == config.Chinese {
		return word
	}
	if s == "" {
		return "no alert"
	}
	return string(s)
}

func (x *explained) print(w io.Writer, lang config.Language) {
	say := speaker(lang)
	if x.life != nil {
		x.printLife(w, lang)
	} else {
		fmt.Fprintf(w, say("%s/%s：日志里没有告警\n", "%s/%s: no alert in the log\n"), x.rule, x.subject)
	}
	if x.now != nil {
		x.printNow(w, lang)
	} else if x.silent != nil {
		fmt.Fprintf(w, say("\n网关没有应答，现在的情况不知道（%v）\n", "\nThe gateway does not answer, so how things are now is not known (%v)\n"), x.silent)
	}
	switch {
	case x.text != nil:
		head := fmt.Sprintf(say("规则 %s（版本 %s，%s）：", "Rule %s (version %s, %s):"), x.rule, x.text.Version, x.text.File)
		if x.other {
			head = fmt.Sprintf(say("当时版本的原文没有保存；这是 %s 的版本 %s（%s）：", "The text of that version was not kept; this is %s, version %s (%s):"), x.rule, x.text.Version, x.text.File)
		}
		fmt.Fprintf(w, "\n%s\n%s", head, indented(x.text.Text))
	case x.rule == rules.ActionRule || x.life != nil && x.life.first().Version == "built-in":
		fmt.Fprintln(w, say("\n这条规则是内置的。", "\nThis rule is built in."))
	}
}

func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ") + "\n"
}

func (x *explained) printLife(w io.Writer, lang config.Language) {
	e := x.life.first()
	head := x.life.id + "  " + pickText(lang, e.Title)
	if e.Shadow {
		head += speaker(lang)("  影子规则", "  shadow rule")
	}
	fmt.Fprintln(w, head)
	last := ""
	for _, r := range x.life.records {
		at := r.at().In(x.zone).Format("2006-01-02 15:04:05")
		if r.action != nil {
			fmt.Fprintf(w, "%s  %s\n", at, actionLine(lang, r.action))
			continue
		}
		ev := r.alert
		word := stateWord(lang, ev.State)
		if ev.State == rules.Firing {
			word += " " + string(ev.Severity)
		}
		if ev.Level > 0 {
			word += fmt.Sprintf(speaker(lang)(" 第 %d 级", " rung %d"), ev.Level)
		}
		if ev.Shelved {
			word += speaker(lang)(" 只记录", " shelved")
		}
		fmt.Fprintf(w, "%s  %s  %s\n", at, word, pickText(lang, ev.Message))
		for _, line := range ev.Why {
			fmt.Fprintln(w, "    "+pickText(lang, line))
		}
		if values := evidenceLine(lang, ev); values != "" && values != last {
			fmt.Fprintln(w, speaker(lang)("    值：", "    values: ")+values)
			last = values
		}
		if !ev.Window.IsZero() {
			fmt.Fprintln(w, speaker(lang)("    从 ", "    looked at since ")+ev.Window.In(x.zone).Format("2006-01-02 15:04:05")+speaker(lang)(" 看起", ""))
		}
	}
}

// evidenceLine is the values that a rule saw; conditions that are false, and numbers of a charge that are nothing, are left out.
func evidenceLine(lang config.Language, ev *rules.AlertEvent) string {
	var all []string
	for _, v := range ev.Evidence {
		session := strings.HasPrefix(v.Name, "session.") || strings.HasPrefix(v.Name, "baseline.")
		if math.IsNaN(v.Value) && session || v.Value == 0 && session {
			continue
		}
		value := speaker(lang)("未知", "unknown")
		if !math.IsNaN(v.Value) {
			value = strings.TrimSpace(strconv.FormatFloat(v.Value, 'g', 6, 64) + " " + v.Unit)
			if v.Unit == "s" && v.Value >= 60 {
				value = time.Duration(v.Value * float64(time.Second)).Round(time.Second).String()
			}
		} else if v.Reason.String() != "" {
			value += " (" + v.Reason.String() + ")"
		}
		all = append(all, v.Name+" "+value)
	}
	return strings.Join(all, speaker(lang)("，", ", "))
}

// actionLine is what became of an action, and on whose authority.
func actionLine(lang config.Language, r *wire.ActionResult) string {
	outcome, owner := r.GetOutcome(), r.GetOwner()
	if lang == config.Chinese {
		zh := map[string]string{"intent": "要执行", "confirmed": "已确认", "failed": "失败", "refused": "被拒绝"}
		owners := map[string]string{"interlock": "联锁", "manual": "人工", "safety": "安全规则", "automation": "自动化", "cloud": "云端", "schedule": "计划"}
		if zh[outcome] != "" {
			outcome = zh[outcome]
		}
		if owners[owner] != "" {
			owner = owners[owner]
		}
	}
	line := speaker(lang)("动作 ", "action ") + fmt.Sprintf("%s.%s=%g %s", r.GetAction().GetDevice(), r.GetAction().GetPoint(), r.GetAction().GetValue(), outcome)
	if n := r.GetAttempts(); n > 0 {
		line += fmt.Sprintf(speaker(lang)("，第 %d 次", ", attempt %d"), n)
	}
	if who := strings.TrimSpace(owner + " " + r.GetWho()); who != "" {
		line += speaker(lang)("（"+who+"）", " ("+who+")")
	}
	if r.GetReason() != "" {
		line += speaker(lang)("：", ": ") + r.GetReason()
	}
	return line
}

func (x *explained) printNow(w io.Writer, lang config.Language) {
	n := x.now
	fmt.Fprintf(w, speaker(lang)("\n现在（%s）：%s\n", "\nNow (%s): %s\n"), n.At.In(x.zone).Format("2006-01-02 15:04:05"), stateWord(lang, rules.State(n.State)))
	printLines(w, lang, n.Why)
	if len(n.Traces) > 0 {
		fmt.Fprintln(w, speaker(lang)("\n启动以来留下的判断：", "\nEvaluations kept since the start:"))
	}
	for _, t := range n.Traces {
		what := speaker(lang)("（没有变化）", " (no change)")
		if t.Changed {
			what = ""
		}
		fmt.Fprintf(w, "%s  %s%s\n", t.At.In(x.zone).Format("2006-01-02 15:04:05"), stateWord(lang, rules.State(t.State)), what)
		printLines(w, lang, t.Why)
	}
}

func printLines(w io.Writer, lang config.Language, lines []status.Text) {
	for _, line := range lines {
		fmt.Fprintln(w, "    "+pickText(lang, rules.Text(line)))
	}
}
