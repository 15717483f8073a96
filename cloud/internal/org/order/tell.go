package order

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/memo"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/rules"
)

// A Teller brings messages to people, and stops reminding those who did what was asked. Nil: nobody is told.
type Teller interface {
	Tell(ctx context.Context, tx *sql.Tx, m memo.Memo) error
	Done(ctx context.Context, tx *sql.Tx, kind, about string, who tree.Person) error
	End(ctx context.Context, tx *sql.Tx, kind, about string) error
}

// Reminders of an order: four until it is due, not more often than that.
const (
	reminders   = 5
	remindLeast = 15 * time.Minute
)

// tell queues the messages of a new order.
func tell(ctx context.Context, tx *sql.Tx, t Teller, o Instruction, node tree.Node) error {
	if t == nil {
		return nil
	}
	to, err := addressees(ctx, tx, o.ID)
	if err != nil {
		return err
	}
	m := memo.Memo{Kind: memo.Order, About: strconv.FormatInt(o.ID, 10), Node: o.Node, To: to, Page: "/orders"}
	m.Text = rules.Text{ZH: fmt.Sprintf("%s → %s：%s", o.Who, node.Name, o.Text), EN: fmt.Sprintf("%s → %s: %s", o.Who, node.Name, o.Text)}
	if o.Due > 0 {
		m.Until = time.UnixMilli(o.Due)
		m.Every = max(m.Until.Sub(time.UnixMilli(o.At))/reminders, remindLeast)
	}
	return t.Tell(ctx, tx, m)
}

// addressees answers whom an order asks for a receipt, each once: people by name and phone, accounts by name.
func addressees(ctx context.Context, q db.Querier, id int64) ([]tree.Person, error) {
	rows, err := q.QueryContext(ctx, `SELECT DISTINCT name, phone FROM receipts r WHERE order_id = ? AND name <> ''
		AND (account = '' OR NOT EXISTS (SELECT 1 FROM receipts o WHERE o.order_id = r.order_id AND o.account = '' AND o.name = r.name)) ORDER BY name, phone`, id)
	if err != nil {
		return nil, fmt.Errorf("list whom order %d asks: %w", id, err)
	}
	defer rows.Close()
	var out []tree.Person
	for rows.Next() {
		var p tree.Person
		if err := rows.Scan(&p.Name, &p.Phone); err != nil {
			return nil, fmt.Errorf("list whom order %d asks: %w", id, err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// unremind ends the reminders of those who have given the last receipt that was asked of them.
func unremind(ctx context.Context, tx *sql.Tx, t Teller, id int64) error {
	if t == nil {
		return nil
	}
	rows, err := tx.QueryContext(ctx, `SELECT DISTINCT p.name, p.phone FROM memos m JOIN memo_people p ON p.memo = m.id AND p.done_ms = 0
		WHERE m.kind = ? AND m.about = ? AND NOT EXISTS (SELECT 1 FROM receipts r JOIN orders o ON o.id = r.order_id
			WHERE r.order_id = ? AND r.name = p.name AND r.phone = p.phone AND (r.read_ms = 0 OR o.needs = 'done' AND r.done_ms = 0))`, memo.Order, strconv.FormatInt(id, 10), id)
	if err != nil {
		return fmt.Errorf("list who has answered order %d: %w", id, err)
	}
	var done []tree.Person
	for rows.Next() {
		var p tree.Person
		if err := rows.Scan(&p.Name, &p.Phone); err != nil {
			rows.Close() //nolint:errcheck,gosec // the reading failed already
			return fmt.Errorf("list who has answered order %d: %w", id, err)
		}
		done = append(done, p)
	}
	if err := rows.Close(); err != nil {
		return fmt.Errorf("list who has answered order %d: %w", id, err)
	}
	for _, p := range done {
		if err := t.Done(ctx, tx, memo.Order, strconv.FormatInt(id, 10), p); err != nil {
			return err
		}
	}
	return rows.Err()
}

// tellLate tells who answers for an order's node how much of it is missing.
func tellLate(ctx context.Context, tx *sql.Tx, t Teller, id, missing int64, due time.Time) error {
	if t == nil {
		return nil
	}
	about := strconv.FormatInt(id, 10)
	if err := t.End(ctx, tx, memo.Order, about); err != nil || missing == 0 {
		return err
	}
	o, err := Get(ctx, tx, id)
	if err != nil {
		return err
	}
	path, err := tree.Path(ctx, tx, o.Node)
	if err != nil {
		return err
	}
	m := memo.Memo{Kind: memo.OrderLate, About: about, Node: o.Node, Page: "/orders", Text: rules.Text{
		ZH: fmt.Sprintf("“%s”到期，应回执 %d，还缺 %d", o.Text, o.Total, missing), EN: fmt.Sprintf("“%s” is due: %d of %d receipts are missing", o.Text, missing, o.Total)}}
	if d := tree.Responsible(path, due.Format(time.DateOnly)); d != nil {
		m.To = []tree.Person{d.Person}
	}
	return t.Tell(ctx, tx, m)
}
