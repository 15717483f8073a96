// Package order brings an instruction straight down to everybody below a node (一键下达), and counts who has read and done
// it. Receipts stand for places and accounts: one for each node below that has nothing under it or an owner of its own, held
// by who answers for it that day, and one for each account that is granted there. All are made by two statements, however
// many they are; what is missing when the order is due is marked once, in the transaction of its timer.
package order

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
		SELECT DISTINCT CAST(? AS BIGINT), p.id, g.name, g.name, '', 0, 0, 0, '', '' FROM part p JOIN grants g ON g.node = p.id`, o.Node, o.ID); err != nil {
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

const columns = `SELECT o.id, o.node, coalesce((SELECT n.name FROM nodes n WHERE n.id = o.node), o.node), o.text, o.needs, o.at, o.due_ms, o.who, o.late, (SELECT count(*) FROM receipts r WHERE r.order_id = o.id),
	(SELECT count(*) FROM receipts r WHERE r.order_id = o.id AND r.read_ms > 0), (SELECT count(*) FROM receipts r WHERE r.order_id = o.id AND r.done_ms > 0) FROM orders o `

func scan(row interface{ Scan(...any) error }) (Instruction, error) {
	var o Instruction
	err := row.Scan(&o.ID, &o.Node, &o.Place, &o.Text, &o.Needs, &o.At, &o.Due, &o.Who, &o.Late, &o.Total, &o.Read, &o.Done)
	return o, err
}

// Get answers one order. An unknown one: org.ErrUnknown.
func Get(ctx context.Context, q db.Querier, id int64) (Instruction, error) {
	o, err := scan(q.QueryRowContext(ctx, columns+`WHERE o.id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return o, fmt.Errorf("order %d: %w", id, org.ErrUnknown)
	}
	if err != nil {
		return o, fmt.Errorf("read order %d: %w", id, err)
	}
	return o, nil
}

// List answers orders that have a receipt in a part of the street, newest first; of an account, if one is named, alone those
// that ask it or something in the part for a receipt that is not given yet.
func List(ctx context.Context, q db.Querier, in tree.Scope, account string, limit int) ([]Instruction, error) {
	where, args := in.Nodes("r.node")
	if account != "" {
		where = `(r.account = ? OR r.account = '' AND ` + where + `) AND (r.read_ms = 0 OR o.needs = 'done' AND r.done_ms = 0)`
		args = append([]any{account}, args...)
	}
	rows, err := q.QueryContext(ctx, columns+`WHERE EXISTS (SELECT 1 FROM receipts r WHERE r.order_id = o.id AND `+where+`) ORDER BY o.id DESC LIMIT ?`, append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	defer rows.Close()
	out := []Instruction{}
	for rows.Next() {
		o, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read order: %w", err)
		}
		out = append(out, o)
	}
	return out, rows.Err()
}
