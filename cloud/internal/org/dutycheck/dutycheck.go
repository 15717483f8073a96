// Package dutycheck asks whether who is on duty is there (查岗): by hand, at random moments of a window that nobody can know
// before, or because a monitoring centre asks. Everybody who has the shift is told, and answers by one tap within some
// minutes. A check that nobody answers in time is told to who answers for the place, and counted; one whose message reached
// nobody is kept as that, and held against nobody. Every moment is a timer's row: a stop neither forgets nor repeats one.
package dutycheck

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/duty"
	"github.com/linshao/linshao/cloud/internal/org/memo"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/timer"
	"github.com/linshao/linshao/rules"
)

// States of a check.
const (
	Open     = "open"
	Answered = "answered" // by at least one of those who were asked, or by somebody in their place
	Missed   = "missed"
	Untold   = "untold" // no receiver took a message of it in time: nobody could know
)

// Who asks.
const (
	ByHand   = "hand"
	ByPlan   = "plan"
	ByCentre = "centre"
)

// A Teller brings messages to people.
type Teller interface {
	Tell(ctx context.Context, tx *sql.Tx, m memo.Memo) error
	End(ctx context.Context, tx *sql.Tx, kind, about string) error
	Reached(ctx context.Context, q db.Querier, kind, about string) (int, error)
}

// Config is what a Service needs.
type Config struct {
	DB     *db.DB
	Teller Teller
	Now    func() time.Time
	Zone   *time.Location
	Centre func(ctx context.Context, tx *sql.Tx, centre, who string) error // tells a monitoring centre that somebody answered; nil: there is none
}

// A Service asks, and takes answers.
type Service struct{ cfg Config }

// New makes a service.
func New(cfg Config) *Service { return &Service{cfg} }

const (
	endTimer       = "duty_check_end"
	centreMinutes  = 10
	mostOpenOfNode = 5
)

// A Question is what a check asks.
type Question struct {
	Node    string
	Role    string // empty: whoever is on duty
	Minutes int    // to answer, 1 to 120
	Who     string // who asks by hand
	source  string
	centre  string
}

// Ask asks now. An *org.Refusal: there is nobody to ask, or it is asked already.
func (s *Service) Ask(ctx context.Context, q Question) (Check, error) {
	q.source = ByHand
	var id int64
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		var err error
		if id, err = s.ask(ctx, tx, q); err != nil {
			return err
		}
		if id == 0 {
			return org.Refuse("这里没有人值班，也没有责任人：先排班", "nobody is on duty here, and nobody answers for it: write a roster first")
		}
		return audit.Add(ctx, tx, audit.Entry{At: s.cfg.Now(), Act: "duty_check.ask", Kind: "duty_check", About: strconv.FormatInt(id, 10), Node: q.Node, Detail: map[string]string{"role": q.Role}})
	})
	if err != nil {
		return Check{}, err
	}
	return Get(ctx, s.cfg.DB.Reader(), id)
}

// AskFor asks those on duty at the root of the tree in the name of a monitoring centre, inside the transaction in which its
// question came. Without one root, or without anybody, nobody is asked: the page shows the centre's question all the same.
func (s *Service) AskFor(ctx context.Context, tx *sql.Tx, centre string) error {
	var n int
	var root sql.NullString
	if err := tx.QueryRowContext(ctx, `SELECT count(*), min(id) FROM nodes WHERE parent = ''`).Scan(&n, &root); err != nil {
		return fmt.Errorf("find root: %w", err)
	}
	if n != 1 {
		return nil
	}
	_, err := s.ask(ctx, tx, Question{Node: root.String, Minutes: centreMinutes, source: ByCentre, centre: centre})
	return err
}

