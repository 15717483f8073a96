// Package meter notes that a meter was exchanged (换表): what the old one showed last, and the new one first. From that moment
// on its counters are read as if the old one had gone on, so that history stays and no chart steps back. The readings
// themselves are never changed: an entry that was wrong is taken back, and all is as before. Package org applies it.
package meter

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

// An Exchange is one meter in the place of another. Times are Unix ms.
type Exchange struct {
	ID       int64     `json:"id"`
	Gateway  string    `json:"-"`
	Device   string    `json:"-"`
	At       int64     `json:"at" doc:"from then on readings are the new meter's"`
	Serial   string    `json:"serial,omitempty" doc:"of the new meter"`
	Reason   string    `json:"reason"`
	Who      string    `json:"who" doc:"who noted it"`
	NotedAt  int64     `json:"notedAt"`
	UndoneAt int64     `json:"undoneAt,omitempty" doc:"when it was taken back as wrong"`
	UndoneBy string    `json:"undoneBy,omitempty"`
	Readings []Reading `json:"readings"`
}

// A Reading is what both meters showed of one counter.
type Reading struct {
	Point string  `json:"point" maxLength:"80"`
	Last  float64 `json:"last" minimum:"0" doc:"what the old meter showed last"`
	First float64 `json:"first" minimum:"0" doc:"what the new meter showed first"`
}

// A Service notes exchanges.
type Service struct {
	DB  *db.DB
	Now func() time.Time
}

// longAgo is how far back an exchange can be noted.
const longAgo = 366 * 24 * time.Hour

// Note writes an exchange down. An *org.Refusal: it makes no sense.
func (s *Service) Note(ctx context.Context, x Exchange) error {
	now := s.Now()
	x.Serial, x.Reason, x.NotedAt = strings.TrimSpace(x.Serial), strings.TrimSpace(x.Reason), now.UnixMilli()
	return s.DB.Update(ctx, func(tx *sql.Tx) error {
		d, err := org.OneDevice(ctx, tx, x.Gateway, x.Device)
		if err != nil {
			return err
		}
		if err := x.check(d, now); err != nil {
			return err
		}
		if err := x.insert(ctx, tx); err != nil {
			return err
		}
		return x.log(ctx, tx, d.Site, "meter.exchanged", now)
	})
}

func (x *Exchange) check(d org.Device, now time.Time) error {
	switch {
	case x.Reason == "":
		return org.Refuse("请写明换表原因", "say why the meter was exchanged")
	case x.At > now.UnixMilli() || x.At < now.Add(-longAgo).UnixMilli():
		return org.Refuse("换表时间须在过去一年内，不能在将来", "it was exchanged within the last year, and not in the future")
	case len(x.Readings) == 0:
		return org.Refuse("请至少填一个累计量的新旧表读数", "give both readings of one counter at least")
	}
	seen := map[string]bool{}
	for _, r := range x.Readings {
		n := slices.IndexFunc(d.Points, func(p org.PointValue) bool { return p.Name == r.Point })
		if n < 0 || !org.Cumulative(d.Points[n].Unit) {
			return org.Refuse("点位 %s 不是累计量，不需要换表读数", "point %s is no counter: it needs no readings", r.Point)
		}
		if seen[r.Point] || !plausible(r.Last) || !plausible(r.First) {
			return org.Refuse("点位 %s 的读数不对：每个累计量填一次，不能为负", "the readings of %s are wrong: each counter once, and not below 0", r.Point)
		}
		seen[r.Point] = true
	}
	return nil
}

// plausible: what a meter can show.
func plausible(v float64) bool { return v >= 0 && v < 1e12 && !math.IsNaN(v) }

func (x *Exchange) insert(ctx context.Context, tx *sql.Tx) error {
	var same int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM meters WHERE gateway = ? AND device = ? AND at_ms = ? AND undone_at = 0`, x.Gateway, x.Device, x.At).Scan(&same); err != nil {
		return fmt.Errorf("look for exchanges of %s: %w", x.Device, err)
	}
	if same > 0 {
		return org.Refuse("这次换表已经登记；填错了请先撤回再登记", "this exchange is noted already: take it back first if it is wrong")
	}
	if err := tx.QueryRowContext(ctx, `INSERT INTO meters (gateway, device, at_ms, serial, reason, who, noted_at) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		x.Gateway, x.Device, x.At, x.Serial, x.Reason, x.Who, x.NotedAt).Scan(&x.ID); err != nil {
		return fmt.Errorf("note exchange of %s: %w", x.Device, err)
	}
	for _, r := range x.Readings {
		if _, err := tx.ExecContext(ctx, `INSERT INTO meter_readings (meter, point, last_of, first_of) VALUES (?, ?, ?, ?)`, x.ID, r.Point, r.Last, r.First); err != nil {
			return fmt.Errorf("note readings of %s: %w", x.Device, err)
		}
	}
	return nil
}

