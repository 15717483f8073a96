package command

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

// A Command as people see it. Times are Unix ms.
type Command struct {
	ID       string        `json:"id"`
	Gateway  string        `json:"gateway"`
	Site     string        `json:"site"`
	Device   string        `json:"device"`
	Point    string        `json:"point"`
	Value    float64       `json:"value"`
	HoldMs   int64         `json:"holdMs" doc:"how long the output is held afterwards"`
	Reason   string        `json:"reason"`
	Incident string        `json:"incident,omitempty"`
	Away     bool          `json:"away" doc:"away from safe, or nobody knows: a second person must approve"`
	State    string        `json:"state" enum:"waiting,ready,sent,acting,confirmed,failed,refused,expired,unknown,withdrawn"`
	Issuer   string        `json:"issuer"`
	Approver string        `json:"approver,omitempty"`
	Made     int64         `json:"made"`
	Due      int64         `json:"due,omitempty" doc:"when the state is over by itself"`
	Ended    int64         `json:"ended,omitempty"`
	Why      incident.Text `json:"why" doc:"why it came to nothing; empty otherwise"`
	Steps    []CommandStep `json:"steps,omitempty"`

	session uint64
	live    bool
	payload []byte
}

// A CommandStep is one thing that happened to a command.
type CommandStep struct {
	State string        `json:"state"`
	At    int64         `json:"at"`
	Text  incident.Text `json:"text"`
	By    string        `json:"by,omitempty"`
}

const columns = `SELECT id, gateway, site, device, point, value, hold_ms, reason, incident, away, state, live, issuer, approver, made, due, session, payload,
	ended, why_zh, why_en FROM commands `

func scan(row interface{ Scan(...any) error }) (Command, error) {
	var c Command
	var session int64
	err := row.Scan(&c.ID, &c.Gateway, &c.Site, &c.Device, &c.Point, &c.Value, &c.HoldMs, &c.Reason, &c.Incident, &c.Away, &c.State, &c.live, &c.Issuer,
		&c.Approver, &c.Made, &c.Due, &session, &c.payload, &c.Ended, &c.Why.ZH, &c.Why.EN)
	if errors.Is(err, sql.ErrNoRows) {
		return c, fmt.Errorf("command: %w", org.ErrUnknown)
	}
	if err != nil {
		return c, fmt.Errorf("read command: %w", err)
	}
	c.session = uint64(session)
	if !c.live {
		c.Due = 0
	}
	return c, nil
}

// Get answers a command with its steps; org.ErrUnknown: there is none.
func Get(ctx context.Context, q db.Querier, id string) (Command, error) {
	c, err := scan(q.QueryRowContext(ctx, columns+`WHERE id = ?`, id))
	if err != nil {
		return c, err
	}
	rows, err := q.QueryContext(ctx, `SELECT state, at, zh, en, who FROM command_steps WHERE command = ? ORDER BY n`, id)
	if err != nil {
		return c, fmt.Errorf("read steps of command %s: %w", id, err)
	}
	defer rows.Close()
	for rows.Next() {
		var st CommandStep
		if err := rows.Scan(&st.State, &st.At, &st.Text.ZH, &st.Text.EN, &st.By); err != nil {
			return c, fmt.Errorf("read steps of command %s: %w", id, err)
		}
		c.Steps = append(c.Steps, st)
	}
	return c, rows.Err()
}

// A Filter picks commands; empty fields pick all.
type Filter struct {
	Gateway, Incident, State string
	Scope                    tree.Scope
	Limit                    int
}

// List answers commands without their steps, newest first.
func List(ctx context.Context, q db.Querier, f Filter) ([]Command, error) {
	within, args := f.Scope.Sites("site")
	args = append(args, f.Gateway, f.Gateway, f.Incident, f.Incident, f.State, f.State, f.Limit)
	return list(ctx, q, `WHERE `+within+` AND (? = '' OR gateway = ?) AND (? = '' OR incident = ?) AND (? = '' OR state = ?) ORDER BY made DESC, id LIMIT ?`, args...)
}

func list(ctx context.Context, q db.Querier, where string, args ...any) ([]Command, error) {
	rows, err := q.QueryContext(ctx, columns+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list commands: %w", err)
	}
	defer rows.Close()
	out := []Command{}
	for rows.Next() {
		c, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

func insert(ctx context.Context, tx *sql.Tx, c Command) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO commands (id, gateway, site, device, point, value, hold_ms, reason, incident, away, state, live, issuer, approver, made,
		due, session, ended, why_zh, why_en) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, '', ?, ?, ?, 0, '', '')`, c.ID, c.Gateway, c.Site, c.Device, c.Point, c.Value,
		c.HoldMs, c.Reason, c.Incident, c.Away, c.State, c.Issuer, c.Made, c.Due, int64(c.session))
	if err != nil {
		return fmt.Errorf("make command: %w", err)
	}
	return nil
}

// save writes what can change of a command.
func save(ctx context.Context, tx *sql.Tx, c Command) error {
	_, err := tx.ExecContext(ctx, `UPDATE commands SET state = ?, live = ?, approver = ?, due = ?, session = ?, payload = ?, ended = ?, why_zh = ?, why_en = ? WHERE id = ?`,
		c.State, c.live, c.Approver, c.Due, int64(c.session), c.payload, c.Ended, c.Why.ZH, c.Why.EN, c.ID)
	if err != nil {
		return fmt.Errorf("save command %s: %w", c.ID, err)
	}
	return nil
}

// step notes a step, once, and writes it into the timeline of the incident. It answers whether it was new.
func step(ctx context.Context, tx *sql.Tx, c Command, st CommandStep) (bool, error) {
	fresh, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO command_steps (command, state, n, at, zh, en, who)
		VALUES (?, ?, (SELECT count(*) FROM command_steps WHERE command = ?), ?, ?, ?, ?) ON CONFLICT (command, state) DO NOTHING`,
		c.ID, st.State, c.ID, st.At, st.Text.ZH, st.Text.EN, st.By))
	if err != nil {
		return false, fmt.Errorf("note step of command %s: %w", c.ID, err)
	}
	if !fresh || c.Incident == "" {
		return fresh, nil
	}
	return true, incident.Acted(ctx, tx, c.Incident, incident.Entry{At: st.At, Text: st.Text, By: st.By})
}

// end notes that a command is over without the gateway's word.
func end(ctx context.Context, tx *sql.Tx, c *Command, state string, why rules.Text, who string, now time.Time) error {
	c.State, c.live, c.Ended, c.Why = state, false, now.UnixMilli(), incident.Text(why)
	if err := save(ctx, tx, *c); err != nil {
		return err
	}
	_, err := step(ctx, tx, *c, CommandStep{State: state, At: c.Ended, Text: c.Why, By: who})
	return err
}

func (c Command) action() *wire.Action {
	return &wire.Action{Device: c.Device, Point: c.Point, Value: c.Value}
}

// join puts parts of a sentence together.
func join(head incident.Text, zh, en string) incident.Text {
	return incident.Text{ZH: strings.TrimSpace(head.ZH + zh), EN: strings.TrimSpace(head.EN + en)}
}
