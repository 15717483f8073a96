package rules_test

import (
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

func at(d time.Duration) time.Time { return t0.Add(d) }

func TestAnActionThatFailedIsAnAlert(t *testing.T) {
	set := shippedSet(t)
	e := engine(t, set, gasSite(), nil)
	shut := rules.Action{Device: "valve-1802", Point: "open", Value: 0}
	e.Apply([]device.Reading{reading("valve-1802", "open", 1, 0)})
	events := e.ActionFailed(shut, 3, at(time.Minute))
	if len(events) != 1 {
		t.Fatalf("got %v", events)
	}
	ev := events[0]
	if ev.Alert != "R26/valve-1802/20261122T091600Z" || ev.Rule != rules.ActionRule || ev.State != rules.Firing || ev.Severity != rules.SeverityA ||
		ev.Subject != "valve-1802" || ev.Zone != "k1802" || !ev.Since.Equal(at(time.Minute)) || ev.Shadow || ev.Actions != nil || len(ev.Card) < 3 ||
		ev.Message.ZH != "valve-1802 没有动作：命令关闭燃气阀，试了 3 次未确认。请马上派人到现场手动处理。" ||
		!strings.Contains(ev.Message.EN, "told to close the gas valve, not confirmed in 3 attempts") ||
		len(ev.Evidence) != 2 || ev.Evidence[0].Name != "open" || ev.Evidence[0].Value != 1 || ev.Evidence[1].Name != "wanted" || ev.Evidence[1].Value != 0 {
		t.Errorf("got %+v", ev)
	}
	if again := e.ActionFailed(shut, 3, at(2*time.Minute)); again != nil {
		t.Errorf("told twice: %v", again)
	}
	if got := states(e.Apply([]device.Reading{reading("valve-1802", "open", 1, 3*time.Minute)})); got != "" {
		t.Errorf("still open: %q", got)
	}
	e = restarted(t, e, set, gasSite())
	if active := e.Active(); len(active) != 1 || active[0].Alert != ev.Alert || active[0].Message != ev.Message || active[0].Severity != rules.SeverityA {
		t.Fatalf("after a restart: %+v", active)
	}
	bad := reading("valve-1802", "open", 0, 4*time.Minute)
	bad.Quality = device.Uncertain
	if got := states(e.Apply([]device.Reading{bad})); got != "" {
		t.Errorf("an uncertain reading ended it: %q", got)
	}
	done := e.Apply([]device.Reading{reading("valve-1802", "open", 0, 5*time.Minute)})
	if states(done) != "R26 resolved" || done[0].Alert != ev.Alert || !strings.HasPrefix(done[0].Message.ZH, "已到位：") || len(e.Active()) != 0 {
		t.Errorf("got %+v", done)
	}
}

func TestAFailedActionIsResetByAPersonWhateverTheDeviceSays(t *testing.T) {
	set := shippedSet(t)
	e := engine(t, set, gasSite(), nil)
	e.Apply([]device.Reading{reading("A-03.1", "relay", 1, 0)})
	events := e.ActionFailed(rules.Action{Device: "A-03.1", Point: "relay", Value: 0}, 3, at(time.Minute))
	if len(events) != 1 || events[0].Severity != rules.SeverityB || !strings.HasPrefix(events[0].Message.ZH, "车棚 A-03 插座 1 没有动作：命令断开插座") {
		t.Fatalf("got %+v", events)
	}
	reset := e.Reset(events[0].Alert, at(2*time.Minute))
	if states(reset) != "R26 resolved" || !strings.HasPrefix(reset[0].Message.EN, "Reset by a person: ") {
		t.Errorf("got %+v", reset)
	}
	if events := e.ActionFailed(rules.Action{Device: "nobody", Point: "relay"}, 3, at(3*time.Minute)); events != nil {
		t.Errorf("an output that does not exist: %v", events)
	}
}

func TestAFailedActionOfADeviceThatIsGoneEnds(t *testing.T) {
	set := shippedSet(t)
	e := engine(t, set, gasSite(), nil)
	e.ActionFailed(rules.Action{Device: "siren-1", Point: "on", Value: 1}, 3, at(0))
	e = restarted(t, e, set, gasSite()[:2])
	if got := states(e.Tick(at(time.Minute))); got != "R26 resolved" {
		t.Errorf("got %q", got)
	}
}
