package incident_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

func merging() incident.Merging {
	return incident.Merging{Device: 10 * time.Minute, Zone: 5 * time.Minute, Bus: 2 * time.Minute, Gateway: 2 * time.Minute, Flood: 10 * time.Minute, FloodOver: 10, Quiet: 30 * time.Second}
}

// merged is a desk whose incidents hold what has one cause: a site with two lines, a kitchen with three detectors, and sockets.
func merged(t *testing.T, place *dbtest.Place) *desk {
	k := open(t, place)
	k.svc = incident.New(incident.Config{DB: k.db, Notifier: k, Merging: merging(), Now: func() time.Time { return k.now }, Zone: time.UTC})
	var devices []*wire.Device
	for i := range 3 {
		devices = append(devices, &wire.Device{Id: fmt.Sprintf("gas-%d", i), Name: fmt.Sprintf("探测器%d", i), Kind: "gas", Model: "g", Place: "厨房", Zone: "k1", Channel: "rs485-1"})
	}
	for i := range 20 {
		devices = append(devices, &wire.Device{Id: fmt.Sprintf("socket-%d", i), Name: fmt.Sprintf("插座%d", i), Kind: "socket", Model: "s", Zone: fmt.Sprintf("z%d", i), Channel: "rs485-2"})
	}
	devices = append(devices, &wire.Device{Id: "rs485-1", Kind: "channel", Name: "rs485-1", Model: "channel", Channel: "rs485-1"})
	k.update(func(tx *sql.Tx) error {
		return org.Apply(t.Context(), tx, "gw-1", &wire.Inventory{Site: "jinxiu", Name: "锦绣花园", ConfigHash: "2", Devices: devices})
	})
	return k
}

// alert makes the event of a rule that begins to fire for a device.
func (k *desk) alert(rule, subject string, severity rules.Severity) rules.AlertEvent {
	zone := ""
	if strings.HasPrefix(subject, "gas-") || subject == "k1" {
		zone = "k1"
	}
	return rules.AlertEvent{Alert: fmt.Sprintf("%s/%s/%d", rule, subject, k.now.UnixMilli()), Rule: rule, Subject: subject, Zone: zone, Severity: severity, State: rules.Firing,
		Since: k.now, At: k.now, Title: rules.Text{ZH: "规则" + rule, EN: rule}, Message: rules.Text{ZH: rule + "于" + subject, EN: rule}}
}

// silent makes it one that a device does not answer.
func silent(e rules.AlertEvent) rules.AlertEvent {
	e.Evidence = []rules.Evidence{{Name: "level", Quality: device.Bad, Reason: device.Timeout}}
	return e
}

func over(k *desk, e rules.AlertEvent) rules.AlertEvent {
	e.State, e.At = rules.Resolved, k.now
	return e
}

// Three detectors of a kitchen smell the same gas: one incident, which the first-out names.
func TestOneGasLeakIsOneIncident(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := merged(t, place)
		first := k.alert("R15", "gas-1", rules.SeverityB)
		first.Latched = true
		id := k.apply(first)
		k.later(time.Minute)
		second := k.alert("R15", "gas-2", rules.SeverityB)
		if got := k.apply(second); got != id {
			t.Errorf("the second detector made %s", got)
		}
		if got := strings.Join(k.told, " "); got != "opened" {
			t.Errorf("told at once: %q", got)
		}
		k.later(time.Minute)
		k.apply(k.alert("R16", "gas-0", rules.SeverityA))
		k.apply(k.alert("R17", "k1", rules.SeverityA))
		in := k.get(id)
		if in.AlertCount != 4 || in.Severity != "A" || in.Device != "gas-1" || in.DeviceName != "探测器1" || in.Title.ZH != "规则R15，及另外 3 台设备" || in.Cause == nil || in.Cause.Kind != "zone" || in.Cause.Key != "k1" {
			t.Errorf("%+v, cause %+v", in, in.Cause)
		}
		if got := strings.Join(k.told, " "); got != "opened severity joined" {
			t.Errorf("told %q: each of class A is told of at once", got)
		}
		k.apply(over(k, first))
		if in = k.get(id); in.Condition != incident.Active {
			t.Error("recovered while three alerts are active")
		}
		// Another danger in the same zone, and the detector's own fault, are other incidents.
		if k.apply(k.alert("R09", "gas-1", rules.SeverityA)) == id || k.apply(silent(k.alert("R19", "gas-1", rules.SeverityB))) == id {
			t.Error("different things are one incident")
		}
		alerts, err := incident.AlertsOf(t.Context(), k.db.Reader(), in)
		if err != nil || len(alerts) != 4 || !alerts[0].FirstOut || alerts[0].ID != first.Alert || alerts[1].Joined != "zone" || !alerts[0].Latched || alerts[1].Latched || alerts[0].Condition != incident.Recovered {
			t.Errorf("%+v, %v", alerts, err)
		}
	})
}

// What is closed stays closed: the same alert makes a new incident.
func TestNothingJoinsWhatIsClosed(t *testing.T) {
	k := merged(t, dbtest.SQLite(t))
	id := k.apply(k.alert("R15", "gas-1", rules.SeverityB))
	who := incident.Person{Name: "张三"}
	if err := k.svc.Take(t.Context(), id, who); err != nil {
		t.Fatal(err)
	}
	if err := k.svc.Close(t.Context(), id, who, incident.Closing{Outcome: "real", EvenActive: true, Note: "关阀"}); err != nil {
		t.Fatal(err)
	}
	k.later(time.Second)
	next := k.apply(k.alert("R15", "gas-1", rules.SeverityB))
	if in := k.get(next); next == id || in.Previous != id {
		t.Errorf("%s after %q", next, in.Previous)
	}
}

