package rules_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// machineRules are a ladder, a latched ladder that others give way to, one that flickers, a zone and the site.
const machineRules = rung3 + `
  - id: Latch
    title: {zh: 标题, en: title}
    kind: gas
    expr: level >= 60
    latch: true
    unknown: {pending: reset}
    severity: B
    mode: notify-only
    message: {zh: "{actions}", en: "{actions}"}
    ladder: [{expr: level >= 80, for: 3s, severity: A, mode: armed, actions: [{of: zone, kind: siren, point: "on", value: 1}]}]
  - id: Quick
    title: {zh: 标题, en: title}
    kind: gas
    params: {limit: {normal: 30 %LEL, emergency: 20 %LEL}}
    expr: level >= limit
    unknown: {firing: clear}
    unless: [Latch, Zone]
    severity: B
    mode: armed
    message: {zh: "{level}", en: "{level}"}
    actions: [{of: zone, kind: siren, point: "on", value: 1}]
  - id: Trial
    title: {zh: 标题, en: title}
    kind: gas
    expr: level >= 20
    severity: A
    mode: shadow
    message: {zh: "{level}", en: "{level}"}
    actions: [{of: zone, kind: siren, point: "on", value: 1}]
  - id: Zone
    title: {zh: 标题, en: title}
    kind: zone
    expr: count(zone.gas, level >= 70) >= 1
    for: 2s
    severity: A
    mode: armed
    message: {zh: "{place}", en: "{place}"}
  - id: Site
    title: {zh: 标题, en: title}
    kind: site
    expr: alarms(1m) > 3
    severity: C
    mode: armed
    message: {zh: "{place}", en: "{place}"}
`

// machine plays with an engine, and with one that is restarted before every step: both must say the same.
type machine struct {
	set    *rules.Set
	engine *rules.Engine
	twin   *rules.Engine
	now    int                          // s
	known  bool                         // the last level was good
	alerts map[string]*rules.AlertEvent // the last event of each
	open   map[string]string            // rule and subject → alert that is not over
}

