package incident

import (
	"context"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// Urgent answers the most urgent incidents of a part of the street that are not closed: those that nobody has taken before
// the others, the gravest first, then what still lasts, then whose limit ends first.
func Urgent(ctx context.Context, q db.Querier, part tree.Scope, limit int) ([]Incident, error) {
	w := Page{In: part}.where()
	w.add("i.handling IN ('open', 'handling') AND i.shadow = 0 AND i.suspended_at = 0 AND i.quiet = 0")
	condition := w.parts[0]
	for _, p := range w.parts[1:] {
		condition += " AND " + p
	}
	rows, err := q.QueryContext(ctx, `SELECT `+columns+tables+`WHERE `+condition+`
		ORDER BY CASE i.handling WHEN 'open' THEN 0 ELSE 1 END, i.severity, i.active DESC, CASE i.deadline WHEN 0 THEN 1 ELSE 0 END, i.deadline, i.since LIMIT ?`, append(w.args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("list urgent incidents: %w", err)
	}
	defer rows.Close()
	list := []Incident{}
	for rows.Next() {
		in, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, in)
	}
	return list, rows.Err()
}
