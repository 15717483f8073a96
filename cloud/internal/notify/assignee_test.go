package notify_test

import (
	"database/sql"
	"testing"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/rules"
)

// Who is given an incident hears of it in person; an urge also reaches who answers for them, and the one above.
func TestAnAssigneeIsToldInPerson(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		c := muster(t, place, nil)
		if err := c.db.Update(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO node_entries (node, record, kind, name, phone, position, stock) VALUES ('yuan', 'team', '抢险', '抢险队', '13800000007', '', 0)`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		c.fire(rules.SeverityB, "r1")
		c.hear(1) // the group
		id, note := c.only().ID, incident.Given{Note: "请处理"}
		do := func(who, deed string, g incident.Given) {
			t.Helper()
			if err := c.inc.Do(t.Context(), id, deed, incident.Person{Name: who, Rights: auth.Rights()}, g); err != nil {
				t.Fatal(err)
			}
			c.svc.Wake()
		}
		to := func(kind, to string) incident.Given {
			g := note
			g.Assignee = &incident.Assignee{Kind: kind, ID: to}
			return g
		}
		heard := func(words string, phones ...string) {
			t.Helper()
			list := c.hear(1 + len(phones))
			for _, s := range list {
				c.lacks(s, words)
			}
			for _, phone := range phones {
				c.one(list, `"to": "`+phone+`"`)
			}
		}
		do("陈主任", incident.Verify, incident.Given{})
		do("陈主任", incident.Accept, incident.Given{})
		do("陈主任", incident.Dispatch, to("node", "yuan"))
		heard("已分拨给 锦绣花园", "13800000004")
		do("陈主任", incident.Urge, note)
		heard("督办（第 1 次）", "13800000004", "13800000001")
		do("陈主任", incident.Assign, to("team", "yuan/抢险队"))
		heard("已分拨给 抢险队", "13800000007")
		do("陈主任", incident.Urge, note)
		heard("督办（第 2 次）", "13800000007", "13800000004", "13800000001")
		do("李副", incident.Assign, to("person", "李副"))
		heard("已分拨给 李副", "13800000005")
		if c.settled(); len(c.calls) != 0 {
			t.Errorf("%d more calls", len(c.calls))
		}
	})
}
