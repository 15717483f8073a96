package action_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/rules"
)

func act(id, point string, v float64) rules.Action {
	return rules.Action{Device: id, Point: point, Value: v}
}

// ask moves an output on somebody's authority: a person at the site, or two in the cloud.
func (f *field) ask(t *testing.T, owner action.Owner, a rules.Action) action.Result {
	t.Helper()
	return f.request(t, action.Request{Owner: owner, Who: "Li", Approver: "Wang", Reason: "test", Action: a})
}

func (f *field) request(t *testing.T, r action.Request) action.Result {
	t.Helper()
	result, err := f.x.Ask(t.Context(), r)
	if err != nil {
		t.Error(err)
	}
	return result
}

// alert is one that fires, with a severity.
func alert(id string, s rules.Severity, as ...rules.Action) rules.AlertEvent {
	return rules.AlertEvent{Alert: id, Rule: "X", State: rules.Firing, Severity: s, Actions: as}
}

func over(e rules.AlertEvent) rules.AlertEvent {
	e.State, e.Actions, e.Forbids = rules.Resolved, nil, nil
	return e
}

// TestInterlocks: what is refused whoever asks, and nothing is written.
func TestInterlocks(t *testing.T) {
	gas := rules.AlertEvent{Alert: "R16/g/1", Rule: "R16", Subject: "g", Zone: "k", State: rules.Firing, Severity: rules.SeverityA}
	latch := alert("R03/A.1/1", rules.SeverityA)
	latch.Forbids = []rules.Action{act("A.1", "relay", 1)}
	cases := []struct {
		name   string
		before *rules.AlertEvent
		act    rules.Action
		want   string // empty: it is done
	}{
		{"read-only point", nil, act("A.1", "power", 0), "the point is not writable"},
		{"no such device", nil, act("Z", "relay", 0), "the point is not writable"},
		{"meter relay that the map does not make writable", nil, act("m", "relay", 0), "the point is not writable"},
		{"value", nil, act("A.1", "relay", 2), "the profile does not allow the value 2"},
		{"gas valve", nil, act("v", "open", 1), "a gas valve is never opened remotely"},
		{"another point of a gas valve", nil, act("v", "power", 1), "the point is not writable"},
		{"relay under a latch", &latch, act("A.1", "relay", 1), "forbidden while alert R03/A.1/1 fires"},
		{"relay of the neighbour", &latch, act("A.2", "relay", 1), ""},
		{"relay off under a latch", &latch, act("A.1", "relay", 0), ""},
		{"fan in gas", &gas, act("f", "on", 1), "gas alarm R16/g/1: the fan is not Ex-rated"},
		{"fan behind a relay in gas", &gas, act("fr", "relay", 1), "gas alarm R16/g/1: the fan is not Ex-rated"},
		{"Ex-rated fan in gas", &gas, act("fx", "on", 1), ""},
		{"charging in gas", &gas, act("B.1", "relay", 1), "gas alarm R16/g/1 in the zone: nothing is switched there"},
		{"charging off in gas", &gas, act("B.1", "relay", 0), ""},
		{"charging in another zone", &gas, act("A.1", "relay", 1), ""},
		{"door shut in gas", &gas, act("d", "lock", 0), "gas alarm R16/g/1 in the zone: nothing is switched there"},
		{"door released in gas", &gas, act("d", "lock", 1), ""},
		{"siren muted in gas", &gas, act("s", "on", 0), ""},
	}
	for _, c := range cases {
		for _, owner := range []action.Owner{action.Schedule, action.Cloud, action.Manual} {
			t.Run(c.name+"/"+owner.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := start(t)
					defer f.stop()
					f.set(c.act.Device, c.act.Point, 1-c.act.Value)
					if c.before != nil {
						f.x.Do(*c.before)
					}
					r := f.ask(t, owner, c.act)
					if c.want == "" && r.Outcome != action.Confirmed || c.want != "" && (r.Outcome != action.Refused || r.Why.EN != c.want || r.Why.ZH == "") {
						t.Errorf("%+v", r)
					}
					if moved := f.value(c.act.Device, c.act.Point) == c.act.Value; moved != (c.want == "") {
						t.Errorf("written: %v", f.values)
					}
				})
			})
		}
	}
}

