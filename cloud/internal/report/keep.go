package report

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
)

// Config is what a Keeper needs.
type Config struct {
	DB   *db.DB
	Zone *time.Location // of months
	Now  func() time.Time
	Log  *slog.Logger
}

// A Keeper puts incidents that have changed into the blocks from which figures are counted. Several may run: each incident is
// claimed in the transaction that puts it there.
type Keeper struct{ cfg Config }

// NewKeeper makes a keeper; Run starts it.
func NewKeeper(cfg Config) *Keeper { return &Keeper{cfg} }

const (
	keepEvery = 20 * time.Second
	keepMost  = 500 // incidents in one transaction
)

// Run keeps the blocks until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	ticker := time.NewTicker(keepEvery)
	defer ticker.Stop()
	for {
		if err := k.Keep(ctx); err != nil && ctx.Err() == nil {
			k.cfg.Log.Error("figures of incidents not kept", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Keep puts all incidents that have changed into their blocks. Run calls it.
func (k *Keeper) Keep(ctx context.Context) error {
	for {
		ids, err := dirty(ctx, k.cfg.DB.Reader(), keepMost)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := k.cfg.DB.Update(ctx, func(tx *sql.Tx) error { return k.fold(ctx, tx, ids) }); err != nil {
			return err
		}
	}
}

func dirty(ctx context.Context, q db.Querier, most int) ([]string, error) {
	var out []string
	err := each(ctx, q, `SELECT incident FROM report_dirty ORDER BY incident LIMIT ?`, []any{most}, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		out = append(out, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list incidents to count: %w", err)
	}
	return out, nil
}

// place is the block of an incident.
type place struct{ month, site, node string }

// fold puts the incidents that nobody else has taken into their blocks.
func (k *Keeper) fold(ctx context.Context, tx *sql.Tx, ids []string) error {
	var mine []string
	for _, id := range ids {
		taken, err := db.Changed(tx.ExecContext(ctx, `DELETE FROM report_dirty WHERE incident = ?`, id))
		if err != nil {
			return fmt.Errorf("claim incident %s: %w", id, err)
		}
		if taken {
			mine = append(mine, id)
		}
	}
	facts, err := factsOf(ctx, tx, mine, k.cfg.Zone)
	if err != nil {
		return err
	}
	for at, changed := range facts {
		var body []byte
		err := tx.QueryRowContext(ctx, `SELECT body FROM report_blocks WHERE month = ? AND site = ? AND node = ?`, at.month, at.site, at.node).Scan(&body)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read block %v: %w", at, err)
		}
		var all []fact
		if body != nil {
			if all, err = decode(nil, body); err != nil {
				return fmt.Errorf("block %v: %w", at, err)
			}
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO report_blocks (month, site, node, body) VALUES (?, ?, ?, ?)
			ON CONFLICT (month, site, node) DO UPDATE SET body = excluded.body`, at.month, at.site, at.node, encode(replace(all, changed))); err != nil {
			return fmt.Errorf("write block %v: %w", at, err)
		}
	}
	return nil
}

// replace puts changed facts into the place of those of the same incidents, in the order of the incidents' numbers.
func replace(all, changed []fact) []fact {
	fresh := map[string]bool{}
	for _, f := range changed {
		fresh[f.id] = true
	}
	all = slices.DeleteFunc(all, func(f fact) bool { return fresh[f.id] })
	all = append(all, changed...)
	slices.SortFunc(all, func(a, b fact) int { return strings.Compare(a.id, b.id) })
	return all
}

// factsOf makes the facts of incidents as they are now, by their blocks. Those of rules on trial are none.
func factsOf(ctx context.Context, q db.Querier, ids []string, zone *time.Location) (map[place][]fact, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	in := ` IN (` + strings.Repeat(", ?", len(ids))[2:] + `)`
	deeds, err := deedsOf(ctx, q, in, args)
	if err != nil {
		return nil, err
	}
	out := map[place][]fact{}
	err = each(ctx, q, `SELECT id, gateway, device, rule, severity, category, source, outcome, opened_at, since, recovered_at, closed_at, taken_at, taken_by, reworked, rating,
		whistle, site, node, coalesce((SELECT max(a.burst) FROM incident_alerts a WHERE a.incident = incidents.id), 0) FROM incidents WHERE shadow = 0 AND id`+in, args, func(rows *sql.Rows) error {
		var f fact
		var at place
		var takenAt int64
		var takenBy string
		if err := rows.Scan(&f.id, &f.gateway, &f.device, &f.rule, &f.severity, &f.category, &f.source, &f.outcome, &f.opened, &f.since, &f.recovered, &f.closed, &takenAt,
			&takenBy, &f.reworked, &f.rating, &f.whistle, &at.site, &at.node, &f.burst); err != nil {
			return err
		}
		if at.site != "" {
			at.node = ""
		}
		at.month = time.UnixMilli(f.opened).In(zone).Format(monthForm)
		f.walk(deeds[f.id])
		if f.response == none && takenAt > 0 { // from before deeds were kept
			f.response = max(0, takenAt-f.opened)
			f.person(takenBy)
		}
		out[at] = append(out[at], f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read incidents to count: %w", err)
	}
	return out, nil
}

const monthForm = "2006-01"

// deed is one of an incident's steps.
type deed struct {
	name, from, to, who string
	at                  int64
	late                bool
}

func deedsOf(ctx context.Context, q db.Querier, in string, args []any) (map[string][]deed, error) {
	out := map[string][]deed{}
	err := each(ctx, q, `SELECT incident, deed, from_step, to_step, who, at, late FROM incident_steps WHERE incident`+in+` ORDER BY incident, n`, args, func(rows *sql.Rows) error {
		var id string
		var d deed
		err := rows.Scan(&id, &d.name, &d.from, &d.to, &d.who, &d.at, &d.late)
		out[id] = append(out[id], d)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read steps to count: %w", err)
	}
	return out, nil
}

// stepOf is the place of a step among those whose time is told; none of the first.
func stepOf(step string) int {
	return slices.Index([]string{incident.Verified, incident.Accepted, incident.Dispatched, incident.InProgress, "", incident.Checked, incident.Archived, incident.Rated}, step)
}

// walk takes the times of the steps from the deeds, in their order. Of a step that was reached twice the first time counts.
func (f *fact) walk(deeds []deed) {
	f.response = none
	for i := range f.took {
		f.took[i] = none
	}
	reached := f.opened
	for _, d := range deeds {
		if d.name != incident.Report && d.name != incident.Rate { // who tells of it, or says how it was, does not deal with it
			f.person(d.who)
		}
		if d.who != "" && d.name != incident.Report && f.response == none {
			f.response = max(0, d.at-f.opened)
		}
		if d.late {
			f.late++
		}
		step := stepOf(d.to)
		if d.name == incident.Finish {
			step = stepFinished
		} else if d.to == d.from || d.to == "" {
			continue
		}
		if step >= 0 && f.took[step] == none {
			f.took[step] = max(0, d.at-reached)
		}
		if step != stepFinished {
			reached = d.at
		}
	}
}

// person notes who did something with it.
func (f *fact) person(who string) {
	if who == "" || slices.Contains(f.people[:], who) {
		return
	}
	if i := slices.Index(f.people[:], ""); i >= 0 {
		f.people[i] = who
	}
}

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
