package report

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/db"
)

// Open is how many incidents of one class and category are not closed.
type Open struct {
	Severity, Category string
	N                  int
}

// A Standing is how the whole street stands now.
type Standing struct {
	Open             []Open // without those of rules on trial
	Overdue          int    // open ones that nobody has taken or closed in time
	Gateways, Silent int    // in service, and those of them that do not report
}

// Stand answers how the whole street stands now.
func Stand(ctx context.Context, q db.Querier) (Standing, error) {
	var s Standing
	err := each(ctx, q, `SELECT severity, category, count(*), sum(CASE WHEN overdue > 0 THEN 1 ELSE 0 END) FROM incidents
		WHERE handling IN ('open', 'handling') AND shadow = 0 GROUP BY severity, category`, nil, func(rows *sql.Rows) error {
		var o Open
		var overdue int
		err := rows.Scan(&o.Severity, &o.Category, &o.N, &overdue)
		s.Open = append(s.Open, o)
		s.Overdue += overdue
		return err
	})
	if err != nil {
		return s, fmt.Errorf("count open incidents: %w", err)
	}
	if err := q.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(1 - online), 0) FROM gateways WHERE retired = 0`).Scan(&s.Gateways, &s.Silent); err != nil {
		return s, fmt.Errorf("count gateways: %w", err)
	}
	return s, nil
}
