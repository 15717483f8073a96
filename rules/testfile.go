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

// testFile is configs/rules/<area>_test.yaml.
type testFile struct {
	Tests []testText `yaml:"tests"`
}

// testText is one test: devices, and what happens to them. Between the steps every device is read each poll.
type testText struct {
	Name      string              `yaml:"name"`
	Start     string              `yaml:"start"` // RFC 3339; any time will do
	Poll      string              `yaml:"poll"`  // default 5s
	Devices   []deviceText        `yaml:"devices"`
	Overrides map[string]Override `yaml:"overrides"`
	Steps     []stepText          `yaml:"steps"`
}

type deviceText struct {
	ID     string            `yaml:"id"`
	Name   string            `yaml:"name"`
	Kind   string            `yaml:"kind"`
	Zone   string            `yaml:"zone"`
	Place  string            `yaml:"place"`
	Labels map[string]string `yaml:"labels"`

	Channel string `yaml:"channel"` // the id of a device of kind channel
}

// stepText happens at one time, in the order of its keys here.
type stepText struct {
	At        string `yaml:"at"`        // since start
	Emergency *bool  `yaml:"emergency"` // the site goes to 急 mode, or back to 平

	Restart bool                 `yaml:"restart"` // the gateway is stopped and started: snapshot, new engine, restore
	Set     map[string]valueText `yaml:"set"`     // device.point: value, from now on
	Ramp    map[string]rampText  `yaml:"ramp"`    // device.point: on a straight line to a value
	Silent  []string             `yaml:"silent"`  // devices that nobody reads from now on, until set again
	Reset   string               `yaml:"reset"`   // "R16/gas-1": a person resets the alert at the site
	Expect  []expectText         `yaml:"expect"`
}

type rampText struct {
	To   float64 `yaml:"to"`
	Over string  `yaml:"over"`
}

// expectText is what must be so; only the fields that are written are compared.
type expectText struct {
	Rule    string   `yaml:"rule"`
	Subject string   `yaml:"subject"`
	State   string   `yaml:"state"`   // none, pending, firing, resolved (it fired, and is over)
	Since   string   `yaml:"since"`   // when its condition became true, since start
	Actions []string `yaml:"actions"` // "valve-1.open=0", of its last event that fired
	Forbids []string `yaml:"forbids"` // likewise: the writes that it forbids
	Message string   `yaml:"message"` // a part of the message, in Chinese or English
	Shadow  *bool    `yaml:"shadow"`

	Level    *int                 `yaml:"level"` // rung of the ladder, of its last event; 0 as it began
	Severity string               `yaml:"severity"`
	Shelved  *bool                `yaml:"shelved"`
	Evidence map[string]proofText `yaml:"evidence"` // name: number or unknown, of its last event
}

// valueText is a number, or {value: 26, quality: bad, reason: timeout}.
type valueText struct {
	Value   float64
	Quality device.Quality
	Reason  device.Reason
	mistake string // told when the test is checked, where the place is known
}

// UnmarshalYAML reads either form.
func (v *valueText) UnmarshalYAML(unmarshal func(any) error) error {
	if err := unmarshal(&v.Value); err == nil {
		v.Quality = device.Good
		return nil
	}
	var long struct {
		Value   float64 `yaml:"value"`
		Quality string  `yaml:"quality"`
		Reason  string  `yaml:"reason"`
	}
	if err := unmarshal(&long); err != nil {
		v.mistake = "wants a number, or {value: 26, quality: bad, reason: timeout}"
		return nil
	}
	reason, known := device.ParseReason(long.Reason)
	if !known {
		v.mistake = fmt.Sprintf("reason %q is not known", long.Reason)
	}
	v.Value, v.Reason = long.Value, reason
	for _, q := range []device.Quality{device.Bad, device.Uncertain, device.Good} {
		if q.String() == long.Quality {
			v.Quality = q
			return nil
		}
	}
	v.mistake = fmt.Sprintf("quality %q is not known: good, uncertain or bad", long.Quality)
	return nil
}

// A testPlan is a checked test.
type testPlan struct {
	text    testText
	start   time.Time
	poll    time.Duration
	devices []device.Device
	steps   []time.Duration // the times of the steps
}

// maxPolls bounds a test: eleven days at one poll a second.
const maxPolls = 1_000_000

// plan checks a test; told says where a mistake is.
func (t testText) plan(set *Set, told func(path, message, hint string)) testPlan {
	p := testPlan{text: t, start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), poll: defaultPoll}
	if t.Name == "" {
		told("", "the test has no name", `name: 25 %LEL fires at once`)
	}
	if t.Start != "" {
		at, err := time.Parse(time.RFC3339, t.Start)
		if err != nil {
			told(".start", fmt.Sprintf("%q is no time", t.Start), "2026-11-22T08:00:00+08:00, for example")
		}
		p.start = at
	}
	if t.Poll != "" {
		p.poll = testPeriod(".poll", t.Poll, told)
		if p.poll <= 0 {
			told(".poll", "poll must be above 0", "5s")
			p.poll = defaultPoll
		}
	}
	p.devices = t.devices(p.poll, told)
	var last time.Duration
	for i, step := range t.Steps {
		path := fmt.Sprintf(".steps[%d]", i)
		at := testPeriod(path+".at", step.At, told)
		if at < last {
			told(path+".at", "steps go forward in time", "")
		}
		if at/p.poll > maxPolls {
			told(path+".at", fmt.Sprintf("more than %d polls", maxPolls), "a longer poll")
		}
		last = max(at, last)
		p.steps = append(p.steps, at)
		step.check(path, set, p.devices, told)
	}
	return p
}