// Undo takes an entry back that was wrong.
func (s *Service) Undo(ctx context.Context, gateway, device string, id int64, who string) error {
	now := s.Now()
	return s.DB.Update(ctx, func(tx *sql.Tx) error {
		all, err := Of(ctx, tx, gateway, device)
		if err != nil {
			return err
		}
		n := slices.IndexFunc(all, func(x Exchange) bool { return x.ID == id })
		if n < 0 {
			return fmt.Errorf("exchange %d of %s: %w", id, device, org.ErrUnknown)
		}
		x := all[n]
		if x.UndoneAt > 0 {
			return org.Refuse("已由 %s 撤回", "%s has taken it back already", x.UndoneBy)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE meters SET undone_at = ?, undone_by = ? WHERE id = ?`, now.UnixMilli(), who, id); err != nil {
			return fmt.Errorf("take back exchange %d: %w", id, err)
		}
		site, err := org.SiteOf(ctx, tx, gateway)
		if err != nil {
			return err
		}
		return x.log(ctx, tx, site, "meter.taken_back", now)
	})
}

func (x *Exchange) log(ctx context.Context, tx *sql.Tx, site, act string, now time.Time) error {
	detail := map[string]string{"at": time.UnixMilli(x.At).UTC().Format(time.RFC3339), "reason": x.Reason, "serial": x.Serial}
	for _, r := range x.Readings {
		detail[r.Point] = strconv.FormatFloat(r.Last, 'f', -1, 64) + " → " + strconv.FormatFloat(r.First, 'f', -1, 64)
	}
	return audit.Add(ctx, tx, audit.Entry{At: now, Act: act, Kind: "device", About: x.Gateway + "/" + x.Device, Site: site, Detail: detail})
}

// Of lists the exchanges of a device, the newest first, with those that were taken back.
func Of(ctx context.Context, q db.Querier, gateway, device string) ([]Exchange, error) {
	rows, err := q.QueryContext(ctx, `SELECT m.id, m.at_ms, m.serial, m.reason, m.who, m.noted_at, m.undone_at, m.undone_by, r.point, r.last_of, r.first_of
		FROM meters m JOIN meter_readings r ON r.meter = m.id WHERE m.gateway = ? AND m.device = ? ORDER BY m.at_ms DESC, m.id DESC, r.point`, gateway, device)
	if err != nil {
		return nil, fmt.Errorf("list exchanges of %s: %w", device, err)
	}
	defer rows.Close()
	out := []Exchange{}
	for rows.Next() {
		x := Exchange{Gateway: gateway, Device: device}
		var r Reading
		if err := rows.Scan(&x.ID, &x.At, &x.Serial, &x.Reason, &x.Who, &x.NotedAt, &x.UndoneAt, &x.UndoneBy, &r.Point, &r.Last, &r.First); err != nil {
			return nil, fmt.Errorf("list exchanges of %s: %w", device, err)
		}
		if n := len(out); n == 0 || out[n-1].ID != x.ID {
			out = append(out, x)
		}
		last := &out[len(out)-1]
		last.Readings = append(last.Readings, r)
	}
	return out, rows.Err()
}

// A Notice is what a gateway told of a device that was exchanged.
type Notice struct {
	At   int64 // Unix ms
	Text rules.Text
}

// Noticed answers what the gateway last told of an exchange after which nobody has noted one; nil: nothing.
func Noticed(ctx context.Context, q db.Querier, gateway, device string) (*Notice, error) {
	var n Notice
	err := q.QueryRowContext(ctx, `SELECT at, zh, en FROM journal WHERE gateway = ? AND kind = ? AND device = ? ORDER BY id DESC LIMIT 1`,
		gateway, wire.NoticeDeviceSwapped, device).Scan(&n.At, &n.Text.ZH, &n.Text.EN)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for notices of %s: %w", device, err)
	}
	n.Text.ZH, n.Text.EN = strings.TrimPrefix(n.Text.ZH, device+"："), strings.TrimPrefix(n.Text.EN, device+": ")
	all, err := Of(ctx, q, gateway, device)
	for _, x := range all {
		if x.UndoneAt == 0 && x.At >= n.At-nearby.Milliseconds() {
			return nil, err
		}
	}
	return &n, err
}

// nearby: a gateway asks for the serial number every hour; the exchange was that much earlier at most.
const nearby = 2 * time.Hour
