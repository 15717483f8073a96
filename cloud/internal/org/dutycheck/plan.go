package dutycheck

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/shift"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/timer"
)

// A RandomPlan asks at random moments of a window of the day.
type RandomPlan struct {
	Node    string `json:"node"`
	Role    string `json:"role,omitempty" doc:"absent: whoever is on duty"`
	Days    string `json:"days" doc:"as of a shift: daily, mon-fri …"`
	Hours   string `json:"hours" doc:"the window, such as 22:00-06:00"`
	Times   int    `json:"times" doc:"at least so many checks in a window; now and then there are more, so that nobody knows that the last one was the last"`
	Minutes int    `json:"minutes" doc:"to answer"`
	Who     string `json:"who,omitempty" doc:"who made the plan"`
}

const (
	drawTimer = "duty_draw"
	askTimer  = "duty_ask"
	mostTimes = 20
	lateMost  = 10 * time.Minute // a moment that has passed for longer, because the cloud was down, is let go
	moreMost  = 3
)

func (p RandomPlan) subject() string { return p.Node + "\x1f" + p.Role }

func (p RandomPlan) shift() shift.Shift { return shift.Shift{Days: p.Days, Hours: p.Hours} }

// Keep writes the plan of a node and role; with no Times it takes it away. An *org.Refusal says what is wrong.
func (s *Service) Keep(ctx context.Context, p RandomPlan) error {
	if p.Times > 0 {
		var wrong *shift.Mistake
		var err error
		if p.Days, err = shift.Days(p.Days); err == nil {
			p.Hours, err = shift.Hours(p.Hours)
		}
		if errors.As(err, &wrong) {
			return &org.Refusal{Text: wrong.Text}
		}
		if p.Times > mostTimes || p.Minutes < 1 || p.Minutes > 120 {
			return org.Refuse("每个时段最多 %d 次，应答时限 1 到 120 分钟", "at most %d times in a window, and 1 to 120 minutes to answer", mostTimes)
		}
	}
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tree.Path(ctx, tx, p.Node); err != nil {
			return err
		}
		if err := s.forget(ctx, tx, p); err != nil {
			return err
		}
		if p.Times > 0 {
			if _, err := tx.ExecContext(ctx, `INSERT INTO duty_plans (node, role, days, hours, times, minutes, who, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
				p.Node, p.Role, p.Days, p.Hours, p.Times, p.Minutes, p.Who, s.cfg.Now().UnixMilli()); err != nil {
				return fmt.Errorf("keep plan of duty checks at %s: %w", p.Node, err)
			}
			if err := timer.Set(ctx, tx, drawTimer, p.subject(), s.cfg.Now()); err != nil {
				return err
			}
		}
		return audit.Add(ctx, tx, audit.Entry{At: s.cfg.Now(), Act: "duty_check.plan", Kind: "node", About: p.Node, Node: p.Node,
			Detail: map[string]string{"role": p.Role, "days": p.Days, "hours": p.Hours, "times": strconv.Itoa(p.Times)}})
	})
}

// forget takes a plan away, with the moments that were drawn for it.
func (s *Service) forget(ctx context.Context, tx *sql.Tx, p RandomPlan) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM duty_plans WHERE node = ? AND role = ?`, p.Node, p.Role); err != nil {
		return fmt.Errorf("forget plan of duty checks at %s: %w", p.Node, err)
	}
	if err := timer.Stop(ctx, tx, drawTimer, p.subject()); err != nil {
		return err
	}
	prefix := p.subject() + "\x1f"
	if _, err := tx.ExecContext(ctx, `DELETE FROM timers WHERE kind = ? AND substr(subject, 1, ?) = ?`, askTimer, len([]rune(prefix)), prefix); err != nil {
		return fmt.Errorf("forget moments of duty checks at %s: %w", p.Node, err)
	}
	return nil
}

// Plans answers those of a node and of the nodes above it.
func Plans(ctx context.Context, q db.Querier, in tree.Scope) ([]RandomPlan, error) {
	where, args := in.Nodes("node")
	rows, err := q.QueryContext(ctx, `SELECT node, role, days, hours, times, minutes, who FROM duty_plans WHERE `+where+` ORDER BY node, role`, args...)
	if err != nil {
		return nil, fmt.Errorf("read plans of duty checks: %w", err)
	}
	defer rows.Close()
	out := []RandomPlan{}
	for rows.Next() {
		var p RandomPlan
		if err := rows.Scan(&p.Node, &p.Role, &p.Days, &p.Hours, &p.Times, &p.Minutes, &p.Who); err != nil {
			return nil, fmt.Errorf("read plan of duty checks: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

func planOf(ctx context.Context, q db.Querier, node, role string) (p RandomPlan, err error) {
	p = RandomPlan{Node: node, Role: role}
	err = q.QueryRowContext(ctx, `SELECT days, hours, times, minutes FROM duty_plans WHERE node = ? AND role = ?`, node, role).Scan(&p.Days, &p.Hours, &p.Times, &p.Minutes)
	return p, err
}

const drawAgain = time.Minute

// draw looks for a window that is open and draws the moments of it: all at once, before anybody can see how many there are.
// A window that begins between two looks is found within a minute of its begin.
func (s *Service) draw(ctx context.Context, tx *sql.Tx, subject string, _ time.Time) error {
	node, role, _ := strings.Cut(subject, "\x1f")
	p, err := planOf(ctx, tx, node, role)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read plan of duty checks at %s: %w", node, err)
	}
	now := s.cfg.Now()
	end, on := p.shift().On(now.In(s.cfg.Zone))
	if !on {
		return timer.Set(ctx, tx, drawTimer, subject, now.Add(drawAgain))
	}
	moments, err := random(now, end.Add(-time.Duration(p.Minutes)*time.Minute), p.Times)
	if err != nil {
		return err
	}
	for i, at := range moments {
		if err := timer.Set(ctx, tx, askTimer, subject+"\x1f"+strconv.Itoa(i), at); err != nil {
			return err
		}
	}
	return timer.Set(ctx, tx, drawTimer, subject, end)
}

// random draws moments between two times: at least so many, and one more with every second throw of a coin.
func random(from, to time.Time, least int) ([]time.Time, error) {
	room := to.Sub(from).Milliseconds()
	if room <= 0 {
		return nil, nil
	}
	n := least
	for range moreMost {
		coin, err := rand.Int(rand.Reader, big.NewInt(2))
		if err != nil {
			return nil, fmt.Errorf("draw a moment: %w", err)
		}
		if coin.Sign() == 0 {
			break
		}
		n++
	}
	out := make([]time.Time, 0, n)
	for range n {
		ms, err := rand.Int(rand.Reader, big.NewInt(room))
		if err != nil {
			return nil, fmt.Errorf("draw a moment: %w", err)
		}
		out = append(out, from.Add(time.Duration(ms.Int64())*time.Millisecond))
	}
	return out, nil
}

// random asks at a moment that has come.
func (s *Service) random(ctx context.Context, tx *sql.Tx, subject string, due time.Time) error {
	parts := strings.Split(subject, "\x1f")
	p, err := planOf(ctx, tx, parts[0], parts[1])
	if errors.Is(err, sql.ErrNoRows) || err == nil && s.cfg.Now().Sub(due) > lateMost {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read plan of duty checks at %s: %w", parts[0], err)
	}
	_, err = s.ask(ctx, tx, Question{Node: p.Node, Role: p.Role, Minutes: p.Minutes, source: ByPlan})
	var refusal *org.Refusal
	if errors.As(err, &refusal) || errors.Is(err, org.ErrUnknown) {
		return nil
	}
	return err
}
