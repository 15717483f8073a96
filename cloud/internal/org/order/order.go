// Package order brings an instruction straight down to everybody below a node (一键下达), and counts who has read and done
// it. Receipts stand for places and accounts: one for each node below that has nothing under it or an owner of its own, held
// by who answers for it that day, and one for each account that is granted there and does not answer for that node already.
// All are made by two statements, however many they are; what is missing when the order is due is marked once, in the
// transaction of its timer.
package order

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/timer"
)

// What an order needs of everybody.
const (
	Read = "read"
	Done = "done"
)

// An Instruction is an order that was given.
type Instruction struct {
	ID    int64  `json:"id"`
	Node  string `json:"node" doc:"for all below this node"`
	Place string `json:"place" doc:"the node's name"`
	Text  string `json:"text"`
	Needs string `json:"needs" enum:"read,done"`
	At    int64  `json:"at" doc:"Unix ms"`
	Due   int64  `json:"due,omitempty" doc:"Unix ms; absent: none"`
	Who   string `json:"who"`
	Late  int64  `json:"late" doc:"receipts that were missing when it was due; -1: it is not due yet"`
	Total int64  `json:"total" doc:"receipts that are asked for"`
	Read  int64  `json:"read"`
	Done  int64  `json:"done"`
}

const (
	dueTimer = "order_due"
	maxDue   = 90 * 24 * time.Hour
)

// Give gives an order at a time, whose location says which day it is, and answers it. An *org.Refusal: it makes no sense.
func Give(ctx context.Context, d *db.DB, t Teller, o Instruction, at time.Time) (Instruction, error) {
	o.At, o.Late = at.UnixMilli(), -1
	if o.Due != 0 && (o.Due <= o.At || o.Due-o.At > maxDue.Milliseconds()) {
		return Instruction{}, org.Refuse("时限要在今后 90 天之内", "the limit must be within the next 90 days")
	}
	err := d.Update(ctx, func(tx *sql.Tx) error {
		path, err := tree.Path(ctx, tx, o.Node)
		if err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, `INSERT INTO orders (node, text, needs, at, due_ms, who, late) VALUES (?, ?, ?, ?, ?, ?, -1) RETURNING id`,
			o.Node, o.Text, o.Needs, o.At, o.Due, o.Who).Scan(&o.ID); err != nil {
			return fmt.Errorf("give order: %w", err)
		}
		if err := ask(ctx, tx, o, path, at.Format(time.DateOnly)); err != nil {
			return err
		}
		if o.Due != 0 {
			if err := timer.Set(ctx, tx, dueTimer, strconv.FormatInt(o.ID, 10), time.UnixMilli(o.Due)); err != nil {
				return err
			}
		}
		if err := tell(ctx, tx, t, o, path[len(path)-1]); err != nil {
			return err
		}
		return audit.Add(ctx, tx, audit.Entry{At: at, Act: "order.give", Kind: "order", About: strconv.FormatInt(o.ID, 10), Node: o.Node, Detail: map[string]string{"needs": o.Needs}})
	})
	if err != nil {
		return Instruction{}, err
	}
	return Get(ctx, d.Reader(), o.ID)
}

// ask makes the receipts. Who answers for a node comes down from the one above where it has nobody of its own.
func ask(ctx context.Context, tx *sql.Tx, o Instruction, path []tree.Node, day string) error {
	var top tree.Person
	if d := tree.Responsible(path, day); d != nil {
		top = d.Person
	}
	const stands = `n.deputy <> '' AND n.handover_from <> '' AND n.handover_from <= ? AND (n.handover_to = '' OR n.handover_to >= ?)`
	if _, err := tx.ExecContext(ctx, `WITH RECURSIVE part(id, name, phone) AS (SELECT id, CAST(? AS TEXT), CAST(? AS TEXT) FROM nodes WHERE id = ?
		UNION SELECT n.id, CASE WHEN `+stands+` THEN n.deputy WHEN n.owner <> '' THEN n.owner ELSE p.name END,
			CASE WHEN `+stands+` THEN n.deputy_phone WHEN n.owner <> '' THEN n.owner_phone ELSE p.phone END
		FROM nodes n JOIN part p ON n.parent = p.id)
		INSERT INTO receipts (order_id, node, account, name, phone, late, read_ms, done_ms, who, note)
		SELECT ?, p.id, '', p.name, p.phone, 0, 0, 0, '', '' FROM part p JOIN nodes n ON n.id = p.id
		WHERE n.owner <> '' OR NOT EXISTS (SELECT 1 FROM nodes c WHERE c.parent = p.id)`,
		top.Name, top.Phone, o.Node, day, day, day, day, o.ID); err != nil {
		return fmt.Errorf("ask who answers below %s: %w", o.Node, err)
	}
	if _, err := tx.ExecContext(ctx, `WITH RECURSIVE part(id) AS (SELECT id FROM nodes WHERE id = ? UNION SELECT n.id FROM nodes n JOIN part p ON n.parent = p.id)
		INSERT INTO receipts (order_id, node, account, name, phone, late, read_ms, done_ms, who, note)
		SELECT DISTINCT CAST(? AS BIGINT), p.id, g.name, g.name, '', 0, 0, 0, '', '' FROM part p JOIN grants g ON g.node = p.id
		WHERE NOT EXISTS (SELECT 1 FROM receipts r WHERE r.order_id = ? AND r.node = p.id AND r.account = '' AND r.name = g.name)`, o.Node, o.ID, o.ID); err != nil {
		return fmt.Errorf("ask accounts below %s: %w", o.Node, err)
	}
	return nil
}

