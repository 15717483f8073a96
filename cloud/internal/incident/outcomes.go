package incident

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/sheet"
)

// Outcomes asks for what people found about the alerts of a part of the street, or of one gateway there.
type Outcomes struct {
	In      tree.Scope
	Gateway string // empty: all
}

// WriteOutcomes writes what people found as CSV: alert, outcome, rule, device, gateway, closed_at (Unix ms). `gateway rules replay --outcomes`
// reads it. No cell begins as a formula would.
func WriteOutcomes(ctx context.Context, q db.Querier, o Outcomes, w io.Writer) error {
	in, args := o.In.Sites("i.site")
	rows, err := q.QueryContext(ctx, `SELECT a.alert, i.outcome, a.rule, a.device, a.gateway, i.closed_at
		FROM incidents i JOIN incident_alerts a ON a.incident = i.id
		WHERE i.handling = 'closed' AND i.outcome <> '' AND `+in+` AND (? = '' OR a.gateway = ?) ORDER BY i.closed_at, i.id, a.at, a.alert`, append(args, o.Gateway, o.Gateway)...)
	if err != nil {
		return fmt.Errorf("read outcomes: %w", err)
	}
	defer rows.Close()
	out := csv.NewWriter(w)
	_ = out.Write([]string{"alert", "outcome", "rule", "device", "gateway", "closed_at"}) // Flush tells
	for rows.Next() {
		var alert, outcome, rule, device, gw string
		var closed int64
		if err := rows.Scan(&alert, &outcome, &rule, &device, &gw, &closed); err != nil {
			return fmt.Errorf("read outcomes: %w", err)
		}
		_ = out.Write([]string{sheet.Safe(alert), outcome, sheet.Safe(rule), sheet.Safe(device), sheet.Safe(gw), fmt.Sprint(closed)})
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read outcomes: %w", err)
	}
	out.Flush()
	return out.Error()
}
