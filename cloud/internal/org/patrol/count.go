package patrol

import (
	"context"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// A Count is how the rounds of a time were walked, without those of which the cloud was down.
type Count struct {
	Rounds int // whose time is over, or that are done
	Done   int // in time
	Late   int
	Missed int
	Points int // of all these rounds
	Seen   int
}

// CountOf counts the rounds of a part of the street, or of one node and all below it, that began in a time.
func CountOf(ctx context.Context, q db.Querier, in tree.Scope, node string, from, to int64) (Count, error) {
	where, args := in.Nodes("r.node")
	if node != "" {
		more, also := tree.Below(node).Nodes("r.node")
		where, args = where+` AND `+more, append(args, also...)
	}
	var c Count
	err := q.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(CASE WHEN r.state = 'done' THEN 1 ELSE 0 END), 0), coalesce(sum(CASE WHEN r.state = 'late' THEN 1 ELSE 0 END), 0),
		coalesce(sum(CASE WHEN r.state = 'missed' THEN 1 ELSE 0 END), 0), coalesce(sum(r.points), 0), coalesce(sum((SELECT count(*) FROM patrol_stops s WHERE s.round = r.id AND s.at > 0)), 0)
		FROM patrol_rounds r WHERE r.state IN ('done', 'late', 'missed') AND `+where+` AND r.due_ms >= ? AND r.due_ms < ?`, append(args, from, to)...).
		Scan(&c.Rounds, &c.Done, &c.Late, &c.Missed, &c.Points, &c.Seen)
	if err != nil {
		return c, fmt.Errorf("count rounds: %w", err)
	}
	return c, nil
}
