// Package patrol makes rounds of the plans in the organisation's tree (巡查), and keeps how they are walked: who checked in at
// which point, when and how, with a photo and a note; what somebody found becomes an incident by the way of every report
// (一键上报). A timer's row makes the rounds, so that a stop neither forgets nor doubles one. What was not walked in time is
// told to who answers for the place, and counted; rounds whose whole time the cloud was down are held against nobody.
package patrol

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/duty"
	"github.com/linshao/linshao/cloud/internal/org/memo"
	"github.com/linshao/linshao/cloud/internal/org/shift"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/timer"
	"github.com/linshao/linshao/rules"
)

// States of a round.
const (
	Open   = "open"
	Done   = "done"   // every point was seen in time
	Late   = "late"   // every point was seen, not all in time
	Missed = "missed" // its time is over, and points were not seen
	Void   = "void"   // the cloud was down for its whole time
)

// A Teller brings messages to people.
type Teller interface {
	Tell(ctx context.Context, tx *sql.Tx, m memo.Memo) error
	End(ctx context.Context, tx *sql.Tx, kind, about string) error
}

// Config is what a Service needs.
type Config struct {
	DB      *db.DB
	Teller  Teller
	Reports Reports
	Now     func() time.Time
	Zone    *time.Location
}

// A Service makes rounds and takes check-ins.
type Service struct{ cfg Config }

// New makes a service.
func New(cfg Config) *Service { return &Service{cfg} }

const (
	lookTimer = "patrol_look" // of all plans: its due time says until when rounds are made
	endTimer  = "patrol_end"
	lookEvery = time.Minute
	lookBack  = 48 * time.Hour // a cloud that was down for longer makes no rounds of what was before
)

// Begin sets the timer that makes rounds, unless it is set.
func (s *Service) Begin(ctx context.Context) error {
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		at := s.cfg.Now().UnixMilli()
		if _, err := tx.ExecContext(ctx, `INSERT INTO timers (kind, subject, due_at, try_at, tries) VALUES (?, '', ?, ?, 0) ON CONFLICT (kind, subject) DO NOTHING`, lookTimer, at, at); err != nil {
			return fmt.Errorf("set timer of patrols: %w", err)
		}
		return nil
	})
}

// Effects are what happens by itself: rounds begin and end.
func (s *Service) Effects() map[string]timer.Effect {
	return map[string]timer.Effect{lookTimer: s.look, endTimer: s.end}
}

// look makes the rounds that have begun since it looked last, which is when its timer was due.
func (s *Service) look(ctx context.Context, tx *sql.Tx, _ string, due time.Time) error {
	now := s.cfg.Now()
	from := due.Add(-time.Millisecond)
	if oldest := now.Add(-lookBack); from.Before(oldest) {
		from = oldest
	}
	plans, err := plansOf(ctx, tx)
	if err != nil {
		return err
	}
	for _, p := range plans {
		for _, at := range shift.Begins(p.Days, p.Hours, from.In(s.cfg.Zone), now) {
			if err := s.make(ctx, tx, p, at, now); err != nil {
				return err
			}
		}
	}
	// Its own effect ended the timer: the next one looks from the millisecond after this one on.
	next := now.Truncate(lookEvery).Add(lookEvery)
	if err := timer.Set(ctx, tx, lookTimer, "", now.Add(time.Millisecond)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE timers SET try_at = ? WHERE kind = ? AND subject = ''`, next.UnixMilli(), lookTimer)
	return err
}

type nodePlan struct {
	tree.Patrol
	node, place string
}

func plansOf(ctx context.Context, q db.Querier) ([]nodePlan, error) {
	rows, err := q.QueryContext(ctx, `SELECT p.node, n.name, p.name, p.role, p.days, p.hours, p.minutes FROM patrol_plans p JOIN nodes n ON n.id = p.node
		WHERE EXISTS (SELECT 1 FROM patrol_points o WHERE o.node = p.node AND o.plan = p.name) ORDER BY p.node, p.name`)
	if err != nil {
		return nil, fmt.Errorf("read patrols: %w", err)
	}
	defer rows.Close()
	var out []nodePlan
	for rows.Next() {
		var p nodePlan
		if err := rows.Scan(&p.node, &p.place, &p.Name, &p.Role, &p.Days, &p.Hours, &p.Minutes); err != nil {
			return nil, fmt.Errorf("read patrol: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// make makes one round with the points that the plan has now.
func (s *Service) make(ctx context.Context, tx *sql.Tx, p nodePlan, at, now time.Time) error {
	until, state := at.Add(time.Duration(p.Minutes)*time.Minute), Open
	if !until.After(now) {
		state = Void
	}
	rows, err := tx.QueryContext(ctx, `INSERT INTO patrol_rounds (node, plan, role, due_ms, until_ms, state, done_ms, points)
		SELECT ?, ?, ?, ?, ?, ?, 0, count(*) FROM patrol_points WHERE node = ? AND plan = ? ON CONFLICT (node, plan, due_ms) DO NOTHING RETURNING id`,
		p.node, p.Name, p.Role, at.UnixMilli(), until.UnixMilli(), state, p.node, p.Name)
	if err != nil {
		return fmt.Errorf("make round of %s: %w", p.Name, err)
	}
	var id int64
	for rows.Next() {
		if err := rows.Scan(&id); err != nil {
			rows.Close() //nolint:errcheck,gosec // the reading failed already
			return fmt.Errorf("make round of %s: %w", p.Name, err)
		}
	}
	if err := rows.Close(); err != nil || id == 0 {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO patrol_stops (round, n, name, position, code, checks, at, taken_at, who, how, note, lat, lng, incident)
		SELECT ?, row_number() OVER (ORDER BY place, name), name, position, code, checks, 0, 0, '', '', '', '', '', '' FROM patrol_points WHERE node = ? AND plan = ?`, id, p.node, p.Name); err != nil {
		return fmt.Errorf("make points of round %d: %w", id, err)
	}
	if state == Void {
		return nil
	}
	if err := timer.Set(ctx, tx, endTimer, strconv.FormatInt(id, 10), until); err != nil {
		return err
	}
	return s.tellDue(ctx, tx, p, id, until)
}

