package incident_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

// listener keeps which incidents people were told of, and when last.
type listener struct {
	n    int
	last map[string]int
}

// Enqueue implements the incidents' Notifier.
func (l *listener) Enqueue(_ context.Context, _ *sql.Tx, in incident.Incident, _ string) error {
	l.n++
	l.last[in.ID] = l.n
	return nil
}

// Whatever comes in whatever order, each alert is in one incident, which is as active and as severe as its alerts are; nothing
// of class A is untold; and the same input makes the same incidents.
func TestAnyStream(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			first, second := stream(t, seed), stream(t, seed)
			if first == "" || first != second {
				t.Errorf("the same input made\n%s\nand\n%s", first, second)
			}
		})
	}
}

func stream(t *testing.T, seed uint64) string {
	k := open(t, dbtest.SQLite(t))
	l := &listener{last: map[string]int{}}
	k.svc = incident.New(incident.Config{DB: k.db, Notifier: l, Merging: merging(), Now: func() time.Time { return k.now }, Zone: time.UTC})
	gateways := []string{"gw-1", "gw-2", "gw-3"}
	k.update(func(tx *sql.Tx) error {
		for i, gw := range gateways {
			if err := org.Connect(t.Context(), tx, &wire.Hello{Gateway: gw, Session: 1}, k.now); err != nil {
				return err
			}
			inv := &wire.Inventory{Site: []string{"jinxiu", "jinxiu", "other"}[i], Name: "小区", ConfigHash: "p"}
			for d := range 6 {
				inv.Devices = append(inv.Devices, &wire.Device{Id: fmt.Sprintf("d%d", d), Name: "x", Kind: "gas", Model: "m", Zone: fmt.Sprintf("z%d", d%2), Channel: fmt.Sprintf("c%d", d%2)})
			}
			if err := org.Apply(t.Context(), tx, gw, inv); err != nil {
				return err
			}
		}
		return nil
	})
	rng := rand.New(rand.NewPCG(seed, 1))
	known := map[string][]rules.AlertEvent{}
	for n := range 150 {
		k.later(time.Duration(rng.IntN(40)) * time.Second)
		gw := gateways[rng.IntN(3)]
		e := randomEvent(k, rng, n, known[gw])
		known[gw] = append(known[gw], e)
		before, late := l.n, rng.IntN(5) == 0
		var id string
		k.update(func(tx *sql.Tx) (err error) {
			if late {
				id, err = k.svc.ApplyLate(t.Context(), tx, gw, e)
			} else {
				id, err = k.svc.Apply(t.Context(), tx, gw, e)
			}
			return err
		})
		if e.State == rules.Firing && e.Severity == rules.SeverityA && !late && !wasA(known[gw], e) && (l.n == before || l.last[id] != l.n) {
			t.Errorf("event %d: nobody is told of %s of class A in %s", n, e.Alert, id)
		}
	}
	for query, what := range map[string]string{
		`SELECT count(*) FROM incident_alerts a LEFT JOIN incidents i ON i.id = a.incident WHERE i.id IS NULL`:                                                                   "alerts without an incident",
		`SELECT count(*) FROM incidents i WHERE i.alerts <> (SELECT count(*) FROM incident_alerts a WHERE a.incident = i.id)`:                                                    "incidents that count wrong",
		`SELECT count(*) FROM incidents i WHERE i.active <> (SELECT max(a.active) FROM incident_alerts a WHERE a.incident = i.id)`:                                               "incidents with a wrong condition",
		`SELECT count(*) FROM incidents i WHERE i.severity <> (SELECT min(a.severity) FROM incident_alerts a WHERE a.incident = i.id)`:                                           "incidents with a wrong class",
		`SELECT count(*) FROM incidents i JOIN incident_alerts a ON a.incident = i.id WHERE a.site <> i.site`:                                                                    "incidents of two sites",
		`SELECT count(*) FROM incidents i WHERE (SELECT count(DISTINCT a.danger) FROM incident_alerts a WHERE a.incident = i.id) > 1`:                                            "incidents of two dangers",
		`SELECT count(*) FROM incidents i WHERE i.severity = 'A' AND i.cause IN ('flood', 'bus', 'gateway') AND i.alerts > 1`:                                                    "floods of class A",
		`SELECT count(*) FROM incidents i WHERE NOT EXISTS (SELECT 1 FROM incident_alerts a WHERE a.incident = i.id AND a.gateway = i.gateway AND a.alert = i.alert)`:            "incidents whose first-out is elsewhere",
		fmt.Sprintf(`SELECT %d - count(*) FROM incident_alerts`, distinct(known)):                                                                                                "alerts that are missing",
		`SELECT count(*) FROM incidents i WHERE i.active = 0 AND i.recovered_at <> (SELECT max(a.recovered_at) FROM incident_alerts a WHERE a.incident = i.id AND i.alerts > 0)`: "incidents that ended at another time",
	} {
		var n int
		if err := k.db.Reader().QueryRowContext(t.Context(), query).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s: %d, %v", what, n, err)
		}
	}
	var all string
	if err := k.db.Reader().QueryRowContext(t.Context(), `SELECT group_concat(line, '; ') FROM (SELECT gateway || ' ' || alert || ' ' || incident || ' ' || joined AS line FROM incident_alerts
		ORDER BY gateway, alert)`).Scan(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// randomEvent begins an alert, or goes on with one of the gateway's: worse, better, over, or once more.
func randomEvent(k *desk, rng *rand.Rand, n int, known []rules.AlertEvent) rules.AlertEvent {
	if len(known) > 0 && rng.IntN(3) == 0 {
		e := known[rng.IntN(len(known))]
		e.At = k.now
		switch rng.IntN(3) {
		case 0:
			e.State = rules.Resolved
		case 1:
			e.State, e.Severity = rules.Firing, rules.SeverityA
		default:
			e.State, e.Severity = rules.Firing, rules.SeverityB
		}
		return e
	}
	e := k.alert([]string{"R15", "R16", "R05", "R14", "R19"}[rng.IntN(5)], fmt.Sprintf("d%d", rng.IntN(6)), []rules.Severity{"A", "B", "B", "C", "C", "C"}[rng.IntN(6)])
	e.Alert = fmt.Sprintf("%s/%s/%d", e.Rule, e.Subject, n)
	if e.Rule == "R19" {
		e.Severity = rules.SeverityB
		e = silent(e)
	}
	if rng.IntN(10) == 0 {
		e.State = rules.Resolved // its firing is in a gap
	}
	return e
}

// wasA says whether an alert was of class A, or began, before its newest event.
func wasA(known []rules.AlertEvent, e rules.AlertEvent) bool {
	for _, k := range known[:len(known)-1] {
		if k.Alert == e.Alert && k.Severity == rules.SeverityA {
			return true
		}
	}
	return false
}

func distinct(known map[string][]rules.AlertEvent) int {
	seen := map[string]bool{}
	for gw, list := range known {
		for _, e := range list {
			seen[gw+e.Alert] = true
		}
	}
	return len(seen)
}
