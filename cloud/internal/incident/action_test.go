package incident_test

import (
	"database/sql"
	"testing"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
)

func valve(alert, outcome, reason, owner, who string) *wire.ActionResult {
	return &wire.ActionResult{Alert: alert, Action: &wire.Action{Device: "valve-1", Point: "open"}, Outcome: outcome, Reason: reason, Attempts: 2, Owner: owner, Who: who}
}

func TestActionsTellOnWhoseAuthority(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		const alert = "R16/gas-1/20261122T155900Z"
		id := k.apply(firing(k, alert))
		var want []incident.Text
		for _, c := range []struct {
			reason, owner, who string
			outcome            string
			zh, en             string
		}{
			{"", "", "", "confirmed", "已确认：燃气阀 → 关闭", "Confirmed: 燃气阀 → closed"}, // a gateway of before
			{"", "safety", "", "intent", "已命令：燃气阀 → 关闭（由规则 R16）", "Commanded: 燃气阀 → closed (by rule R16)"},
			{"", "manual", "张三", "confirmed", "已确认：燃气阀 → 关闭（由 张三 手动）", "Confirmed: 燃气阀 → closed (by hand, 张三)"},
			{"", "cloud", "李四", "confirmed", "已确认：燃气阀 → 关闭（由 李四 远程）", "Confirmed: 燃气阀 → closed (from afar, 李四)"},
			{"forbidden while alert R17/k/1 fires (and 3 more like it)", "automation", "", "refused",
				"网关拒绝，告警 R17/k 期间禁止（同样的还有 3 次）：燃气阀 → 关闭（由规则 R16）", "Refused by the gateway, forbidden while alert R17/k fires (and 3 more like it): 燃气阀 → closed (by rule R16)"},
			{"a gas valve is never opened remotely", "cloud", "", "refused", "网关拒绝，燃气阀只能到现场手动打开：燃气阀 → 关闭（远程）", "Refused by the gateway, a gas valve is never opened remotely: 燃气阀 → closed (from afar)"},
			{"changed 12s ago: at most one change in 30s", "schedule", "", "refused", "网关拒绝，12s 前刚改变过，30 秒内只变一次：燃气阀 → 关闭（按时间表）", "Refused by the gateway, changed 12s ago: at most one change in 30s: 燃气阀 → closed (by schedule)"},
			{"timeout", "safety", "", "failed", "没有成功（试了 2 次，没有应答）：燃气阀 → 关闭（由规则 R16）", "Failed (2 attempts, timeout): 燃气阀 → closed (by rule R16)"},
			{"what nobody knows", "interlock", "", "refused", "网关拒绝，what nobody knows：燃气阀 → 关闭（联锁）", "Refused by the gateway, what nobody knows: 燃气阀 → closed (interlock)"},
		} {
			want = append(want, incident.Text{ZH: c.zh, EN: c.en})
			k.update(func(tx *sql.Tx) error {
				r := valve(alert, c.outcome, c.reason, c.owner, c.who)
				r.AtMs = k.now.UnixMilli() + int64(len(want))
				got, err := k.svc.Action(t.Context(), tx, "gw-1", r)
				if got != id {
					t.Errorf("incident %q", got)
				}
				return err
			})
		}
		list, err := incident.Timeline(t.Context(), k.db.Reader(), id)
		if err != nil || len(list) != len(want)+1 {
			t.Fatalf("timeline %+v, %v", list, err)
		}
		for i, w := range want {
			if got := list[i+1].Text; got != w {
				t.Errorf("got %+v, want %+v", got, w)
			}
		}
		if list[3].By != "张三" {
			t.Errorf("by %q", list[3].By)
		}
	})
}

// TestMovesForNoAlertAreInTheJournal: of the gateway's page, of a schedule, and to a safe state.
func TestMovesForNoAlertAreInTheJournal(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		for _, r := range []*wire.ActionResult{
			valve("", "intent", "local page", "manual", "张三"),
			valve("", "confirmed", "", "manual", "张三"),
			valve("", "refused", "nobody is named", "manual", ""),
			valve("", "failed", "", "safety", ""),
		} {
			r.AtMs = k.now.UnixMilli()
			k.update(func(tx *sql.Tx) error {
				id, err := k.svc.Action(t.Context(), tx, "gw-1", r)
				if id != "" {
					t.Errorf("incident %q", id)
				}
				return err
			})
		}
		list, err := org.Journal(t.Context(), k.db.Reader(), "gw-1", 10)
		if err != nil || len(list) != 3 {
			t.Fatalf("journal %+v, %v", list, err)
		}
		for i, want := range []string{"没有成功（试了 2 次）：燃气阀 → 关闭（安全状态）", "网关拒绝，没有说明是谁：燃气阀 → 关闭（现场手动）", "已确认：燃气阀 → 关闭（由 张三 手动）"} {
			if e := list[i]; e.Text.ZH != want || e.Kind != org.OutputMoved || e.Text.EN == "" || !e.At.Equal(k.now) {
				t.Errorf("got %+v, want %s", e, want)
			}
		}
		var orphans int
		if err := k.db.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM timeline`).Scan(&orphans); err != nil || orphans != 0 {
			t.Errorf("%d entries of no incident, %v", orphans, err)
		}
	})
}
