package incident_test

import (
	"database/sql"
	"os"
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/rules"
)

// What a sensor's alert is about decides whose work it is: nobody looks for a gas leak behind a dead detector, nor merges the two.
func TestFaultsOfSensorsAreMaintenance(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := office(t, place, nil)
		want := map[string]string{}
		for rule, category := range map[string]string{"R16": incident.Danger, "R03": incident.Danger, "R25": incident.Danger, "R19": incident.Maintenance, "R20": incident.Maintenance,
			"R31": incident.Maintenance, incident.GatewaySilent: incident.Maintenance} {
			want[k.apply(k.alert(rule, "dev-"+rule, rules.SeverityB))] = category
		}
		want[k.apply(silent(k.alert("R25", "dev-silent", rules.SeverityB)))] = incident.Maintenance
		report := func(kind string) string {
			id, err := k.svc.Report(t.Context(), all("王网格"), kind, incident.Reporting{Kind: kind, Text: "看到的", Site: "jinxiu", Source: incident.FromPerson})
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		broken, fire := report("device"), report("fire")
		want[broken], want[fire] = incident.Maintenance, incident.Danger
		k.refused(k.svc.Merge(t.Context(), broken, fire, all("李书记"), ""), "不能合并")
		k.categories(want)

		// The rows of before there were categories become right by the migration, twice if need be.
		file, err := os.ReadFile("../db/migrations/021_category.sql")
		if err != nil {
			t.Fatal(err)
		}
		for _, made := range []string{"UPDATE incidents SET category = 'danger' WHERE source = 'sensor'", "UPDATE incident_alerts SET danger = '' WHERE rule <> 'R25'"} {
			k.update(func(tx *sql.Tx) error {
				if _, err := tx.ExecContext(t.Context(), made); err != nil {
					return err
				}
				for _, statement := range strings.Split(strings.TrimSpace(string(file)), ";\n") {
					if _, err := tx.ExecContext(t.Context(), strings.TrimSuffix(statement, ";")); err != nil {
						return err
					}
				}
				return nil
			})
			k.categories(want)
		}
	})
}

// categories compares the list of each category with what is wanted.
func (k *desk) categories(want map[string]string) {
	k.t.Helper()
	for _, category := range []string{incident.Danger, incident.Maintenance} {
		list, _, err := incident.List(k.t.Context(), k.db.Reader(), incident.Page{In: tree.Everywhere(), Category: category, Limit: 50})
		if err != nil {
			k.t.Fatal(err)
		}
		n := 0
		for _, c := range want {
			if c == category {
				n++
			}
		}
		if len(list) != n {
			k.t.Errorf("%d of category %s, want %d", len(list), category, n)
		}
		for _, in := range list {
			if want[in.ID] != category {
				k.t.Errorf("%s %s is %s", in.ID, in.Rule, category)
			}
		}
	}
}
