package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/rules"
)

// outcomeWords name what people found.
func outcomeWords() [4][3]string {
	return [4][3]string{{"real", "真实", "real"}, {"false_alarm", "误报", "false"}, {"drill", "演练", "drill"}, {"device_fault", "设备故障", "fault"}}
}

// print tells a replay to people.
func (r *replayed) print(w io.Writer, lang config.Language, zone *time.Location) {
	say := speaker(lang)
	fmt.Fprintf(w, say("回放 %s · %s 个点位 · %s 个样本 · 用时 %s · 只读\n", "replayed %s · %s points · %s samples · in %s · read-only\n"),
		length(lang, r.to.Sub(r.from)), grouped(uint64(r.stats.Points)), grouped(r.last().report.Samples), short(r.took))
	r.printSums(w, lang)
	r.printRules(w, lang)
	r.printNoise(w, lang)
	r.printHoles(w, lang, zone)
	if r.outside > 0 {
		fmt.Fprintf(w, say("%d 条结论不在这段时间里，未计入\n", "%d outcomes are of other times and were not counted\n"), r.outside)
	}
	for _, p := range r.sets {
		for _, m := range p.missed {
			if m.Outcome == "real" {
				fmt.Fprintf(w, say("! %s 漏报：%s 已办结为真实\n", "! %s misses %s, closed as real\n"), p.title(lang), m.Alert)
			}
		}
	}
	if n := len(r.recorded); r.log {
		fmt.Fprintf(w, say("现场当时告警 %d 次\n", "the gateway told %d alerts at the time\n"), n)
	}
}

// printSums compares the sets as wholes.
func (r *replayed) printSums(w io.Writer, lang config.Language) {
	say, both := speaker(lang), r.compared() != nil
	rows := [][]string{{""}}
	for _, p := range r.sets {
		rows[0] = append(rows[0], p.title(lang))
	}
	count := func(title string, of func(playedSet) int) {
		row, last := []string{title}, 0
		for i, p := range r.sets {
			n := of(p)
			row = append(row, strconv.Itoa(n))
			if i > 0 {
				row = append(row, signed(n-last))
			}
			last = n
		}
		rows = append(rows, row)
	}
	count(say("告警次数", "alerts"), func(p playedSet) int { return len(p.report.Alerts) })
	if r.outcomes > 0 {
		for _, o := range outcomeWords() {
			sum := func(p playedSet) (n int) {
				for _, rule := range p.report.Rules {
					n += rule.Outcomes[o[0]]
				}
				return n
			}
			if o[0] == "real" || o[0] == "false_alarm" || sum(*r.last()) > 0 || both && sum(r.sets[0]) > 0 {
				count(say("其中已办结为"+o[1], "closed as "+o[2]), sum)
			}
		}
	}
	count(say("未持续而未触发", "pending, never fired"), func(p playedSet) (n int) {
		for _, rule := range p.report.Rules {
			n += rule.NeverFired
		}
		return n
	})
	if both {
		d := rules.Compare(r.sets[0].report, r.last().report)
		row := []string{say("首次触发延迟 中位", "delay, median"), delay(d.BeforeDelayMs), delay(d.AfterDelayMs)}
		if d.Both > 0 {
			more := time.Duration(*d.AfterDelayMs-*d.BeforeDelayMs) * time.Millisecond
			note := signedDelay(more)
			if more > 0 {
				note += say("   ← 注意", "   ← later")
			}
			row = append(row, note)
		}
		rows = append(rows, row)
	}
	printTable(w, rows)
}

