package tree

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/shift"
)

const putShift = `INSERT INTO shifts (node, role, name, mode, days, hours, phone, zone) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (node, role, name, mode, days, hours) DO UPDATE SET phone = excluded.phone, zone = excluded.zone`

// maxShifts bounds the roster of one node.
const maxShifts = 500

func loadShifts(ctx context.Context, q db.Querier, part, id string, nodes []Node, place map[string]int) error {
	err := each(ctx, q, part+`SELECT s.node, s.role, s.name, s.mode, s.days, s.hours, s.phone, s.zone FROM part JOIN shifts s ON s.node = part.id`, id, func(rows *sql.Rows) error {
		var node string
		var s shift.Shift
		err := rows.Scan(&node, &s.Role, &s.Name, &s.Mode, &s.Days, &s.Hours, &s.Phone, &s.Zone)
		if i, ok := place[node]; ok {
			nodes[i].Shifts = append(nodes[i].Shifts, s)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read shifts of nodes: %w", err)
	}
	for i := range nodes {
		slices.SortFunc(nodes[i].Shifts, byRole)
	}
	return nil
}

// SetRoster makes shifts the whole roster of a node. With mistakes it changes nothing and answers them; their line is that
// of the shift in the list, from 1.
func SetRoster(ctx context.Context, tx *sql.Tx, node string, shifts []shift.Shift) ([]Problem, error) {
	lines, problems := checkRoster(node, shifts)
	if len(problems) > 0 {
		return problems, nil
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM shifts WHERE node = ?`, node); err != nil {
		return nil, fmt.Errorf("empty roster of %s: %w", node, err)
	}
	for _, l := range lines {
		if _, err := tx.ExecContext(ctx, putShift, node, l[cKind], l[cName], l[cMode], l[cDays], l[cHours], l[cPhone], l[cZone]); err != nil {
			return nil, fmt.Errorf("write roster of %s: %w", node, err)
		}
	}
	return nil, nil
}

func checkRoster(node string, shifts []shift.Shift) (lines []line, problems []Problem) {
	if len(shifts) > maxShifts {
		return nil, []Problem{{Text: text("一个节点最多 %d 个班次", "a node has at most %d shifts", maxShifts)}}
	}
	check, seen := newChecker(), map[string]int{}
	for i, s := range shifts {
		r := row{line: i + 1}
		for col, v := range map[column]string{cRecord: ShiftRecord, cParent: node, cKind: s.Role, cName: s.Name, cPhone: s.Phone, cMode: s.Mode, cDays: s.Days, cHours: s.Hours, cZone: s.Zone} {
			r.cells[col].text = v
		}
		l, wrong := check.check(r)
		if was := seen[l.key()]; was > 0 && len(wrong) == 0 {
			wrong = []Problem{{Line: i + 1, Text: text("与第 %d 个班次重复", "the same as shift %d", was)}}
		}
		seen[l.key()] = i + 1
		lines, problems = append(lines, l), append(problems, wrong...)
	}
	return lines, problems
}
