package action_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/rules"
)

// disk keeps what executors remember.
type disk struct {
	mu    sync.Mutex
	data  []byte
	at    time.Time
	full  bool
	saves int
	step  time.Duration // of the clock that stamps results
}

func (d *disk) now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Add(d.step)
}

// set changes something while the executor runs.
func (d *disk) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

// saved are the saves so far, and what was saved last.
func (d *disk) saved() (int, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.saves, string(d.data)
}

func (d *disk) config(c *action.Config) {
	c.Now = d.now
	c.Remember = func(data []byte) error {
		at := d.now()
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.full {
			return errors.New("disk full")
		}
		d.data, d.at, d.saves = data, at, d.saves+1
		return nil
	}
}

// again ends a run and begins the next one at the same outputs, with alerts that still fire.
func (d *disk) again(t *testing.T, f *field, active ...rules.AlertEvent) {
	t.Helper()
	f.stop()
	f.results = nil
	f.run(t, d.config, func(x *action.Executor) {
		if err := x.Restore(d.at, d.data); err != nil {
			t.Error(err)
		}
		x.Adopt(active)
	})
	synctest.Wait()
	<-f.x.Idle()
}

// told are the results so far: "A.1 released manual Li: reason".
func (f *field) told() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, r := range f.results {
		all = append(all, r.GetAction().GetDevice()+" "+r.GetOutcome()+" "+r.GetOwner()+" "+r.GetWho()+": "+r.GetReason())
	}
	f.results = nil
	return strings.Join(all, ", ")
}

func TestHoldsAndLockOutsSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		f := (&field{values: map[device.Key]float64{}}).run(t, d.config, nil)
		defer func() { f.stop() }()
		pass(30 * time.Second)
		f.set("A.2", "relay", 1)
		e := alert("R07/A.2/1", rules.SeverityB, act("A.2", "relay", 0))
		f.x.Do(e)
		<-f.x.Idle()
		f.x.Do(over(e))
		f.request(t, action.Request{Owner: action.Manual, Who: "Li", Reason: "repair", Action: act("A.1", "relay", 1), For: 30 * time.Minute})
		f.request(t, action.Request{Owner: action.Manual, Who: "Wang", Action: act("B.1", "relay", 0), For: 5 * time.Minute})
		pass(4 * time.Minute)
		d.again(t, f)
		h := f.output("A.1").Holder
		if h == nil || h.Who != "Li" || h.Reason != "repair" || h.Value != 1 || time.Until(h.Until).Round(time.Second) != 26*time.Minute || time.Since(h.Since).Round(time.Second) != 4*time.Minute {
			t.Errorf("%+v", h)
		}
		if left := f.output("A.2").LockedFor.Round(time.Second); left != 6*time.Minute {
			t.Error("locked for", left)
		}
		if got := f.told(); got != "" || f.holder("B.1") != "manual Wang" {
			t.Error(got, f.holder("B.1"))
		}
		f.stop()
		pass(time.Hour) // the gateway is off
		f.stop = func() {}
		d.again(t, f)
		if got := f.told(); got != "A.1 released manual Li: its time was over while the gateway did not run, B.1 released manual Wang: its time was over while the gateway did not run" {
			t.Error(got)
		}
		if f.holder("A.1") != "" || f.output("A.2").LockedFor != 0 || f.value("A.1", "relay") != 1 {
			t.Error(f.holder("A.1"), f.output("A.2").LockedFor, f.values)
		}
		d.again(t, f)
		if got := f.told(); got != "" {
			t.Error("told again:", got)
		}
	})
}

// TestWhatAPersonDecidedAfterAnAlertStays: a siren that was muted stays so over a restart, and sounds when the mute is over. An
// output that moved in the meantime goes back to where a person holds it safe, never away from safe.
func TestWhatAPersonDecidedAfterAnAlertStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		f := (&field{values: map[device.Key]float64{}}).run(t, d.config, nil)
		defer func() { f.stop() }()
		pass(30 * time.Second)
		e := alert("R16/g/1", rules.SeverityA, act("s", "on", 1))
		e.At = time.Now()
		f.x.Do(e)
		pass(31 * time.Second)
		f.request(t, action.Request{Owner: action.Manual, Who: "Li", Action: act("s", "on", 0), For: 10 * time.Minute})
		f.request(t, action.Request{Owner: action.Manual, Who: "Li", Action: act("A.1", "relay", 0)})
		f.request(t, action.Request{Owner: action.Manual, Who: "Li", Action: act("A.2", "relay", 1)})
		f.x.Adopt([]rules.AlertEvent{e}) // the rules were mended
		<-f.x.Idle()
		if f.value("s", "on") != 0 || f.holder("s") != "manual Li" {
			t.Error("mended:", f.values, f.holder("s"))
		}
		f.set("A.1", "relay", 1) // a relay that comes back on with the power
		f.set("A.2", "relay", 0)
		d.again(t, f, e)
		if f.value("s", "on") != 0 || f.holder("s") != "manual Li" || f.value("A.1", "relay") != 0 || f.value("A.2", "relay") != 0 {
			t.Error("restarted:", f.values, f.holder("s"))
		}
		pass(2 * time.Second)
		if f.holder("A.1") != "manual Li" {
			t.Error("what brought the relay back took the person's hold:", f.holder("A.1"))
		}
		pass(11 * time.Minute)
		if f.value("s", "on") != 1 || f.holder("s") != "safety R16/g/1" {
			t.Error("after the mute:", f.values, f.holder("s"))
		}
		f.request(t, action.Request{Owner: action.Manual, Who: "Li", Action: act("s", "on", 0)})
		later := e
		later.At = time.Now().Add(time.Millisecond)
		d.again(t, f, later)
		if f.value("s", "on") != 1 {
			t.Error("an alert that came after the mute does not sound")
		}
	})
}

func TestReleasesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		on := action.Request{Owner: action.Manual, Who: "Li", Action: act("A.1", "relay", 1), For: time.Minute}
		f.request(t, on)
		f.told()
		f.x.Release(device.Key{Device: "A.1", Point: "relay"}, "Wang")
		synctest.Wait()
		if got := f.told(); got != "A.1 released manual Wang: released at the site" {
			t.Error(got)
		}
		f.request(t, on)
		f.request(t, on) // by the same, and nothing ends
		f.told()
		pass(61 * time.Second)
		if got := f.told(); got != "A.1 released manual Li: its time is over" {
			t.Error(got)
		}
		f.request(t, on)
		f.told()
		e := alert("R03/A.1/1", rules.SeverityA, act("A.1", "relay", 0))
		e.Forbids = []rules.Action{act("A.1", "relay", 1)}
		f.x.Do(e)
		<-f.x.Idle()
		if got := f.told(); strings.Count(got, "released") != 1 || !strings.Contains(got, "A.1 released manual Li: forbidden while alert R03/A.1/1 fires") {
			t.Error(got)
		}
		f.x.Do(over(e))
		synctest.Wait()
		if got := f.told(); got != "" {
			t.Error("a rule's hold:", got)
		}
	})
}

// TestADiskThatTakesNothing is tried again; nobody waits for it.
func TestADiskThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{full: true}
		f := (&field{values: map[device.Key]float64{}}).run(t, d.config, nil)
		defer f.stop()
		pass(30 * time.Second)
		f.request(t, action.Request{Owner: action.Manual, Who: "Li", Action: act("A.1", "relay", 1)})
		pass(time.Minute)
		d.set(func() { d.full = false })
		pass(2 * time.Second)
		if n, data := d.saved(); n != 1 || !strings.Contains(data, "Li") {
			t.Error(n, data)
		}
		pass(10 * time.Minute)
		if n, _ := d.saved(); n != 1 {
			t.Error("saved for nothing:", n)
		}
	})
}

// TestClocksThatAreSet: the end of a hold is saved anew when the clock was set, and a clock that begins in the past loses nothing.
func TestClocksThatAreSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{step: -50 * 365 * 24 * time.Hour}
		f := (&field{values: map[device.Key]float64{}}).run(t, d.config, nil)
		defer func() { f.stop() }()
		pass(30 * time.Second)
		f.request(t, action.Request{Owner: action.Manual, Who: "Li", Action: act("A.1", "relay", 1), For: time.Hour})
		d.set(func() { d.step = 0 })
		pass(2 * time.Second)
		d.again(t, f)
		if f.holder("A.1") != "manual Li" {
			t.Error("lost with the clock's step")
		}
		d.set(func() { d.step = -50 * 365 * 24 * time.Hour }) // a board without a battery for its clock
		d.again(t, f)
		if h := f.output("A.1").Holder; h == nil || time.Until(h.Until) > time.Hour {
			t.Errorf("%+v", h)
		}
	})
}

func TestRestoreRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, data := range []string{"", "{", `{"form":2}`, `[]`} {
		if err := action.New(action.Config{Devices: site()}).Restore(time.Now(), []byte(data)); err == nil {
			t.Errorf("%q is taken", data)
		}
	}
	x := action.New(action.Config{Devices: site()})
	in := `{"form":1,"outputs":[{"device":"v","point":"open","holds":[{"owner":5,"who":"Li","value":1,"until":9000000000000}]},{"device":"gone","point":"relay","locked":9000000000000},
		{"device":"A.1","point":"relay","locked":9000000000000000,"holds":[{"owner":6,"value":0,"until":9000000000000},{"owner":4,"value":0,"until":9000000000000},{"owner":5,"who":"Li","value":1,"until":9000000000000}]}]}`
	if err := x.Restore(time.Now(), []byte(in)); err != nil {
		t.Fatal(err)
	}
	for _, v := range x.Outputs() {
		if v.Holder != nil && (v.Device != "A.1" || v.Holder.Who != "Li" || time.Until(v.Holder.Until) > action.HoldMost) || v.LockedFor > 10*time.Minute {
			t.Errorf("%+v %+v", v, v.Holder)
		}
	}
}

func FuzzRestore(f *testing.F) {
	f.Add([]byte(`{"form":1,"outputs":[{"device":"A.1","point":"relay","locked":1,"holds":[{"owner":5,"who":"Li","value":1,"since":1,"until":2}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		x := action.New(action.Config{Devices: site()})
		_ = x.Restore(time.Now(), data)
		for _, v := range x.Outputs() {
			if v.Holder != nil && time.Until(v.Holder.Until) > action.HoldMost {
				t.Errorf("%+v", v.Holder)
			}
		}
	})
}
