package report_test

import (
	"bytes"
	"database/sql"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/report"
)

// TestOnDuty: the report counts the patrols and duty checks that began within the period and the asker may see, without
// those of which the cloud was down and those of which no message arrived.
func TestOnDuty(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		base := place.Open(t)
		err := base.Update(t.Context(), func(tx *sql.Tx) error {
			for i, state := range []string{"done", "done", "late", "missed", "void", "open", "done"} {
				node, at := "n1", ms(60*i)
				if i == 6 {
					at = ms(-60) // of the period before
				}
				if _, err := tx.ExecContext(t.Context(), `INSERT INTO patrol_rounds (id, node, plan, role, due_ms, until_ms, state, done_ms, points) VALUES (?, ?, 'p', '', ?, ?, ?, 0, 2)`, i+1, node, at, at+1, state); err != nil {
					return err
				}
				for n := range 2 {
					seen := int64(0)
					if state == "done" || state == "late" || n == 0 && state == "missed" {
						seen = at + 1
					}
					if _, err := tx.ExecContext(t.Context(), `INSERT INTO patrol_stops (round, n, name, position, code, checks, at, taken_at, who, how, note, lat, lng, incident) VALUES (?, ?, 's', '', '', '', ?, ?, '', '', '', '', '', '')`, i+1, n+1, seen, seen); err != nil {
						return err
					}
				}
			}
			for i, state := range []string{"answered", "answered", "missed", "untold", "open"} {
				if _, err := tx.ExecContext(t.Context(), `INSERT INTO duty_checks (id, node, role, source, centre, who, at, until_ms, state) VALUES (?, 'n1', '', 'hand', '', '', ?, ?, ?)`, i+1, ms(i), ms(i+1), state); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		r := ask(t, base, november(3*1440))
		share := func(x float64) *float64 { return &x }
		rounds, checks := report.Rounds{Over: 4, InTime: 2, Late: 1, Missed: 1, InTimeRate: share(50), Seen: share(87.5)}, report.Checks{Asked: 3, Answered: 2, Unmet: 1, Untold: 1, Answers: share(66.7)}
		if got := r.Now; !reflect.DeepEqual(got.Rounds, rounds) || !reflect.DeepEqual(got.Checks, checks) {
			t.Errorf("%+v %+v", got.Rounds, got.Checks)
		}
		if got := r.Before; got.Rounds.Over != 1 || got.Checks.Asked != 0 || got.Checks.Answers != nil {
			t.Errorf("before: %+v %+v", got.Rounds, got.Checks)
		}
		var table, page bytes.Buffer
		if err := errors.Join(r.WriteCSV(&table), r.WritePage(&page, "zh", shanghai)); err != nil {
			t.Fatal(err)
		}
		if s := table.String(); !strings.Contains(s, "按时率,\"Walked in time, share\",50.0 %,100.0 %,") || !strings.Contains(s, "应答率,\"Answered, share\",66.7 %,–,") || !strings.Contains(page.String(), "巡查点到位率") {
			t.Error(s)
		}
		a := november(3 * 1440)
		a.Scope = tree.Below("elsewhere")
		if r := ask(t, base, a); r.Now.Rounds.Over != 0 || r.Now.Checks.Asked != 0 {
			t.Errorf("of others: %+v %+v", r.Now.Rounds, r.Now.Checks)
		}
	})
}
