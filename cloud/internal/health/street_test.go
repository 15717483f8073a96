package health_test

import (
	"database/sql"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/health"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

const (
	streetSites   = 614
	streetDevices = 49
)

// fillStreet makes a street of communities with sites of one gateway each, whose devices all answer.
func fillStreet(t testing.TB, d *db.DB, now time.Time) {
	t.Helper()
	exec := func(tx *sql.Tx, query string, args ...any) {
		if _, err := tx.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatal(err)
		}
	}
	node := func(tx *sql.Tx, id, parent string) {
		exec(tx, `INSERT INTO nodes (id, parent, kind, name, dedicated, owner, owner_phone, deputy, deputy_phone, handover_from, handover_to) VALUES (?, ?, 'n', ?, 0, '', '', '', '', '', '')`, id, parent, id)
	}
	for site := 0; site < streetSites; site += 50 {
		err := d.Update(t.Context(), func(tx *sql.Tx) error {
			if site == 0 {
				node(tx, "street", "")
				for c := range 23 {
					node(tx, fmt.Sprint("c", c), "street")
				}
			}
			for s := site; s < min(site+50, streetSites); s++ {
				g, id, at := fmt.Sprintf("gw-%04d", s), fmt.Sprintf("site-%04d", s), now.UnixMilli()
				node(tx, "n"+id, fmt.Sprint("c", s%23))
				exec(tx, `INSERT INTO node_sites (site, node) VALUES (?, ?)`, id, "n"+id)
				exec(tx, `INSERT INTO sites (id, name, timezone) VALUES (?, ?, '')`, id, "小区 "+id)
				exec(tx, `INSERT INTO gateways (id, site, session, boot, version, online, since, last_seen) VALUES (?, ?, 1, 1, '', 1, ?, ?)`, g, id, at, at)
				for _, kind := range []string{"gas", "meter", "door"} {
					exec(tx, `INSERT INTO points (gateway, model, name, position, unit, labels) VALUES (?, ?, 'p', 0, '', '{}')`, g, kind)
				}
				for n := range streetDevices {
					exec(tx, `INSERT INTO devices (gateway, id, position, name, kind, model, place, zone, poll_ms, online, since) VALUES (?, ?, ?, '', ?, ?, '', ?, 1000, 1, ?)`,
						g, fmt.Sprintf("device-%02d", n), n, []string{"gas", "meter", "door"}[n%3], []string{"gas", "meter", "door"}[n%3], fmt.Sprint("zone-", n%8), at)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkSummary asks about a whole street of 614 sites with 49 devices each.
func BenchmarkSummary(b *testing.B) {
	for _, place := range []*dbtest.Place{dbtest.SQLite(b), dbtest.Postgres(b)} {
		d := place.Open(b)
		now := t0
		fillStreet(b, d, now)
		s := health.New(health.Config{DB: d, Delivery: time.Minute, Now: func() time.Time { return now }, Zone: time.UTC, Log: slog.New(slog.DiscardHandler)})
		begin := time.Now()
		for g := range streetSites {
			var seen []health.Sighting
			for n := range streetDevices {
				seen = append(seen, health.Sighting{Device: fmt.Sprintf("device-%02d", n), HeardMs: now.UnixMilli(), Score: 100 - n/2, ScoreMs: now.UnixMilli()})
			}
			s.Sighted(fmt.Sprintf("gw-%04d", g), seen)
		}
		if err := s.Keep(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.Logf("%s: first look at all of the street: %v", place.Name, time.Since(begin))
		now = now.Add(31 * time.Second)
		for g := range streetSites {
			s.Sighted(fmt.Sprintf("gw-%04d", g), []health.Sighting{{Device: "device-00", HeardMs: now.UnixMilli()}})
		}
		now = now.Add(31 * time.Second)
		begin = time.Now()
		if err := s.Keep(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.Logf("%s: sightings of all of the street: %v", place.Name, time.Since(begin))
		for _, ask := range []struct {
			name string
			health.Ask
		}{{"street", health.Ask{Scope: tree.Everywhere()}}, {"community", health.Ask{Scope: tree.Below("street"), Node: "c7"}}} {
			ask.Now, ask.Zone = now, time.UTC
			b.Run(place.Name+"/"+ask.name, func(b *testing.B) {
				for b.Loop() {
					if sum, err := health.Sum(b.Context(), d.Reader(), ask.Ask); err != nil || sum.Counts.Devices == 0 {
						b.Fatal(sum.Counts, err)
					}
				}
			})
		}
	}
}
