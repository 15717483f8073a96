package org

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/wire"
)

// An Output is a point of a device that may be written.
type Output struct {
	Safe    *float64  // toward which it may always be moved; nil: nobody knows
	Allowed []float64 // the values that may be written
}

// outputSteps take over the outputs of an inventory.
func outputSteps(gateway string, inv *wire.Inventory) ([]step, error) {
	var steps []step
	for _, d := range inv.GetDevices() {
		for _, o := range d.GetOutputs() {
			values := o.GetValues()
			if values == nil {
				values = []float64{}
			}
			allowed, err := json.Marshal(values)
			if err != nil {
				return nil, fmt.Errorf("encode values of %s %s: %w", d.GetId(), o.GetPoint(), err)
			}
			steps = append(steps, step{`INSERT INTO outputs (gateway, device, point, safe, allowed) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT (gateway, device, point) DO UPDATE SET safe = excluded.safe, allowed = excluded.allowed`,
				[]any{gateway, d.GetId(), o.GetPoint(), o.Safe, string(allowed)}})
		}
	}
	return steps, nil
}

// OutputsOf answers the points of a device that may be written, by name.
func OutputsOf(ctx context.Context, q db.Querier, gateway, device string) (map[string]Output, error) {
	rows, err := q.QueryContext(ctx, `SELECT point, safe, allowed FROM outputs WHERE gateway = ? AND device = ?`, gateway, device)
	if err != nil {
		return nil, fmt.Errorf("list outputs of %s %s: %w", gateway, device, err)
	}
	defer rows.Close()
	out := map[string]Output{}
	for rows.Next() {
		var point, allowed string
		var safe sql.NullFloat64
		var o Output
		if err := rows.Scan(&point, &safe, &allowed); err != nil {
			return nil, fmt.Errorf("list outputs of %s %s: %w", gateway, device, err)
		}
		if err := json.Unmarshal([]byte(allowed), &o.Allowed); err != nil {
			return nil, fmt.Errorf("read output %s.%s of %s: %w", device, point, gateway, err)
		}
		if safe.Valid {
			o.Safe = &safe.Float64
		}
		out[point] = o
	}
	return out, rows.Err()
}

// OutputOf answers an output; ErrUnknown: the gateway names no such one. told says whether it names its outputs at all: one of an
// older version does not.
func OutputOf(ctx context.Context, q db.Querier, gateway, device, point string) (o Output, told bool, err error) {
	var safe sql.NullFloat64
	var allowed string
	err = q.QueryRowContext(ctx, `SELECT safe, allowed FROM outputs WHERE gateway = ? AND device = ? AND point = ?`, gateway, device, point).Scan(&safe, &allowed)
	if errors.Is(err, sql.ErrNoRows) {
		if err := q.QueryRowContext(ctx, `SELECT count(*) > 0 FROM outputs WHERE gateway = ?`, gateway).Scan(&told); err != nil {
			return o, false, fmt.Errorf("find outputs of %s: %w", gateway, err)
		}
		return o, told, fmt.Errorf("output %s.%s of gateway %s: %w", device, point, gateway, ErrUnknown)
	}
	if err == nil {
		err = json.Unmarshal([]byte(allowed), &o.Allowed)
	}
	if err != nil {
		return o, true, fmt.Errorf("read output %s.%s of %s: %w", device, point, gateway, err)
	}
	if safe.Valid {
		o.Safe = &safe.Float64
	}
	return o, true, nil
}
