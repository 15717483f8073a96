package org

import (
	"context"
	"fmt"
	"slices"

	"github.com/linshao/linshao/cloud/internal/db"
)

// A Step is how far a counter goes on above its own readings from a time on, because a meter was exchanged (换表).
type Step struct {
	At int64 // Unix ms
	By float64
}

// Cumulative says of a unit that its points only ever grow: energy, gas, water, heat.
func Cumulative(unit string) bool {
	return slices.Contains([]string{"Wh", "kWh", "MWh", "kvarh", "kVAh", "m3", "m³", "L", "GJ"}, unit)
}

// stepped gives the points of devices their steps.
func stepped(ctx context.Context, q db.Querier, ds []Device) error {
	known := map[string]map[string][]Step{} // gateway → device and point
	for i, d := range ds {
		steps, ok := known[d.Gateway]
		if !ok {
			var err error
			if steps, err = stepsOf(ctx, q, d.Gateway); err != nil {
				return err
			}
			known[d.Gateway] = steps
		}
		for j := range ds[i].Points {
			ds[i].Points[j].Steps = steps[d.ID+"\n"+ds[i].Points[j].Name]
		}
	}
	return nil
}

func stepsOf(ctx context.Context, q db.Querier, gateway string) (map[string][]Step, error) {
	rows, err := q.QueryContext(ctx, `SELECT m.device, r.point, m.at_ms, r.last_of, r.first_of FROM meters m JOIN meter_readings r ON r.meter = m.id
		WHERE m.gateway = ? AND m.undone_at = 0 ORDER BY m.at_ms, m.id`, gateway)
	if err != nil {
		return nil, fmt.Errorf("list exchanged meters of %s: %w", gateway, err)
	}
	defer rows.Close()
	out := map[string][]Step{}
	for rows.Next() {
		var device, point string
		var s Step
		var last, first float64
		if err := rows.Scan(&device, &point, &s.At, &last, &first); err != nil {
			return nil, fmt.Errorf("list exchanged meters of %s: %w", gateway, err)
		}
		s.By = last - first
		out[device+"\n"+point] = append(out[device+"\n"+point], s)
	}
	return out, rows.Err()
}

// above is how far a reading of a time stands above its own value.
func above(steps []Step, at int64) (by float64) {
	for _, s := range steps {
		if s.At <= at {
			by += s.By
		}
	}
	return by
}
