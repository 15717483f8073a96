package replay

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/rules"
)

// ReadOutcomes reads a CSV file of alerts and what people found, as the cloud exports it: columns alert and outcome among others, named
// by the first line. Outcomes are real, false_alarm, drill, device_fault, or 真实, 误报, 演练, 设备故障. When an alert is there twice, the
// last line counts. With any mistake nothing is answered. The error is the reader's.
func ReadOutcomes(in io.Reader) (map[string]string, Mistakes, error) {
	var m Mistakes
	all := map[string]string{}
	alert, outcome := -1, -1
	err := eachLine(in, &m, func(line int, row []string) bool {
		if alert < 0 {
			for i, word := range row {
				switch strings.ToLower(strings.TrimSpace(word)) {
				case "alert", "告警":
					alert = i
				case "outcome", "结论":
					outcome = i
				}
			}
			if alert < 0 || outcome < 0 {
				m.add(line, "第一行要有列 alert 和 outcome", "the first line needs the columns alert and outcome")
				return false
			}
			return true
		}
		if len(row) <= max(alert, outcome) {
			m.add(line, "只有 %d 列", "has only %d columns", len(row))
			return true
		}
		id, word := strings.Clone(unquoted(strings.TrimSpace(row[alert]))), outcomeOf(strings.TrimSpace(row[outcome]))
		_, ok := Rise(id)
		switch {
		case !ok:
			m.add(line, "%q 不是告警编号：应像 R16/gas-1/20261122T091500Z", "%q is no alert: it looks like R16/gas-1/20261122T091500Z", id)
		case word == "":
			m.add(line, "不认识的结论 %q：真实、误报、演练、设备故障", "outcome %q is not known: real, false_alarm, drill, device_fault", row[outcome])
		default:
			all[id] = word
		}
		return true
	})
	if err == nil && alert < 0 && m.Total == 0 {
		m.add(0, "文件是空的：第一行应是 alert,outcome", "the file is empty: the first line should be alert,outcome")
	}
	if err != nil || m.Total > 0 {
		return nil, m, err
	}
	return all, m, nil
}

// unquoted takes the ' away by which the export keeps a number from running as a formula in a spreadsheet.
func unquoted(id string) string {
	if rest, ok := strings.CutPrefix(id, "'"); ok && rest != "" && strings.ContainsAny(rest[:1], "=+-@'") {
		return rest
	}
	return id
}

func outcomeOf(word string) string {
	switch strings.ToLower(word) {
	case "real", "真实":
		return "real"
	case "false", "false_alarm", "误报":
		return "false_alarm"
	case "drill", "演练":
		return "drill"
	case "fault", "device_fault", "设备故障":
		return "device_fault"
	}
	return ""
}

// Rise takes an alert's identity apart; its time has no fraction of a second.
func Rise(id string) (a rules.RecordedAlert, ok bool) {
	i, j := strings.IndexByte(id, '/'), strings.LastIndexByte(id, '/')
	if i <= 0 || j <= i+1 {
		return a, false
	}
	stamp, _, _ := strings.Cut(id[j+1:], "-") // "-2": a second one within a second
	since, err := time.Parse("20060102T150405Z", stamp)
	return rules.RecordedAlert{Alert: id, Rule: id[:i], Subject: id[i+1 : j], Since: since}, err == nil
}

// Join gives recorded alerts their outcomes. An outcome whose alert is not in the log any more stands for an alert at the time of its
// identity; those that did not begin between the two moments are only counted.
func Join(recorded []rules.RecordedAlert, outcomes map[string]string, from, to time.Time) (all []rules.RecordedAlert, outside int) {
	known := map[string]bool{}
	for _, a := range recorded {
		a.Outcome = outcomes[a.Alert]
		known[a.Alert] = true
		all = append(all, a)
	}
	for id, outcome := range outcomes {
		if known[id] {
			continue
		}
		a, _ := Rise(id) // checked when it was read
		if a.Since.Before(from) || a.Since.After(to) {
			outside++
			continue
		}
		a.End, a.Outcome = a.Since.Add(time.Second), outcome
		all = append(all, a)
	}
	slices.SortStableFunc(all, func(a, b rules.RecordedAlert) int { return a.Since.Compare(b.Since) })
	return all, outside
}
