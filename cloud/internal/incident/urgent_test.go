package incident_test

import (
	"slices"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/rules"
)

// In a storm the page of the most urgent holds the old alert of class A that nobody has taken, whatever came after it, and
// pages in that order give each incident once.
func TestMostUrgentFirst(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		fire := func(name string, severity rules.Severity) string {
			k.later(time.Second)
			e := firing(k, name)
			e.Severity = severity
			return k.apply(e)
		}
		over := fire("over", rules.SeverityA)
		e := firing(k, "over")
		e.Severity, e.State = rules.SeverityA, rules.Resolved
		k.apply(e)
		a := fire("a", rules.SeverityA)
		taken := fire("taken", rules.SeverityA)
		if err := k.svc.Take(t.Context(), taken, all("张三")); err != nil {
			t.Fatal(err)
		}
		trial := firing(k, "trial")
		trial.Shadow, trial.Severity = true, rules.SeverityA
		shadow := k.apply(trial)
		c, b1, b2 := fire("c", rules.SeverityC), fire("b1", rules.SeverityB), fire("b2", rules.SeverityB)
		said, err := k.svc.Report(t.Context(), all("居民"), "k-1", incident.Reporting{Kind: "fire", Severity: "A", Text: "冒烟", Site: "jinxiu", Source: incident.FromPerson})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{a, said, over, b1, b2, c, taken, shadow}
		for limit := range 4 {
			var got []string
			p := incident.Page{In: tree.Everywhere(), Urgent: true, Limit: limit + 1}
			for range want {
				list, next, err := incident.List(t.Context(), k.db.Reader(), p)
				if err != nil {
					t.Fatal(err)
				}
				for _, in := range list {
					got = append(got, in.ID)
				}
				if p.Before = next; next == "" {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("pages of %d: %v, want %v", limit+1, got, want)
			}
		}
		for _, cursor := range []string{"nonsense", "0_A_0_!_0_x", "1a_" + a} {
			_, _, err := incident.List(t.Context(), k.db.Reader(), incident.Page{In: tree.Everywhere(), Urgent: true, Limit: 1, Before: cursor})
			k.refused(err, "翻页")
		}
		if list, err := incident.Urgent(t.Context(), k.db.Reader(), tree.Everywhere(), 3); err != nil || len(list) != 3 || list[2].ID != over {
			t.Errorf("the wall's: %v %+v", err, list)
		}
	})
}
