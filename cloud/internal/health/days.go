package health

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
)

// mostDays is how far back days are made that nobody made when they were.
const mostDays = 40

// keepDays writes for how long a gateway's devices could be seen today, and in the days since the last one that was written.
func (s *Service) keepDays(ctx context.Context, gateway string, now time.Time) error {
	var last sql.NullString
	if err := s.cfg.DB.Reader().QueryRowContext(ctx, `SELECT max(day) FROM availability WHERE gateway = ? AND length(day) = 10`, gateway).Scan(&last); err != nil {
		return fmt.Errorf("find last day of %s: %w", gateway, err)
	}
	local := now.In(s.cfg.Zone)
	today := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, s.cfg.Zone)
	day := today
	if at, err := time.ParseInLocation(time.DateOnly, last.String, s.cfg.Zone); last.Valid && err == nil && at.Before(today) {
		day = at
		if first := today.AddDate(0, 0, -mostDays); day.Before(first) {
			day = first
		}
	}
	for ; !day.After(today); day = day.AddDate(0, 0, 1) {
		if err := s.keepDay(ctx, gateway, day, now); err != nil {
			return err
		}
	}
	return nil
}

type dayKey struct{ site, kind string }

type dayOf struct{ devices, due, online int64 }

func (s *Service) keepDay(ctx context.Context, gateway string, day, now time.Time) error {
	end := day.AddDate(0, 0, 1)
	if end.After(now) {
		end = now
	}
	if !day.Before(end) {
		return nil
	}
	p, err := readPast(ctx, s.cfg.DB.Reader(), gateway, day, end)
	if err != nil {
		return err
	}
	kinds := map[dayKey]dayOf{}
	for i := range p.devices {
		k := &p.devices[i]
		due, online := k.seen(p.outages, p.from, p.to)
		if due == 0 {
			continue
		}
		key := dayKey{p.site, k.kind}
		d := kinds[key]
		kinds[key] = dayOf{d.devices + 1, d.due + due, d.online + online}
	}
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		for key, d := range kinds {
			if _, err := tx.ExecContext(ctx, `INSERT INTO availability (day, gateway, kind, site, devices, due_ms, online_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (day, gateway, kind) DO UPDATE SET site = excluded.site, devices = excluded.devices, due_ms = excluded.due_ms, online_ms = excluded.online_ms`,
				day.Format(time.DateOnly), gateway, key.kind, key.site, d.devices, d.due, d.online); err != nil {
				return fmt.Errorf("write day of %s: %w", gateway, err)
			}
		}
		month := day.Format("2006-01") // a row of the month besides, so that a year is twelve of them
		_, err := tx.ExecContext(ctx, `INSERT INTO availability (day, gateway, kind, site, devices, due_ms, online_ms)
			SELECT CAST(? AS TEXT), gateway, kind, min(site), max(devices), sum(due_ms), sum(online_ms) FROM availability WHERE gateway = ? AND day >= ? AND day <= ? GROUP BY gateway, kind
			ON CONFLICT (day, gateway, kind) DO UPDATE SET site = excluded.site, devices = excluded.devices, due_ms = excluded.due_ms, online_ms = excluded.online_ms`,
			month, gateway, month+"-01", month+"-31")
		if err != nil {
			return fmt.Errorf("write month of %s: %w", gateway, err)
		}
		return nil
	})
}

// An OnlineRate is for how much of a time devices could be seen by the street.
type OnlineRate struct {
	Of       string  `json:"of" doc:"site, or kind of devices; empty: all"`
	DueMs    int64   `json:"dueMs" doc:"how long all devices together were due"`
	OnlineMs int64   `json:"onlineMs" doc:"how long they answered while their gateway reported"`
	Rate     float64 `json:"rate" doc:"0 to 1; 0 when nothing was due"`
}

// daysOf answers an SQL condition on rows of days that hold from..to exactly: whole months by their own rows.
func daysOf(from, to string) (condition string, args []any) {
	first, err := time.Parse(time.DateOnly, from)
	last, err2 := time.Parse(time.DateOnly, to)
	if err != nil || err2 != nil || last.Before(first) {
		return "1 = 0", nil
	}
	var parts []string
	for at := first; !at.After(last); {
		next := time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		month := at.Format("2006-01")
		if at.Day() == 1 && !next.AddDate(0, 0, -1).After(last) {
			parts, args = append(parts, "day = ?"), append(args, month)
		} else { // a month's own row is a shorter word, before its first day
			end := next.AddDate(0, 0, -1)
			if end.After(last) {
				end = last
			}
			parts, args = append(parts, "day >= ? AND day <= ?"), append(args, at.Format(time.DateOnly), end.Format(time.DateOnly))
		}
		at = next
	}
	return strings.Join(parts, " OR "), args
}

// By says by what online rates are told apart.
type By string

// What online rates can be told by.
const (
	ByAll  By = ""
	BySite By = "site"
	ByKind By = "kind"
)

// OnlineRates sums up the days from..to (2006-01-02, both included) of the sites that a question is about, smallest rate first.
func OnlineRates(ctx context.Context, q db.Querier, a Ask, from, to string, by By) ([]OnlineRate, error) {
	column, group := "''", ""
	if by == BySite || by == ByKind {
		column, group = string(by), " GROUP BY "+string(by)
	}
	where, more := a.sites("site")
	days, args := daysOf(from, to)
	args = append(args, more...)
	out := []OnlineRate{}
	err := each(ctx, q, `SELECT `+column+`, coalesce(sum(due_ms), 0), coalesce(sum(online_ms), 0) FROM availability WHERE (`+days+`) AND kind <> '`+self+`' AND `+where+group, args, func(rows *sql.Rows) error {
		var o OnlineRate
		err := rows.Scan(&o.Of, &o.DueMs, &o.OnlineMs)
		if o.DueMs > 0 {
			o.Rate = float64(o.OnlineMs) / float64(o.DueMs)
		}
		out = append(out, o)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sum up online rates: %w", err)
	}
	slices.SortFunc(out, func(a, b OnlineRate) int { return cmp.Or(cmp.Compare(a.Rate, b.Rate), cmp.Compare(a.Of, b.Of)) })
	return out, nil
}
