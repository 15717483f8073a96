package order

import (
	"context"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// An Asked is one receipt that an order asks for, and how far it is. Times are Unix ms.
type Asked struct {
	Node     string `json:"node"`
	NodeName string `json:"nodeName"`
	Account  string `json:"account,omitempty" doc:"absent: of who answers for the node"`
	Name     string `json:"name,omitempty" doc:"who is to give it"`
	ReadAt   int64  `json:"readAt,omitempty"`
	DoneAt   int64  `json:"doneAt,omitempty"`
	Late     bool   `json:"late,omitempty" doc:"it was missing when the order was due"`
	Who      string `json:"who,omitempty" doc:"the account that gave it"`
	Note     string `json:"note,omitempty"`
}

// Of answers the receipts that an order asks of an account and, in the name of places, in a part of the street; the account's
// own first, then what is missing.
func Of(ctx context.Context, q db.Querier, id int64, part tree.Scope, account string, limit int) ([]Asked, error) {
	in, args := part.Nodes("r.node")
	return asked(ctx, q, `r.order_id = ? AND (r.account = ? OR r.account = '' AND `+in+`)
		ORDER BY CASE WHEN r.account = '' THEN 1 ELSE 0 END, CASE WHEN r.read_ms = 0 THEN 0 WHEN r.done_ms = 0 THEN 1 ELSE 2 END, r.node LIMIT ?`,
		append(append([]any{id, account}, args...), limit)...)
}

// At answers the receipts that an order asks for at one node itself, without those below it.
func At(ctx context.Context, q db.Querier, id int64, node string) ([]Asked, error) {
	return asked(ctx, q, `r.order_id = ? AND r.node = ? ORDER BY r.account`, id, node)
}

func asked(ctx context.Context, q db.Querier, where string, args ...any) ([]Asked, error) {
	rows, err := q.QueryContext(ctx, `SELECT r.node, coalesce(n.name, r.node), r.account, r.name, r.read_ms, r.done_ms, r.late, r.who, r.note
		FROM receipts r LEFT JOIN nodes n ON n.id = r.node WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list receipts: %w", err)
	}
	defer rows.Close()
	out := []Asked{}
	for rows.Next() {
		var a Asked
		if err := rows.Scan(&a.Node, &a.NodeName, &a.Account, &a.Name, &a.ReadAt, &a.DoneAt, &a.Late, &a.Who, &a.Note); err != nil {
			return nil, fmt.Errorf("list receipts: %w", err)
		}
		out = append(out, a)
	}
	return out, rows.Err()
}
