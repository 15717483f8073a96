package rulebook

import (
	"context"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/health"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// Kind, id and heartbeat of a gateway among its devices.
const (
	gatewayDevice = "gateway"
	uptime        = "uptime"
)

// A yard is what a gateway's rules judge, as its inventory tells it.
type yard struct {
	site, name, gateway string
	devices             []device.Device
	silence             map[device.Key]time.Duration
}

// yardsOf are the gateways of some sites, in the order in which the sites are named.
func yardsOf(ctx context.Context, q db.Querier, sites []string) ([]yard, error) {
	var out []yard
	for _, site := range sites {
		rows, err := q.QueryContext(ctx, `SELECT g.id, s.name FROM gateways g JOIN sites s ON s.id = g.site WHERE g.site = ? ORDER BY g.id`, site)
		if err != nil {
			return nil, fmt.Errorf("find gateways of %s: %w", site, err)
		}
		for rows.Next() {
			y := yard{site: site, silence: map[device.Key]time.Duration{}}
			if err = rows.Scan(&y.gateway, &y.name); err != nil {
				break
			}
			out = append(out, y)
		}
		if err = firstOf(err, rows.Err(), rows.Close()); err != nil {
			return nil, fmt.Errorf("read gateways of %s: %w", site, err)
		}
	}
	for i := range out {
		if err := out[i].read(ctx, q); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// read fills in devices and points.
func (y *yard) read(ctx context.Context, q db.Querier) error {
	rows, err := q.QueryContext(ctx, `SELECT d.id, d.name, d.kind, d.model, d.place, d.zone, d.channel, d.poll_ms, p.name, p.unit, p.report_ms
		FROM devices d JOIN points p ON p.gateway = d.gateway AND p.model = d.model WHERE d.gateway = ? AND d.kind <> ? AND p.name <> ? ORDER BY d.position, p.position`,
		y.gateway, gatewayDevice, health.PointName)
	if err != nil {
		return fmt.Errorf("list devices of %s: %w", y.gateway, err)
	}
	defer rows.Close()
	for rows.Next() {
		var d device.Device
		var p device.Point
		var poll, report int64
		if err := rows.Scan(&d.ID, &d.Name, &d.Kind, &d.Model, &d.Place, &d.Zone, &d.Channel, &poll, &p.Name, &p.Unit, &report); err != nil {
			return fmt.Errorf("read devices of %s: %w", y.gateway, err)
		}
		d.Poll, p.Device = time.Duration(poll)*time.Millisecond, d.ID
		if n := len(y.devices); n == 0 || y.devices[n-1].ID != d.ID {
			y.devices = append(y.devices, d)
		}
		last := &y.devices[len(y.devices)-1]
		last.Points = append(last.Points, p)
		if report > 0 {
			y.silence[p.Key()] = time.Duration(report) * time.Millisecond
		}
	}
	return rows.Err()
}

// only keeps the points that somebody looks at: of the others no readings are fetched.
func (y *yard) only(looks func(device.Key) bool) (points int) {
	kept := make([]device.Device, len(y.devices))
	for i, d := range y.devices {
		kept[i] = d
		kept[i].Points = nil
		for _, p := range d.Points {
			if looks(p.Key()) {
				kept[i].Points = append(kept[i].Points, p)
				points++
			}
		}
	}
	y.devices = kept
	return points
}

// recorded are the alerts that a gateway told of some rules at the time, with what people found.
func (y *yard) recorded(ctx context.Context, q db.Querier, ids []string, from, to time.Time) (all []rules.RecordedAlert, err error) {
	for _, id := range ids {
		rows, err := q.QueryContext(ctx, `SELECT a.alert, a.device, a.since, a.recovered_at, CASE WHEN i.handling = 'closed' THEN i.outcome ELSE '' END
			FROM incident_alerts a JOIN incidents i ON i.id = a.incident WHERE a.rule = ? AND a.at >= ? AND a.at <= ? AND a.gateway = ? ORDER BY a.at`,
			id, from.UnixMilli(), to.UnixMilli(), y.gateway)
		if err != nil {
			return nil, fmt.Errorf("read alerts of %s: %w", y.gateway, err)
		}
		for rows.Next() {
			a := rules.RecordedAlert{Rule: id}
			var since, end int64
			if err = rows.Scan(&a.Alert, &a.Subject, &since, &end, &a.Outcome); err != nil {
				break
			}
			a.Since = time.UnixMilli(since).UTC()
			if end > 0 {
				a.End = time.UnixMilli(end).UTC()
			}
			all = append(all, a)
		}
		if err = firstOf(err, rows.Err(), rows.Close()); err != nil {
			return nil, fmt.Errorf("read alerts of %s: %w", y.gateway, err)
		}
	}
	return all, nil
}
