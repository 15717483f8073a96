package rules

import (
	"fmt"
	"iter"
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
	TookMs   float64          `json:"took_ms"` // of all its tests, as their player measured it

	seen map[string]*sight // by rule: what the tests showed of it
}

// A TestResult is what came of one test.
type TestResult struct {
	Name        string    `json:"name"`
	File        string    `json:"file"`
	Line        int       `json:"line"`
	Failures    []Failure `json:"failures,omitempty"`
	SimulatedMs int64     `json:"simulated_ms"` // how long it lasted in its own time
	TookMs      float64   `json:"took_ms"`      // how long it ran, as its player measured it
	Events      int       `json:"events"`       // alert events that it caused
}

// A Failure is one thing that was not as expected.
type Failure struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	At       string `json:"at"`    // since the test's start: "+6h0m0s"
	Field    string `json:"field"` // "R16/gas-1 state"
	Expected string `json:"expected"`
	Actual   string `json:"actual"`
	Note     string `json:"note,omitempty"` // what the rule saw
}

// RunTests plays a test file against a set of rules. All tests run, whatever fails.
func RunTests(set *Set, src Source) TestReport {
	tests := ReadTests(set, src)
	for range tests.All() { // played by being gone through
	}
	return tests.Report()
}

// Tests are the tests of one file, to be played one after the other.
type Tests struct {
	set    *Set
	file   *configs.File
	plans  []testPlan
	report TestReport
}

// ReadTests reads and checks a test file. Its mistakes are in the report; then there is nothing to play.
func ReadTests(set *Set, src Source) *Tests {
	t := &Tests{set: set, report: TestReport{File: src.Name, Results: []TestResult{}, seen: map[string]*sight{}}}
	file, plans, problems := readTests(set, src)
	if problems.Fatal() != nil {
		t.report.Problems, t.report.Failed = problems, 1
		return t
	}
	t.file, t.plans = file, plans
	return t
}

// All plays the tests in order. What is yielded is in the report, so that who measures a test can say how long it ran: there is
// no clock here.
func (t *Tests) All() iter.Seq[*TestResult] {
	return func(yield func(*TestResult) bool) {
		for i, plan := range t.plans {
			path := fmt.Sprintf("$.tests[%d]", i)
			run := &testRun{plan: plan, set: t.set, file: t.file, path: path, seen: t.report.seen}
			result := run.play()
			result.File, result.Line = t.report.File, t.file.Problem(path+".name", "", "").Line
			if len(result.Failures) == 0 {
				t.report.Passed++
			} else {
				t.report.Failed++
			}
			t.report.Results = append(t.report.Results, result)
			if !yield(&t.report.Results[i]) {
				return
			}
		}
	}
}

// Report is what came of the tests that were played.
func (t *Tests) Report() TestReport { return t.report }

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

	restarted bool // since the begin of the test
	seen      map[string]*sight
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
		r.result.SimulatedMs = at.Milliseconds()
	}
	r.result.Events = len(r.events)
	r.look()
	return r.result
}

func (r *testRun) fail(path string, at time.Duration, f Failure) {
	f.File, f.Line, f.At = r.file.Name, r.file.Problem(path, "", "").Line, "+"+at.String()
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
		r.restarted = true
	}
	if s.Emergency != nil {
		r.events = append(r.events, r.engine.SetEmergency(*s.Emergency, r.plan.start.Add(at))...)
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
	r.unknowns(at)
	if rule, subject, ok := strings.Cut(s.Reset, "/"); ok {
		_, a := r.engine.find(rule, subject)
		r.events = append(r.events, r.engine.Reset(a.ID, r.plan.start.Add(at))...)
	}
	for j, e := range s.Expect {
		r.saw(e)
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
