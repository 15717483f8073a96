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
		if left, known := all[0].Left(now.UnixMilli()); known || left != 0 {
			t.Errorf("a gateway that never said has room for %d ms", left)
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

// What is told of clocks and room: a start that told no time says nothing of the clock, a clock that something keeps in step may still
// differ from the cloud's, and a gateway that is cut off has less room the longer that lasts.
func TestClockAndRoomOfGateways(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, now := place.Open(t), time.UnixMilli(100_000_000)
		err := d.Update(t.Context(), func(tx *sql.Tx) error {
			for _, g := range []string{"gw-1", "gw-2", "gw-3", "gw-4", "gw-5"} {
				if err := org.Connect(t.Context(), tx, &wire.Hello{Gateway: g, Session: 1, Boot: 1}, now); err != nil {
					return err
				}
			}
			for _, q := range []string{
				`INSERT INTO boots (gateway, boot, offset_ms, quality, start_ms, skew_ms, apart_ms, untimed) VALUES ('gw-1', 1, 0, 0, 0, 0, NULL, 5), ('gw-2', 1, 5000, 2, 65000, 0, 60000, 0), ('gw-3', 1, 9000, 1, 9000, -7000, -7000, 0), ('gw-4', 1, 5000, 2, 5100, 0, 100, 0), ('gw-5', 1, 5000, 2, 5100, 0, NULL, 0)`,
				`UPDATE gateways SET room_s = 7200, room_at = 99000000, online = 0, since = 96400000 WHERE id = 'gw-2'`,
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
		if err != nil || len(all) != 5 {
			t.Fatal(all, err)
		}
		for _, g := range all {
			left, known := g.Left(now.UnixMilli())
			switch g.ID {
			case "gw-1":
				if g.SkewMs != nil || known {
					t.Errorf("%+v", g)
				}
			case "gw-2":
				if g.SkewMs == nil || *g.SkewMs != 60_000 || !known || left != 3_600_000 {
					t.Errorf("%+v, %d ms left", g, left)
				}
			case "gw-4", "gw-5": // within a message's way; of a hello before this was noted
				if g.SkewMs == nil || *g.SkewMs != 0 {
					t.Errorf("%+v", g)
				}
			case "gw-3":
				if g.SkewMs == nil || *g.SkewMs != -7000 {
					t.Errorf("%+v", g)
				}
			}
		}
	})
}
