package duty

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/memo"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/rules"
)

// A Relief puts one person in another's place for some time (交接班), with a note of what is to be known.
type Relief struct {
	ID     int64       `json:"id"`
	Node   string      `json:"node"`
	Role   string      `json:"role"`
	Leaver string      `json:"leaver,omitempty" doc:"name of who leaves; absent: the taker comes besides"`
	Taker  tree.Person `json:"taker"`
	From   int64       `json:"from" doc:"Unix ms"`
	Until  int64       `json:"until" doc:"Unix ms"`
	Note   string      `json:"note,omitempty"`
	At     int64       `json:"at" doc:"when it was written down, Unix ms"`
	Who    string      `json:"who" doc:"who wrote it down"`
}

const longestHandOver = 60 * 24 * time.Hour

// apply answers who is on duty when the hand-over is in force.
func (h Relief) apply(people []Holder) []Holder {
	taker := Holder{h.Taker, h.Role, AsHandOver, h.Node, h.Until}
	if h.Leaver == "" {
		return append(people, taker)
	}
	var out []Holder
	for _, p := range people {
		if p.Role == h.Role && p.Name == h.Leaver {
			until := min(h.Until, p.Until)
			p = taker
			p.Until = until
		}
		out = append(out, p)
	}
	return out
}

// Give writes hand-overs down, all or none: one, or the two of a swap. An *org.Refusal says what is wrong with one.
func Give(ctx context.Context, d *db.DB, t Teller, list ...Relief) error {
	return d.Update(ctx, func(tx *sql.Tx) error {
		for _, h := range list {
			if err := h.check(); err != nil {
				return err
			}
			if err := tx.QueryRowContext(ctx, `INSERT INTO handovers (node, role, leaver, taker, taker_phone, from_ms, until_ms, note, at, who) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
				h.Node, h.Role, h.Leaver, h.Taker.Name, h.Taker.Phone, h.From, h.Until, h.Note, h.At, h.Who).Scan(&h.ID); err != nil {
				return fmt.Errorf("hand over %s at %s: %w", h.Role, h.Node, err)
			}
			if err := h.tell(ctx, tx, t); err != nil {
				return err
			}
		}
		for _, h := range list {
			if err := audit.Add(ctx, tx, audit.Entry{At: time.UnixMilli(h.At), Act: "duty.handover", Kind: "node", About: h.Node, Node: h.Node,
				Detail: map[string]string{"role": h.Role, "leaver": h.Leaver, "taker": h.Taker.Name, "from": stamp(h.From), "until": stamp(h.Until)}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// A Teller brings messages to people. Nil: nobody is told.
type Teller interface {
	Tell(ctx context.Context, tx *sql.Tx, m memo.Memo) error
	Zone() *time.Location // of the street, in which people read times
}

// tell tells the taker what there is to take.
func (h Relief) tell(ctx context.Context, tx *sql.Tx, t Teller) error {
	if t == nil {
		return nil
	}
	path, err := tree.Path(ctx, tx, h.Node)
	if err != nil {
		return err
	}
	place, from, until := path[len(path)-1].Name, time.UnixMilli(h.From).UTC(), time.UnixMilli(h.Until).UTC()
	if zone := t.Zone(); zone != nil {
		from, until = from.In(zone), until.In(zone)
	}
	const form = "01-02 15:04"
	text := rules.Text{ZH: fmt.Sprintf("%s %s，由%s接班 %s 至 %s", place, h.Role, h.Taker.Name, from.Format(form), until.Format(form)),
		EN: fmt.Sprintf("%s %s: %s takes over, %s to %s", place, h.Role, h.Taker.Name, from.Format(form), until.Format(form))}
	if h.Note != "" {
		text.ZH, text.EN = text.ZH+"："+h.Note, text.EN+": "+h.Note
	}
	return t.Tell(ctx, tx, memo.Memo{Kind: memo.HandOver, About: strconv.FormatInt(h.ID, 10), Node: h.Node, Text: text, To: []tree.Person{h.Taker}, Page: "/duty"})
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

func (h Relief) check() error {
	switch {
	case h.Role == "" || h.Taker.Name == "":
		return org.Refuse("交接要写明岗位和接班人", "a hand-over names the role and who takes it")
	case h.Taker.Name == h.Leaver:
		return org.Refuse("交班人和接班人是同一个人", "who leaves and who takes are the same person")
	case h.Until <= h.From:
		return org.Refuse("交接结束要晚于开始", "the hand-over must end after its begin")
	case h.Until-h.From > longestHandOver.Milliseconds():
		return org.Refuse("一次交接最长 60 天；更久请改班表", "a hand-over lasts 60 days at most; change the roster for longer")
	}
	return nil
}

const handOverColumns = `h.id, h.node, h.role, h.leaver, h.taker, h.taker_phone, h.from_ms, h.until_ms, h.note, h.at, h.who`

// handOvers answers those in force at a node and above it, in the order in which they were made.
func handOvers(ctx context.Context, q db.Querier, node string, at time.Time) ([]Relief, error) {
	return list(ctx, q, `WITH RECURSIVE part(id) AS (SELECT id FROM nodes WHERE id = ?
		UNION SELECT a.id FROM nodes n JOIN part p ON n.id = p.id JOIN nodes a ON a.id = n.parent)
		SELECT `+handOverColumns+` FROM part JOIN handovers h ON h.node = part.id WHERE h.from_ms <= ? AND h.until_ms > ? ORDER BY h.id`, node, at.UnixMilli(), at.UnixMilli())
}

// Reliefs answers those of a node, newest first.
func Reliefs(ctx context.Context, q db.Querier, node string, limit int) ([]Relief, error) {
	return list(ctx, q, `SELECT `+handOverColumns+` FROM handovers h WHERE h.node = ? ORDER BY h.id DESC LIMIT ?`, node, limit)
}

func list(ctx context.Context, q db.Querier, query string, args ...any) ([]Relief, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read hand-overs: %w", err)
	}
	defer rows.Close()
	out := []Relief{}
	for rows.Next() {
		var h Relief
		if err := rows.Scan(&h.ID, &h.Node, &h.Role, &h.Leaver, &h.Taker.Name, &h.Taker.Phone, &h.From, &h.Until, &h.Note, &h.At, &h.Who); err != nil {
			return nil, fmt.Errorf("read hand-over: %w", err)
		}
		out = append(out, h)
	}
	return out, rows.Err()
}
