package incident_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/rules"
)

// A snooze stops what people know of already, keeps quiet what comes, and at its end tells of what lasts; never class A or gas.
func TestSnoozeOfADevice(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k, on := merged(t, place), ""
		by := incident.Snooze{Who: "李敏"}
		k.svc = incident.New(incident.Config{DB: k.db, Notifier: k, Merging: merging(), Now: func() time.Time { return k.now }, Zone: time.UTC,
			Quiet: func(_ context.Context, _ db.Querier, of incident.Place) (h incident.Hush, err error) {
				if of.Gateway == "gw-1" && of.Device == on {
					h.Snooze = &by
				}
				return h, nil
			}})
		snooze := func(device string) error {
			on, by.Until, k.told = device, k.now.Add(30*time.Minute).UnixMilli(), nil
			return k.db.Update(t.Context(), func(tx *sql.Tx) error {
				return k.svc.Snooze(t.Context(), tx, incident.Place{Site: "jinxiu", Gateway: "gw-1", Device: device}, by, "正在换桩")
			})
		}
		end := func() {
			device := on
			on, k.told = "", nil
			k.update(func(tx *sql.Tx) error {
				_, err := k.svc.Release(t.Context(), tx, incident.Place{Site: "jinxiu", Gateway: "gw-1", Device: device})
				return err
			})
		}
		told := func(want string) {
			t.Helper()
			if got := strings.Join(k.told, " "); got != want {
				t.Errorf("told %q, want %q", got, want)
			}
		}
		first := k.alert("R01", "socket-1", rules.SeverityB)
		id, other := k.apply(first), k.apply(k.alert("R01", "socket-2", rules.SeverityB))
		k.later(time.Minute)
		flapped := k.alert("R01", "socket-1", rules.SeverityB)
		k.apply(flapped)
		k.apply(over(k, flapped))
		if err := snooze("socket-1"); err != nil {
			t.Fatal(err)
		}
		told("snoozed")
		if in := k.get(id); in.Snooze == nil || in.Snooze.Who != "李敏" || !in.Shelved || in.Deadline != 0 || in.StepDue != 0 || in.Condition != incident.Active {
			t.Errorf("snoozed: %+v %+v", in, in.Snooze)
		}
		if in := k.get(other); in.Shelved || in.Snooze != nil || in.Deadline == 0 {
			t.Errorf("its neighbour: %+v", in)
		}
		k.told = nil
		k.later(time.Minute)
		came := k.alert("R07", "socket-1", rules.SeverityC)
		fresh := k.apply(came)
		k.later(2 * time.Hour) // nobody is late with it
		k.apply(over(k, came))
		told("")
		if in := k.get(fresh); !in.Shelved || in.Overdue != 0 {
			t.Errorf("came meanwhile: %+v", in)
		}
		end()
		told("opened")
		if in := k.get(id); in.Snooze != nil || in.Shelved || in.Deadline != k.now.Add(30*time.Minute).UnixMilli() {
			t.Errorf("at its end: %+v", in)
		}
		if in := k.get(fresh); in.Detail.Told {
			t.Error("what came and went in between is told")
		}
		k.apply(k.alert("R09", "socket-3", rules.SeverityA))
		var refusal *incident.Refusal
		if err := snooze("socket-3"); !errors.As(err, &refusal) {
			t.Errorf("class A: %v", err)
		}
		if err := snooze("socket-4"); err != nil {
			t.Fatal(err)
		}
		k.apply(k.alert("R09", "socket-4", rules.SeverityA))
		k.apply(k.alert("R15", "socket-4", rules.SeverityB))
		told("opened opened")
	})
}

// What was told before a snooze and is over at its end waits for somebody again, and is not told twice.
func TestSnoozeGivesBackWhatWasKnown(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k, ctx := merged(t, place), t.Context()
		e := k.alert("R01", "socket-1", rules.SeverityB)
		id, of := k.apply(e), incident.Place{Site: "jinxiu", Gateway: "gw-1", Device: "socket-1"}
		k.update(func(tx *sql.Tx) error {
			return k.svc.Snooze(ctx, tx, of, incident.Snooze{Until: k.now.Add(time.Hour).UnixMilli(), Who: "李敏"}, "x")
		})
		k.apply(over(k, e))
		k.told = nil
		k.update(func(tx *sql.Tx) error { _, err := k.svc.Release(ctx, tx, of); return err })
		if in := k.get(id); in.Shelved || in.Deadline == 0 || len(k.told) != 0 {
			t.Errorf("%+v, told %v", in, k.told)
		}
	})
}
