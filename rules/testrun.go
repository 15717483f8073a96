package rules

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/drivers/device"
)

// A TestReport is what came of one test file.
type TestReport struct {
	File     string           `json:"file"`
	Problems configs.Problems `json:"problems,omitempty"` // mistakes in the file itself: nothing ran, and it counts as one failure
	Results  []TestResult     `json:"results"`
	Passed   int              `json:"passed"`
	Failed   int              `json:"failed"`
}

// A TestResult is what came of one test.
type TestResult struct {
	Name      string        `json:"name"`
	Line      int           `json:"line"`
	Failures  []Failure     `json:"failures,omitempty"`
	Simulated time.Duration `json:"simulatedNs"` // how long it lasted in its own time
	Events    int           `json:"events"`      // alert events that it caused
}

// A Failure is one thing that was not as expected.
type Failure struct {
	Line     int    `json:"line"`
	At       string `json:"at"`    // since the test's start: "+6h0m0s"
	Field    string `json:"field"` // "R16/gas-1 state"
	Expected string `json:"expected"`
	Actual   string `json:"actual"`
	Note     string `json:"note,omitempty"` // what the rule saw
}

// RunTests plays a test file against a set of rules. All tests run, whatever fails.
func RunTests(set *Set, src Source) TestReport {
	report := TestReport{File: src.Name}
	file, plans, problems := readTests(set, src)
	if problems.Fatal() != nil {
		report.Problems, report.Failed = problems, 1
		return report
	}
	for i, plan := range plans {
		path := fmt.Sprintf("$.tests[%d]", i)
		run := &testRun{plan: plan, set: set, file: file, path: path}
		result := run.play()
		result.Line = file.Problem(path+".name", "", "").Line
		if len(result.Failures) == 0 {
			report.Passed++
		} else {
			report.Failed++
		}
		report.Results = append(report.Results, result)
	}
	return report
}

// A testRun is one test being played.
type testRun struct {
	plan   testPlan
	set    *Set
	file   *configs.File
	path   string
	engine *Engine
	points map[device.Key]*testPoint
	silent map[string]bool
	events []AlertEvent
	result TestResult
}

// A testPoint is what a device would answer: a value, or a line towards one.
type testPoint struct {
	valueText
	from  float64
	start time.Duration // of the ramp
	over  time.Duration
}

func (p *testPoint) at(t time.Duration) float64 {
	if t >= p.start+p.over {
		return p.Value
	}
	return p.from + (p.Value-p.from)*float64(t-p.start)/float64(p.over)
}

func (r *testRun) play() TestResult {
	r.result = TestResult{Name: r.plan.text.Name}
	r.points, r.silent = map[device.Key]*testPoint{}, map[string]bool{}
	var err error
	if r.engine, err = NewEngine(r.set, r.plan.devices, r.plan.text.Overrides); err != nil {
		r.fail(r.path+".overrides", 0, Failure{Field: "engine", Expected: "starts", Actual: err.Error()})
		return r.result
	}
	next := time.Duration(0) // the next poll
	for i, at := range r.plan.steps {
		for ; next < at; next += r.plan.poll {
			r.read(next)
		}
		r.step(i, at)
		if next == at {
			next += r.plan.poll
		}
		r.result.Simulated = at
	}
	r.result.Events = len(r.events)
	return r.result
}

func (r *testRun) fail(path string, at time.Duration, f Failure) {
	f.Line, f.At = r.file.Problem(path, "", "").Line, "+"+at.String()
	r.result.Failures = append(r.result.Failures, f)
}

// read polls every device that is not silent, and ticks.
func (r *testRun) read(at time.Duration) {
	now := r.plan.start.Add(at)
	for _, d := range r.plan.devices {
		if r.silent[d.ID] {
			continue
		}
		var rs []device.Reading
		for _, p := range d.Points {
			v, ok := r.points[p.Key()]
			switch {
			case !ok:
			case v.Quality == device.Bad:
				rs = append(rs, device.BadReading(p, v.Reason, now))
			default:
				rs = append(rs, device.Reading{Device: d.ID, Point: p.Name, Value: v.at(at), Quality: v.Quality, Reason: v.Reason, Time: now})
			}
		}
		r.events = append(r.events, r.engine.Apply(rs)...)
	}
	r.events = append(r.events, r.engine.Tick(now)...)
}

