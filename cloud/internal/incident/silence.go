package incident

import (
	"context"
	"fmt"
	"strings"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// GatewaySilent is the rule of the incidents that the street makes of a gateway that does not report.
const GatewaySilent = "gateway_silent"

// SilencesOf answers by site of a part of the street which incident, not closed yet, tells that its gateway does not report;
// of the sites that are named, or of all.
func SilencesOf(ctx context.Context, q db.Querier, part tree.Scope, sites ...string) (map[string]string, error) {
	in, args := part.Sites("a.site")
	if len(sites) > 0 {
		in += ` AND a.site IN (?` + strings.Repeat(", ?", len(sites)-1) + `)`
		for _, site := range sites {
			args = append(args, site)
		}
	}
	rows, err := q.QueryContext(ctx, `SELECT a.site, max(i.id) FROM incident_alerts a JOIN incidents i ON i.id = a.incident
		WHERE a.rule = ? AND a.active = 1 AND i.handling <> 'closed' AND `+in+` GROUP BY a.site`, append([]any{GatewaySilent}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("list silent sites: %w", err)
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var site, id string
		if err := rows.Scan(&site, &id); err != nil {
			return nil, fmt.Errorf("list silent sites: %w", err)
		}
		out[site] = id
	}
	return out, rows.Err()
}
