package notify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Errors of a test.
var (
	ErrUnknown = errors.New("no such receiver")
	ErrNobody  = errors.New("the receiver reaches one person at a time: it needs a phone number that it has an address for")
)

// A Trial is a test of a receiver.
type Trial struct {
	By    string // who wants it
	Phone string // whom to reach, when the receiver reaches one person at a time
}

// WaitError: the receiver's limit is used up, or it asked for rest.
type WaitError struct{ Wait time.Duration }

// Error implements error.
func (e *WaitError) Error() string {
	return fmt.Sprintf("the receiver's limit is used up: wait %v", e.Wait.Round(time.Second))
}

// A Result is what came of a message.
type Result struct {
	OK     bool
	Answer string // the receiver's own words, without secrets
	At     time.Time
	Took   time.Duration
}

// kindTest is that of a message which somebody asked for to see whether it arrives. It belongs to no incident.
const kindTest = "test"

// Test sends one message to a receiver, within its limit, and answers what the receiver said. It is kept like every other
// attempt, and never repeated. The service need not run.
func (s *Service) Test(ctx context.Context, id string, t Trial) (Result, error) {
	for _, sender := range s.senders {
		if sender.receiver.ID == id {
			return sender.test(ctx, t)
		}
	}
	return Result{}, fmt.Errorf("test %q: %w", id, ErrUnknown)
}

func (s *sender) test(ctx context.Context, t Trial) (Result, error) {
	who := Person{Name: t.Phone, Phone: t.Phone, Role: "测试"}
	if s.receiver.personal() && !s.receiver.reaches(who) {
		return Result{}, ErrNobody
	}
	now := s.service.cfg.Now()
	if err := s.recall(ctx); err != nil { // what another process has sent counts too
		return Result{}, err
	}
	if _, wait := s.pace.take(now, s.receiver.ID, false); wait > 0 {
		return Result{}, &WaitError{wait}
	}
	at := now.In(s.service.cfg.Zone).Format(time.DateTime)
	title := "【测试】邻哨通知 " + plain(s.receiver.Name)
	m := message{event: fmt.Sprintf("test-%s-%d", s.receiver.ID, now.UnixNano()), severity: "C", title: title,
		text: fmt.Sprintf("%s · %s · 由 %s 发起 · 收到即表示此接收方可用，无需处理", s.style(nil).head("comment", title), at, cut(plain(t.By), maxTitle)), people: []Person{who}}
	var a answer
	var err error
	whole := context.WithoutCancel(ctx) // whoever asked may leave: what was sent is kept
	if s.whole() {
		a, err = s.finish(s.webhook(whole, hook{Event: m.event, Kind: kindTest, At: now.UnixMilli()}))
	} else {
		a, err = s.finish(s.transmit(whole, m, View{Event: m.event, Kind: kindTest, Severity: m.severity, Title: "测试", Text: m.text, Since: at, Count: 1,
			Name: who.Name, Phone: who.Phone, Role: who.Role}))
	}
	if err != nil {
		return Result{}, err
	}
	return Result{a.ok, a.text, now, s.service.cfg.Now().Sub(now)}, s.recordTest(whole, a, now)
}

func (s *sender) recordTest(ctx context.Context, a answer, now time.Time) error {
	state, result := "refused", "failed"
	if a.ok {
		state, result = "sent", "ok"
	}
	s.service.sent.WithLabelValues(s.receiver.ID, result).Inc()
	return s.service.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		var id int64
		ms := now.UnixMilli()
		if err := tx.QueryRowContext(ctx, `INSERT INTO notices (receiver, incident, kind, severity, n, created, state, attempts, next_at, answer)
			VALUES (?, '', ?, 'C', ?, ?, ?, 1, ?, ?) RETURNING id`, s.receiver.ID, kindTest, now.UnixNano(), ms, state, ms, a.text).Scan(&id); err != nil {
			return fmt.Errorf("keep test: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO attempts (notice, at, ok, answer) VALUES (?, ?, ?, ?)`, id, ms, a.ok, a.text); err != nil {
			return fmt.Errorf("keep attempt: %w", err)
		}
		return nil
	})
}

// A Status is a receiver as an administrator sees it: without its address and its secrets.
type Status struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Kind       string   `json:"kind" enum:"wecom,dingtalk,feishu,mail,webhook"`
	Severities []string `json:"severities"`
	Sites      []string `json:"sites" doc:"empty: all"`
	Waiting    int      `json:"waiting" doc:"messages that are not sent yet"`
	FullMs     int64    `json:"fullMs,omitempty" doc:"its limit is used up: how long it takes no messages below class A; absent: it has room"`
	LastAt     int64    `json:"lastAt,omitempty" doc:"last attempt, Unix ms"`
	LastOK     bool     `json:"lastOk,omitempty"`
	LastAnswer string   `json:"lastAnswer,omitempty" doc:"what the receiver said then"`
}

// Policy answers who is told of an incident of a class, and how.
func (s *Service) Policy() Policy { return s.cfg.Policy }

// Receivers answers those that there are, in the order of the configuration.
func (s *Service) Receivers(ctx context.Context) ([]Status, error) {
	list := []Status{}
	q := s.cfg.DB.Reader()
	for _, sender := range s.senders {
		r := sender.receiver
		c := Status{ID: r.ID, Name: r.Name, Kind: r.Kind, Severities: r.Severities, Sites: append([]string{}, r.Sites...), FullMs: max(0, sender.pace.full(s.cfg.Now()).Milliseconds())}
		if err := q.QueryRowContext(ctx, `SELECT count(*) FROM notices WHERE state = 'waiting' AND kind <> ? AND receiver = ?`, kindReminder, r.ID).Scan(&c.Waiting); err != nil {
			return nil, fmt.Errorf("count notices: %w", err)
		}
		err := q.QueryRowContext(ctx, `SELECT a.at, a.ok, a.answer FROM attempts a JOIN notices n ON n.id = a.notice WHERE n.receiver = ? ORDER BY a.at DESC LIMIT 1`,
			r.ID).Scan(&c.LastAt, &c.LastOK, &c.LastAnswer)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("read last attempt: %w", err)
		}
		list = append(list, c)
	}
	return list, nil
}
