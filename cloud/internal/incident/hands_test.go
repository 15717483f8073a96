package incident_test

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/rules"
)

func (k *desk) tally(p incident.Page) incident.Tally {
	k.t.Helper()
	tally, err := incident.Tallied(k.t.Context(), k.db.Reader(), p)
	if err != nil {
		k.t.Fatal(err)
	}
	return tally
}

func (k *desk) list(p incident.Page) (ids []string) {
	k.t.Helper()
	p.Limit = 2
	for {
		list, next, err := incident.List(k.t.Context(), k.db.Reader(), p)
		if err != nil {
			k.t.Fatal(err)
		}
		for _, in := range list {
			ids = append(ids, in.ID)
		}
		if p.Before = next; next == "" || len(ids) > 20 {
			return ids
		}
	}
}

// An incident goes from hand to hand: put off and resumed by itself, late and told once, disputed, upheld, given to a person, a
// team, a node; and each list finds it where it is.
func TestFromHandToHand(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := office(t, place, func(c *incident.Config) {
			c.Merging = incident.Merging{}
			c.Holders = func(context.Context, db.Querier, auth.Right, []string) ([]auth.User, error) {
				return []auth.User{{Name: "赵经理"}, {Name: "钱科长"}}, nil
			}
		})
		k.update(func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO nodes (id, parent, kind, name, dedicated, owner, owner_phone, deputy, deputy_phone, handover_from, handover_to) VALUES
				('street', '', '街道', '云枫街道', 0, '陈主任', '', '', '', '', ''), ('yard', 'street', '小区', '锦绣花园', 0, '', '', '', '', '', ''), ('safety', 'street', '职能部门', '应急办', 0, '', '', '', '', '', '')`)
			if err == nil {
				_, err = tx.ExecContext(t.Context(), `INSERT INTO node_sites (site, node) VALUES ('jinxiu', 'yard')`)
			}
			if err == nil {
				_, err = tx.ExecContext(t.Context(), `INSERT INTO node_entries (node, record, kind, name, phone, position, stock) VALUES ('yard', 'team', '抢险', '抢险队', '1', '', 0)`)
			}
			return err
		})
		var other []string
		for _, rule := range []string{"R16", "R19", "R04"} {
			other = append([]string{k.apply(k.alert(rule, "dev-"+rule, rules.SeverityC))}, other...)
			k.later(time.Second)
		}
		id := k.apply(k.alert("R16", "gas-1", rules.SeverityB))
		everywhere := tree.Everywhere()
		for name, p := range map[string]incident.Page{"all": {}, "class": {Severity: "C"}, "danger": {Category: incident.Danger}, "step": {Step: incident.Reported}, "word": {Text: "规则r04"}, "wild": {Text: "%"},
			"nobody's": {Assignee: "赵经理"}, "source": {Source: incident.FromPerson}, "below": {Node: "yard"}, "beside": {Node: "safety"}, "late": {Overdue: true, Now: k.now.Add(time.Hour).UnixMilli()}, "oldest": {Oldest: true}, "kind": {Kind: "dev-R19"}, "report": {Kind: "report:fire"}, "whistle": {Whistle: 2},
			"from": {From: k.now.UnixMilli()}, "to": {To: k.now.UnixMilli()}, "quiet": {Quiet: true}} {
			p.In = everywhere
			want := map[string][]string{"all": append([]string{id}, other...), "class": other, "danger": {id, other[0], other[2]}, "step": append([]string{id}, other...), "word": {other[0]},
				"below": append([]string{id}, other...), "late": {id}, "oldest": {other[2], other[1], other[0], id}, "kind": {other[1]}, "from": {id}, "to": other}[name]
			if got := k.list(p); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
			if tally := k.tally(p); tally.Total != len(want) {
				t.Errorf("%s: %+v, want %d", name, tally, len(want))
			}
		}
		if got := k.tally(incident.Page{In: everywhere, Severity: "B", Kind: "dev-R19", Text: "规则"}); got.Total != 0 || got.Without["severity"] != 1 || got.Without["kind"] != 1 || got.Without["q"] != 0 || len(got.Without) != 3 {
			t.Errorf("what each filter hides: %+v", got)
		}

		k.do(id, incident.Verify, "王网格", incident.Given{})
		k.do(id, incident.Accept, "李书记", incident.Given{})
		give := func(deed, kind, to string) error {
			return k.svc.Do(t.Context(), id, deed, all("李书记"), incident.Given{Note: "换人", Facts: incident.Facts{Assignee: &incident.Assignee{Kind: kind, ID: to}}})
		}
		for to, words := range map[string]string{"person 没有此人": "没有账号", "node nowhere": "组织里没有", "team yard/没有": "没有队伍", "team nowhere/抢险队": "没有队伍"} {
			kind, to, _ := strings.Cut(to, " ")
			k.refused(give(incident.Dispatch, kind, to), words)
		}
		for i, to := range []string{"person 赵经理", "team yard/抢险队", "node safety"} {
			deed := incident.Assign
			if i == 0 {
				deed = incident.Dispatch
			}
			kind, to, _ := strings.Cut(to, " ")
			if err := give(deed, kind, to); err != nil {
				t.Fatal(err)
			}
			in := k.get(id)
			if in.Assignee == nil || in.Assignee.Name != []string{"赵经理", "抢险队", "应急办"}[i] || in.Step != incident.Dispatched || in.Disputed {
				t.Errorf("%+v", in.Assignee)
			}
			if got := k.list(incident.Page{In: everywhere, Assignee: to}); !slices.Equal(got, []string{id}) {
				t.Errorf("assigned to %s: %v", to, got)
			}
			k.do(id, incident.Dispute, "赵经理", incident.Given{Note: "不归我管"})
			k.refused(k.svc.Do(t.Context(), id, incident.Dispute, all("赵经理"), incident.Given{Note: "不归我管"}), "已经申请退单")
		}
		if got := k.list(incident.Page{In: tree.Below("safety")}); !slices.Equal(got, []string{id}) {
			t.Errorf("the department sees %v", got)
		}
		if n, err := incident.Count(t.Context(), k.db.Reader(), tree.Below("safety")); err != nil || n.Open+n.Handling != 1 {
			t.Errorf("the department counts %+v, %v", n, err)
		}
		k.do(id, incident.Uphold, "李书记", incident.Given{Note: "由应急办处置"})
		if in := k.get(id); in.Disputed || in.Assignee.ID != "safety" {
			t.Errorf("%+v", in)
		}

		k.do(id, incident.Suspend, "李书记", until(k, 2*time.Hour))
		due := k.get(id).StepDue
		if got := k.list(incident.Page{In: everywhere, Quiet: true}); !slices.Equal(got, []string{id}) || k.get(id).SuspendedBy != "李书记" {
			t.Errorf("put off: %v by %q", got, k.get(id).SuspendedBy)
		}
		if to, err := k.svc.Assignees(t.Context(), k.db.Reader(), k.get(id)); err != nil || len(to) != 6 || to[0].ID != "赵经理" || to[2].ID != "yard/抢险队" || to[5].ID != "safety" {
			t.Errorf("to whom: %+v %v", to, err)
		}
		if up, err := k.svc.Commanders(t.Context(), k.db.Reader(), k.get(id)); err != nil || len(up) != 3 || up[0].Whistle != 1 || up[0].Person != "陈主任" {
			t.Errorf("commanders: %+v %v", up, err)
		}
		k.told = nil
		k.later(2*time.Hour - time.Second)
		k.ring()
		if len(k.told) != 0 || k.get(id).SuspendedAt == 0 {
			t.Errorf("before its time: %v", k.told)
		}
		k.later(time.Second)
		k.ring()
		if in := k.get(id); in.SuspendedAt != 0 || in.StepDue != due+(2*time.Hour).Milliseconds() || !slices.Equal(k.told, []string{"resumed"}) {
			t.Errorf("%+v %v", in.Progress, k.told)
		}
		k.later(31 * time.Minute)
		k.ring()
		k.later(time.Hour)
		k.ring()
		if in := k.get(id); !in.StepLate || !slices.Equal(k.told, []string{"resumed", "late"}) {
			t.Errorf("%+v %v", in.Progress, k.told)
		}
		k.do(id, incident.Begin, "钱科长", incident.Given{})
		if st := k.deeds(id); !st[len(st)-1].Late || k.get(id).StepLate || k.get(id).StepDue == 0 {
			t.Errorf("%+v", st[len(st)-1])
		}
		if got := k.list(incident.Page{In: everywhere, Mine: "钱科长", Handling: incident.Handling}); !slices.Equal(got, []string{id}) {
			t.Errorf("mine: %v", got)
		}
	})
}
