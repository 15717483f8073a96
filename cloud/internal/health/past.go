package health

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
)

// A past is what the tables say of a gateway's devices between two times, Unix ms.
type past struct {
	from, to int64
	site     string
	devices  []known
	byID     map[string]int
	outages  []stretch // of the gateway, in order
}

// known is a device with what it did.
type known struct {
	sensor
	pollMs   int64
	reportMs int64 // shortest of its points; 0: one is sent with every reading
	points   bool
	memberMs int64 // since when it is in the inventory
	changes  []change
}

// change is a moment from which a device answered or did not.
type change struct {
	at     int64
	online bool
}

// stretch is a time from..to.
type stretch struct{ from, to int64 }

// self is the kind of the gateway as a device of itself.
const self = "gateway"

// readPast reads the devices of a gateway with their changes in a time, and its outages.
func readPast(ctx context.Context, q db.Querier, gateway string, from, to time.Time) (*past, error) {
	p := &past{from: from.UnixMilli(), to: to.UnixMilli(), byID: map[string]int{}}
	for _, read := range []func(context.Context, db.Querier, string) error{p.readDevices, p.readChanges, p.readOutages} {
		if err := read(ctx, q, gateway); err != nil {
			return nil, fmt.Errorf("read devices of %s: %w", gateway, err)
		}
	}
	return p, nil
}

func (p *past) readDevices(ctx context.Context, q db.Querier, gateway string) error {
	return each(ctx, q, `SELECT g.site, d.id, d.kind, d.zone, d.poll_ms, d.online, d.reason, d.since, coalesce(m.least, 0), coalesce(m.n, 0), coalesce(c.due_on, ''),
		coalesce((SELECT max(b.from_ms) FROM memberships b WHERE b.gateway = d.gateway AND b.device = d.id AND b.to_ms IS NULL), 0)
		FROM gateways g JOIN devices d ON d.gateway = g.id LEFT JOIN
			(SELECT gateway, model, min(report_ms) AS least, count(*) AS n FROM points WHERE gateway = ? AND name <> ? GROUP BY gateway, model) m
			ON m.gateway = d.gateway AND m.model = d.model
		LEFT JOIN calibrations c ON c.gateway = d.gateway AND c.device = d.id
		WHERE g.id = ? AND d.kind NOT IN ('channel', 'site') ORDER BY d.position, d.id`, []any{gateway, PointName, gateway}, func(rows *sql.Rows) error {
		var k known
		var online sql.NullBool
		var n int64
		var due string
		k.score = noScore
		if err := rows.Scan(&p.site, &k.id, &k.kind, &k.zone, &k.pollMs, &online, &k.reason, &k.sinceMs, &k.reportMs, &n, &due, &k.memberMs); err != nil {
			return err
		}
		k.points, k.due = n > 0, dayNumber(due)
		if online.Valid {
			k.answers = answersNo
			if online.Bool {
				k.answers = answersYes
			}
		}
		p.byID[k.id] = len(p.devices)
		p.devices = append(p.devices, k)
		return nil
	})
}

// readChanges reads the changes in the time, and of each device the last one before it.
func (p *past) readChanges(ctx context.Context, q db.Querier, gateway string) error {
	take := func(rows *sql.Rows) error {
		var id string
		var c change
		if err := rows.Scan(&id, &c.at, &c.online); err != nil {
			return err
		}
		if i, ok := p.byID[id]; ok {
			p.devices[i].changes = append(p.devices[i].changes, c)
		}
		return nil
	}
	if err := each(ctx, q, `SELECT d.id, s.at_ms, s.online FROM devices d JOIN device_states s ON s.gateway = d.gateway AND s.device = d.id
		AND s.at_ms = (SELECT max(b.at_ms) FROM device_states b WHERE b.gateway = d.gateway AND b.device = d.id AND b.at_ms < ?)
		WHERE d.gateway = ?`, []any{p.from, gateway}, take); err != nil {
		return err
	}
	return each(ctx, q, `SELECT device, at_ms, online FROM device_states WHERE gateway = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms`,
		[]any{gateway, p.from, p.to}, take)
}

func (p *past) readOutages(ctx context.Context, q db.Querier, gateway string) error {
	return each(ctx, q, `SELECT from_ms, coalesce(to_ms, CAST(? AS BIGINT)) FROM outages WHERE gateway = ? AND from_ms < ? AND (to_ms IS NULL OR to_ms > ?) ORDER BY from_ms`,
		[]any{int64(math.MaxInt64), gateway, p.to, p.from}, func(rows *sql.Rows) error {
			var s stretch
			err := rows.Scan(&s.from, &s.to)
			p.outages = append(p.outages, s)
			return err
		})
}

// sensors makes what is kept of the devices. delivery is how long a reading may be on its way.
func (p *past) sensors(delivery time.Duration) []sensor {
	var out []sensor
	for i := range p.devices {
		k := &p.devices[i]
		if k.kind == self {
			continue // it is told by whether it reports
		}
		s := k.sensor
		if k.points {
			s.limitMs = expected(k.pollMs, k.reportMs) + delivery.Milliseconds()
		}
		if s.sinceMs == 0 && s.answers != notTold {
			s.sinceMs = max(k.memberMs, 1)
		}
		if due, online := k.seen(p.outages, p.from, p.to); due > 0 {
			s.offlinePM = 1000 - (online*1000+due/2)/due
		}
		out = append(out, s)
	}
	return out
}

// leastSilence is that of a fast poll: a gateway may be busy for a moment.
const leastSilence = 5000

// expected is how long a device may say nothing by its own interval: three polls, and the longest silence of a point that is
// only sent when it changes. Milliseconds.
func expected(pollMs, reportMs int64) int64 { return max(3*pollMs+reportMs, leastSilence) }

// seen is for how long between two times the device was due to be seen by the street, and for how long it was: it answered,
// and its gateway reported. A device is due from when it is in the inventory and was first told of.
func (k *known) seen(outages []stretch, from, to int64) (due, online int64) {
	slices.SortStableFunc(k.changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	if k.kind == self {
		begin := max(from, k.memberMs)
		return max(0, to-begin), without(outages, begin, to)
	}
	for i, c := range k.changes {
		begin, end := max(c.at, from, k.memberMs), to
		if i+1 < len(k.changes) {
			end = min(end, k.changes[i+1].at)
		}
		if end <= begin {
			continue
		}
		due += end - begin
		if c.online {
			online += without(outages, begin, end)
		}
	}
	return due, online
}

// without is how much of from..to lies in none of the outages, which are in order and do not overlap.
func without(outages []stretch, from, to int64) int64 {
	left := max(0, to-from)
	for _, o := range outages {
		left -= max(0, min(o.to, to)-max(o.from, from))
	}
	return max(0, left)
}