// TestForbidsAfterARestart: an alert that fires at the start forbids as before, and stops with its end.
func TestForbidsAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := begin(t, nil)
		defer f.stop()
		latch := alert("R10/A.1/1", rules.SeverityA, act("A.1", "relay", 0))
		latch.Forbids = []rules.Action{act("A.1", "relay", 1)}
		f.x.Ensure(latch)
		pass(31 * time.Second)
		if r := f.ask(t, action.Manual, act("A.1", "relay", 1)); r.Holder == nil || r.Holder.Owner != action.Interlock || r.Holder.Who != "R10/A.1/1" {
			t.Errorf("%+v", r)
		}
		f.x.Do(over(latch))
		if r := f.ask(t, action.Manual, act("A.1", "relay", 1)); r.Outcome != action.Confirmed {
			t.Errorf("%+v", r)
		}
	})
}

// TestALadderThatGoesDownForbidsLess: what the higher rung forbade is over, what the lower one forbids goes on.
func TestALadderThatGoesDownForbidsLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		e := alert("a", rules.SeverityB)
		e.Forbids = []rules.Action{act("A.1", "relay", 1)}
		f.x.Do(e)
		e.Level, e.Forbids = 1, []rules.Action{act("A.2", "relay", 1)}
		f.x.Do(e)
		for _, id := range []string{"A.1", "A.2"} {
			if r := f.ask(t, action.Manual, act(id, "relay", 1)); r.Outcome != action.Refused {
				t.Errorf("%s: %+v", id, r)
			}
		}
		e.Level, e.Forbids = 0, []rules.Action{act("A.1", "relay", 1)}
		f.x.Do(e)
		if r := f.ask(t, action.Manual, act("A.1", "relay", 1)); r.Outcome != action.Refused {
			t.Errorf("%+v", r)
		}
		if r := f.ask(t, action.Manual, act("A.2", "relay", 1)); r.Outcome != action.Confirmed {
			t.Errorf("%+v", r)
		}
	})
}

func TestGasAlarmsAreKnownByWhatTheyAre(t *testing.T) {
	cases := []struct {
		name string
		e    rules.AlertEvent
		gas  bool
	}{
		{"the catalogue's", rules.AlertEvent{Rule: "R18", Zone: "k"}, true},
		{"the vote of a zone", rules.AlertEvent{Rule: "R17", Subject: "k"}, true},
		{"a site's own, about the level", rules.AlertEvent{Rule: "X1", Subject: "g", Zone: "k", Limit: &rules.Limit{Point: "level", Above: true}}, true},
		{"one that shuts the valve", rules.AlertEvent{Rule: "X2", Subject: "A.1", Zone: "k", Actions: []rules.Action{act("v", "open", 0)}}, true},
		{"a broken detector", rules.AlertEvent{Rule: "R19", Subject: "g", Zone: "k"}, false},
		{"a shadow", rules.AlertEvent{Rule: "R16", Zone: "k", Shadow: true}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t)
				defer f.stop()
				c.e.Alert, c.e.State = "a", rules.Firing
				f.x.Do(c.e)
				if r := f.ask(t, action.Manual, act("B.1", "relay", 1)); (r.Outcome == action.Refused) != c.gas {
					t.Errorf("%+v", r)
				}
			})
		})
	}
}

func TestLockDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		f.x.SetLockdown(true)
		nobody := action.Request{Owner: action.Cloud, Reason: "test", Action: act("d", "lock", 1)}
		if r := f.request(t, nobody); r.Outcome != action.Refused || !strings.Contains(r.Why.EN, "named person") {
			t.Errorf("%+v", r)
		}
		named := nobody
		named.Who = "Li"
		if r := f.request(t, named); r.Outcome != action.Confirmed {
			t.Errorf("%+v", r)
		}
		f.set("d", "lock", 0)
		f.x.Do(alert("R24", rules.SeverityA, act("d", "lock", 1))) // fire: the rule asks nobody
		<-f.x.Idle()
		if f.value("d", "lock") != 1 {
			t.Error("the door is not released in a fire")
		}
	})
}

func TestAwayFromSafeOnceIn30SecondsTowardSafeAlways(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := begin(t, nil)
		defer f.stop()
		step := func(id, point string, v float64, want string) {
			t.Helper()
			if r := f.ask(t, action.Manual, act(id, point, v)); r.Outcome != want {
				t.Errorf("%s=%v: %+v", id, v, r)
			}
		}
		step("A.1", "relay", 1, action.Refused) // what was before the start is not known
		pass(30 * time.Second)
		step("A.1", "relay", 1, action.Confirmed)
		step("A.1", "relay", 0, action.Confirmed) // toward safe, at once
		step("A.1", "relay", 1, action.Refused)
		step("A.1", "relay", 0, action.Confirmed)
		pass(31 * time.Second)
		step("A.1", "relay", 1, action.Confirmed)
		step("s", "on", 1, action.Confirmed)
		step("s", "on", 0, action.Refused) // silence would be away from safe
		step("s", "on", 1, action.Confirmed)
	})
}

