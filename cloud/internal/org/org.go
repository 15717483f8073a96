// Package org knows what reports to the cloud: sites, their gateways, devices and points, and which of them answer.
// Ingest writes it inside its transaction from what gateways tell; the API and incidents read it. It promises that a
// device of a silent gateway is never told as online.
package org

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/drivers/device"
)

// ErrUnknown: there is no such site, gateway or device.
var ErrUnknown = errors.New("unknown")

// A Site is one compound. Online means that at least one of its gateways reports, and none is silent.
type Site struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	Gateway  string  `json:"gateway" doc:"id of its first gateway"`
	Timezone string  `json:"timezone,omitempty"`
	Online   bool    `json:"online"`
	LastSeen int64   `json:"lastSeen" doc:"when its gateways were last heard, Unix ms"`
	Open     Open    `json:"open" doc:"incidents that are not closed"`
	Silence  string  `json:"silence,omitempty" doc:"one of them: it tells that a gateway does not report"`
	Devices  Devices `json:"devices"`
}

// Open counts the incidents that are not closed, by severity.
type Open struct {
	A int `json:"A"`
	B int `json:"B"`
	C int `json:"C"`
}

// Devices counts devices by whether they answer; one that has not been heard of yet is in neither.
type Devices struct {
	Total int `json:"total"`
	Good  int `json:"good"`
	Bad   int `json:"bad"`
}

// A Device is one thing in a site, as its gateway tells it.
type Device struct {
	Gateway string       `json:"gateway"`
	ID      string       `json:"id"`
	Name    string       `json:"name"`
	Kind    string       `json:"kind"`
	Model   string       `json:"model"`
	Place   string       `json:"place"`
	Zone    string       `json:"zone"`
	Online  bool         `json:"online" doc:"the device answers and its gateway reports"`
	Since   int64        `json:"since" doc:"since when it is online or not, Unix ms"`
	Reason  string       `json:"reason,omitempty" doc:"why it is not online"`
	Points  []PointValue `json:"points"`

	Site     string `json:"site" doc:"id of the site that its gateway serves"`
	SiteName string `json:"siteName"`

	PollMs int64 `json:"-"`
}

// A PointValue is a point with its newest reading. Without one, quality is bad and at is 0.
type PointValue struct {
	Name    string   `json:"name"`
	Unit    string   `json:"unit"`
	Value   *float64 `json:"value" doc:"null when there is none"`
	Label   string   `json:"label,omitempty" doc:"name of the state"`
	Quality string   `json:"quality" enum:"good,uncertain,bad"`
	Reason  string   `json:"reason,omitempty"`
	At      int64    `json:"at" doc:"Unix ms"`
	PollMs  int64    `json:"pollMs" doc:"how often it is read"`
	// ReportMs is the longest silence of a point that is only sent when it changes.
	ReportMs int64 `json:"reportMs,omitempty" doc:"longest silence of a point that is only sent when it changes; absent: every reading is sent"`

	Offset float64 `json:"offset,omitempty" doc:"how much of value counted the meters that hung there before (换表); the meter itself shows that much less"`

	Labels map[int64]string `json:"-"`
	Steps  []Step           `json:"-"`
}

// Set fills the value from a reading. A value that JSON cannot hold is a bad one, as in the stores.
func (p *PointValue) Set(r device.Reading) {
	if r.Quality != device.Bad && (math.IsNaN(r.Value) || math.IsInf(r.Value, 0)) {
		r.Quality, r.Reason = device.Bad, device.Corrupt
	}
	p.Value, p.Label, p.Offset = nil, "", 0
	p.Quality, p.Reason, p.At = r.Quality.String(), r.Reason.String(), r.Time.UnixMilli()
	if r.Quality != device.Bad {
		p.Label = p.Labels[int64(r.Value)]
		p.Offset = above(p.Steps, p.At)
		v := r.Value + p.Offset
		p.Value = &v
	}
}

// A Part is an SQL condition that a column holds a site of some part of the street.
type Part interface {
	Sites(column string) (condition string, args []any)
}

// Sites answers the sites of a part of the street that have a gateway, by name; without the counts of open incidents, which
// incident knows.
func Sites(ctx context.Context, q db.Querier, part Part) ([]Site, error) {
	in, args := part.Sites("s.id")
	return sites(ctx, q, in, args...)
}

// OneSite answers one site.
func OneSite(ctx context.Context, q db.Querier, id string) (Site, error) {
	all, err := sites(ctx, q, "s.id = ?", id)
	if err != nil {
		return Site{}, err
	}
	if len(all) == 0 {
		return Site{}, fmt.Errorf("site %q: %w", id, ErrUnknown)
	}
	return all[0], nil
}

