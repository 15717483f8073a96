package action_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/rules"
)

// machine plays whoever may want something of outputs against one executor after the other, and keeps what must never happen.
type machine struct {
	x      *action.Executor
	end    func()
	asking sync.WaitGroup

	mu      sync.Mutex
	values  map[device.Key]float64
	written map[device.Key]float64 // last, whether it was done or not
	changed map[device.Key]time.Time
	busy    map[device.Key]bool
	alerts  []rules.AlertEvent
	started time.Time
	slow    time.Duration
	broken  bool // writes fail
	memory  []byte
	blind   bool
	wrong   []string
}

var safeAt = map[string]float64{"A.1": 0, "B.1": 0, "v": 0, "s": 1, "d": 1}

func key(id string) device.Key {
	return device.Key{Device: id, Point: map[string]string{"A.1": "relay", "B.1": "relay", "v": "open", "s": "on", "d": "lock"}[id]}
}

func (m *machine) start() {
	m.mu.Lock()
	m.started, m.changed, m.written = time.Now(), map[device.Key]time.Time{}, map[device.Key]float64{}
	alerts := slices.Clone(m.alerts)
	m.mu.Unlock()
	m.x = action.New(action.Config{Devices: site(), Write: m.write, Read: m.read, Record: func(*wire.ActionResult) {},
		Remember: func(data []byte) error { m.mu.Lock(); defer m.mu.Unlock(); m.memory = data; return nil }})
	if m.memory != nil {
		_ = m.x.Restore(time.Now(), m.memory) // an error is seen by the holds
	}
	m.x.Adopt(alerts)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.x.Run(ctx) }()
	m.end = func() {
		cancel()
		<-done
		m.asking.Wait()
	}
}

// write is where every interlock is looked at once more, from the outside.
func (m *machine) write(_ context.Context, k device.Key, v float64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy[k] {
		m.wrong = append(m.wrong, "two writes at once to "+k.Device)
	}
	if v != safeAt[k.Device] {
		m.away(k, v)
	}
	if last, ok := m.written[k]; !ok || last != v { // otherwise it is tried again
		m.written[k], m.changed[k] = v, time.Now()
	}
	if slow := m.slow; slow > 0 {
		m.busy[k] = true
		m.mu.Unlock()
		<-time.After(slow)
		m.mu.Lock()
		m.busy[k] = false
	}
	if m.broken {
		return errors.New("no answer")
	}
	m.values[k] = v
	return nil
}

func (m *machine) away(k device.Key, v float64) {
	say := func(what string) { m.wrong = append(m.wrong, fmt.Sprintf("%s=%v written: %s", k.Device, v, what)) }
	if k.Device == "v" {
		say("the gas valve")
	}
	for _, e := range m.alerts {
		if slices.Contains(e.Forbids, rules.Action{Device: k.Device, Point: k.Point, Value: v}) {
			say("forbidden by " + e.Alert)
		}
		if e.Rule == "R16" && (k.Device == "B.1" || k.Device == "d") {
			say("gas in the zone")
		}
	}
	if time.Since(m.started) < 30*time.Second {
		say("just started")
	}
	if at, ok := m.changed[k]; ok && m.written[k] != v && time.Since(at) < 30*time.Second {
		say("a change within 30 s")
	}
}

func (m *machine) read(_ context.Context, k device.Key) (device.Reading, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.blind {
		return device.Reading{Value: math.NaN()}, nil
	}
	return device.Reading{Value: m.values[k], Quality: device.Good}, nil
}

func (m *machine) fire(e rules.AlertEvent) {
	synctest.Wait() // no write is between its last check and the line
	m.x.Do(e)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.alerts = slices.DeleteFunc(m.alerts, func(old rules.AlertEvent) bool { return old.Alert == e.Alert })
	if e.State == rules.Firing {
		m.alerts = append(m.alerts, e)
	}
}

func anyOutput(t *rapid.T) string {
	return rapid.SampledFrom([]string{"A.1", "B.1", "v", "s", "d"}).Draw(t, "output")
}

func (m *machine) request(t *rapid.T) (r action.Request, toward bool) {
	id := anyOutput(t)
	v := float64(rapid.IntRange(0, 1).Draw(t, "value"))
	r = action.Request{Owner: rapid.SampledFrom([]action.Owner{action.Schedule, action.Cloud, action.Manual}).Draw(t, "owner"), Who: "Li", Approver: "Wang",
		Action: act(id, key(id).Point, v), For: time.Duration(rapid.IntRange(60, 600).Draw(t, "for")) * time.Second}
	return r, v == safeAt[id]
}

