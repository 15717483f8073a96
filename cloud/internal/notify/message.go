package notify

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/linshao/linshao/cloud/internal/incident"
)

// maxMarkdown is WeCom's limit of a markdown message, in bytes, and the smallest of all; maxLine keeps one incident's
// part readable.
const (
	maxMarkdown = 4096
	maxLine     = 500 // characters
	maxTitle    = 60  // characters
)

// message is what a receiver is sent, in words.
type message struct {
	event    string // the same in every attempt
	severity string // the worst
	title    string
	text     string
}

func (s *sender) message(group []notice, ins []incident.Incident) message {
	m := message{event: group[0].event(s.receiver.ID), severity: group[0].severity, text: s.text(group, ins)}
	if len(ins) == 1 {
		m.title = fmt.Sprintf("【%s级·%s】%s", ins[0].Severity, title(ins[0]), cut(place(ins[0]), maxTitle))
		return m
	}
	m.event += fmt.Sprintf("-%d", len(ins))
	m.title = digestTitle(ins)
	return m
}

// view is the message for a webhook's templates.
func (s *sender) view(m message, group []notice, ins []incident.Incident) View {
	in := ins[0]
	v := View{Event: m.event, Kind: group[0].kind, Severity: m.severity, Title: title(in), Text: cut(strings.TrimSpace(m.text), maxLine), Site: plain(in.SiteName), Place: plain(in.Place),
		Incident: in.ID, Since: time.UnixMilli(in.Since).In(s.service.cfg.Zone).Format(time.DateTime), Link: s.service.cfg.Links.To(in.ID, s.receiver.ID), Count: len(ins)}
	if v.Place == "" {
		v.Place = plain(in.DeviceName)
	}
	if len(ins) > 1 {
		v.Title = m.title
	}
	return v
}

// text words one incident after the skeleton of the message, or several as a digest.
func (s *sender) text(group []notice, ins []incident.Incident) string {
	if len(ins) == 1 {
		return s.one(group[0], ins[0])
	}
	var b strings.Builder
	b.WriteString(s.head("", digestTitle(ins)) + "(发送限额内合并)" + s.newline())
	for i, in := range ins {
		line := s.item() + fmt.Sprintf("【%s级·%s】%s %s", in.Severity, title(in), cut(place(in), 2*maxTitle), s.clock(in.Since))
		if link := s.service.cfg.Links.To(in.ID, s.receiver.ID); link != "" && s.receiver.Hook == nil {
			line += " " + s.link("打开", link)
		}
		if b.Len()+len(line)+60 > maxMarkdown {
			fmt.Fprintf(&b, "…另有 %d 条,请打开网页查看", len(ins)-i)
			break
		}
		b.WriteString(line + s.newline())
	}
	return b.String()
}

func digestTitle(ins []incident.Incident) string { return fmt.Sprintf("%d 条告警汇总", len(ins)) }

// head marks the begin of a message, each kind of receiver in its own way; color is one of WeCom's, or none.
func (s *sender) head(color, text string) string {
	switch {
	case s.receiver.Kind == WeCom && color != "":
		return fmt.Sprintf("<font color=\"%s\">%s</font>", color, text)
	case s.receiver.Kind == WeCom || s.receiver.Kind == DingTalk:
		return "**" + text + "**"
	}
	return text
}

func (s *sender) link(label, address string) string {
	if s.receiver.Kind == WeCom || s.receiver.Kind == DingTalk {
		return "[" + label + "](" + address + ")"
	}
	return label + ": " + address
}

func (s *sender) item() string {
	switch s.receiver.Kind {
	case WeCom:
		return "> "
	case DingTalk:
		return "- "
	}
	return ""
}

// newline ends a line; DingTalk's markdown runs lines together that no empty one divides.
func (s *sender) newline() string {
	if s.receiver.Kind == DingTalk {
		return "\n\n"
	}
	return "\n"
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
	text := s.head(color, head) + cut(strings.Join(parts, " · "), maxLine-utf8.RuneCountInString(head))
	if link := s.service.cfg.Links.To(in.ID, s.receiver.ID); link != "" && s.receiver.Hook == nil {
		text += s.newline() + s.link("接警 "+in.ID, link)
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
