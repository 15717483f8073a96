package inbox

import (
	"context"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/db"
)

// Refused sums up the readings of one point that the series store will never take, for one reason.
type Refused struct {
	Gateway, Device, Point string
	Why                    string // what the store said
	N                      int64
	From, To               int64 // times of the first and the last, Unix ms
}

// RefusedReadings lists what the series store refused, the newest first, of one gateway or, when it is empty, of all.
func RefusedReadings(ctx context.Context, q db.Querier, gateway string, limit int) ([]Refused, error) {
	rows, err := q.QueryContext(ctx, `SELECT gateway, device, point, why, count(*), min(time_ms), max(time_ms) FROM parked
		WHERE ? = '' OR gateway = ? GROUP BY gateway, device, point, why ORDER BY max(at) DESC, gateway, device, point LIMIT ?`, gateway, gateway, limit)
	if err != nil {
		return nil, fmt.Errorf("list refused readings: %w", err)
	}
	defer rows.Close()
	out := []Refused{}
	for rows.Next() {
		var r Refused
		if err := rows.Scan(&r.Gateway, &r.Device, &r.Point, &r.Why, &r.N, &r.From, &r.To); err != nil {
			return nil, fmt.Errorf("read refused readings: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}
