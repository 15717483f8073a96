package action_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/rules"
)

// move lets an owner move a relay, and answers whether it was refused.
func (f *field) move(t *testing.T, owner action.Owner, v float64) (refused bool) {
	t.Helper()
	a := act("A.1", "relay", v)
	switch owner {
	case action.Safety, action.Automation:
		severity := map[action.Owner]rules.Severity{action.Safety: rules.SeverityB, action.Automation: rules.SeverityC}[owner]
		f.x.Do(alert(fmt.Sprintf("%s %v", owner, v), severity, a))
		<-f.x.Idle()
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.results[len(f.results)-1].GetOutcome() == action.Refused
	case action.Interlock:
		e := alert("interlock", rules.SeverityA)
		e.Forbids = []rules.Action{act("A.1", "relay", 1-v)}
		f.x.Do(e)
		return false
	}
	return f.ask(t, owner, a).Outcome == action.Refused
}

// TestTheLadder: every owner that holds against every owner that asks, toward safe and away from it. No lock-out, to see the
// ladder alone.
func TestTheLadder(t *testing.T) {
	for _, holds := range append([]action.Owner{0}, action.Owners()...) {
		for _, asks := range action.Owners() {
			for _, v := range []float64{0, 1} {
				if asks == action.Interlock {
					continue // nobody asks on its authority: TestNobodyAsksAsAnInterlock
				}
				t.Run(fmt.Sprintf("%s holds/%s asks/%v", holds, asks, v), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { oneRung(t, holds, asks, v) })
				})
			}
		}
	}
}

func oneRung(t *testing.T, holds, asks action.Owner, v float64) {
	free := map[device.Key]action.Setting{{Device: "A.1", Point: "relay"}: {}}
	f := begin(t, func(c *action.Config) { c.Outputs = free })
	defer f.stop()
	pass(31 * time.Second)
	held := 1 - v // the holder wants it otherwise
	f.set("A.1", "relay", v)
	switch {
	case holds == action.Interlock && v == 0:
		return // an interlock against safe is none: TestTowardSafeEvenWhereARuleForbidsIt
	case holds == action.Interlock:
		f.set("A.1", "relay", held)
		f.move(t, holds, held)
	case holds != 0 && f.move(t, holds, held):
		t.Fatal("the holder was refused")
	}
	pass(31 * time.Second)
	refused := f.move(t, asks, v)
	want := v == 1 && (asks < holds || asks == holds && (asks == action.Safety || asks == action.Automation))
	if refused != want {
		t.Fatalf("refused %v, want %v", refused, want)
	}
	view := f.x.Outputs()[0]
	switch {
	case refused && (view.Holder == nil || view.Holder.Owner != holds):
		t.Errorf("held by %+v", view.Holder)
	case !refused && (view.Holder == nil || view.Holder.Owner != asks || view.Holder.Value != v):
		t.Errorf("held by %+v", view.Holder)
	}
	if got := f.value("A.1", "relay"); !refused && got != v || refused && got != held {
		t.Errorf("stands at %v", got)
	}
}

func TestNobodyAsksAsAnInterlockOrARule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		for _, owner := range []action.Owner{0, action.Interlock, action.Safety, action.Automation} {
			if r := f.ask(t, owner, act("A.1", "relay", 0)); r.Outcome != action.Refused {
				t.Errorf("%s: %+v", owner, r)
			}
		}
	})
}

func TestTowardSafeEvenWhereARuleForbidsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		f.set("A.1", "relay", 1)
		e := alert("a", rules.SeverityA)
		e.Forbids = []rules.Action{act("A.1", "relay", 0)}
		f.x.Do(e)
		if r := f.ask(t, action.Schedule, act("A.1", "relay", 0)); r.Outcome != action.Confirmed {
			t.Errorf("%+v", r)
		}
	})
}

// TestAMutedSirenSoundsAgain: a person may silence it while the alert fires; when the hold ends and the alert has not, it is back.
func TestAMutedSirenSoundsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		e := alert("R16/g/1", rules.SeverityA, act("s", "on", 1))
		f.x.Do(e)
		<-f.x.Idle()
		pass(31 * time.Second)
		if r := f.request(t, action.Request{Owner: action.Manual, Who: "Li", Action: act("s", "on", 0), For: 5 * time.Minute}); r.Outcome != action.Confirmed {
			t.Fatalf("%+v", r)
		}
		pass(4 * time.Minute)
		if f.value("s", "on") != 0 {
			t.Error("not silent")
		}
		pass(2 * time.Minute)
		if f.value("s", "on") != 1 {
			t.Error("silent after the person's time")
		}
		f.x.Do(over(e))
		pass(time.Minute)
		if f.value("s", "on") != 1 { // nothing moves away from safe by itself
			t.Error("silenced by the end of the alert")
		}
	})
}