// A line that fails is one incident, and so is the whole gateway; a defect of one detector is none of it.
func TestSilenceOfALine(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := merged(t, place)
		id := k.apply(silent(k.alert("R19", "gas-0", rules.SeverityB)))
		k.later(10 * time.Second)
		for _, subject := range []string{"gas-1", "gas-2"} {
			if got := k.apply(silent(k.alert("R19", subject, rules.SeverityB))); got != id {
				t.Errorf("%s made %s", subject, got)
			}
		}
		if got := k.apply(k.alert("R31", "rs485-1", rules.SeverityB)); got != id {
			t.Errorf("the line made %s", got)
		}
		if in := k.get(id); in.Cause.Kind != "bus" || in.Category != incident.Maintenance {
			t.Errorf("cause %+v, category %s", in.Cause, in.Category)
		}
		k.later(time.Second)
		if defect := k.apply(k.alert("R19", "gas-1", rules.SeverityB)); defect == id {
			t.Error("a defect is in the line's incident")
		}
		// One device of another line is another matter, until half of all are silent.
		if other := k.apply(silent(k.alert("R13", "socket-3", rules.SeverityC))); other == id {
			t.Error("one socket of another line is in it")
		}
		k.update(func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE devices SET online = 0 WHERE gateway = 'gw-1'`)
			return err
		})
		id = k.apply(silent(k.alert("R19", "gas-2", rules.SeverityB)))
		dark := k.apply(silent(k.alert("R27", "valve-9", rules.SeverityC))) // on no line that is known
		if dark == id {
			t.Error("what hangs on no known line joins")
		}
	})
}

// A flood: more than ten alerts in ten minutes. What then comes of class B and C is one incident for each danger; class A never is.
func TestFlood(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := merged(t, place)
		ids := map[string]int{}
		var last string
		var drowned rules.AlertEvent
		for i := range 20 {
			k.later(time.Second)
			drowned = k.alert("R05", fmt.Sprintf("socket-%d", i), rules.SeverityB)
			last = k.apply(drowned)
			ids[last]++
		}
		if len(ids) != 11 || ids[last] != 10 {
			t.Errorf("incidents %v", ids)
		}
		flood := k.get(last)
		if flood.Cause == nil || flood.Cause.Kind != "flood" || flood.AlertCount != 10 {
			t.Errorf("cause %+v, %d alerts", flood.Cause, flood.AlertCount)
		}
		if other := k.apply(k.alert("R14", "socket-1", rules.SeverityC)); other == last {
			t.Error("another danger is in the flood")
		}
		k.told = nil
		if a := k.apply(k.alert("R03", "socket-19", rules.SeverityA)); a == last || strings.Join(k.told, " ") != "opened" {
			t.Errorf("class A drowned in %s, told %v", a, k.told)
		}
		// One of the flood gets worse: it comes out of it, and people are told.
		k.told = nil
		drowned.Severity, drowned.At = rules.SeverityA, k.now
		if rescued := k.apply(drowned); rescued == last || len(k.told) == 0 || k.get(last).AlertCount != 9 || k.get(last).Severity != "B" {
			t.Errorf("rescued into %s, told %v, left %+v", rescued, k.told, k.get(last))
		}
	})
}

// People split and merge; the machine does not put back what they took out.
func TestSplitAndMerge(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := merged(t, place)
		first, second := k.alert("R15", "gas-1", rules.SeverityB), k.alert("R15", "gas-2", rules.SeverityB)
		id := k.apply(first)
		k.apply(second)
		who, ctx := incident.Person{Name: "李四"}, t.Context()
		_, err := k.svc.Split(ctx, id, []incident.AlertID{{"gw-1", first.Alert}, {"gw-1", second.Alert}}, who, "x")
		k.refused(err, "至少留下一条")
		_, err = k.svc.Split(ctx, id, []incident.AlertID{{"gw-1", "none"}}, who, "x")
		k.refused(err, "不在这个事件里")
		out, err := k.svc.Split(ctx, id, []incident.AlertID{{"gw-1", first.Alert}}, who, "另一户")
		if err != nil {
			t.Fatal(err)
		}
		old, fresh := k.get(id), k.get(out)
		if old.AlertCount != 1 || old.Device != "gas-2" || old.Title.ZH != "规则R15" || fresh.AlertCount != 1 || fresh.Device != "gas-1" || fresh.Previous != id || fresh.Condition != incident.Active || fresh.Deadline == 0 {
			t.Errorf("left %+v, split %+v", old, fresh)
		}
		k.later(time.Minute)
		if got := k.apply(k.alert("R15", "gas-1", rules.SeverityB)); got != out {
			t.Errorf("what was taken out came to %s", got)
		}
		k.refused(k.svc.Merge(ctx, id, id, who, "x"), "自己")
		k.refused(k.svc.Merge(ctx, k.apply(k.alert("R09", "socket-1", rules.SeverityB)), id, who, "x"), "不同的危险")
		if err := k.svc.Merge(ctx, out, id, who, "同一处"); err != nil {
			t.Fatal(err)
		}
		if in := k.get(id); in.AlertCount != 3 || in.Cause.Kind != "hand" {
			t.Errorf("%+v", in)
		}
		if in := k.get(out); in.MergedInto != id || in.AlertCount != 0 || in.Handling != incident.Closed {
			t.Errorf("%+v", in)
		}
		k.refused(k.svc.Merge(ctx, out, id, who, "x"), "已并入")
		// A recovery finds its alert where it is now.
		if got := k.apply(over(k, first)); got != id {
			t.Errorf("recovery came to %s", got)
		}
	})
}
