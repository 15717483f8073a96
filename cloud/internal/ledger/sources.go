package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"sort"

	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

// stretch is a time with a word.
type stretch struct {
	from, to int64
	word     string
}

// sources are what is known about a gateway in a range.
type sources struct {
	members []stretch // times in which the device was configured; word: its channel
	gaps    []stretch // records that are gone
	runs    []stretch // times in which the gateway ran
	outages []stretch // times in which it was not heard
	parked  []int64   // readings that the series store refused
	states  map[string][]change
	device  string
	mates   []string // devices of the same channel, this one among them
	horizon int64    // newest telemetry record that has arrived
	waiting bool     // some of it is on its way to the series store
	online  bool
	untimed bool // its newest run has only records whose time may be wrong
	bad     []series.Gap
	limit   int64
}

// change is a device's state from a time on.
type change struct {
	at     int64
	online bool
	reason device.Reason
}

func (l *Ledger) sources(ctx context.Context, q series.Query, p presence) (*sources, error) {
	s := &sources{device: q.Device, bad: p.bad, limit: p.limit, states: map[string][]change{}}
	from, to := q.From.UnixMilli(), q.To.UnixMilli()
	var channel string
	steps := []struct {
		what, sql string
		args      []any
		each      func(rows *sql.Rows) error
	}{
		{"inventory", `SELECT from_ms, coalesce(to_ms, ?), channel FROM memberships WHERE gateway = ? AND device = ? ORDER BY from_ms`,
			[]any{forever, q.Gateway, q.Device}, func(rows *sql.Rows) error {
				st, err := scan(rows)
				s.members, channel = append(s.members, st), st.word
				return err
			}},
		{"gaps", `SELECT from_ms, coalesce(to_ms, from_ms), reason FROM gaps WHERE gateway = ? AND stream = ? AND from_ms <= ? AND coalesce(to_ms, from_ms) >= ? ORDER BY from_ms`,
			[]any{q.Gateway, wire.StreamTelemetry, to + linger, from - linger}, func(rows *sql.Rows) error {
				st, err := scan(rows)
				if st.from == st.to { // one record that is known, with readings of up to that long before it
					st.from, st.to = st.from-linger, st.to+s.limit
				}
				s.gaps = append(s.gaps, st)
				return err
			}},
		{"runs",
			// A run is marked when records of it, or of one before that left nothing else, kept a time which may be wrong.
			`SELECT r.from_ms, r.to_ms, CASE WHEN EXISTS (SELECT 1 FROM boots b WHERE b.gateway = r.gateway AND b.untimed > 0 AND b.boot <= r.boot
				AND b.boot > coalesce((SELECT max(p.boot) FROM runs p WHERE p.gateway = r.gateway AND p.boot < r.boot), 0)) THEN ? ELSE '' END
				FROM runs r WHERE r.gateway = ? ORDER BY r.boot`, []any{ClockUnknown, q.Gateway}, into(&s.runs)},
		{"outages", `SELECT from_ms, coalesce(to_ms, ?), '' FROM outages WHERE gateway = ? AND from_ms < ? AND coalesce(to_ms, ?) > ? ORDER BY from_ms`,
			[]any{forever, q.Gateway, to, forever, from}, into(&s.outages)},
		{"refused readings", `SELECT time_ms FROM parked WHERE gateway = ? AND device = ? AND point = ? AND time_ms BETWEEN ? AND ? ORDER BY time_ms LIMIT 10000`,
			[]any{q.Gateway, q.Device, q.Point, from, to}, func(rows *sql.Rows) error {
				var at int64
				err := rows.Scan(&at)
				s.parked = append(s.parked, at)
				return err
			}},
		{"clock", `SELECT EXISTS (SELECT 1 FROM boots b WHERE b.gateway = ? AND b.untimed > 0
			AND b.boot > coalesce((SELECT max(boot) FROM runs WHERE gateway = ?), 0))`, []any{q.Gateway, q.Gateway}, func(rows *sql.Rows) error { return rows.Scan(&s.untimed) }},
		{"state", `SELECT online FROM gateways WHERE id = ?`, []any{q.Gateway}, func(rows *sql.Rows) error { return rows.Scan(&s.online) }},
		{"cursor", `SELECT coalesce(max(wall_ms), 0), EXISTS (SELECT 1 FROM inbox i LEFT JOIN written w ON w.gateway = i.gateway
			WHERE i.gateway = ? AND i.id > coalesce(w.id, 0)) FROM cursors WHERE gateway = ? AND stream = ? AND current = 1`,
			[]any{q.Gateway, q.Gateway, wire.StreamTelemetry}, func(rows *sql.Rows) error { return rows.Scan(&s.horizon, &s.waiting) }},
	}
	for _, step := range steps {
		if err := l.each(ctx, step.sql, step.args, step.each); err != nil {
			return nil, fmt.Errorf("read %s of %s: %w", step.what, q.Gateway, err)
		}
	}
	return s, l.devices(ctx, q, s, channel)
}

