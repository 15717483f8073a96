package incident_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

func rung(k *desk, name string, level int, severity rules.Severity) rules.AlertEvent {
	e := firing(k, name)
	e.Level, e.Severity = level, severity
	return e
}

func TestSeverityRisesAndFalls(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		id := k.apply(rung(k, "a1", 0, rules.SeverityC))
		if k.get(id).Deadline != 0 {
			t.Error("C has no limit")
		}
		k.later(time.Minute)
		k.apply(rung(k, "a1", 1, rules.SeverityA))
		if in := k.get(id); in.Severity != "A" || in.Deadline != k.now.Add(3*time.Minute).UnixMilli() {
			t.Errorf("up: %+v", in)
		}
		if in := k.get(id); in.Rung != 1 || in.SeverityNow != "" {
			t.Errorf("up: %+v", in)
		}
		limit := k.get(id).Deadline
		k.later(time.Minute)
		k.apply(rung(k, "a1", 0, rules.SeverityC))
		if in := k.get(id); in.Severity != "A" || in.SeverityNow != "C" || in.Rung != 0 || in.Deadline != limit || in.Condition != incident.Active {
			t.Errorf("down: it was that bad, and somebody still has to take it: %+v", in)
		}
		k.later(time.Minute)
		k.apply(rung(k, "a1", 1, rules.SeverityA))
		e := rung(k, "a1", 1, rules.SeverityA)
		e.State = rules.Resolved
		if k.apply(e) != id || k.get(id).Condition != incident.Recovered {
			t.Error("one alert, one incident")
		}
		if got, want := k.kinds(id), "fired severity severity severity recovered"; got != want {
			t.Errorf("timeline: got %s, want %s", got, want)
		}
		if got, want := fmt.Sprint(k.told), "[opened severity recovered]"; got != want {
			t.Errorf("told: got %s, want %s", got, want)
		}
	})
}

func TestRungOfTheSameSeverity(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		id := k.apply(rung(k, "a1", 0, rules.SeverityB))
		k.told = nil
		for _, level := range []int{1, 1, 0} {
			k.later(time.Minute)
			k.apply(rung(k, "a1", level, rules.SeverityB))
		}
		list, err := incident.Timeline(t.Context(), k.db.Reader(), id)
		if err != nil || len(list) != 3 || list[1].Text.ZH != "情况加重，升到第 2 档" || list[2].Text.EN != "It has got better: step 1" || len(k.told) != 0 {
			t.Errorf("%+v, told %v, %v", list, k.told, err)
		}
	})
}

func TestShelvedAlertDisturbsNobody(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		e := firing(k, "a1")
		e.Shelved = true
		id := k.apply(e)
		if in := k.get(id); !in.Shelved || in.Deadline != 0 || in.Condition != incident.Active || len(k.told) > 0 {
			t.Fatalf("shelved: %+v, told %v", in, k.told)
		}
		k.later(time.Minute)
		worse := rung(k, "a1", 1, rules.SeverityA) // never shelved
		k.apply(worse)
		if in := k.get(id); in.Shelved || in.Severity != "A" || in.Deadline != k.now.Add(3*time.Minute).UnixMilli() {
			t.Errorf("worse: %+v", in)
		}
		k.later(time.Minute)
		e.At = k.now
		k.apply(e)
		e.State = rules.Resolved
		k.apply(e)
		if got, want := k.kinds(id), "fired note severity note severity note recovered"; got != want {
			t.Errorf("timeline: got %s, want %s", got, want)
		}
		if got, want := fmt.Sprint(k.told), "[opened recovered]"; got != want {
			t.Errorf("told: got %s, want %s", got, want)
		}
		still := firing(k, "a2")
		still.Shelved = true
		id = k.apply(still)
		still.Shelved = false
		k.apply(still) // its time on the shelf is over
		if in := k.get(id); in.Shelved || in.Deadline == 0 || fmt.Sprint(k.told) != "[opened recovered opened]" {
			t.Errorf("no longer shelved: %+v, told %v", in, k.told)
		}
	})
}

func TestPlaceOfWhatIsNoDevice(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		for subject, want := range map[string][2]string{"k1802": {"k1802", "1802 厨房"}, "site": {"", ""}, "bus-1": {"bus-1", ""}, "gas-1": {"探测器", "1802 厨房"}} {
			e := firing(k, "a/"+subject)
			e.Subject = subject
			if subject == "bus-1" {
				e.Limit, e.Evidence = nil, []rules.Evidence{{Name: "answering", Value: 0, Quality: device.Good}}
			}
			if in := k.get(k.apply(e)); in.DeviceName != want[0] || in.Place != want[1] || in.SiteName != "锦绣花园" || (in.Value == nil) != (subject == "bus-1") {
				t.Errorf("%s: %q at %q in %q", subject, in.DeviceName, in.Place, in.SiteName)
			}
		}
	})
}
