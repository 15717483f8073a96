package notify

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// maxLine keeps one incident's part readable.
const (
	maxLine  = 500 // characters
	maxTitle = 60  // characters
)

// message is what a receiver is sent, in words.
type message struct {
	event    string // the same in every attempt
	severity string // the worst
	title    string
	text     string
	people   []Person // whom it is for, each once
}

func (s *sender) message(group []notice, ins []incident.Incident) (message, error) {
	m := message{event: s.key(group), severity: group[0].severity}
	for _, n := range group {
		people, err := readPeople(n.people)
		if err != nil {
			return m, err
		}
		for _, p := range people {
			if !slices.Contains(m.people, p) {
				m.people = append(m.people, p)
			}
		}
	}
	m.text = s.text(group, ins, m.people)
	if len(ins) == 1 {
		m.title = fmt.Sprintf("【%s级·%s】%s", ins[0].Severity, title(ins[0]), cut(place(ins[0]), maxTitle))
		return m, nil
	}
	m.title = digestTitle(ins)
	return m, nil
}

// view is the message for a webhook's templates.
func (s *sender) view(m message, group []notice, ins []incident.Incident) View {
	in := ins[0]
	v := View{Event: m.event, Kind: group[0].kind, Severity: m.severity, Title: title(in), Text: cut(strings.TrimSpace(m.text), maxLine), Site: plain(in.SiteName), Place: plain(in.Place),
		Incident: in.ID, Since: time.UnixMilli(in.Since).In(s.service.cfg.Zone).Format(time.DateTime), Link: s.linkTo(group[0]), Count: len(ins)}
	if v.Place == "" {
		v.Place = plain(in.DeviceName)
	}
	if len(ins) > 1 {
		v.Title = m.title
	}
	if s.receiver.personal() && len(m.people) > 0 {
		v.Name, v.Phone, v.Role = plain(m.people[0].Name), m.people[0].Phone, plain(m.people[0].Role)
	}
	return v
}

// text words one incident after the skeleton of the message, or several as a digest.
func (s *sender) text(group []notice, ins []incident.Incident, people []Person) string {
	if len(ins) == 1 {
		return s.one(group[0], ins[0], people)
	}
	w := s.style(people)
	var b strings.Builder
	b.WriteString(w.head("", digestTitle(ins)) + "(发送限额内合并)" + w.newline())
	for i, in := range ins {
		line := w.item() + fmt.Sprintf("【%s级·%s】%s %s", in.Severity, title(in), cut(place(in), 2*maxTitle), s.clock(in.Since))
		if link := s.linkTo(group[i]); link != "" && s.receiver.Hook == nil {
			line += " " + w.link("打开", link)
		}
		if b.Len()+len(line)+60 > w.most() {
			fmt.Fprintf(&b, "…另有 %d 条，请打开网页查看", len(ins)-i)
			break
		}
		b.WriteString(line + w.newline())
	}
	return b.String()
}

func digestTitle(ins []incident.Incident) string { return fmt.Sprintf("%d 条告警汇总", len(ins)) }

// one is 【A级·燃气高报】小区/位置 · sentence with value and limit · time · handler · time limit · link.
func (s *sender) one(n notice, in incident.Incident, people []Person) string {
	w := s.style(people)
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
	if n.kind == incident.KindJoined {
		parts = append(parts, fmt.Sprintf("又有告警并入，共 %d 条", in.AlertCount))
	}
	if n.kind == incident.KindOverdue {
		parts = append(parts, overdue(in))
	}
	if what := asking(in, n.kind); what != "" {
		parts = append(parts, what)
	}
	if n.kind == kindReminder {
		parts = append(parts, fmt.Sprintf("第 %d 次提醒：仍无人接警", n.step))
	}
	if names := called(people); names != "" && !s.receiver.personal() {
		parts = append(parts, names)
	}
	if in.TakenBy != "" {
		parts = append(parts, "处理人 "+plain(in.TakenBy))
	} else if in.Deadline > 0 && n.kind != incident.KindOverdue {
		parts = append(parts, fmt.Sprintf("限时 %d 分钟接警", (in.Deadline-in.OpenedAt)/60000))
	}
	head := fmt.Sprintf("【%s级·%s】", in.Severity, title(in))
	text := w.head(color, head) + cut(strings.Join(parts, " · "), maxLine-utf8.RuneCountInString(head))
	if link := s.linkTo(n); link != "" && s.receiver.Hook == nil {
		text += w.newline() + w.link("接警 "+in.ID, link)
	}
	return text
}

// called names whom a message is for. The whole number is for who has the right to see it, not for a group's chat.
func called(people []Person) string {
	var names []string
	for _, p := range people {
		name := plain(p.Role + " " + p.Name)
		if p.Phone != "" {
			name += "(" + tree.Mask(p.Phone) + ")"
		}
		names = append(names, name)
	}
	return cut(strings.Join(names, "、"), 2*maxTitle)
}

// linkTo is the link of a notice; that of one person's says who opens it.
func (s *sender) linkTo(n notice) string {
	who := s.receiver.ID
	if s.receiver.personal() && n.id != 0 {
		who += fmt.Sprintf("~%d", n.id)
	}
	return s.service.cfg.Links.To(n.incident, who)
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
