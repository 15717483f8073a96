package app_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/app"
)

var t0 = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestClockMeetsThePresent(t *testing.T) {
	c := app.NewClock(t0, -7*time.Hour-30*time.Minute, 600)
	for _, step := range []struct{ real, want time.Duration }{
		{-time.Minute, -7*time.Hour - 30*time.Minute}, // before T0 it stands
		{0, -7*time.Hour - 30*time.Minute},
		{time.Second, -7*time.Hour - 20*time.Minute},
		{30 * time.Second, -2*time.Hour - 30*time.Minute},
		{46 * time.Second, 46 * time.Second},
		{time.Hour, time.Hour},
	} {
		if got := c.At(t0.Add(step.real)).Sub(t0); got != step.want {
			t.Errorf("%v after T0 it is T0%+v, want %+v", step.real, got, step.want)
		}
	}
	if p := c.Present().Sub(t0); p < 45*time.Second || p > 46*time.Second {
		t.Errorf("meets the present after %v", p)
	}
	if p := app.NewClock(t0, 0, 0); p.At(t0.Add(time.Second)) != t0.Add(time.Second) || p.Present() != t0 {
		t.Error("without a warp it is real time")
	}
}

// stage plays the demo against a clock that the test turns.
type stage struct {
	site *app.Site
	now  time.Time
	out  bytes.Buffer
}

func play(t *testing.T, lang string) *stage {
	t.Helper()
	s, err := app.LoadScenario(demo)
	if err != nil {
		t.Fatal(err)
	}
	st := &stage{now: t0}
	st.site = app.NewSite(s, app.Stage{
		Clock: app.NewClock(t0, time.Duration(s.Begin), s.Warp), Now: func() time.Time { return st.now }, Out: &st.out, Lang: lang,
	})
	return st
}

func (s *stage) at(d time.Duration) app.State {
	s.now = t0.Add(d)
	return s.site.State()
}

func TestTheDemoTellsItsStory(t *testing.T) {
	s := play(t, "zh")
	v := s.at(44 * time.Second).Devices
	over := v["A-03.1"].Values
	if over["power"] < 314 || over["power"] > 345 || over["taken"] < 1.15*1.12 || over["relay"] != 1 {
		t.Errorf("overcharge a second before the present: %v", over)
	}
	if done := v["A-03.2"].Values; done["full"] != 1 || done["power"] > 3 || done["taken"] < 0.74 || done["taken"] > 0.83 {
		t.Errorf("lithium charge: %v", done)
	}
	if done := v["A-04.1"].Values; done["full"] != 1 || done["power"] < 3 || done["power"] > 10 {
		t.Errorf("lead-acid charge: %v", done)
	}
	if late := v["A-04.2"].Values; late["power"] < 300 || late["full"] != 0 {
		t.Errorf("late charge: %v", late)
	}
	sum := v["A-03.1"].Values["power"] + v["A-03.2"].Values["power"] + v["A-04.1"].Values["power"] + v["A-04.2"].Values["power"]
	if base := v["feeder-1"].Values["power"] - sum; base < 150 || base > 210 {
		t.Errorf("feeder shows %.0f W beside its sockets", base)
	}
	if g := v["gas-1802"].Values; g["level"] > 1 || v["valve-1802"].Values["open"] != 1 {
		t.Errorf("before the leak: %v", g)
	}
	for d := 45 * time.Second; d < 56*time.Second; d += 100 * time.Millisecond {
		s.at(d)
	}
	now := s.at(56 * time.Second)
	if g := now.Devices["gas-1802"].Values; g["level"] < 25 || g["status"] != 2 || !now.Present {
		t.Errorf("8 s into the leak: %v, present %v", g, now.Present)
	}
	if g := now.Devices["gas-1803"].Values; g["level"] > 1 {
		t.Errorf("next door: %v", g)
	}
	if err := s.site.Do(app.Event{Device: "valve-1802", Do: "close"}); err != nil {
		t.Fatal(err)
	}
	top := now.Devices["gas-1802"].Values["level"]
	if g := s.at(58 * time.Second).Devices["gas-1802"].Values; g["level"] > top || g["leaking"] != 1 {
		t.Errorf("valve closed at %.0f %%LEL, 2 s later: %v", top, g)
	}
	if g := s.at(2 * time.Minute).Devices["gas-1802"].Values; g["level"] > 5 {
		t.Errorf("a minute later: %v", g)
	}
	for _, line := range []string{
		"11-22 13:50:00  A-03.1 A-03 桩 1:插上 li-48v20ah-5a", "超过容量的 1.15 倍", "A-03.2 A-03 桩 2:充满", "模拟时间追上现在",
		"燃气开始泄漏", "探测器低报", "探测器高报", "1802 燃气阀:燃气阀关闭", "探测器恢复正常",
	} {
		if !strings.Contains(s.out.String(), line) {
			t.Errorf("%q is not said:\n%s", line, s.out.String())
		}
	}
}

