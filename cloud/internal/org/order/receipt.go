package order

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
)

// A Receipt says that an order was read, or done.
type Receipt struct {
	Order int64
	Done  bool   // read and done
	Node  string // in the name of this place; empty: the account's own
	Who   string // the account that gives it
	Note  string
}

// Sign gives a receipt. What was read or done before stays as it was. An *org.Refusal: nobody asked for it.
func Sign(ctx context.Context, d *db.DB, t Teller, r Receipt, at time.Time) error {
	return d.Update(ctx, func(tx *sql.Tx) error {
		done := int64(0)
		if r.Done {
			done = at.UnixMilli()
		}
		where, args := `account = ?`, []any{r.Who}
		if r.Node != "" {
			where, args = `account = '' AND node = ?`, []any{r.Node}
		}
		asked, err := db.Changed(tx.ExecContext(ctx, `UPDATE receipts SET read_ms = CASE WHEN read_ms = 0 THEN ? ELSE read_ms END, done_ms = CASE WHEN done_ms = 0 THEN ? ELSE done_ms END,
			who = ?, note = CASE WHEN ? = '' THEN note ELSE ? END WHERE order_id = ? AND `+where, append([]any{at.UnixMilli(), done, r.Who, r.Note, r.Note, r.Order}, args...)...))
		if err != nil {
			return fmt.Errorf("sign order %d: %w", r.Order, err)
		}
		if !asked {
			return org.Refuse("这条指令不需要您或该节点回执", "this order asks no receipt of you or of that node")
		}
		if err := unremind(ctx, tx, t, r.Order); err != nil {
			return err
		}
		act := "order.read"
		if r.Done {
			act = "order.done"
		}
		return audit.Add(ctx, tx, audit.Entry{At: at, Act: act, Kind: "order", About: strconv.FormatInt(r.Order, 10), Node: r.Node})
	})
}

// A Progress counts the receipts of a node and all below it.
type Progress struct {
	Node  string `json:"node"`
	Name  string `json:"name"`
	Total int64  `json:"total"`
	Read  int64  `json:"read"`
	Done  int64  `json:"done"`
	Late  int64  `json:"late" doc:"were missing when the order was due"`
}

// Below answers the progress of an order in each part directly below a node, by id.
func Below(ctx context.Context, q db.Querier, id int64, node string) ([]Progress, error) {
	rows, err := q.QueryContext(ctx, `WITH RECURSIVE part(id, branch) AS (SELECT id, id FROM nodes WHERE parent = ? UNION SELECT n.id, p.branch FROM nodes n JOIN part p ON n.parent = p.id)
		SELECT p.branch, (SELECT b.name FROM nodes b WHERE b.id = p.branch), count(*), sum(CASE WHEN r.read_ms > 0 THEN 1 ELSE 0 END), sum(CASE WHEN r.done_ms > 0 THEN 1 ELSE 0 END), sum(r.late)
		FROM part p JOIN receipts r ON r.node = p.id AND r.order_id = ? GROUP BY p.branch ORDER BY p.branch`, node, id)
	if err != nil {
		return nil, fmt.Errorf("count receipts of order %d: %w", id, err)
	}
	defer rows.Close()
	out := []Progress{}
	for rows.Next() {
		var p Progress
		if err := rows.Scan(&p.Node, &p.Name, &p.Total, &p.Read, &p.Done, &p.Late); err != nil {
			return nil, fmt.Errorf("count receipts of order %d: %w", id, err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}