// tellDue tells who is to walk a round.
func (s *Service) tellDue(ctx context.Context, tx *sql.Tx, p nodePlan, id int64, until time.Time) error {
	people, err := duty.OnDuty(ctx, tx, p.node, p.Role, s.cfg.Now().In(s.cfg.Zone))
	if err != nil {
		return err
	}
	m := memo.Memo{Kind: memo.Patrol, About: strconv.FormatInt(id, 10), Node: p.node, Page: "/patrol/" + strconv.FormatInt(id, 10), Until: until, Every: max(time.Duration(p.Minutes)*time.Minute/2, 10*time.Minute)}
	for _, one := range people {
		m.To = append(m.To, one.Person)
	}
	clock := until.In(s.cfg.Zone).Format("15:04")
	m.Text = rules.Text{ZH: fmt.Sprintf("%s %s，请在 %s 前走完", p.place, p.Name, clock), EN: fmt.Sprintf("%s: walk %s before %s", p.place, p.Name, clock)}
	return s.cfg.Teller.Tell(ctx, tx, m)
}

// end judges a round whose time is over.
func (s *Service) end(ctx context.Context, tx *sql.Tx, subject string, due time.Time) error {
	id, err := strconv.ParseInt(subject, 10, 64)
	if err != nil {
		return fmt.Errorf("timer of a round: %w", err)
	}
	missed, err := db.Changed(tx.ExecContext(ctx, `UPDATE patrol_rounds SET state = 'missed' WHERE id = ? AND state = 'open'`, id))
	if err != nil || !missed {
		return err
	}
	if err := s.cfg.Teller.End(ctx, tx, memo.Patrol, subject); err != nil {
		return err
	}
	r, err := Get(ctx, tx, id)
	if err != nil {
		return err
	}
	var names []string
	for _, stop := range r.Stops {
		if stop.At == 0 {
			names = append(names, stop.Name)
		}
	}
	path, err := tree.Path(ctx, tx, r.Node)
	if errors.Is(err, org.ErrUnknown) {
		return nil // the place is no more
	}
	if err != nil {
		return err
	}
	m := memo.Memo{Kind: memo.PatrolMissed, About: subject, Node: r.Node, Page: "/patrol/" + subject}
	if d := tree.Responsible(path, due.In(s.cfg.Zone).Format(time.DateOnly)); d != nil {
		m.To = []tree.Person{d.Person}
	}
	const most = 6
	list := strings.Join(names[:min(len(names), most)], "、")
	if len(names) > most {
		list += "…"
	}
	m.Text = rules.Text{ZH: fmt.Sprintf("%s %s %s：%d 个点位中有 %d 个没有到：%s", r.Place, r.Plan, time.UnixMilli(r.Due).In(s.cfg.Zone).Format("15:04"), len(r.Stops), len(names), list),
		EN: fmt.Sprintf("%s %s %s: %d of %d points were not seen: %s", r.Place, r.Plan, time.UnixMilli(r.Due).In(s.cfg.Zone).Format("15:04"), len(names), len(r.Stops), list)}
	return s.cfg.Teller.Tell(ctx, tx, m)
}
