package org_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/wire"
)

// Gateways and a device's past as tables have them: nothing of an empty cloud, only the asker's part, spans cut to the window.
func TestGatewaysAndPasts(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := place.Open(t)
		if all, err := org.Gateways(t.Context(), d.Reader(), tree.Everywhere()); err != nil || len(all) != 0 || all == nil {
			t.Fatalf("an empty cloud: %v %v", all, err)
		}
		now := time.UnixMilli(1_000_000)
		err := d.Update(t.Context(), func(tx *sql.Tx) error {
			for _, g := range []string{"a", "b"} {
				if err := org.Connect(t.Context(), tx, &wire.Hello{Gateway: "gw-" + g, Session: 1, Version: "v1"}, now); err != nil {
					return err
				}
				if err := org.Apply(t.Context(), tx, "gw-"+g, &wire.Inventory{Site: "s-" + g, Name: "小区 " + g, ConfigHash: "h", Devices: []*wire.Device{{Id: "gas-1", Kind: "gas", Model: "g", PollMs: 1000}},
					Models: []*wire.Model{{Name: "g", Points: []*wire.Point{{Name: "level", Unit: "%LEL"}}}}}); err != nil {
					return err
				}
			}
			for _, q := range []string{
				`INSERT INTO device_states (gateway, device, at_ms, online, reason) VALUES ('gw-a', 'gas-1', 100, 1, 0), ('gw-a', 'gas-1', 500, 0, 0), ('gw-a', 'gas-1', 700, 1, 0), ('gw-b', 'gas-1', 600, 0, 0)`,
				`INSERT INTO calibrations (gateway, device, done_on, due_on, note, who, at_ms) VALUES ('gw-a', 'gas-1', '2026-01-01', '2027-01-01', 'n', 'w', 1)`,
				`INSERT INTO incident_alerts (gateway, alert, incident, site, device, rule, zone, channel, danger, joined, severity, severity_now, active, shelved, told, counts, since, at, came, recovered_at, burst, title_zh, title_en, message_zh, message_en, detail)
					VALUES ('gw-a', '1', 'GJ-1', 's-a', 'gas-1', 'R16', '', '', '', '', 'A', 'A', 0, 0, 1, 0, 300, 300, 300, 450, 1, 't', 't', 'm', 'm', '{"limit":{"point":"level","unit":"%LEL","value":25,"above":true}}'),
					('gw-a', '2', 'GJ-2', 's-a', 'gas-1', 'R17', '', '', '', '', 'B', 'B', 0, 0, 1, 0, 10, 10, 10, 20, 1, 't', 't', 'm', 'm', '{}')`,
			} {
				if _, err := tx.ExecContext(t.Context(), q); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		all, err := org.Gateways(t.Context(), d.Reader(), tree.Everywhere())
		if err != nil || len(all) != 2 || all[0].ID != "gw-a" || all[0].Version != "v1" || all[0].Devices != 1 || all[0].SkewMs != nil || all[0].Config != "h" {
			t.Errorf("%+v %v", all, err)
		}
		if none, err := org.Gateways(t.Context(), d.Reader(), tree.Scope{}); err != nil || len(none) != 0 {
			t.Errorf("who may see nothing sees %+v %v", none, err)
		}
		p, err := org.PastOf(t.Context(), d.Reader(), "gw-a", "gas-1", 200, 1000)
		if err != nil || len(p.States) != 3 || p.States[0] != (org.DeviceSpan{From: 200, To: 500, Online: true}) || p.States[1].From != 500 || p.States[1].To != 700 || p.States[1].Online || p.States[2].To != 1000 {
			t.Errorf("states: %+v %v", p.States, err)
		}
		if len(p.Alerts) != 1 || p.Alerts[0].Incident != "GJ-1" || p.Alerts[0].End != 450 || p.Limit == nil || p.Limit.Value != 25 || p.Limit.Rule != "R16" || p.Calibrated != "2026-01-01" {
			t.Errorf("%+v %+v", p, p.Limit)
		}
	})
}