// Effects are what happens by itself: an order becomes due.
func Effects(t Teller) map[string]timer.Effect {
	return map[string]timer.Effect{dueTimer: func(ctx context.Context, tx *sql.Tx, subject string, due time.Time) error {
		id, err := strconv.ParseInt(subject, 10, 64)
		if err != nil {
			return fmt.Errorf("timer of an order: %w", err)
		}
		res, err := tx.ExecContext(ctx, `UPDATE receipts SET late = 1 WHERE order_id = ? AND (read_ms = 0 OR done_ms = 0 AND EXISTS (SELECT 1 FROM orders o WHERE o.id = ? AND o.needs = 'done'))`, id, id)
		if err != nil {
			return fmt.Errorf("mark what is missing of order %d: %w", id, err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return fmt.Errorf("count what is missing of order %d: %w", id, err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE orders SET late = ? WHERE id = ?`, n, id); err != nil {
			return fmt.Errorf("mark order %d as due: %w", id, err)
		}
		return tellLate(ctx, tx, t, id, n, due)
	}}
}

const columns = `SELECT o.id, o.node, coalesce((SELECT n.name FROM nodes n WHERE n.id = o.node), o.node), o.text, o.needs, o.at, o.due_ms, o.who, o.late FROM orders o `

func scan(row interface{ Scan(...any) error }) (Instruction, error) {
	var o Instruction
	err := row.Scan(&o.ID, &o.Node, &o.Place, &o.Text, &o.Needs, &o.At, &o.Due, &o.Who, &o.Late)
	return o, err
}

// tally counts the receipts of orders that a sight holds, of all of them by one statement.
func tally(ctx context.Context, q db.Querier, list []Instruction, s Sight) error {
	if len(list) == 0 {
		return nil
	}
	of, args := s.In.Nodes("r.node")
	if s.Account != "" {
		of, args = `(`+of+` OR r.account = ?)`, append(slices.Clone(args), s.Account)
	}
	place, ids := map[int64]int{}, make([]any, len(list))
	for i := range list {
		o := &list[i]
		place[o.ID], ids[i] = i, o.ID
		if o.Total, o.Read, o.Done = 0, 0, 0; o.Late > 0 {
			o.Late = 0
		}
	}
	rows, err := q.QueryContext(ctx, `SELECT r.order_id, count(*), sum(CASE WHEN r.read_ms > 0 THEN 1 ELSE 0 END), sum(CASE WHEN r.done_ms > 0 THEN 1 ELSE 0 END), sum(CASE WHEN r.late <> 0 THEN 1 ELSE 0 END)
		FROM receipts r WHERE r.order_id IN (`+strings.Repeat(", ?", len(ids))[2:]+`) AND `+of+` GROUP BY r.order_id`, append(ids, args...)...)
	if err != nil {
		return fmt.Errorf("count receipts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, total, read, done, late int64
		if err := rows.Scan(&id, &total, &read, &done, &late); err != nil {
			return fmt.Errorf("count receipts: %w", err)
		}
		o := &list[place[id]]
		if o.Total, o.Read, o.Done = total, read, done; o.Late >= 0 {
			o.Late = late
		}
	}
	return rows.Err()
}

// Get answers one order with all its receipts. An unknown one: org.ErrUnknown.
func Get(ctx context.Context, q db.Querier, id int64) (Instruction, error) {
	return GetPart(ctx, q, id, tree.Everywhere(), "")
}

// GetPart answers one order, counting the receipts of a part of the street and of an account, as who sees no more may know.
// An unknown one: org.ErrUnknown.
func GetPart(ctx context.Context, q db.Querier, id int64, in tree.Scope, account string) (Instruction, error) {
	o, err := scan(q.QueryRowContext(ctx, columns+`WHERE o.id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return o, fmt.Errorf("order %d: %w", id, org.ErrUnknown)
	}
	if err != nil {
		return o, fmt.Errorf("read order %d: %w", id, err)
	}
	one := []Instruction{o}
	err = tally(ctx, q, one, Sight{in, account})
	return one[0], err
}

// A Sight is what somebody may see of orders' receipts: those of a part of the street, and those of their account.
type Sight struct {
	In      tree.Scope
	Account string
}

// List answers orders that have a receipt in a part of the street, newest first; of an account, if one is named, alone those
// that ask it or something in the part for a receipt that is not given yet. Only receipts in what may be seen, or of who sees
// it, are counted.
func List(ctx context.Context, q db.Querier, in tree.Scope, account string, a Sight, limit int) ([]Instruction, error) {
	where, args := in.Nodes("r.node")
	if account != "" {
		where = `(r.account = ? OR r.account = '' AND ` + where + `) AND (r.read_ms = 0 OR o.needs = 'done' AND r.done_ms = 0)`
		args = append([]any{account}, args...)
	}
	rows, err := q.QueryContext(ctx, columns+`WHERE EXISTS (SELECT 1 FROM receipts r WHERE r.order_id = o.id AND `+where+`) ORDER BY o.id DESC LIMIT ?`, append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	out := []Instruction{}
	for rows.Next() {
		o, err := scan(rows)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read order: %w", err), rows.Close())
		}
		out = append(out, o)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	return out, tally(ctx, q, out, a)
}