// devices reads the states of the device and of those on its channel.
func (l *Ledger) devices(ctx context.Context, q series.Query, s *sources, channel string) error {
	if channel == "" {
		s.mates = []string{q.Device}
	} else if err := l.each(ctx, `SELECT DISTINCT device FROM memberships WHERE gateway = ? AND channel = ? AND to_ms IS NULL`,
		[]any{q.Gateway, channel}, func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			s.mates = append(s.mates, id)
			return err
		}); err != nil {
		return fmt.Errorf("read devices beside %s of %s: %w", q.Device, q.Gateway, err)
	}
	from, to := q.From.UnixMilli(), q.To.UnixMilli()
	note := func(rows *sql.Rows) error {
		var id string
		var c change
		var reason uint8
		err := rows.Scan(&id, &c.at, &c.online, &reason)
		c.reason = device.Reason(reason)
		s.states[id] = append(s.states[id], c)
		return err
	}
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{`SELECT s.device, s.at_ms, s.online, s.reason FROM device_states s JOIN (SELECT device, max(at_ms) AS newest FROM device_states
			WHERE gateway = ? AND at_ms <= ? GROUP BY device) n ON n.device = s.device AND n.newest = s.at_ms WHERE s.gateway = ?`, []any{q.Gateway, from, q.Gateway}},
		{`SELECT device, at_ms, online, reason FROM device_states WHERE gateway = ? AND at_ms > ? AND at_ms <= ? ORDER BY at_ms`, []any{q.Gateway, from, to}},
	} {
		if err := l.each(ctx, step.sql, step.args, note); err != nil {
			return fmt.Errorf("read states of the devices of %s: %w", q.Gateway, err)
		}
	}
	return nil
}

// linger is how long readings wait for others before they become a record, in ms.
const linger = 60_000

const forever = int64(1) << 62

func scan(rows *sql.Rows) (stretch, error) {
	var st stretch
	err := rows.Scan(&st.from, &st.to, &st.word)
	return st, err
}

func into(list *[]stretch) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		st, err := scan(rows)
		*list = append(*list, st)
		return err
	}
}

func (l *Ledger) each(ctx context.Context, query string, args []any, row func(*sql.Rows) error) error {
	rows, err := l.cfg.DB.Reader().QueryContext(ctx, query, args...)
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

// state of a device at a time; known is false before the first that was told.
func (s *sources) state(id string, at int64) (c change, known bool) {
	all := s.states[id]
	n := sort.Search(len(all), func(i int) bool { return all[i].at > at })
	if n == 0 {
		return change{}, false
	}
	return all[n-1], true
}

// within answers the first stretch that holds the time.
func within(list []stretch, at int64) (stretch, bool) {
	for _, st := range list {
		if st.from <= at && at < max(st.to, st.from+1) {
			return st, true
		}
	}
	return stretch{}, false
}
