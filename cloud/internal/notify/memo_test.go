package notify_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/notify"
	"github.com/linshao/linshao/cloud/internal/org/memo"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/rules"
)

// A memo reaches the group and each person once, is repeated for those alone who did not do it, and never after its time.
func TestMemoRemindsUntilDone(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		c := muster(t, place, nil)
		m := memo.Memo{Kind: memo.DutyCheck, About: "5", Node: "yunfeng", Text: rules.Text{ZH: "请应答", EN: "answer"}, Page: "/duty-check/5", Subject: memo.CheckSubject(5),
			To: []tree.Person{{Name: "王", Phone: "13800000004"}, {Name: "李", Phone: "13800000005"}, {Name: "无电话"}}, Until: c.clock().Add(25 * time.Minute), Every: 10 * time.Minute}
		tell := func() {
			t.Helper()
			if err := c.db.Update(t.Context(), func(tx *sql.Tx) error { return c.svc.Tell(t.Context(), tx, m) }); err != nil {
				t.Fatal(err)
			}
			c.svc.Wake()
		}
		tell()
		list := c.hear(3)
		c.lacks(list[0], "查岗", "请应答", "王(138****0004)", "https://linshao.example/duty-check/5")
		_, key, _ := strings.Cut(list[1].body, "?k=")
		key, _, _ = strings.Cut(key, `"`)
		if o, err := c.svc.Open(t.Context(), key); err != nil || o.Incident != "check-5" || o.Name != "王" && o.Name != "李" {
			t.Errorf("the link opens %+v %v", o, err)
		}
		if strings.Contains(list[0].body, "k=") {
			t.Errorf("a group's link says who opens it: %s", list[0].body)
		}
		c.settled()
		tell() // once
		if err := c.db.Update(t.Context(), func(tx *sql.Tx) error {
			return c.svc.Done(t.Context(), tx, memo.DutyCheck, "5", tree.Person{Name: "王"})
		}); err != nil {
			t.Fatal(err)
		}
		c.pass(10 * time.Minute)
		list = c.hear(2)
		c.lacks(list[0], "第 1 次提醒", "未回执：无电话、李")
		c.lacks(list[1], "13800000005")
		if strings.Contains(list[0].body, "13800000004") {
			t.Errorf("who has done it is called: %s", list[0].body)
		}
		c.settled()
		c.pass(10 * time.Minute)
		c.hear(2)
		c.settled()
		c.pass(10 * time.Minute)
		if states := c.settled(); states["waiting"] != 0 || len(c.calls) != 0 {
			t.Errorf("%v, %d more calls", states, len(c.calls))
		}
		if n, err := c.svc.Reached(t.Context(), c.db.Reader(), memo.DutyCheck, "5"); err != nil || n != 7 {
			t.Errorf("reached %d %v", n, err)
		}
	})
}

// A quiet time holds a memo, unless the place is in emergency mode; then it rings too. It does not hold a duty check, nor its
// reminders: whether somebody is there at night is what it asks.
func TestMemoInAQuietTime(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		c := muster(t, place, func(cfg *notify.Config) {
			for i := range cfg.Receivers {
				cfg.Receivers[i].Quiet = notify.Quiet{From: 9 * time.Hour, To: 11 * time.Hour}
			}
		})
		ask := func(messages int, about string, more memo.Memo) {
			t.Helper()
			more.Kind, more.About, more.Node, more.To = memo.DutyCheck, about, "g1", []tree.Person{{Name: "王", Phone: "13800000004"}}
			if err := c.db.Update(t.Context(), func(tx *sql.Tx) error { return c.svc.Tell(t.Context(), tx, more) }); err != nil {
				t.Fatal(err)
			}
			c.svc.Wake()
			c.hear(messages)
		}
		tell := func(about string) {
			t.Helper()
			if err := c.db.Update(t.Context(), func(tx *sql.Tx) error {
				return c.svc.Tell(t.Context(), tx, memo.Memo{Kind: memo.Order, About: about, Node: "g1", Text: rules.Text{ZH: "清点沙袋", EN: "count"}, To: []tree.Person{{Name: "王", Phone: "13800000004"}}})
			}); err != nil {
				t.Fatal(err)
			}
			c.svc.Wake()
		}
		tell("1")
		ask(2, "7", memo.Memo{Text: rules.Text{ZH: "请应答", EN: "answer"}, Until: c.clock().Add(5 * time.Minute), Every: 2 * time.Minute})
		c.pass(2 * time.Minute)
		c.hear(2)
		if err := c.db.Update(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO modes (node, from_ms, until_ms, who, reason) VALUES ('yunfeng', 0, ?, '陈', '台风')`, c.clock().Add(24*time.Hour).UnixMilli())
			return err
		}); err != nil {
			t.Fatal(err)
		}
		tell("2")
		if list := c.hear(3); list[2].receiver != "voice" {
			t.Errorf("%v", list)
		}
		if len(c.calls) != 0 {
			t.Error("the first one did not wait")
		}
		c.pass(time.Hour)
		c.hear(2)
	})
}