func testPeriod(path, s string, told func(path, message, hint string)) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		told(path, fmt.Sprintf("%q is no time since the start", s), "0s, 90s, 6h30m")
		return 0
	}
	return d
}

// devices makes devices with every point of their kind.
func (t testText) devices(poll time.Duration, told func(path, message, hint string)) []device.Device {
	var devices []device.Device
	for i, text := range t.Devices {
		path := fmt.Sprintf(".devices[%d]", i)
		k := kindNamed(text.Kind)
		if k == nil {
			told(path+".kind", fmt.Sprintf("unknown kind %q", text.Kind), nearest(text.Kind, kindNames()))
			continue
		}
		if text.ID == "" || slices.ContainsFunc(devices, func(d device.Device) bool { return d.ID == text.ID }) {
			told(path+".id", fmt.Sprintf("device id %q is missing or there twice", text.ID), "")
		}
		d := device.Device{ID: text.ID, Name: text.Name, Kind: text.Kind, Zone: text.Zone, Place: text.Place, Labels: text.Labels, Channel: text.Channel, Poll: poll}
		for _, p := range k.points {
			point := device.Point{Device: d.ID, Name: p.name, Unit: p.unit}
			if p.command != nil { // what a rule may not write, somebody else may, and a rule may forbid
				point.Writable = []float64{0, 1}
			}
			d.Points = append(d.Points, point)
		}
		devices = append(devices, d)
	}
	return devices
}

// key splits "A-03.1.power" into device and point; ids may hold dots, points do not.
func key(s string) device.Key {
	i := strings.LastIndexByte(s, '.')
	return device.Key{Device: s[:max(i, 0)], Point: s[i+1:]}
}

func (s stepText) check(path string, set *Set, devices []device.Device, told func(path, message, hint string)) {
	var keys, ids []string
	for _, d := range devices {
		ids = append(ids, d.ID)
		for _, p := range d.Points {
			keys = append(keys, d.ID+"."+p.Name)
		}
	}
	subjects := subjectsOf(devices)
	known := func(path, word string, words []string, what string) {
		if !slices.Contains(words, word) {
			told(path, fmt.Sprintf("there is no %s %q in this test", what, word), nearest(word, words))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(s.Set)) {
		known(path+".set.'"+k+"'", k, keys, "point")
		if m := s.Set[k].mistake; m != "" {
			told(path+".set.'"+k+"'", m, "")
		}
	}
	for _, k := range slices.Sorted(maps.Keys(s.Ramp)) {
		known(path+".ramp.'"+k+"'", k, keys, "point")
		testPeriod(path+".ramp.'"+k+"'.over", s.Ramp[k].Over, told)
	}
	for i, id := range s.Silent {
		known(fmt.Sprintf("%s.silent[%d]", path, i), id, ids, "device")
	}
	if rule, subject, ok := strings.Cut(s.Reset, "/"); s.Reset != "" {
		known(path+".reset", rule, set.ids(), "rule")
		known(path+".reset", subject, subjects, "device")
		if !ok {
			told(path+".reset", "reset names rule and device", "R16/gas-1")
		}
	}
	for i, e := range s.Expect {
		path := fmt.Sprintf("%s.expect[%d]", path, i)
		known(path+".rule", e.Rule, set.ids(), "rule")
		known(path+".subject", e.Subject, subjects, "device")
		e.check(path, told)
	}
}

func (e expectText) check(path string, told func(path, message, hint string)) {
	if states := []string{"none", string(Pending), string(Firing), string(Resolved)}; !slices.Contains(states, e.State) {
		told(path+".state", fmt.Sprintf("state %q is not known", e.State), nearest(e.State, states))
	}
	if e.Since != "" {
		testPeriod(path+".since", e.Since, told)
	}
	if all := []string{"", string(SeverityA), string(SeverityB), string(SeverityC)}; !slices.Contains(all, e.Severity) {
		told(path+".severity", fmt.Sprintf("severity %q is not known", e.Severity), nearest(e.Severity, all[1:]))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Evidence)) {
		if p := string(e.Evidence[name]); p != "unknown" {
			if _, err := strconv.ParseFloat(p, 64); err != nil {
				told(path+".evidence", fmt.Sprintf("%s: %q is neither a number nor unknown", name, p), "")
			}
		}
	}
}

// subjectsOf are what rules can speak of: the devices, their zones, and the site.
func subjectsOf(devices []device.Device) []string {
	all := []string{}
	for _, d := range devices {
		all = append(all, d.ID)
		if d.Zone != "" && !slices.Contains(all, d.Zone) {
			all = append(all, d.Zone)
		}
	}
	return append(all, "site")
}

// readTests reads and checks a test file.
func readTests(set *Set, src Source) (f *configs.File, plans []testPlan, problems configs.Problems) {
	f, err := configs.Parse(src.Name, src.Data)
	if err != nil {
		return nil, nil, asProblems(err)
	}
	var file testFile
	if problems = asProblems(f.Decode(&file)); problems != nil {
		return f, nil, problems
	}
	for i, t := range file.Tests {
		plans = append(plans, t.plan(set, func(path, message, hint string) {
			problems = append(problems, f.Problem(fmt.Sprintf("$.tests[%d]%s", i, path), message, hint))
		}))
	}
	if len(file.Tests) == 0 {
		problems = configs.Problems{f.Problem("$", "there are no tests", "tests: [{name: …}]")}
	}
	return f, plans, problems
}
