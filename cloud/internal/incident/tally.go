package incident

import (
	"context"
	"fmt"
	"strings"

	"github.com/linshao/linshao/cloud/internal/db"
)

// MostTold is how far a tally counts: beyond it people need no figure, and a huge table is not read for one.
const MostTold = 1000

// A Tally is how many incidents a page's filters leave and, when they leave none, how many each of them hides by itself.
type Tally struct {
	Total   int            `json:"total" doc:"at most 1000: that many or more"`
	Without map[string]int `json:"without" doc:"when there are none: how many there would be without each filter, by its name in the query; at most 1000"`
}

// Tallied counts what a page would list, over all its pages.
func Tallied(ctx context.Context, q db.Querier, p Page) (Tally, error) {
	t := Tally{Without: map[string]int{}}
	var err error
	if t.Total, err = p.count(ctx, q); err != nil || t.Total > 0 {
		return t, err
	}
	for name, other := range p.wider() {
		if t.Without[name], err = other.count(ctx, q); err != nil {
			return t, err
		}
	}
	return t, nil
}

func (p Page) count(ctx context.Context, q db.Querier) (n int, err error) {
	w := p.where()
	if err := q.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1`+tables+`WHERE `+strings.Join(w.parts, " AND ")+` LIMIT ?) found`, append(w.args, MostTold)...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count incidents of a page: %w", err)
	}
	return n, nil
}

// wider are the pages without each one of the filters.
func (p Page) wider() map[string]Page {
	out := map[string]Page{}
	without := func(name string, set bool, clear func(*Page)) {
		if set {
			other := p
			clear(&other)
			out[name] = other
		}
	}
	without("handling", p.Handling != "", func(p *Page) { p.Handling = "" })
	without("step", p.Step != "", func(p *Page) { p.Step = "" })
	without("severity", p.Severity != "", func(p *Page) { p.Severity = "" })
	without("site", p.Site != "", func(p *Page) { p.Site = "" })
	without("node", p.Node != "", func(p *Page) { p.Node = "" })
	without("assignee", p.Assignee != "", func(p *Page) { p.Assignee = "" })
	without("mine", p.Mine != "", func(p *Page) { p.Mine = "" })
	without("category", p.Category != "", func(p *Page) { p.Category = "" })
	without("source", p.Source != "", func(p *Page) { p.Source = "" })
	without("overdue", p.Overdue, func(p *Page) { p.Overdue = false })
	without("kind", p.Kind != "", func(p *Page) { p.Kind = "" })
	without("whistle", p.Whistle > 0, func(p *Page) { p.Whistle = 0 })
	without("time", p.From > 0 || p.To > 0, func(p *Page) { p.From, p.To = 0, 0 })
	without("quiet", p.Quiet, func(p *Page) { p.Quiet = false })
	without("q", p.Text != "", func(p *Page) { p.Text = "" })
	return out
}
