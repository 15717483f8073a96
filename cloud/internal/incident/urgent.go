package incident

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// An order is how a list is sorted.
type order struct {
	by   []string // expressions of SQL; no two incidents are the same by all of them
	down bool
	of   func(Incident) []any // what they are of an incident: int64 or string, the last a string
}

func newest() order {
	return order{by: []string{"i.opened_at", "i.id"}, down: true, of: func(in Incident) []any { return []any{in.OpenedAt, in.ID} }}
}

func oldest() order {
	o := newest()
	o.down = false
	return o
}

// mostUrgent puts those that nobody has taken before the others, the gravest first, then what still lasts (people's reports
// do until somebody closes them), then whose limit ends first, then the longest waiting. What is on trial or put off comes
// behind, for nobody is asked to do anything about it.
func mostUrgent() order {
	return order{
		by: []string{"CASE WHEN i.handling = 'closed' THEN 3 WHEN i.shadow = 1 OR i.suspended_at > 0 THEN 2 WHEN i.handling = 'open' THEN 0 ELSE 1 END",
			"i.severity", "CASE WHEN i.active = 1 OR i.source <> 'sensor' THEN 0 ELSE 1 END",
			"CASE i.deadline WHEN 0 THEN " + strconv.Itoa(math.MaxInt64) + " ELSE i.deadline END", "i.since", "i.id"},
		of: func(in Incident) []any {
			rank, over, deadline := int64(1), int64(0), in.Deadline
			switch {
			case in.Handling == Closed:
				rank = 3
			case in.Shadow || in.SuspendedAt > 0:
				rank = 2
			case in.Handling == Open:
				rank = 0
			}
			if in.Condition == Recovered {
				over = 1
			}
			if deadline == 0 {
				deadline = math.MaxInt64
			}
			return []any{rank, in.Severity, over, deadline, in.Since, in.ID}
		},
	}
}

// cursor says where an incident stands in the order.
func (o order) cursor(in Incident) string {
	var parts []string
	for _, v := range o.of(in) {
		if n, ok := v.(int64); ok {
			v = strconv.FormatInt(n, 36)
		}
		parts = append(parts, v.(string))
	}
	return strings.Join(parts, "_")
}

// after is the condition of what follows a cursor.
func (o order) after(cursor string) (condition string, args []any, err error) {
	parts, of := strings.SplitN(cursor, "_", len(o.by)), o.of(Incident{})
	if len(parts) != len(of) {
		return "", nil, errCursor()
	}
	for i, part := range parts {
		if _, number := of[i].(int64); !number {
			args = append(args, part)
			continue
		}
		n, err := strconv.ParseInt(part, 36, 64)
		if err != nil {
			return "", nil, errCursor()
		}
		args = append(args, n)
	}
	than := " > "
	if o.down {
		than = " < "
	}
	return "(" + strings.Join(o.by, ", ") + ")" + than + "(?" + strings.Repeat(", ?", len(args)-1) + ")", args, nil
}

func errCursor() error {
	return &Refusal{Text{"翻页参数无效，请从第一页重新打开", "the page cursor is not valid: start from the first page"}}
}

// sql is what stands behind ORDER BY.
func (o order) sql() string {
	if o.down {
		return strings.Join(o.by, " DESC, ") + " DESC"
	}
	return strings.Join(o.by, ", ")
}

// read answers the first incidents of a condition in an order.
func (w where) read(ctx context.Context, q db.Querier, o order, limit int) ([]Incident, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+columns+tables+`WHERE `+strings.Join(w.parts, " AND ")+` ORDER BY `+o.sql()+` LIMIT ?`, append(w.args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("list incidents: %w", err)
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
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list incidents: %w", err)
	}
	return list, nil
}

// Urgent answers the most urgent incidents of a part of the street that are not closed and that people were told of.
func Urgent(ctx context.Context, q db.Querier, part tree.Scope, limit int) ([]Incident, error) {
	w := Page{In: part}.where()
	w.add("i.handling IN ('open', 'handling') AND i.shadow = 0 AND i.suspended_at = 0 AND i.quiet = 0")
	return w.read(ctx, q, mostUrgent(), limit)
}
