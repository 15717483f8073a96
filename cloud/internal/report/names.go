package report

import (
	"context"
	"fmt"
	"strings"

	"github.com/linshao/linshao/cloud/internal/db"
)

// names answers what people call the sites that figures name.
func (f Figures) names(ctx context.Context, q db.Querier) (map[string]string, error) {
	out := map[string]string{}
	for _, s := range f.BySite {
		out[s.Of] = ""
	}
	for _, b := range f.Alarms.BadActors {
		out[b.Site] = ""
	}
	delete(out, "")
	var args []any
	for id := range out {
		args = append(args, id)
	}
	if len(args) == 0 {
		return out, nil
	}
	rows, err := q.QueryContext(ctx, `SELECT id, name FROM sites WHERE id IN (`+strings.Repeat(", ?", len(args))[2:]+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("read names of sites: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, fmt.Errorf("read names of sites: %w", err)
		}
		out[id] = name
	}
	return out, rows.Err()
}