// ask makes a check; 0: there is nobody to ask.
func (s *Service) ask(ctx context.Context, tx *sql.Tx, q Question) (id int64, err error) {
	now := s.cfg.Now()
	people, err := duty.OnDuty(ctx, tx, q.Node, q.Role, now.In(s.cfg.Zone))
	if err != nil || len(people) == 0 {
		return 0, err
	}
	var open int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM duty_checks WHERE node = ? AND state = 'open'`, q.Node).Scan(&open); err != nil {
		return 0, fmt.Errorf("count duty checks of %s: %w", q.Node, err)
	}
	if open >= mostOpenOfNode {
		return 0, org.Refuse("这里已有 %d 个查岗在等应答", "%d duty checks wait for an answer here already", open)
	}
	until := now.Add(time.Duration(q.Minutes) * time.Minute)
	if err := tx.QueryRowContext(ctx, `INSERT INTO duty_checks (node, role, source, centre, who, at, until_ms, state) VALUES (?, ?, ?, ?, ?, ?, ?, 'open') RETURNING id`,
		q.Node, q.Role, q.source, q.centre, q.Who, now.UnixMilli(), until.UnixMilli()).Scan(&id); err != nil {
		return 0, fmt.Errorf("ask at %s: %w", q.Node, err)
	}
	to := make([]tree.Person, 0, len(people))
	for _, p := range people {
		if _, err := tx.ExecContext(ctx, `INSERT INTO duty_answers (check_id, name, phone, role, at, who, how) VALUES (?, ?, ?, ?, 0, '', '') ON CONFLICT (check_id, name, phone) DO NOTHING`,
			id, p.Name, p.Phone, p.Role); err != nil {
			return 0, fmt.Errorf("ask %s: %w", p.Name, err)
		}
		to = append(to, p.Person)
	}
	if err := timer.Set(ctx, tx, endTimer, strconv.FormatInt(id, 10), until); err != nil {
		return 0, err
	}
	place, err := nodeName(ctx, tx, q.Node)
	if err != nil {
		return 0, err
	}
	clock := until.In(s.cfg.Zone).Format("15:04")
	return id, s.cfg.Teller.Tell(ctx, tx, memo.Memo{Kind: memo.DutyCheck, About: strconv.FormatInt(id, 10), Node: q.Node, To: to,
		Page: "/duty-check/" + strconv.FormatInt(id, 10), Subject: memo.CheckSubject(id), Text: rules.Text{
			ZH: fmt.Sprintf("%s %s请在 %s 前点开应答：我在岗", place, q.Role, clock), EN: fmt.Sprintf("%s %s: open before %s and say that you are there", place, q.Role, clock)},
		Until: until, Every: max(time.Duration(q.Minutes)*time.Minute/3, time.Minute)})
}

func nodeName(ctx context.Context, q db.Querier, id string) (string, error) {
	var name string
	if err := q.QueryRowContext(ctx, `SELECT coalesce(max(name), ?) FROM nodes WHERE id = ?`, id, id).Scan(&name); err != nil {
		return "", fmt.Errorf("read name of node %s: %w", id, err)
	}
	return name, nil
}

// Effects are what happens by itself: a check ends, a day's random moments are drawn, one of them has come.
func (s *Service) Effects() map[string]timer.Effect {
	return map[string]timer.Effect{endTimer: s.end, drawTimer: s.draw, askTimer: s.random}
}

// end judges a check whose time is over.
func (s *Service) end(ctx context.Context, tx *sql.Tx, subject string, due time.Time) error {
	id, err := strconv.ParseInt(subject, 10, 64)
	if err != nil {
		return fmt.Errorf("timer of a duty check: %w", err)
	}
	c, err := Get(ctx, tx, id)
	if errors.Is(err, org.ErrUnknown) || err == nil && c.State != Open {
		return nil
	}
	if err != nil {
		return err
	}
	reached, err := s.cfg.Teller.Reached(ctx, tx, memo.DutyCheck, subject)
	if err != nil {
		return err
	}
	c.State = Missed
	if reached == 0 {
		c.State = Untold
	}
	if _, err := tx.ExecContext(ctx, `UPDATE duty_checks SET state = ? WHERE id = ? AND state = 'open'`, c.State, id); err != nil {
		return fmt.Errorf("end duty check %d: %w", id, err)
	}
	if err := s.cfg.Teller.End(ctx, tx, memo.DutyCheck, subject); err != nil {
		return err
	}
	return s.tellMissed(ctx, tx, c, due)
}

// tellMissed tells who answers for the place; of one who was asked themselves, who answers for the node above.
func (s *Service) tellMissed(ctx context.Context, tx *sql.Tx, c Check, due time.Time) error {
	path, err := tree.Path(ctx, tx, c.Node)
	if errors.Is(err, org.ErrUnknown) {
		return nil
	}
	if err != nil {
		return err
	}
	names, asked := "", map[string]bool{}
	for i, p := range c.People {
		asked[p.Name] = true
		if i > 0 {
			names += "、"
		}
		names += p.Name
	}
	var to []tree.Person
	for day, n := due.In(s.cfg.Zone).Format(time.DateOnly), len(path); n > 0; n-- {
		if d := tree.Responsible(path[:n], day); d != nil && !asked[d.Name] {
			to = []tree.Person{d.Person}
			break
		}
	}
	place := path[len(path)-1].Name
	text := rules.Text{ZH: fmt.Sprintf("%s 查岗，%s 未在 %s 前应答", place, names, due.In(s.cfg.Zone).Format("15:04")),
		EN: fmt.Sprintf("%s: %s did not answer a duty check before %s", place, names, due.In(s.cfg.Zone).Format("15:04"))}
	if c.State == Untold {
		text.ZH, text.EN = text.ZH+"（消息没有送达）", text.EN+" (no message of it arrived)"
	}
	return s.cfg.Teller.Tell(ctx, tx, memo.Memo{Kind: memo.DutyMissed, About: strconv.FormatInt(c.ID, 10), Node: c.Node, To: to, Text: text, Page: "/duty-check"})
}

// A Reply is an answer to a check.
type Reply struct {
	Check int64
	Who   string // the account, or whom the link was sent to
	How   string // link or page
}

// Answer takes an answer. Who was not asked answers in the place of all who were, and that is kept. One that comes too late
// is an *org.Refusal; a second one changes nothing.
func (s *Service) Answer(ctx context.Context, r Reply) (Check, error) {
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		c, err := Get(ctx, tx, r.Check)
		if err != nil {
			return err
		}
		now := s.cfg.Now()
		if c.State == Missed || c.State == Untold || now.UnixMilli() > c.Until {
			return org.Refuse("查岗已在 %s 截止，没有记为应答；请向责任人说明", "the duty check ended at %s and your answer does not count; tell who answers for the place", time.UnixMilli(c.Until).In(s.cfg.Zone).Format("15:04"))
		}
		own, err := db.Changed(tx.ExecContext(ctx, `UPDATE duty_answers SET at = ?, who = ?, how = ? WHERE check_id = ? AND name = ? AND at = 0`, now.UnixMilli(), r.Who, r.How, c.ID, r.Who))
		if err != nil {
			return fmt.Errorf("answer duty check %d: %w", c.ID, err)
		}
		if !own && c.has(r.Who) {
			return nil // again
		}
		if !own {
			if _, err := tx.ExecContext(ctx, `UPDATE duty_answers SET at = ?, who = ?, how = ? WHERE check_id = ? AND at = 0`, now.UnixMilli(), r.Who, r.How, c.ID); err != nil {
				return fmt.Errorf("answer duty check %d: %w", c.ID, err)
			}
		}
		return s.answered(ctx, tx, c, r, now)
	})
	if err != nil {
		return Check{}, err
	}
	return Get(ctx, s.cfg.DB.Reader(), r.Check)
}

// answered ends the check: nobody is reminded, the centre hears of it.
func (s *Service) answered(ctx context.Context, tx *sql.Tx, c Check, r Reply, now time.Time) error {
	about := strconv.FormatInt(c.ID, 10)
	first, err := db.Changed(tx.ExecContext(ctx, `UPDATE duty_checks SET state = 'answered' WHERE id = ? AND state = 'open'`, c.ID))
	if err != nil {
		return fmt.Errorf("answer duty check %d: %w", c.ID, err)
	}
	if first {
		if err := s.cfg.Teller.End(ctx, tx, memo.DutyCheck, about); err != nil {
			return err
		}
		if c.Centre != "" && s.cfg.Centre != nil {
			if err := s.cfg.Centre(ctx, tx, c.Centre, r.Who); err != nil {
				return err
			}
		}
	}
	return audit.Add(ctx, tx, audit.Entry{At: now, Act: "duty_check.answer", Kind: "duty_check", About: about, Node: c.Node, Detail: map[string]string{"how": r.How}})
}

// Close marks what a centre asked as answered, when that was done at the centre's own place (POST /dock/{target}/answer).
func (s *Service) Close(ctx context.Context, tx *sql.Tx, centre, who string) error {
	rows, err := tx.QueryContext(ctx, `SELECT id FROM duty_checks WHERE centre = ? AND state = 'open'`, centre)
	if err != nil {
		return fmt.Errorf("read duty checks of %s: %w", centre, err)
	}
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return errors.Join(err, rows.Close())
		}
		ids = append(ids, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("read duty checks of %s: %w", centre, err)
	}
	now := s.cfg.Now()
	for _, id := range ids {
		if _, err := tx.ExecContext(ctx, `UPDATE duty_checks SET state = 'answered' WHERE id = ?`, id); err != nil {
			return fmt.Errorf("answer duty check %d: %w", id, err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE duty_answers SET at = ?, who = ?, how = 'page' WHERE check_id = ? AND at = 0`, now.UnixMilli(), who, id); err != nil {
			return fmt.Errorf("answer duty check %d: %w", id, err)
		}
		if err := s.cfg.Teller.End(ctx, tx, memo.DutyCheck, strconv.FormatInt(id, 10)); err != nil {
			return err
		}
	}
	return nil
}