func (m *machine) fresh(t *rapid.T, data []byte) *rules.Engine {
	e, err := rules.NewEngine(m.set, openValve(), nil)
	if err == nil && data != nil {
		err = e.Restore(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// do lets both engines do the same, and checks what they say.
func (m *machine) do(t *rapid.T, act func(e *rules.Engine) []rules.AlertEvent) {
	events, twins := act(m.engine), act(m.twin)
	if a, b := short(events), short(twins); a != b {
		t.Fatalf("at %d s: the one says\n%s\nand the one that was restarted\n%s", m.now, a, b)
	}
	for i := range events {
		m.check(t, &events[i])
	}
	for _, e := range []*rules.Engine{m.engine, m.twin} {
		if a, b := len(e.Active()), len(m.open); a != b {
			t.Fatalf("%d alerts are active, %d were told", a, b)
		}
	}
}

func short(events []rules.AlertEvent) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%s %s %s%d shelved=%v %v %v %v %s\n", e.Alert, e.State, e.Severity, e.Level, e.Shelved, e.Since, e.Actions, e.Forbids, e.Message.EN)
	}
	return b.String()
}

func (m *machine) check(t *rapid.T, e *rules.AlertEvent) {
	last, who := m.alerts[e.Alert], e.Rule+"/"+e.Subject
	switch {
	case last != nil && (last.State == rules.Resolved || last.State == rules.Cancelled):
		t.Fatalf("%s is over, and %s", e.Alert, e.State)
	case m.open[who] != "" && m.open[who] != e.Alert:
		t.Fatalf("%s while %s is open", e.Alert, m.open[who])
	case e.Shelved && e.Severity == rules.SeverityA:
		t.Fatalf("A is shelved: %+v", e)
	case e.State == rules.Pending && last != nil, e.State == rules.Cancelled && (last == nil || last.State != rules.Pending), e.State == rules.Resolved && (last == nil || last.State != rules.Firing):
		t.Fatalf("%s out of turn after %+v", e.State, last)
	}
	fired := last != nil && last.State == rules.Firing
	if e.State == rules.Firing {
		switch {
		case fired && last.Level == e.Level && last.Shelved == e.Shelved:
			t.Fatalf("rung %d of %s is told twice", e.Level, e.Alert)
		case !fired && !m.known && e.Subject == "gas-1802":
			t.Fatalf("%s fires while nothing is known", e.Alert)
		case fired && e.Level <= last.Level && len(e.Actions) > 0:
			t.Fatalf("%s eases, and commands %v", e.Alert, e.Actions)
		case fired && e.Level < last.Level && (e.Rule == "Latch" || last.Level == 2):
			t.Fatalf("%s eases from a rung that stays", e.Alert)
		}
	}
	if len(e.Actions)+len(e.Forbids) > 0 && (e.State != rules.Firing || e.Shadow || e.Rule == "Latch" && e.Level == 0) {
		t.Fatalf("%s acts: %+v", e.Alert, e)
	}
	m.alerts[e.Alert] = e
	m.open[who] = e.Alert
	if e.State == rules.Resolved || e.State == rules.Cancelled {
		delete(m.open, who)
	}
}

func TestAlertsKeepTheirPromises(t *testing.T) {
	set := mustLoad(t, machineRules)
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{set: set, alerts: map[string]*rules.AlertEvent{}, open: map[string]string{}}
		m.engine, m.twin = m.fresh(t, nil), m.fresh(t, nil)
		last := 0.0
		pass := func() {
			m.now++
			m.do(t, func(e *rules.Engine) []rules.AlertEvent { return e.Tick(at(time.Duration(m.now) * time.Second)) })
		}
		pass()
		read := func(level float64) {
			last, m.known = level, true
			m.do(t, func(e *rules.Engine) []rules.AlertEvent { return e.Apply(gasAt(level, m.now)) })
		}
		t.Repeat(map[string]func(*rapid.T){
			"level": func(t *rapid.T) {
				pass()
				read(rapid.SampledFrom([]float64{0, 4, 12, 18, 22, 35, 55, 65, 75, 90}).Draw(t, "level"))
			},
			"unknown": func(t *rapid.T) {
				pass()
				m.known = false
				m.do(t, func(e *rules.Engine) []rules.AlertEvent {
					bad := device.BadReading(gasSite()[0].Points[0], device.Timeout, at(time.Duration(m.now)*time.Second))
					return e.Apply([]device.Reading{bad})
				})
			},
			"wait": func(t *rapid.T) {
				for range rapid.SampledFrom([]int{1, 5, 12, 70, 2000}).Draw(t, "seconds") {
					pass()
					if m.known {
						read(last)
					}
				}
			},
			"flicker": func(t *rapid.T) {
				for range 4 {
					pass()
					read(35)
					pass()
					read(0)
				}
			},
			"emergency": func(t *rapid.T) {
				on := rapid.Bool().Draw(t, "on")
				m.do(t, func(e *rules.Engine) []rules.AlertEvent {
					return e.SetEmergency(on, at(time.Duration(m.now)*time.Second))
				})
			},
			"reset": func(t *rapid.T) {
				for _, a := range m.engine.Active() {
					m.do(t, func(e *rules.Engine) []rules.AlertEvent {
						return e.Reset(a.Alert, at(time.Duration(m.now)*time.Second))
					})
				}
			},
			"restart": func(t *rapid.T) { // of the twin alone; its values come back with the next reading
				data, err := m.twin.Snapshot()
				if err != nil {
					t.Fatal(err)
				}
				m.twin = m.fresh(t, data)
				if a, b := short(m.engine.Active()), short(m.twin.Active()); a != b {
					t.Fatalf("active\n%s\nafter a restart\n%s", a, b)
				}
				if m.known {
					m.do(t, func(e *rules.Engine) []rules.AlertEvent { return e.Apply(gasAt(last, m.now)) })
				}
			},
		})
	})
}
