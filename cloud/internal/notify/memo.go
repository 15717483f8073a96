package notify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/memo"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

const (
	kindMemoReminder = "memo_reminder"
	memoReminders    = 12 // of one memo for one receiver and person, at most
	memoNamed        = 8  // people whom a group's message names; of more it says how many
)

// memoKey stands for an incident in the notices of a memo.
func memoKey(id int64) string { return "memo-" + strconv.FormatInt(id, 10) }

// Tell queues a memo inside the transaction of what it tells of. The same memo again changes nothing. Groups that hear of
// class B are told once; each person once by every receiver that has an address of theirs. A place in emergency mode makes
// it class A, which no quiet time holds.
func (s *Service) Tell(ctx context.Context, tx *sql.Tx, m memo.Memo) error {
	now := s.cfg.Now()
	mode, err := tree.ModeOf(ctx, tx, m.Node, now)
	if err != nil {
		return fmt.Errorf("tell %s %s: %w", m.Kind, m.About, err)
	}
	class, until := "B", int64(0)
	if mode.Emergency {
		class = "A"
	}
	if !m.Until.IsZero() {
		until = m.Until.UnixMilli()
	}
	var id int64
	err = tx.QueryRowContext(ctx, `INSERT INTO memos (kind, about, node, class, zh, en, page, subject, at, until_ms, every_ms, ended_ms)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (kind, about) DO NOTHING RETURNING id`,
		m.Kind, m.About, m.Node, class, m.Text.ZH, m.Text.EN, m.Page, m.Subject, now.UnixMilli(), until, m.Every.Milliseconds()).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("keep memo %s %s: %w", m.Kind, m.About, err)
	}
	t := telling{s: s, tx: tx, id: id, memo: m, class: class, now: now, until: until}
	for _, p := range m.To {
		if _, err := tx.ExecContext(ctx, `INSERT INTO memo_people (memo, name, phone, done_ms) VALUES (?, ?, ?, 0) ON CONFLICT (memo, name, phone) DO NOTHING`, id, p.Name, p.Phone); err != nil {
			return fmt.Errorf("keep whom memo %d is for: %w", id, err)
		}
	}
	sites, err := tree.SitesBelow(ctx, tx, m.Node)
	if err != nil {
		return err
	}
	for _, sender := range s.senders {
		if err := t.to(ctx, sender.receiver, sites); err != nil {
			return err
		}
	}
	return nil
}

// A telling is one memo on its way to the receivers.
type telling struct {
	s     *Service
	tx    *sql.Tx
	id    int64
	memo  memo.Memo
	class string
	now   time.Time
	until int64
}

func (t *telling) to(ctx context.Context, r Receiver, sites map[string]bool) error {
	means := r.means()
	here := len(r.Sites) == 0 || slices.ContainsFunc(r.Sites, func(site string) bool { return sites[site] })
	if means == System || means == Voice && t.class != "A" || !here || !slices.Contains(r.Severities, t.class) {
		return nil
	}
	if means == Group {
		var named []Person
		if len(t.memo.To) <= memoNamed {
			for _, p := range t.memo.To {
				named = append(named, Person{Name: p.Name, Phone: p.Phone})
			}
		}
		return t.insert(ctx, r, named)
	}
	told := map[tree.Person]bool{}
	for _, p := range t.memo.To {
		one := Person{Name: p.Name, Phone: p.Phone}
		if told[p] || !r.reaches(one) {
			continue
		}
		told[p] = true
		if err := t.insert(ctx, r, []Person{one}); err != nil {
			return err
		}
	}
	return nil
}

// insert queues a message and its first reminder.
func (t *telling) insert(ctx context.Context, r Receiver, people []Person) error {
	text, err := writePeople(people)
	if err != nil {
		return fmt.Errorf("note whom a message is for: %w", err)
	}
	n := notice{receiver: r.ID, incident: memoKey(t.id), memo: t.id, kind: t.memo.Kind, severity: t.class, people: text, created: t.now.UnixMilli()}
	if err := insertNotice(ctx, t.tx, n, t.now); err != nil {
		return err
	}
	next := t.now.Add(t.memo.Every)
	if t.memo.Every <= 0 || next.UnixMilli() >= t.until {
		return nil
	}
	n.kind, n.step = kindMemoReminder, 1
	return insertNotice(ctx, t.tx, n, next)
}

