package wall

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/org/window"
)

func last(aLast, bLast bool, a, b string) int {
	if aLast != bLast {
		if aLast {
			return 1
		}
		return -1
	}
	return cmp.Compare(a, b)
}

// cells reads the state of the sites of a part of the street, or of some of them.
func cells(ctx context.Context, q db.Querier, now time.Time, part tree.Scope, sites ...string) (map[string]Cell, error) {
	out := map[string]Cell{}
	in, args := condition(part, "g.site", sites)
	err := each(ctx, q, `SELECT g.site, coalesce(s.name, g.site), min(g.online), max(CASE WHEN g.online = 0 THEN g.since ELSE 0 END)
		FROM gateways g LEFT JOIN sites s ON s.id = g.site WHERE g.site <> '' AND g.retired = 0 AND `+in+` GROUP BY g.site, s.name`, args, func(rows *sql.Rows) error {
		var c Cell
		var online bool
		if err := rows.Scan(&c.ID, &c.Name, &online, &c.Since); err != nil {
			return err
		}
		c.Off = !online
		out[c.ID] = c
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read sites of the wall: %w", err)
	}
	in, args = condition(part, "n.site", sites)
	if err := each(ctx, q, `SELECT n.site FROM node_sites n WHERE `+in, args, func(rows *sql.Rows) error {
		c := Cell{Never: true}
		if err := rows.Scan(&c.ID); err != nil {
			return err
		}
		if _, ok := out[c.ID]; !ok {
			out[c.ID] = c
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read sites of the organisation: %w", err)
	}
	if err := windows(ctx, q, now, out); err != nil {
		return nil, err
	}
	return out, count(ctx, q, part, sites, out)
}

// windows marks the sites that are under maintenance.
func windows(ctx context.Context, q db.Querier, now time.Time, out map[string]Cell) error {
	running, err := window.Running(ctx, q, now, now)
	for _, w := range running {
		if c, ok := out[w.Site]; ok && w.Device == "" {
			c.Window = true
			out[w.Site] = c
		}
	}
	return err
}

// count adds the incidents that are not closed.
func count(ctx context.Context, q db.Querier, part tree.Scope, sites []string, out map[string]Cell) error {
	in, args := condition(part, "site", sites)
	err := each(ctx, q, `SELECT site, severity, category, quiet, count(*) FROM incidents
		WHERE handling IN ('open', 'handling') AND shadow = 0 AND merged_into = '' AND `+in+` GROUP BY site, severity, category, quiet`, args, func(rows *sql.Rows) error {
		var site, severity, category string
		var quiet bool
		var n int
		if err := rows.Scan(&site, &severity, &category, &quiet, &n); err != nil {
			return err
		}
		c, ok := out[site]
		if !ok { // of a site whose gateways have all gone
			c = Cell{ID: site, Name: site, Never: site != ""}
		}
		switch {
		case quiet:
			c.Quiet += n
		case category == incident.Maintenance && severity == "C":
			c.Maintenance += n
		case severity == "A":
			c.A += n
		case severity == "B":
			c.B += n
		default:
			c.C += n
		}
		out[site] = c
		return nil
	})
	if err != nil {
		return fmt.Errorf("count incidents of the wall: %w", err)
	}
	return nil
}

func condition(part tree.Scope, column string, sites []string) (string, []any) {
	in, args := part.Sites(column)
	if len(sites) > 0 {
		in += ` AND ` + column + ` IN (?` + strings.Repeat(", ?", len(sites)-1) + `)`
		for _, s := range sites {
			args = append(args, s)
		}
	}
	return in, args
}

// nodes are the names of the organisation.
type nodes struct {
	byID map[string]node
	of   map[string]string // site → its node
}

type node struct{ ID, Parent, Kind, Name string }

func readNodes(ctx context.Context, q db.Querier) (nodes, error) {
	n := nodes{map[string]node{}, map[string]string{}}
	err := each(ctx, q, `SELECT id, parent, kind, name FROM nodes`, nil, func(rows *sql.Rows) error {
		var x node
		if err := rows.Scan(&x.ID, &x.Parent, &x.Kind, &x.Name); err != nil {
			return err
		}
		n.byID[x.ID] = x
		return nil
	})
	if err == nil {
		err = each(ctx, q, `SELECT site, node FROM node_sites`, nil, func(rows *sql.Rows) error {
			var site, at string
			if err := rows.Scan(&site, &at); err != nil {
				return err
			}
			n.of[site] = at
			return nil
		})
	}
	if err != nil {
		return n, fmt.Errorf("read organisation of the wall: %w", err)
	}
	return n, nil
}

// group is the part of the street that a node is shown in: the community above it, and where none is called so, the second
// node of the way from the root.
func (n nodes) group(id string) Group {
	second := Group{}
	for at, steps := n.byID[id], 0; at.ID != "" && steps <= len(n.byID); at, steps = n.byID[at.Parent], steps+1 {
		if strings.Contains(at.Kind, "社区") || strings.Contains(strings.ToLower(at.Kind), "community") {
			return Group{at.ID, at.Name}
		}
		if at.Parent != "" || second.ID == "" {
			second = Group{at.ID, at.Name}
		}
	}
	return second
}

// figures reads what the cells do not say.
func (s *Snapshot) figures(ctx context.Context, q db.Querier, v View) error {
	var err error
	if s.Numbers.Counts, err = incident.Count(ctx, q, v.Part); err != nil {
		return err
	}
	in, args := v.Part.Sites("site")
	y, m, d := v.Now.Date()
	today := time.Date(y, m, d, 0, 0, 0, 0, v.Now.Location()).UnixMilli()
	if err := q.QueryRowContext(ctx, `SELECT count(*) FROM incidents WHERE closed_at >= ? AND handling = 'closed' AND category <> ? AND merged_into = '' AND `+in, append([]any{today, incident.Maintenance}, args...)...).Scan(&s.Numbers.ClosedToday); err != nil {
		return fmt.Errorf("count what was closed today: %w", err)
	}
	var took []int64
	if err := each(ctx, q, `SELECT taken_at - opened_at FROM incidents WHERE taken_at >= ? AND category <> ? AND merged_into = '' AND `+in, append([]any{today, incident.Maintenance}, args...), func(rows *sql.Rows) error {
		var ms int64
		if err := rows.Scan(&ms); err != nil {
			return err
		}
		took = append(took, max(0, ms))
		return nil
	}); err != nil {
		return fmt.Errorf("read how soon incidents were taken: %w", err)
	}
	if s.Numbers.Taken = len(took); len(took) > 0 {
		slices.Sort(took)
		s.Numbers.TakeMs = took[len(took)/2]
	}
	return s.bars(ctx, q, v)
}

func (s *Snapshot) bars(ctx context.Context, q db.Querier, v View) error {
	y, m, d := v.Now.Date()
	hour := time.Date(y, m, d, v.Now.Hour(), 0, 0, 0, v.Now.Location())
	s.BarsFrom, s.Bars = hour.Add(-(barHours-1)*time.Hour).UnixMilli(), make([]HourBar, barHours)
	in, args := v.Part.Sites("site")
	err := each(ctx, q, `SELECT (since - ?) / 3600000, severity, count(*) FROM incidents
		WHERE since >= ? AND since <= ? AND shadow = 0 AND merged_into = '' AND `+in+` GROUP BY 1, severity`, append([]any{s.BarsFrom, s.BarsFrom, v.Now.UnixMilli()}, args...), func(rows *sql.Rows) error {
		var at, n int
		var severity string
		if err := rows.Scan(&at, &severity, &n); err != nil || at < 0 || at >= barHours {
			return err
		}
		switch severity {
		case "A":
			s.Bars[at].A = n
		case "B":
			s.Bars[at].B = n
		default:
			s.Bars[at].C = n
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count incidents by hour: %w", err)
	}
	return nil
}

func (s *Snapshot) emergencies(ctx context.Context, q db.Querier, v View, names nodes) error {
	in, args := v.Part.Nodes("node")
	err := each(ctx, q, `SELECT node, from_ms, until_ms, reason FROM modes WHERE from_ms <= ? AND until_ms > ? AND `+in+` ORDER BY from_ms`, append([]any{s.At, s.At}, args...), func(rows *sql.Rows) error {
		var e UnderEmergency
		if err := rows.Scan(&e.Node, &e.From, &e.Until, &e.Why); err != nil {
			return err
		}
		e.Name = names.byID[e.Node].Name
		s.Emergencies = append(s.Emergencies, e)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read emergencies: %w", err)
	}
	return nil
}

// each reads all rows of a query.
func each(ctx context.Context, q db.Querier, query string, args []any, row func(*sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
