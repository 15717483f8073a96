package incident_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/rules"
)

func gasHigh() incident.Incident {
	v, status := 25.000000000000004, 2.0
	return incident.Incident{Rule: "R16", Place: "1802 厨房", DeviceName: "探测器", Since: 1_795_300_000_000,
		Message: incident.Text{ZH: "1802 厨房 燃气泄漏，浓度 25 %LEL。已命令关闭燃气阀。", EN: "1802 厨房: gas leak, 25 %LEL. Commanded: close the valve."},
		Detail: incident.Detail{Evidence: []incident.Evidence{{Name: "level", Unit: "%LEL", Value: &v, Quality: "good"}, {Name: "status", Value: &status, Quality: "good"},
			{Name: "session.energy", Quality: "bad", Reason: "timeout"}}, Limit: &incident.Limit{Point: "level", Unit: "%LEL", Value: 25, Above: true}}}
}

func TestWhy(t *testing.T) {
	in := gasHigh()
	if got := incident.Why(in); got != (incident.Text{ZH: "燃气泄漏，浓度 25 %LEL。", EN: "Gas leak, 25 %LEL."}) {
		t.Errorf("got %+v", got)
	}
	in.Message.ZH = "1802 厨房 燃气泄漏。已命令关闭燃气阀，本区无设备可启动警报器。"
	if got := incident.Why(in).ZH; got != "燃气泄漏。已命令关闭燃气阀，本区无设备可启动警报器。" {
		t.Errorf("what could not be done is lost: %q", got)
	}
	in.Message = incident.Text{}
	want := incident.Text{ZH: "燃气浓度 25 %LEL，状态 高报，本次充电量 未知（没有应答）。燃气浓度的上限是 25 %LEL",
		EN: "Gas level 25 %LEL, status high alarm, energy charged unknown (timeout). The upper limit of the gas level is 25 %LEL"}
	if got := incident.Why(in); got != want {
		t.Errorf("got %+v", got)
	}
}

func TestWindow(t *testing.T) {
	in, session := gasHigh(), 21600.0
	minutes := func(now time.Duration, poll time.Duration) [2]int64 {
		from, to := incident.Window(in, poll, time.UnixMilli(in.Since).Add(now))
		return [2]int64{(from - in.Since) / 60_000, (to - in.Since) / 60_000}
	}
	for _, c := range []struct {
		now, poll time.Duration
		want      [2]int64
	}{
		{0, time.Second, [2]int64{-2, 0}},
		{6 * time.Minute, time.Second, [2]int64{-6, 6}},
		{9 * time.Hour, time.Second, [2]int64{-15, 540}},
		{6 * time.Minute, 5 * time.Minute, [2]int64{-50, 6}},
	} {
		if got := minutes(c.now, c.poll); got != c.want {
			t.Errorf("%v after, read every %v: %v, want %v", c.now, c.poll, got, c.want)
		}
	}
	in.RecoveredAt = in.Since + 4*60_000
	if got := minutes(5*time.Hour, time.Second); got != [2]int64{-9, 9} {
		t.Errorf("recovered: %v", got)
	}
	in.Detail.Evidence[0] = incident.Evidence{Name: "session.duration", Unit: "s", Value: &session}
	if got := minutes(5*time.Hour, time.Second); got != [2]int64{-378, 9} {
		t.Errorf("a session: %v", got)
	}
}

func TestWhyBeginsWithAName(t *testing.T) {
	in := incident.Incident{Message: incident.Text{ZH: "桩 3 过载", EN: "桩 3 is overloaded"}}
	if got := incident.Why(in).EN; got != "桩 3 is overloaded" {
		t.Errorf("got %q", got)
	}
}

// The gateway's own lines are kept as they came, and not more than it can ever send.
func TestThePartsAreTheGateways(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		e := firing(k, "a1")
		for i := range 40 {
			e.Why = append(e.Why, rules.Text{ZH: fmt.Sprintf("第 %d 条 → 成立", i), EN: fmt.Sprintf("part %d → true", i)})
		}
		if got := k.get(k.apply(e)).Detail.Why; len(got) != 32 || got[1] != (incident.Text{ZH: "第 1 条 → 成立", EN: "part 1 → true"}) {
			t.Errorf("%d lines: %+v", len(got), got)
		}
	})
}