// printRules tells the rules that have something to tell.
func (r *replayed) printRules(w io.Writer, lang config.Language) {
	say := speaker(lang)
	rows := [][]string{{say("规则", "rule"), "", say("告警", "alerts"), say("未触发", "never fired"), say("延迟", "delay")}}
	if r.outcomes > 0 {
		rows[0] = append(rows[0], say("真实", "real"), say("误报", "false"))
	}
	quiet := 0
	for _, rule := range r.ruleNames() {
		var of [2]rules.ReplayRule
		for i, p := range r.sets {
			of[i] = ruleOf(p.report, rule)
		}
		a, b := of[0], of[len(r.sets)-1]
		if a.Alerts+b.Alerts+a.NeverFired+b.NeverFired == 0 {
			quiet++
			continue
		}
		cell := func(text func(rules.ReplayRule) string) string {
			if r.compared() == nil || text(a) == text(b) {
				return text(b)
			}
			return text(a) + "→" + text(b)
		}
		title := b.Title
		if title.ZH == "" {
			title = a.Title
		}
		row := []string{rule, say(title.ZH, title.EN), cell(func(s rules.ReplayRule) string { return strconv.Itoa(s.Alerts) }),
			cell(func(s rules.ReplayRule) string { return strconv.Itoa(s.NeverFired) }), cell(func(s rules.ReplayRule) string { return delay(s.DelayMs) })}
		if r.outcomes > 0 {
			for _, o := range []string{"real", "false_alarm"} {
				row = append(row, cell(func(s rules.ReplayRule) string { return strconv.Itoa(s.Outcomes[o]) }))
			}
		}
		rows = append(rows, row)
	}
	if len(rows) > 1 {
		printTable(w, rows)
	}
	if quiet > 0 {
		fmt.Fprintf(w, say("另有 %d 条规则没有动静\n", "%d other rules had nothing to say\n"), quiet)
	}
}

// ruleNames are the rules of all sets, in the order of the last one.
func (r *replayed) ruleNames() (names []string) {
	seen := map[string]bool{}
	for i := len(r.sets) - 1; i >= 0; i-- {
		for _, rule := range r.sets[i].report.Rules {
			if !seen[rule.Rule] {
				seen[rule.Rule] = true
				names = append(names, rule.Rule)
			}
		}
	}
	return names
}

func ruleOf(report rules.ReplayReport, id string) rules.ReplayRule {
	for _, rule := range report.Rules {
		if rule.Rule == id {
			return rule
		}
	}
	return rules.ReplayRule{Rule: id}
}

func (r *replayed) printNoise(w io.Writer, lang config.Language) {
	before := r.sets[0].report
	noisy := rules.Noisiest(before, r.last().report, 3)
	if len(noisy) == 0 {
		return
	}
	var words []string
	for _, n := range noisy {
		word := fmt.Sprintf("%s (%d)", n.Subject, n.After)
		if r.compared() != nil {
			word = fmt.Sprintf("%s (%d→%d)", n.Subject, n.Before, n.After)
		}
		words = append(words, word)
	}
	fmt.Fprintf(w, speaker(lang)("最吵的 %d 个：%s\n", "the %d noisiest: %s\n"), len(words), strings.Join(words, "  "))
}

// mostHoles are told to people; JSON has all.
const mostHoles = 8

func (r *replayed) printHoles(w io.Writer, lang config.Language, zone *time.Location) {
	say, holes := speaker(lang), r.holes()
	if len(holes) == 0 {
		return
	}
	total := time.Duration(0)
	for _, h := range holes {
		total += h.To.Sub(h.From)
	}
	fmt.Fprintf(w, say("数据有 %d 个空洞，共 %s；空洞里一切未知，不跨越\n", "holes in the data: %d, %s together; within them nothing is known, nothing is bridged\n"), len(holes), length(lang, total))
	for i, h := range holes {
		if i == mostHoles {
			fmt.Fprintf(w, say("  … 还有 %d 个，见 --json\n", "  … %d more, see --json\n"), len(holes)-i)
			return
		}
		const form = "01-02 15:04:05"
		fmt.Fprintf(w, "  %s – %s  %s  %s\n", h.From.In(zone).Format(form), h.To.In(zone).Format(form), short(h.To.Sub(h.From)), holeWords(lang, h.Reason))
	}
}

func holeWords(lang config.Language, reason string) string {
	say := speaker(lang)
	switch reason {
	case rules.HoleBefore:
		return say("没有记录", "not recorded")
	case rules.HoleRestart:
		return say("网关重启", "gateway restarted")
	case rules.HoleLost:
		return say("记录缺失", "records are missing")
	case rules.HoleDamaged:
		return say("记录损坏", "a record is damaged")
	case rules.HoleVersion:
		return say("记录来自更新的版本", "a record of a later version")
	case rules.HoleSilent:
		return say("没有任何读数", "no readings at all")
	}
	return reason
}
