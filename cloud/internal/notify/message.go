package notify

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/linshao/linshao/cloud/internal/incident"
)

// maxMarkdown is WeCom's limit of a markdown message, in bytes; maxLine keeps one incident's part readable.
const (
	maxMarkdown = 4096
	maxLine     = 500 // characters
	maxTitle    = 60  // characters
)

// text words one incident after the skeleton of the message, or several as a digest.
func (s *sender) text(group []notice, ins []incident.Incident) string {
	if len(ins) == 1 {
		return s.one(group[0], ins[0])
	}
	var b strings.Builder
	fmt.Fprintf(&b, "**%d 条告警汇总**(发送限额内合并)\n", len(ins))
	for i, in := range ins {
		line := fmt.Sprintf("> 【%s级·%s】%s %s", in.Severity, title(in), cut(place(in), 2*maxTitle), s.clock(in.Since))
		if link := s.service.cfg.Links.To(in.ID, s.receiver.ID); link != "" {
			line += " [打开](" + link + ")"
		}
		if b.Len()+len(line)+60 > maxMarkdown {
			fmt.Fprintf(&b, "…另有 %d 条,请打开网页查看", len(ins)-i)
			break
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// one is 【A级·燃气高报】小区/位置 · sentence with value and limit · time · handler · time limit · link.
func (s *sender) one(n notice, in incident.Incident) string {
	parts, color := []string{place(in), plain(in.Message.ZH), s.clock(in.Since)}, "warning"
	if in.Late {
		parts[2] = s.day(in.Since) + " 断网期间发生，现在补传"
		if in.Condition == incident.Recovered {
			parts, color = append(parts, "已于 "+s.day(in.RecoveredAt)+" 恢复"), "comment"
		}
	}
	if n.kind == incident.KindSeverity {
		parts = append(parts, "级别升高")
	}
	if n.kind == incident.KindOverdue {
		parts = append(parts, overdue(in))
	}
	if in.TakenBy != "" {
		parts = append(parts, "处理人 "+plain(in.TakenBy))
	} else if in.Deadline > 0 && n.kind != incident.KindOverdue {
		parts = append(parts, fmt.Sprintf("限时 %d 分钟接警", (in.Deadline-in.OpenedAt)/60000))
	}
	head := fmt.Sprintf("【%s级·%s】", in.Severity, title(in))
	text := fmt.Sprintf("<font color=\"%s\">%s</font>%s", color, head, cut(strings.Join(parts, " · "), maxLine-utf8.RuneCountInString(head)))
	if link := s.service.cfg.Links.To(in.ID, s.receiver.ID); link != "" {
		text += "\n[接警 " + in.ID + "](" + link + ")"
	}
	return text
}

// overdue says how far the handling is behind now; somebody may have taken the incident since the message was queued.
func overdue(in incident.Incident) string {
	switch {
	case in.Overdue == 0:
		return "曾处置超时"
	case in.Overdue == 1 && in.TakenBy == "":
		return "超时无人接警"
	}
	return "处置超时，" + incident.Whistle(in.Overdue).ZH
}

func title(in incident.Incident) string { return cut(plain(in.Title.ZH), maxTitle) }

func place(in incident.Incident) string {
	if in.Place == "" && in.DeviceName == "" { // the whole site
		return plain(in.SiteName)
	}
	if in.Place == "" {
		return plain(in.SiteName) + "/" + plain(in.DeviceName)
	}
	return plain(in.SiteName) + "/" + plain(in.Place)
}

func (s *sender) clock(ms int64) string {
	return time.UnixMilli(ms).In(s.service.cfg.Zone).Format("15:04:05")
}

// day is the clock of what may have been days ago.
func (s *sender) day(ms int64) string {
	return time.UnixMilli(ms).In(s.service.cfg.Zone).Format("01-02 15:04")
}

// plain takes out what would format or link: names come from gateways.
func plain(s string) string {
	return strings.NewReplacer("<", "‹", ">", "›", "[", "(", "]", ")", "*", "·", "`", "'", "\n", " ", "\r", " ").Replace(s)
}

func cut(s string, runes int) string {
	if utf8.RuneCountInString(s) <= runes {
		return s
	}
	return string([]rune(s)[:runes-1]) + "…"
}
