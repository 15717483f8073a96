package tree

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/shift"
)

// A Patrol is a plan of rounds at a node (巡查): which points are walked, when, and by whom.
type Patrol struct {
	Name    string        `json:"name"`
	Role    string        `json:"role" doc:"of the shift that walks it"`
	Days    string        `json:"days" doc:"as of a shift"`
	Hours   string        `json:"hours" doc:"when a round begins: 08:00,14:00 or 08:00-20:00/2h"`
	Minutes int           `json:"minutes" doc:"to walk it"`
	Points  []PatrolPoint `json:"points"`
}

// A PatrolPoint is one place of a round.
type PatrolPoint struct {
	Name     string   `json:"name"`
	Position string   `json:"position,omitempty" doc:"where it is, in people's words"`
	Code     string   `json:"code,omitempty" doc:"text of its QR or NFC code"`
	Checks   []string `json:"checks,omitempty" doc:"what to look at"`
	Order    int      `json:"order,omitempty" doc:"in which they are walked"`
}

// Limits of a patrol.
const (
	maxMinutes = 24 * 60
	maxCode    = 120 // characters
	maxChecks  = 10
)

// checksOf splits what to look at; its one right spelling has ; between.
func checksOf(text string) []string {
	var out []string
	for w := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ';' || r == '；' }) {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// patrol checks a line of a plan, or of a point of one.
func (c *checker) patrol() {
	c.unused(cPhone, cStock, cMode, cZone)
	if c.line[cRecord] == PatrolRecord {
		c.unused(cPosition, cCode, cChecks, cOrder)
		c.spell(cDays, shift.Days)
		c.spell(cHours, shift.Times)
		c.count(cMinutes, 1, maxMinutes)
		return
	}
	c.unused(cDays, cHours, cMinutes)
	c.count(cOrder, 0, maxStock)
	c.words(cCode)
	if n := len([]rune(c.line[cCode])); n > maxCode {
		c.wrong(cCode, text("超过 %d 个字", "longer than %d characters", maxCode))
	}
	c.words(cChecks)
	checks := checksOf(c.line[cChecks])
	if len(checks) > maxChecks {
		c.wrong(cChecks, text("一个点位最多检查 %d 项", "a point has at most %d things to look at", maxChecks))
	}
	c.line[cChecks] = strings.Join(checks, "; ")
}

// count takes a whole number; an empty one is the least.
func (c *checker) count(col column, least, most int) {
	v := c.row.cells[col].text
	if v == "" {
		v = strconv.Itoa(least)
		if col == cMinutes {
			v = "60"
		}
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		c.wrong(col, text("%q 不是 %d 到 %d 的整数", "%q is no whole number from %d to %d", v, least, most))
	}
	c.line[col] = strconv.Itoa(n)
}

// patrols refuses points of a plan that will not be there.
func (p *plan) patrols() bool {
	some, there := false, map[string]bool{}
	for _, it := range p.items {
		if it.line[cRecord] == PatrolRecord && !it.refused {
			there[it.line.key()] = true
		}
	}
	for _, it := range p.items {
		if it.refused || it.line[cRecord] != PointRecord {
			continue
		}
		key := line{cRecord: PatrolRecord, cParent: it.line[cParent], cName: it.line[cKind]}.key()
		if _, old := p.old[key]; !there[key] && (p.replace || !old) {
			p.refuse(it, cKind, text("节点 %[1]q 没有巡查 %[2]q", "node %[1]q has no patrol %[2]q", it.line[cParent], it.line[cKind]))
			some = true
		}
	}
	return some
}

// patrolLines are the plans of a node with their points.
func (n Node) patrolLines() []line {
	var out []line
	for _, p := range n.Patrols {
		out = append(out, line{cRecord: PatrolRecord, cParent: n.ID, cKind: p.Role, cName: p.Name, cDays: p.Days, cHours: p.Hours, cMinutes: strconv.Itoa(p.Minutes)})
		for _, q := range p.Points {
			out = append(out, line{cRecord: PointRecord, cParent: n.ID, cKind: p.Name, cName: q.Name, cPosition: q.Position, cCode: q.Code, cChecks: strings.Join(q.Checks, "; "), cOrder: strconv.Itoa(q.Order)})
		}
	}
	return out
}

func loadPatrols(ctx context.Context, q db.Querier, part, id string, nodes []Node, place map[string]int) error {
	err := each(ctx, q, part+`SELECT s.node, s.name, s.role, s.days, s.hours, s.minutes FROM part JOIN patrol_plans s ON s.node = part.id`, id, func(rows *sql.Rows) error {
		var node string
		var p Patrol
		err := rows.Scan(&node, &p.Name, &p.Role, &p.Days, &p.Hours, &p.Minutes)
		if i, ok := place[node]; ok {
			nodes[i].Patrols = append(nodes[i].Patrols, p)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read patrols of nodes: %w", err)
	}
	err = each(ctx, q, part+`SELECT s.node, s.plan, s.name, s.position, s.code, s.checks, s.place FROM part JOIN patrol_points s ON s.node = part.id`, id, func(rows *sql.Rows) error {
		var node, plan, checks string
		var p PatrolPoint
		err := rows.Scan(&node, &plan, &p.Name, &p.Position, &p.Code, &checks, &p.Order)
		p.Checks = checksOf(checks)
		if i, ok := place[node]; ok {
			if j := slices.IndexFunc(nodes[i].Patrols, func(o Patrol) bool { return o.Name == plan }); j >= 0 {
				nodes[i].Patrols[j].Points = append(nodes[i].Patrols[j].Points, p)
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read points of patrols: %w", err)
	}
	for i := range nodes {
		slices.SortFunc(nodes[i].Patrols, func(a, b Patrol) int { return strings.Compare(a.Name, b.Name) })
		for j := range nodes[i].Patrols {
			slices.SortFunc(nodes[i].Patrols[j].Points, func(a, b PatrolPoint) int {
				return cmp.Or(cmp.Compare(a.Order, b.Order), strings.Compare(a.Name, b.Name))
			})
		}
	}
	return nil
}

const (
	putPatrol = `INSERT INTO patrol_plans (node, name, role, days, hours, minutes) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (node, name) DO UPDATE SET role = excluded.role, days = excluded.days, hours = excluded.hours, minutes = excluded.minutes`
	putPoint = `INSERT INTO patrol_points (node, plan, name, position, code, checks, place) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (node, plan, name) DO UPDATE SET position = excluded.position, code = excluded.code, checks = excluded.checks, place = excluded.place`
)

// putPatrolLine writes a plan or a point. There are few of them: their statements are not prepared.
func putPatrolLine(ctx context.Context, tx *sql.Tx, l line) error {
	if l[cRecord] == PatrolRecord {
		_, err := tx.ExecContext(ctx, putPatrol, l[cParent], l[cName], l[cKind], l[cDays], l[cHours], number(l[cMinutes]))
		return err
	}
	_, err := tx.ExecContext(ctx, putPoint, l[cParent], l[cKind], l[cName], l[cPosition], l[cCode], l[cChecks], number(l[cOrder]))
	return err
}

// removePatrolLine takes a plan with its points away, or one point.
func removePatrolLine(ctx context.Context, tx *sql.Tx, l line) error {
	if l[cRecord] == PointRecord {
		_, err := tx.ExecContext(ctx, `DELETE FROM patrol_points WHERE node = ? AND plan = ? AND name = ?`, l[cParent], l[cKind], l[cName])
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM patrol_points WHERE node = ? AND plan = ?`, l[cParent], l[cName]); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM patrol_plans WHERE node = ? AND name = ?`, l[cParent], l[cName])
	return err
}
