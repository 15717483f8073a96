package dutycheck

import (
	"context"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// A Count is how the checks of a time were answered. Those of which no message arrived are not among the asked.
type Count struct {
	Asked    int // whose time is over, or that were answered
	Answered int
	Missed   int
	Untold   int
}

// CountOf counts the checks of a part of the street, or of one node and all below it, that were made in a time.
func CountOf(ctx context.Context, q db.Querier, in tree.Scope, node string, from, to int64) (Count, error) {
	where, args := in.Nodes("c.node")
	if node != "" {
		more, also := tree.Below(node).Nodes("c.node")
		where, args = where+` AND `+more, append(args, also...)
	}
	var c Count
	err := q.QueryRowContext(ctx, `SELECT coalesce(sum(CASE WHEN c.state = 'answered' THEN 1 ELSE 0 END), 0), coalesce(sum(CASE WHEN c.state = 'missed' THEN 1 ELSE 0 END), 0),
		coalesce(sum(CASE WHEN c.state = 'untold' THEN 1 ELSE 0 END), 0) FROM duty_checks c WHERE `+where+` AND c.at >= ? AND c.at < ?`, append(args, from, to)...).
		Scan(&c.Answered, &c.Missed, &c.Untold)
	if err != nil {
		return c, fmt.Errorf("count duty checks: %w", err)
	}
	c.Asked = c.Answered + c.Missed
	return c, nil
}