func TestTheTimelineKeepsItsTimes(t *testing.T) {
	often, once := play(t, "en"), play(t, "en")
	for d := time.Duration(0); d < 40*time.Second; d += 50 * time.Millisecond {
		often.at(d)
	}
	a, b := often.at(40*time.Second), once.at(40*time.Second)
	for _, id := range []string{"A-03.1", "A-04.2", "feeder-1"} {
		x, y := a.Devices[id].Values, b.Devices[id].Values
		if d := x["energy"] - y["energy"]; d > 0.02 || d < -0.02 || x["power"] != y["power"] {
			t.Errorf("%s: looked at often %v, once %v", id, x, y)
		}
	}
	if !strings.Contains(once.out.String(), "11-22 17:30:00  A-04.2: li-48v20ah-5a plugged in") {
		t.Errorf("an event's time depends on who looks:\n%s", once.out.String())
	}
}

func TestDeeds(t *testing.T) {
	s := play(t, "en")
	s.at(time.Minute)
	for _, c := range []struct {
		e     app.Event
		point string
		want  float64
	}{
		{app.Event{Device: "door-1", Do: "open"}, "contact", 1},
		{app.Event{Device: "door-1", Do: "close"}, "contact", 0},
		{app.Event{Device: "door-1", Do: "exit"}, "rex", 1},
		{app.Event{Device: "door-1", Do: "tamper"}, "tamper", 1},
		{app.Event{Device: "door-1", Do: "fire"}, "fire", 1},
		{app.Event{Device: "A-04.2", Do: "unplug"}, "plugged", 0},
		{app.Event{Device: "A-04.2", Do: "plug", Pack: "li-48v20ah-3a", Curve: "square-wave"}, "plugged", 1},
		{app.Event{Device: "gas-1803", Do: "leak", Rate: 1}, "leaking", 1},
		{app.Event{Device: "gas-1803", Do: "seal"}, "leaking", 0},
		{app.Event{Device: "gas-1803", Do: "break"}, "status", 3},
		{app.Event{Device: "gas-1803", Do: "repair"}, "status", 0},
		{app.Event{Device: "valve-1802", Do: "close"}, "open", 0},
	} {
		if err := s.site.Do(c.e); err != nil {
			t.Errorf("%s %s: %v", c.e.Do, c.e.Device, err)
		}
		if got := s.site.State().Devices[c.e.Device].Values[c.point]; got != c.want {
			t.Errorf("%s %s: %s is %v", c.e.Do, c.e.Device, c.point, got)
		}
	}
	for _, e := range []app.Event{
		{Device: "nobody", Do: "open"}, {Device: "cam-1", Do: "open"}, {Device: "door-1", Do: "plug", Pack: "pb-48v20ah"}, {Device: "door-1", Do: "dance"},
	} {
		if err := s.site.Do(e); err == nil {
			t.Errorf("%s %s was done", e.Do, e.Device)
		}
	}
}
