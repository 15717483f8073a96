package mode

import (
	"context"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// An Emergency is one that is under way.
type Emergency struct {
	Node   string `json:"node" doc:"the node, with all below it"`
	Name   string `json:"name" doc:"of the node"`
	From   int64  `json:"from" doc:"Unix ms"`
	Until  int64  `json:"until" doc:"when it ends by itself, Unix ms"`
	Who    string `json:"who"`
	Reason string `json:"reason"`
}

// mostRunning is how many emergencies are told of: a street has a handful of parts that can be in one.
const mostRunning = 100

// Running answers the emergencies under way that concern a part of the street: those of its nodes, and those of the nodes
// above it, which hold for it too. Those that have lasted longest come first, at most 100.
func Running(ctx context.Context, q db.Querier, part tree.Scope, at time.Time) ([]Emergency, error) {
	concerns, args := part.Around("m.node")
	args = append([]any{at.UnixMilli(), at.UnixMilli()}, append(args, mostRunning)...)
	rows, err := q.QueryContext(ctx, `SELECT m.node, n.name, m.from_ms, m.until_ms, m.who, m.reason FROM modes m JOIN nodes n ON n.id = m.node
		WHERE m.from_ms <= ? AND m.until_ms > ? AND `+concerns+` ORDER BY m.from_ms, m.id LIMIT ?`, args...)
	if err != nil {
		return nil, fmt.Errorf("list emergencies: %w", err)
	}
	defer rows.Close()
	out := []Emergency{}
	for rows.Next() {
		var e Emergency
		if err := rows.Scan(&e.Node, &e.Name, &e.From, &e.Until, &e.Who, &e.Reason); err != nil {
			return nil, fmt.Errorf("list emergencies: %w", err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}