func TestLockOutAfterASafetyAction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		f.set("A.1", "relay", 1)
		e := alert("R07/A.1/1", rules.SeverityB, act("A.1", "relay", 0))
		f.x.Do(e)
		<-f.x.Idle()
		f.x.Do(over(e))
		pass(time.Minute)
		if r := f.ask(t, action.Cloud, act("A.1", "relay", 1)); r.Why.EN != "locked out after a safety action for another 9m0s" {
			t.Errorf("%+v", r)
		}
		if r := f.ask(t, action.Manual, act("A.1", "relay", 1)); r.Outcome != action.Confirmed {
			t.Errorf("a person at the site: %+v", r)
		}
		f.x.Release(device.Key{Device: "A.1", Point: "relay"}, "Li")
		f.ask(t, action.Manual, act("A.1", "relay", 0))
		f.x.Release(device.Key{Device: "A.1", Point: "relay"}, "Li")
		pass(9 * time.Minute)
		if r := f.ask(t, action.Cloud, act("A.1", "relay", 1)); r.Outcome != action.Confirmed {
			t.Errorf("after 10 min: %+v", r)
		}
	})
}

// TestTheCloudMovesAwayFromSafeWithTwoPeopleOrAResetAtTheSite and never when the state is not known.
func TestTheCloudMovesAwayFromSafeWithTwoPeopleOrAResetAtTheSite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		key := device.Key{Device: "A.1", Point: "relay"}
		try := func(who, approver, want string) {
			t.Helper()
			r := f.request(t, action.Request{Owner: action.Cloud, Who: who, Approver: approver, Action: act("A.1", "relay", 1)})
			if r.Outcome != want {
				t.Errorf("%q %q: %+v", who, approver, r)
			}
			if want == action.Confirmed {
				f.ask(t, action.Cloud, act("A.1", "relay", 0))
				pass(30 * time.Second)
			}
		}
		try("", "", action.Refused)
		try("Li", "", action.Refused)
		try("Li", "Li", action.Refused)
		try("", "Wang", action.Refused)
		try("Li", "Wang", action.Confirmed)
		f.x.LocalReset([]device.Key{key})
		try("Li", "", action.Confirmed)
		pass(10 * time.Minute)
		try("Li", "", action.Refused)
		f.mu.Lock()
		f.blind = true
		f.mu.Unlock()
		if r := f.ask(t, action.Manual, act("A.1", "relay", 1)); r.Outcome != action.Refused || !strings.Contains(r.Why.EN, "cannot be read") {
			t.Errorf("%+v", r)
		}
	})
}

// TestAFloodOfRefusalsIsTold as one, with its number.
func TestAFloodOfRefusalsIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		for n := range 500 {
			f.request(t, action.Request{Owner: action.Cloud, Who: strings.Repeat("x", n%7), Action: act("v", "open", 1)})
			f.request(t, action.Request{Owner: action.Cloud, Action: act(strings.Repeat("y", n), "open", 1)})
		}
		f.mu.Lock()
		n := len(f.results)
		f.mu.Unlock()
		if n != 2 {
			t.Errorf("%d recorded", n)
		}
		pass(62 * time.Second)
		f.stop()
		var all []string
		for _, r := range f.results {
			all = append(all, r.GetReason())
		}
		got := strings.Join(all[2:], ", ")
		if len(all) != 4 || !strings.Contains(got, "a gas valve is never opened remotely (and 498 more like it)") || !strings.Contains(got, "the point is not writable (and 498 more like it)") {
			t.Errorf("%q", all)
		}
	})
}

func TestAskEndsWithItsContextAndWithTheExecutor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.slow = 2 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := f.x.Ask(ctx, action.Request{Owner: action.Manual, Who: "Li", Action: act("A.1", "relay", 0)}); err == nil {
			t.Error("no error")
		}
		f.stop()
		if _, err := f.x.Ask(t.Context(), action.Request{Owner: action.Manual, Who: "Li", Action: act("A.1", "relay", 0)}); err != action.ErrEnded {
			t.Error(err)
		}
	})
}
