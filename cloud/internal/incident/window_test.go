package incident_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/rules"
)

// What comes while a site is under maintenance is recorded and not told, but class A; what lasts at the end is told then.
func TestMaintenanceKeepsQuiet(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k, ctx := open(t, place), t.Context()
		quiet := false
		k.svc = incident.New(incident.Config{DB: k.db, Notifier: k, Now: func() time.Time { return k.now }, Zone: time.UTC,
			Quiet: func(_ context.Context, _ db.Querier, of incident.Place) (incident.Hush, error) {
				return incident.Hush{Window: quiet && of.Site == "jinxiu"}, nil
			}})
		event := func(name, rule string, s rules.Severity, state rules.State) string {
			e := firing(k, name)
			e.Rule, e.Severity, e.State = rule, s, state
			return k.apply(e)
		}
		was := event("before", "R1", rules.SeverityB, rules.Firing)
		quiet, k.told = true, nil
		lasting, over := event("lasting", "R2", rules.SeverityB, rules.Firing), event("over", "R3", rules.SeverityC, rules.Firing)
		event("over", "R3", rules.SeverityC, rules.Resolved)
		if len(k.told) != 0 {
			t.Errorf("told of maintenance: %v", k.told)
		}
		if in := k.get(lasting); !in.Window || !in.Shelved || in.Detail.Told {
			t.Errorf("not marked: %+v", in)
		}
		event("before", "R1", rules.SeverityB, rules.Resolved)
		worst := event("worst", "R4", rules.SeverityA, rules.Firing)
		if got := strings.Join(k.told, " "); got != "recovered opened" {
			t.Errorf("what people know of, and class A: told %q", got)
		}
		if k.get(worst).Window || k.get(was).Window {
			t.Error("what is told is marked as quiet")
		}
		got, err := incident.Urgent(ctx, k.db.Reader(), tree.Everywhere(), 9)
		if err != nil || len(got) != 2 {
			t.Errorf("what waits for somebody: %d %v", len(got), err)
		}
		k.told, quiet = nil, false
		k.later(2 * time.Hour)
		release := func() (ids []string) {
			k.update(func(tx *sql.Tx) (err error) {
				ids, err = k.svc.Release(ctx, tx, incident.Place{Site: "jinxiu"})
				return err
			})
			return ids
		}
		if ids := release(); len(ids) != 1 || ids[0] != lasting || strings.Join(k.told, " ") != "opened" {
			t.Errorf("at the end %v, told %v", ids, k.told)
		}
		if in := k.get(lasting); !in.Window || in.Shelved || in.Deadline != k.now.Add(30*time.Minute).UnixMilli() {
			t.Errorf("its limit begins at the end: %+v", in)
		}
		if ids := release(); len(ids) != 0 || len(k.told) != 1 {
			t.Errorf("told twice: %v %v", ids, k.told)
		}
		event("over", "R3", rules.SeverityC, rules.Firing)
		if got := strings.Join(k.told, " "); got != "opened opened" || k.get(over).Shelved {
			t.Errorf("it fires again after the end: told %q", got)
		}
	})
}
