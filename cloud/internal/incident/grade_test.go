package incident_test

import (
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
)

// Class A is lowered by those alone who may dispatch, and they say why; the timeline tells what was done, not what a button
// says.
func TestClassAIsNotLoweredByVerifying(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		id, err := k.svc.Report(t.Context(), all("居民"), "k-1", incident.Reporting{Kind: "fire", Severity: "A", Text: "冒烟", Site: "jinxiu", Source: incident.FromPerson})
		if err != nil {
			t.Fatal(err)
		}
		lower := incident.Given{Note: "是蒸汽", Facts: incident.Facts{Severity: "C"}}
		grid := incident.Person{Name: "王网格", Rights: []auth.Right{auth.See, auth.Work}}
		k.refused(k.svc.Do(t.Context(), id, incident.Verify, grid, lower), "分拨权限")
		k.refused(k.svc.Do(t.Context(), id, incident.Verify, all("陈主任"), incident.Given{Facts: lower.Facts}), "原因")
		if in := k.get(id); in.Severity != "A" || in.Step != incident.Reported {
			t.Fatalf("%s %s", in.Severity, in.Step)
		}
		k.do(id, incident.Verify, "陈主任", lower)
		if in := k.get(id); in.Severity != "C" {
			t.Error(in.Severity)
		}
		k.do(id, incident.Take, "王网格", incident.Given{})
		k.do(id, incident.Finish, "王网格", incident.Given{Note: "通风"})
		list, err := incident.Timeline(t.Context(), k.db.Reader(), id)
		if err != nil {
			t.Fatal(err)
		}
		var en []string
		for _, e := range list {
			en = append(en, e.Text.EN)
		}
		if all := strings.Join(en, "\n"); !strings.Contains(all, "Verified: class C") || !strings.Contains(all, "Said to be done: 通风") || strings.Contains(all, "Say that") {
			t.Error(all)
		}
	})
}