func sites(ctx context.Context, q db.Querier, where string, args ...any) ([]Site, error) {
	rows, err := q.QueryContext(ctx, `
		SELECT s.id, s.name, s.timezone, min(g.id), min(g.online), max(g.last_seen), coalesce(sum(d.total), 0), coalesce(sum(d.good * g.online), 0),
		       coalesce(sum(CASE WHEN g.online = 1 THEN d.bad ELSE d.total END), 0)
		FROM sites s JOIN gateways g ON g.site = s.id
		LEFT JOIN (SELECT gateway, count(*) AS total, sum(online) AS good,
		                  sum(1 - online) AS bad FROM devices WHERE kind NOT IN ('gateway', 'channel') GROUP BY gateway) d ON d.gateway = g.id
		WHERE `+where+` GROUP BY s.id, s.name, s.timezone ORDER BY s.name, s.id`, args...)
	if err != nil {
		return nil, fmt.Errorf("list sites: %w", err)
	}
	defer rows.Close()
	out := []Site{}
	for rows.Next() {
		var s Site
		if err := rows.Scan(&s.ID, &s.Name, &s.Timezone, &s.Gateway, &s.Online, &s.LastSeen, &s.Devices.Total, &s.Devices.Good, &s.Devices.Bad); err != nil {
			return nil, fmt.Errorf("read site: %w", err)
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// SiteOf answers the site of a gateway; empty when the gateway is unknown.
func SiteOf(ctx context.Context, q db.Querier, gateway string) (string, error) {
	var site string
	err := q.QueryRowContext(ctx, `SELECT site FROM gateways WHERE id = ?`, gateway).Scan(&site)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read site of gateway %s: %w", gateway, err)
	}
	return site, nil
}

// Zone answers name and time zone of a site; the site's id and an empty zone when it is unknown.
func Zone(ctx context.Context, q db.Querier, site string) (name, timezone string, err error) {
	err = q.QueryRowContext(ctx, `SELECT name, timezone FROM sites WHERE id = ?`, site).Scan(&name, &timezone)
	if errors.Is(err, sql.ErrNoRows) {
		return site, "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("read site %s: %w", site, err)
	}
	return name, timezone, nil
}

// DevicesOf answers the devices of a site with their points, without values, in the order of the gateway's file.
func DevicesOf(ctx context.Context, q db.Querier, site string) ([]Device, error) {
	return devices(ctx, q, `g.site = ?`, site)
}

// CamerasOf lists the cameras of a gateway, without their points.
func CamerasOf(ctx context.Context, q db.Querier, gateway string) ([]Device, error) {
	return devices(ctx, q, `d.gateway = ? AND d.kind = 'camera'`, gateway)
}

// OneDevice answers one device with its points, without values.
func OneDevice(ctx context.Context, q db.Querier, gateway, id string) (Device, error) {
	all, err := devices(ctx, q, `d.gateway = ? AND d.id = ?`, gateway, id)
	if err != nil {
		return Device{}, err
	}
	if len(all) == 0 {
		return Device{}, fmt.Errorf("device %s of gateway %s: %w", id, gateway, ErrUnknown)
	}
	return all[0], nil
}

func devices(ctx context.Context, q db.Querier, where string, args ...any) ([]Device, error) {
	rows, err := q.QueryContext(ctx, `
		SELECT d.gateway, d.id, d.name, d.kind, d.model, d.place, d.zone, d.poll_ms, d.online, d.reason, d.since, g.online, g.since, g.site, coalesce(s.name, g.site)
		FROM devices d JOIN gateways g ON g.id = d.gateway LEFT JOIN sites s ON s.id = g.site WHERE `+where+` ORDER BY d.gateway, d.position`, args...)
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	defer rows.Close()
	out := []Device{}
	for rows.Next() {
		d, err := scanDevice(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	if err := fillPoints(ctx, q, out); err != nil {
		return nil, err
	}
	return out, stepped(ctx, q, out)
}

func scanDevice(rows *sql.Rows) (Device, error) {
	var d Device
	var online sql.NullBool
	var gatewayOnline bool
	var reason uint8
	var gatewaySince int64
	if err := rows.Scan(&d.Gateway, &d.ID, &d.Name, &d.Kind, &d.Model, &d.Place, &d.Zone, &d.PollMs, &online, &reason, &d.Since,
		&gatewayOnline, &gatewaySince, &d.Site, &d.SiteName); err != nil {
		return Device{}, fmt.Errorf("read device: %w", err)
	}
	if d.Kind == "gateway" { // the gateway as a device of itself: nobody reports it, it is there when it reports
		online = sql.NullBool{Bool: true, Valid: true}
	}
	d.Online = online.Bool && gatewayOnline
	switch {
	case !gatewayOnline:
		d.Reason = device.GatewayOff.String()
		d.Since = gatewaySince
	case !online.Valid:
		d.Reason = device.NotRead.String()
	case !d.Online:
		d.Reason = device.Reason(reason).String()
	}
	return d, nil
}

func fillPoints(ctx context.Context, q db.Querier, ds []Device) error {
	type model struct{ gateway, name string }
	known := map[model][]PointValue{}
	for i, d := range ds {
		m := model{d.Gateway, d.Model}
		points, ok := known[m]
		if !ok {
			var err error
			if points, err = pointsOf(ctx, q, d.Gateway, d.Model); err != nil {
				return err
			}
			known[m] = points
		}
		ds[i].Points = make([]PointValue, len(points))
		copy(ds[i].Points, points)
		for j := range ds[i].Points {
			ds[i].Points[j].PollMs = d.PollMs
		}
	}
	return nil
}

func pointsOf(ctx context.Context, q db.Querier, gateway, model string) ([]PointValue, error) {
	rows, err := q.QueryContext(ctx, `SELECT name, unit, labels, report_ms FROM points WHERE gateway = ? AND model = ? ORDER BY position`, gateway, model)
	if err != nil {
		return nil, fmt.Errorf("list points of %s: %w", model, err)
	}
	defer rows.Close()
	var out []PointValue
	for rows.Next() {
		p := PointValue{Quality: device.Bad.String(), Reason: device.NotRead.String()}
		var labels string
		if err := rows.Scan(&p.Name, &p.Unit, &labels, &p.ReportMs); err != nil {
			return nil, fmt.Errorf("read point of %s: %w", model, err)
		}
		if err := json.Unmarshal([]byte(labels), &p.Labels); err != nil {
			return nil, fmt.Errorf("read labels of %s %s: %w", model, p.Name, err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}