// Done notes that somebody did what a memo asks for: they are not reminded again. An empty phone is any.
func (s *Service) Done(ctx context.Context, tx *sql.Tx, kind, about string, who tree.Person) error {
	at := s.cfg.Now().UnixMilli()
	if _, err := tx.ExecContext(ctx, `UPDATE memo_people SET done_ms = ? WHERE done_ms = 0 AND name = ? AND (? = '' OR phone = ?)
		AND memo IN (SELECT id FROM memos WHERE kind = ? AND about = ?)`, at, who.Name, who.Phone, who.Phone, kind, about); err != nil {
		return fmt.Errorf("end reminders of %s %s: %w", kind, about, err)
	}
	_, err := tx.ExecContext(ctx, `UPDATE memos SET ended_ms = ? WHERE kind = ? AND about = ? AND ended_ms = 0
		AND NOT EXISTS (SELECT 1 FROM memo_people p WHERE p.memo = memos.id AND p.done_ms = 0)`, at, kind, about)
	if err != nil {
		return fmt.Errorf("end reminders of %s %s: %w", kind, about, err)
	}
	return nil
}

// End notes that a memo asks nobody for anything any more.
func (s *Service) End(ctx context.Context, tx *sql.Tx, kind, about string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE memos SET ended_ms = ? WHERE kind = ? AND about = ? AND ended_ms = 0`, s.cfg.Now().UnixMilli(), kind, about); err != nil {
		return fmt.Errorf("end %s %s: %w", kind, about, err)
	}
	return nil
}

// Reached counts the messages of a memo that receivers took.
func (s *Service) Reached(ctx context.Context, q db.Querier, kind, about string) (int, error) {
	var n int
	if err := q.QueryRowContext(ctx, `SELECT count(*) FROM notices n JOIN memos m ON m.id = n.memo WHERE m.kind = ? AND m.about = ? AND n.state = 'sent'`, kind, about).Scan(&n); err != nil {
		return 0, fmt.Errorf("count messages of %s %s: %w", kind, about, err)
	}
	return n, nil
}

// memoStale says that a message of a memo has nothing to say any more: a reminder whose time or reason is over.
func (s *sender) memoStale(ctx context.Context, q db.Querier, n notice) (bool, error) {
	if n.kind != kindMemoReminder || n.bundle != "" {
		return false, nil
	}
	var until, ended int64
	err := q.QueryRowContext(ctx, `SELECT until_ms, ended_ms FROM memos WHERE id = ?`, n.memo).Scan(&until, &ended)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read memo %d: %w", n.memo, err)
	}
	if ended > 0 || s.service.cfg.Now().UnixMilli() >= until {
		return true, nil
	}
	people, err := readPeople(n.people)
	if err != nil || !s.receiver.personal() || len(people) == 0 {
		return false, err
	}
	var done int64
	err = q.QueryRowContext(ctx, `SELECT coalesce(max(done_ms), 0) FROM memo_people WHERE memo = ? AND name = ? AND phone = ?`, n.memo, people[0].Name, people[0].Phone).Scan(&done)
	if err != nil {
		return false, fmt.Errorf("read whom memo %d reminds: %w", n.memo, err)
	}
	return done > 0, nil
}

// remindAgain queues the reminder after one that went out or was refused.
func (s *sender) remindAgain(ctx context.Context, tx *sql.Tx, n notice, now time.Time) error {
	if n.kind != kindMemoReminder || n.step >= memoReminders {
		return nil
	}
	var every, until int64
	if err := tx.QueryRowContext(ctx, `SELECT every_ms, until_ms FROM memos WHERE id = ?`, n.memo).Scan(&every, &until); err != nil {
		return fmt.Errorf("read memo %d: %w", n.memo, err)
	}
	next := now.Add(time.Duration(every) * time.Millisecond)
	if every <= 0 || next.UnixMilli() >= until {
		return nil
	}
	n.step, n.created = n.step+1, now.UnixMilli()
	return insertNotice(ctx, tx, n, next)
}

// sendMemo sends a message of a memo.
func (s *sender) sendMemo(ctx context.Context, n notice) (answer, error) {
	q := s.service.cfg.DB.Reader()
	var zh, en, page, subject string
	var at int64
	if err := q.QueryRowContext(ctx, `SELECT zh, en, page, subject, at FROM memos WHERE id = ?`, n.memo).Scan(&zh, &en, &page, &subject, &at); err != nil {
		return answer{}, fmt.Errorf("read memo %d: %w", n.memo, err)
	}
	people, err := readPeople(n.people)
	if err != nil {
		return answer{}, err
	}
	head, text := memoTitle(n.kind), plain(zh)
	if n.kind == kindMemoReminder {
		if text, people, err = s.reminder(ctx, q, n, people); err != nil {
			return answer{}, err
		}
		text = fmt.Sprintf("第 %d 次提醒：%s%s", n.step, plain(zh), text)
	}
	w := s.style(people)
	m := message{event: s.key([]notice{n}), severity: n.severity, title: "【" + head + "】" + cut(plain(zh), maxTitle), people: people}
	m.text = w.head("", "【"+head+"】") + cut(text, maxLine)
	if names := called(people); names != "" && !s.receiver.personal() {
		m.text += " · " + names
	}
	link := s.memoLink(n, page, subject)
	if link != "" && s.receiver.Hook == nil {
		m.text += w.newline() + w.link("打开", link)
	}
	v := View{Event: m.event, Kind: n.kind, Severity: n.severity, Title: head, Text: cut(strings.TrimSpace(text), maxLine), Since: time.UnixMilli(at).In(s.service.cfg.Zone).Format(time.DateTime), Link: link, Count: 1}
	if s.receiver.personal() && len(people) > 0 {
		v.Name, v.Phone = plain(people[0].Name), people[0].Phone
	}
	return s.finish(s.transmit(ctx, m, v))
}

// reminder names who has not done it yet, as things stand now, and answers those of some people.
func (s *sender) reminder(ctx context.Context, q db.Querier, n notice, people []Person) (text string, left []Person, err error) {
	if s.receiver.personal() {
		return "", people, nil
	}
	rows, err := q.QueryContext(ctx, `SELECT name FROM memo_people WHERE memo = ? AND done_ms = 0 ORDER BY name LIMIT 200`, n.memo)
	if err != nil {
		return "", nil, fmt.Errorf("read whom memo %d reminds: %w", n.memo, err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return "", nil, fmt.Errorf("read whom memo %d reminds: %w", n.memo, err)
		}
		names = append(names, plain(name))
	}
	if err := rows.Err(); err != nil {
		return "", nil, fmt.Errorf("read whom memo %d reminds: %w", n.memo, err)
	}
	names = slices.Compact(names)
	left = slices.DeleteFunc(people, func(p Person) bool { return !slices.Contains(names, plain(p.Name)) })
	if len(names) > memoNamed {
		return fmt.Sprintf(" · 未回执：%s 等 %d 人", strings.Join(names[:memoNamed], "、"), len(names)), left, nil
	}
	return " · 未回执：" + strings.Join(names, "、"), left, nil
}

// memoLink is the link of a memo's message. That of one person says who opens it; what a group's would say nobody can tell.
func (s *sender) memoLink(n notice, page, subject string) string {
	l := s.service.cfg.Links
	if l.public == "" || page == "" {
		return ""
	}
	if subject == "" || !s.receiver.personal() {
		return l.public + page
	}
	return l.public + page + "?k=" + l.Key(subject, fmt.Sprintf("%s~%d", s.receiver.ID, n.id))
}

func memoTitle(kind string) string {
	switch kind {
	case memo.Order:
		return "指令"
	case memo.OrderLate:
		return "指令逾期"
	case memo.DutyCheck:
		return "查岗"
	case memo.DutyMissed:
		return "查岗无应答"
	case memo.Patrol:
		return "巡查"
	case memo.PatrolMissed:
		return "巡查未完成"
	case kindMemoReminder:
		return "提醒"
	case memo.HandOver:
		return "交接班"
	case memo.Window:
		return "检修"
	}
	return "提醒"
}

// Zone is that of the street, in which people read times.
func (s *Service) Zone() *time.Location { return s.cfg.Zone }