func (r *testRun) step(i int, at time.Duration) {
	s, path := r.plan.text.Steps[i], fmt.Sprintf("%s.steps[%d]", r.path, i)
	if s.Restart {
		r.restart(path, at)
	}
	for name, v := range s.Set {
		r.points[key(name)] = &testPoint{valueText: v}
		delete(r.silent, key(name).Device)
	}
	for name, ramp := range s.Ramp {
		p := &testPoint{valueText: valueText{Value: ramp.To, Quality: device.Good}, from: ramp.To, start: at}
		if old, ok := r.points[key(name)]; ok {
			p.from = old.at(at)
		}
		p.over, _ = time.ParseDuration(ramp.Over) // checked when the file was read
		r.points[key(name)] = p
	}
	for _, id := range s.Silent {
		r.silent[id] = true
	}
	r.read(at)
	if rule, subject, ok := strings.Cut(s.Reset, "/"); ok {
		_, a := r.engine.find(rule, subject)
		r.events = append(r.events, r.engine.Reset(a.ID, r.plan.start.Add(at))...)
	}
	for j, e := range s.Expect {
		r.expect(fmt.Sprintf("%s.expect[%d]", path, j), at, e)
	}
}

// restart goes through what a gateway keeps on disk.
func (r *testRun) restart(path string, at time.Duration) {
	data, err := r.engine.Snapshot()
	if err == nil {
		if r.engine, err = NewEngine(r.set, r.plan.devices, r.plan.text.Overrides); err == nil {
			err = r.engine.Restore(data)
		}
	}
	if err != nil {
		r.fail(path+".restart", at, Failure{Field: "restart", Expected: "works", Actual: err.Error()})
	}
}

// find is the alert of a rule for a subject; a rule that does not judge the subject's kind has an empty one.
func (e *Engine) find(rule, subject string) (*subject, *alert) {
	for _, s := range e.subjects {
		for _, a := range s.alerts {
			if s.device.ID == subject && a.rule.text.ID == rule {
				return s, a
			}
		}
	}
	return nil, &alert{}
}

func (r *testRun) expect(path string, at time.Duration, want expectText) {
	s, a := r.engine.find(want.Rule, want.Subject)
	name := want.Rule + "/" + want.Subject
	differ := func(field, key, expected, actual string) {
		f := Failure{Field: name + " " + field, Expected: expected, Actual: actual}
		if s != nil {
			f.Note = r.engine.note(s, a, r.plan.start.Add(at))
		}
		r.fail(path+"."+key, at, f)
	}
	last, fired := r.last(want.Rule, want.Subject)
	state := string(a.State)
	if state == "" {
		state = "none"
	}
	if state == "none" && want.State == string(Resolved) && last.State == Resolved {
		state = string(Resolved)
	}
	if state != want.State {
		differ("state", "state", want.State, state)
		return
	}
	if want.Since != "" {
		since, _ := time.ParseDuration(want.Since) // checked when the file was read
		if got := last.Since.Sub(r.plan.start); got != since {
			differ("since", "since", "+"+since.String(), "+"+got.String())
		}
	}
	if want.Message != "" && !strings.Contains(last.Message.ZH, want.Message) && !strings.Contains(last.Message.EN, want.Message) {
		differ("message", "message", "…"+want.Message+"…", last.Message.ZH+" | "+last.Message.EN)
	}
	if want.Shadow != nil && *want.Shadow != last.Shadow {
		differ("shadow", "shadow", strconv.FormatBool(*want.Shadow), strconv.FormatBool(last.Shadow))
	}
	if want.Actions != nil {
		if got := actionWords(fired.Actions); !slices.Equal(got, slices.Sorted(slices.Values(want.Actions))) {
			differ("actions", "actions", strings.Join(want.Actions, " "), strings.Join(got, " "))
		}
	}
}

// last are the last event of an alert, and the last one that fired.
func (r *testRun) last(rule, subject string) (last, fired AlertEvent) {
	for _, ev := range r.events {
		if ev.Rule == rule && ev.Subject == subject {
			last = ev
			if ev.State == Firing {
				fired = ev
			}
		}
	}
	return last, fired
}

func actionWords(actions []Action) []string {
	words := map[string]bool{}
	for _, a := range actions {
		words[a.Device+"."+a.Point+"="+strconv.FormatFloat(a.Value, 'g', -1, 64)] = true
	}
	return slices.Sorted(maps.Keys(words))
}

// note says what a rule sees, for the author of a test.
func (e *Engine) note(s *subject, a *alert, now time.Time) string {
	f := e.see(s, now.UnixMilli())
	f.maxAge = e.maxAge(s, a.rule)
	words := []string{"expr is " + a.rule.expr.cond(f).String()}
	if better := a.better(); better != nil {
		words = append(words, "gives way to "+better.rule.text.ID)
	}
	if a.rule.clear != nil {
		words = append(words, "clear is "+a.rule.clear.cond(f).String())
	}
	for _, ev := range e.evidence(a.rule, f) {
		t := unitType(ev.Unit)
		if v := sessionValueNamed(ev.Name); v != nil {
			t = v.typ
		}
		word := ev.Name + " = " + t.format(ev.Value, en)
		if ev.Quality != device.Good {
			word += " (" + ev.Quality.String() + " " + ev.Reason.String() + ")"
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}