// TestTowardSafeEndsAMoveUnderWay: the move away is given up, and the output ends up safe.
func TestTowardSafeEndsAMoveUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		f.deaf = true
		away := make(chan action.Result, 1)
		go func() { away <- f.ask(t, action.Manual, act("A.1", "relay", 1)) }()
		pass(time.Second)
		f.mu.Lock()
		f.deaf = false
		f.mu.Unlock()
		began := time.Now()
		if r := f.ask(t, action.Schedule, act("A.1", "relay", 0)); r.Outcome != action.Confirmed {
			t.Errorf("%+v", r)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %v", took)
		}
		if r := <-away; r.Outcome != action.Failed {
			t.Errorf("%+v", r)
		}
		if len(f.human) > 0 {
			t.Errorf("people were told of %v", f.human)
		}
	})
}

// TestTowardSafeWhileTheOutputIsLookedAt: a person wants the relay on, and while it is read for that a rule cuts it. What came
// later counts, although a person ranks higher.
func TestTowardSafeWhileTheOutputIsLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f *field
		looked := make(chan struct{})
		f = begin(t, func(c *action.Config) {
			c.Read = func(ctx context.Context, k device.Key) (device.Reading, error) {
				r, err := f.read(ctx, k)
				if k.Device == "A.1" {
					<-looked
				}
				return r, err
			}
		})
		defer f.stop()
		pass(30 * time.Second)
		away := make(chan action.Result, 1)
		go func() { away <- f.ask(t, action.Manual, act("A.1", "relay", 1)) }()
		synctest.Wait()
		f.x.Do(alert("R03/A.1/1", rules.SeverityA, act("A.1", "relay", 0)))
		close(looked)
		if r := <-away; r.Outcome != action.Refused {
			t.Errorf("%+v", r)
		}
		<-f.x.Idle()
		if v := f.value("A.1", "relay"); v != 0 {
			t.Errorf("stands at %v", v)
		}
	})
}

// TestAnInterlockUndoesAMoveUnderWay: a relay is being switched on when its rule forbids it.
func TestAnInterlockUndoesAMoveUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		f.slow = time.Second
		away := make(chan action.Result, 1)
		go func() { away <- f.ask(t, action.Manual, act("A.1", "relay", 1)) }()
		pass(500 * time.Millisecond)
		latch := alert("R11/A.1/1", rules.SeverityA)
		latch.Forbids = []rules.Action{act("A.1", "relay", 1)}
		f.x.Do(latch)
		<-away
		<-f.x.Idle()
		if v := f.value("A.1", "relay"); v != 0 {
			t.Errorf("stands at %v", v)
		}
	})
}

func TestHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		key := device.Key{Device: "A.1", Point: "relay"}
		holder := func() string {
			if h := f.x.Outputs()[0].Holder; h != nil {
				return h.Owner.String() + " " + h.Who
			}
			return ""
		}
		f.request(t, action.Request{Owner: action.Manual, Who: "Li", Action: act("A.1", "relay", 1), For: time.Minute})
		if got := holder(); got != "manual Li" {
			t.Error(got)
		}
		pass(62 * time.Second)
		if got := holder(); got != "" {
			t.Error("after its time:", got)
		}
		f.request(t, action.Request{Owner: action.Manual, Who: "Li", Action: act("A.1", "relay", 0), For: 48 * time.Hour})
		if until := f.x.Outputs()[0].Holder.Until; time.Until(until) > 24*time.Hour {
			t.Error("held until", until)
		}
		rule := alert("R01", rules.SeverityB, act("A.1", "relay", 0))
		f.x.Do(rule)
		<-f.x.Idle()
		if got := holder(); got != "manual Li" {
			t.Error(got)
		}
		if !f.x.Release(key, "Wang") || holder() != "safety R01" || f.x.Release(key, "Wang") {
			t.Error(holder())
		}
		f.x.Do(over(rule))
		if got := holder(); got != "" {
			t.Error(got)
		}
	})
}