func (m *machine) holder(k device.Key) *action.Holder {
	for _, v := range m.x.Outputs() {
		if v.Point.Key() == k {
			return v.Holder
		}
	}
	return nil
}

// ask waits for the answer, with nothing else going on, and holds it against the ladder.
func (m *machine) ask(t *rapid.T) {
	synctest.Wait() // who was told to ask and go on has asked
	<-m.x.Idle()
	r, toward := m.request(t)
	k := key(r.Action.Device)
	before := m.holder(k)
	result, err := m.x.Ask(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	after := m.holder(k)
	switch {
	case toward && result.Outcome == action.Refused:
		t.Fatalf("%+v toward safe is refused: %+v", r, result)
	case result.Outcome == action.Confirmed && !toward && before != nil && before.Owner > r.Owner:
		t.Fatalf("%+v went over %+v", r, before)
	case result.Outcome == action.Confirmed && (after == nil || after.Owner < r.Owner || after.Owner != action.Interlock && after.Value != r.Action.Value):
		t.Fatalf("%+v is done and held by %+v", r, after)
	case result.Outcome == action.Refused && before != nil && before.Owner != action.Interlock && (after == nil || after.Owner < before.Owner) && after != nil && after.Owner == r.Owner:
		t.Fatalf("%+v was refused and holds", r)
	}
}

// restart holds what people held before against what they hold afterwards.
func (m *machine) restart(t *rapid.T) {
	synctest.Wait() // who was told to ask and go on has asked
	m.end()
	var before []action.View
	for _, v := range m.x.Outputs() {
		if v.Releases && v.Holder.Until.After(time.Now()) {
			before = append(before, v)
		}
	}
	m.start()
	for _, v := range before {
		if h := m.holder(v.Point.Key()); h == nil || h.Owner < v.Holder.Owner {
			t.Fatalf("%s was held by %+v, and after a restart by %+v", v.Device, v.Holder, h)
		}
	}
}

func (m *machine) actions() map[string]func(*rapid.T) {
	name := func(t *rapid.T) string { return fmt.Sprintf("a%d", rapid.IntRange(1, 4).Draw(t, "alert")) }
	return map[string]func(*rapid.T){
		"ask": m.ask,
		"ask and go on": func(t *rapid.T) {
			r, _ := m.request(t)
			x := m.x
			m.asking.Go(func() { _, _ = x.Ask(context.Background(), r) }) // its writes are looked at
		},
		"alert": func(t *rapid.T) {
			id := anyOutput(t)
			e := alert(name(t), rapid.SampledFrom([]rules.Severity{"A", "B", "C"}).Draw(t, "severity"), act(id, key(id).Point, float64(rapid.IntRange(0, 1).Draw(t, "does"))))
			if rapid.Bool().Draw(t, "forbids") {
				e.Forbids = []rules.Action{act(id, key(id).Point, 1-safeAt[id])}
			}
			m.fire(e)
		},
		"gas": func(*rapid.T) {
			m.fire(rules.AlertEvent{Alert: "gas", Rule: "R16", Zone: "k", State: rules.Firing, Severity: "A", Actions: []rules.Action{act("v", "open", 0)}})
		},
		"no gas":  func(*rapid.T) { m.fire(over(rules.AlertEvent{Alert: "gas"})) },
		"over":    func(t *rapid.T) { m.fire(over(rules.AlertEvent{Alert: name(t)})) },
		"release": func(t *rapid.T) { m.x.Release(key(anyOutput(t)), "Li") },
		"fail":    func(*rapid.T) { m.x.Fail(rules.Text{EN: "test"}) },
		"recover": func(*rapid.T) { m.x.Recover() },
		"time":    func(t *rapid.T) { pass(time.Duration(rapid.IntRange(1, 60_000).Draw(t, "ms")) * time.Millisecond) },
		"field": func(t *rapid.T) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.slow = time.Duration(rapid.IntRange(0, 2000).Draw(t, "slow")) * time.Millisecond
			m.broken, m.blind = rapid.IntRange(0, 4).Draw(t, "broken") == 0, rapid.IntRange(0, 4).Draw(t, "blind") == 0
		},
		"restart": m.restart,
		"": func(t *rapid.T) {
			m.mu.Lock()
			defer m.mu.Unlock()
			if len(m.wrong) > 0 {
				t.Fatal(m.wrong)
			}
		},
	}
}

// TestNoPlayViolatesAnInterlock: random requests, alerts, restarts and failures.
func TestNoPlayViolatesAnInterlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) { // a bubble has no deadline to ask for
			m := &machine{values: map[device.Key]float64{}, busy: map[device.Key]bool{}}
			m.start()
			defer func() { m.end() }()
			rt.Repeat(m.actions())
		})
	})
}
