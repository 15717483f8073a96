// Package report counts how well a street deals with its incidents: figures of a part of the organisation and a period,
// beside the period before. Every figure is defined once, at its field (figures.go), and the API, the CSV and the page show
// that sentence. The Keeper puts what is counted from into one small row a month and place, so that a year's 350,000
// incidents are read within a second; what has changed since is read as it is, so that a report is never behind.
package report

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/health"
	"github.com/linshao/linshao/cloud/internal/org/dutycheck"
	"github.com/linshao/linshao/cloud/internal/org/patrol"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// An Ask is what a report is about.
type Ask struct {
	Scope tree.Scope // what the asker may see
	Node  string     // this node and all below it; empty: the whole scope
	Kind  string     // day, week, month or custom
	From  time.Time  // a day of the period, in the street's zone; of a custom one the first
	To    time.Time  // of a custom period the last day
	Now   time.Time
}

// A Report is the figures of a part of the street in a period.
type Report struct {
	Node   string  `json:"node,omitempty"`
	Name   string  `json:"name,omitempty" doc:"of the node"`
	Period string  `json:"period" enum:"day,week,month,custom"`
	From   string  `json:"from" doc:"first day"`
	To     string  `json:"to" doc:"last day"`
	At     int64   `json:"at" doc:"when it was counted, Unix ms"`
	Now    Figures `json:"figures"`
	Before Figures `json:"before" doc:"of the period before, as long"`
	// Names are for pages: the figures themselves name sites by their ids.
	Names map[string]string `json:"names" doc:"site → its name, of the sites that the figures name"`
}

// Make counts.
func Make(ctx context.Context, q db.Querier, a Ask) (Report, error) {
	begin, end, before := Bounds(a.Kind, a.From, a.To)
	r := Report{Node: a.Node, Period: a.Kind, From: begin.Format(time.DateOnly), To: end.AddDate(0, 0, -1).Format(time.DateOnly), At: a.Now.UnixMilli()}
	if a.Node != "" {
		if err := q.QueryRowContext(ctx, `SELECT coalesce(max(name), '') FROM nodes WHERE id = ?`, a.Node).Scan(&r.Name); err != nil {
			return r, fmt.Errorf("read name of node %s: %w", a.Node, err)
		}
	}
	now, earlier := newTally(span{begin.UnixMilli(), end.UnixMilli(), r.At}), newTally(span{before.UnixMilli(), begin.UnixMilli(), r.At})
	if err := read(ctx, q, a, before, end, func(f *fact, site string) {
		now.add(f, site)
		earlier.add(f, site)
	}); err != nil {
		return r, err
	}
	for _, p := range []struct {
		to         *Figures
		of         *tally
		begin, end time.Time
	}{{&r.Now, now, begin, end}, {&r.Before, earlier, before, begin}} {
		*p.to = p.of.figures()
		rates, err := health.OnlineRates(ctx, q, health.Ask{Scope: a.Scope, Node: a.Node}, p.begin.Format(time.DateOnly), p.end.AddDate(0, 0, -1).Format(time.DateOnly), health.ByAll)
		if err != nil {
			return r, err
		}
		if len(rates) == 1 {
			p.to.Online = Percent(rates[0].OnlineMs, rates[0].DueMs)
		}
		if err := p.to.duties(ctx, q, a, p.begin.UnixMilli(), p.end.UnixMilli()); err != nil {
			return r, err
		}
	}
	var err error
	r.Names, err = r.Now.names(ctx, q)
	return r, err
}

// duties counts the patrols and duty checks of a time.
func (f *Figures) duties(ctx context.Context, q db.Querier, a Ask, from, to int64) error {
	walked, err := patrol.CountOf(ctx, q, a.Scope, a.Node, from, to)
	if err != nil {
		return err
	}
	f.Rounds = Rounds{Over: walked.Rounds, InTime: walked.Done, Late: walked.Late, Missed: walked.Missed, InTimeRate: Percent(walked.Done, walked.Rounds), Seen: Percent(walked.Seen, walked.Points)}
	asked, err := dutycheck.CountOf(ctx, q, a.Scope, a.Node, from, to)
	if err != nil {
		return err
	}
	f.Checks = Checks{Asked: asked.Asked, Answered: asked.Answered, Unmet: asked.Missed, Untold: asked.Untold, Answers: Percent(asked.Answered, asked.Asked)}
	return nil
}

// within answers an SQL condition that an incident's or a block's place is what a report is about.
func (a Ask) within() (condition string, args []any) {
	one := func(of tree.Scope) {
		if of.All() {
			return
		}
		s, sa := of.Sites("site")
		n, na := of.Nodes("node")
		condition += ` AND (site <> '' AND ` + s + ` OR site = '' AND ` + n + `)`
		args = append(append(args, sa...), na...)
	}
	one(a.Scope)
	if a.Node != "" {
		one(tree.Below(a.Node))
	}
	return condition, args
}

// read gives the facts of all incidents that were opened in the months of two times, with the site of each. They are good
// until the next: of a year's hundreds of thousands only one block is held at a time.
func read(ctx context.Context, q db.Querier, a Ask, from, to time.Time, take func(f *fact, site string)) error {
	fresh, err := unfolded(ctx, q, a)
	if err != nil {
		return err
	}
	where, args := a.within()
	args = append([]any{from.Format(monthForm), to.Format(monthForm)}, args...)
	var facts []fact
	err = each(ctx, q, `SELECT site, body FROM report_blocks WHERE month >= ? AND month <= ?`+where, args, func(rows *sql.Rows) error {
		var site string
		var body sql.RawBytes
		if err := rows.Scan(&site, &body); err != nil {
			return err
		}
		if facts, err = decode(facts[:0], body); err != nil {
			return err
		}
		for i := range facts {
			if len(fresh.ids) == 0 || !fresh.ids[facts[i].id] {
				take(&facts[i], site)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read blocks: %w", err)
	}
	for i := range fresh.facts {
		take(&fresh.facts[i], fresh.sites[i])
	}
	return nil
}

// recent are incidents that are in no block as they are now.
type recent struct {
	ids   map[string]bool
	facts []fact
	sites []string
}

func unfolded(ctx context.Context, q db.Querier, a Ask) (recent, error) {
	out := recent{ids: map[string]bool{}}
	ids, err := dirty(ctx, q, 1<<30)
	if err != nil {
		return out, err
	}
	where, args := a.within()
	in := map[string]bool{}
	if err := each(ctx, q, `SELECT id FROM incidents WHERE id IN (SELECT incident FROM report_dirty)`+where, args, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		in[id] = true
		return err
	}); err != nil {
		return out, fmt.Errorf("read changed incidents: %w", err)
	}
	var mine []string
	for _, id := range ids {
		out.ids[id] = true
		if in[id] {
			mine = append(mine, id)
		}
	}
	for len(mine) > 0 {
		n := min(len(mine), keepMost)
		some, err := factsOf(ctx, q, mine[:n], a.From.Location())
		if err != nil {
			return out, err
		}
		for at, facts := range some {
			for _, f := range facts {
				out.facts, out.sites = append(out.facts, f), append(out.sites, at.site)
			}
		}
		mine = mine[n:]
	}
	return out, nil
}
