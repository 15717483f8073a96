package health_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/health"
)

// site is one device, read at its interval, and a minute's ticks.
type site struct {
	*health.Watch
	dev     device.Device
	at      time.Time
	every   time.Duration
	ticked  time.Time
	scores  []float64
	notices []health.Notice
}

func siteOf(d device.Device) *site {
	if d.Poll == 0 {
		d.Poll = 5 * time.Second
	}
	for i := range d.Points {
		d.Points[i].Device = d.ID
	}
	start := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	return &site{Watch: health.New([]device.Device{d}, time.UTC), dev: d, at: start, ticked: start, every: d.Poll}
}

// run reads the device for a while; value answers the value of a point at a time.
func (s *site) run(d time.Duration, value func(at time.Time, p device.Point) device.Reading) {
	for end := s.at.Add(d); s.at.Before(end); {
		s.at = s.at.Add(s.every)
		rs := make([]device.Reading, len(s.dev.Points))
		for i, p := range s.dev.Points {
			rs[i] = value(s.at, p)
			rs[i].Device, rs[i].Point, rs[i].Time = p.Device, p.Name, s.at
		}
		s.Observe(rs)
		for s.at.Sub(s.ticked) >= time.Minute {
			s.ticked = s.ticked.Add(time.Minute)
			rs, notices := s.Tick(s.ticked)
			for _, r := range rs {
				s.scores = append(s.scores, r.Value)
			}
			s.notices = append(s.notices, notices...)
		}
	}
}

func (s *site) view(t *testing.T) (int, string) {
	t.Helper()
	v, ok := s.Of(s.dev.ID)
	if !ok {
		t.Fatal("nothing is known")
	}
	var words []string
	for _, r := range v.Reasons {
		words = append(words, r.EN)
	}
	return v.Score, strings.Join(words, "; ")
}

func (s *site) want(t *testing.T, score int, reasons string) {
	t.Helper()
	if got, why := s.view(t); got != score || why != reasons {
		t.Errorf("%v: %d %q, want %d %q", s.at.Format("01-02 15:04"), got, why, score, reasons)
	}
}

func ok(v float64) device.Reading { return device.Reading{Value: v, Quality: device.Good} }

func constant(values map[string]float64) func(time.Time, device.Point) device.Reading {
	return func(_ time.Time, p device.Point) device.Reading { return ok(values[p.Name]) }
}

func lost(_ time.Time, p device.Point) device.Reading {
	return device.BadReading(p, device.Timeout, time.Time{})
}

func socket() device.Device {
	return device.Device{ID: "A-03.1", Name: "A-03", Kind: "socket", Points: []device.Point{{Name: "voltage", Unit: "V"}, {Name: "power", Unit: "W"}, {Name: "energy", Unit: "kWh"}}}
}

func TestADeviceThatDoesNotAnswer(t *testing.T) {
	s := siteOf(socket())
	s.run(time.Hour, constant(map[string]float64{"voltage": 228, "power": 300}))
	s.want(t, 100, "")
	s.run(15*time.Second, lost)
	s.want(t, 75, "does not answer")
	s.run(time.Hour, lost)
	if len(s.notices) != 0 {
		t.Errorf("its state told it already: %v", s.notices)
	}
	s.run(11*time.Hour-15*time.Second, lost)
	s.want(t, 55, "does not answer; offline 50 % of 24 h")
	if len(s.notices) != 1 || s.notices[0].Text.ZH != "A-03 可信度 100 → 73 分：没有应答；近 24 小时离线 5 %" {
		t.Errorf("notices %+v", s.notices)
	}
	s.run(9*time.Minute, constant(map[string]float64{"voltage": 228}))
	s.want(t, 55, "does not answer; offline 50 % of 24 h")
	s.run(2*time.Minute, constant(map[string]float64{"voltage": 228}))
	s.want(t, 80, "offline 50 % of 24 h")
	s.run(25*time.Hour, constant(map[string]float64{"voltage": 228}))
	s.want(t, 100, "")
	if n := len(s.notices); n < 2 || n > 4 || !strings.HasSuffix(s.notices[n-1].Text.EN, "→ 100: well again") {
		t.Errorf("%d notices, the last %+v", n, s.notices[n-1])
	}
}

func gas() device.Device {
	return device.Device{ID: "gas-1", Kind: "gas", Labels: map[string]string{"installed": "2025-01-15", "tested": "2026-01-10"},
		Points: []device.Point{{Name: "status"}, {Name: "level", Unit: "%LEL"}}, Poll: 10 * time.Second}
}

// A week of a kitchen: noise of ±0.3 %LEL, and a whiff at each meal.
func TestAHealthyKitchen(t *testing.T) {
	s := siteOf(gas())
	random := rand.New(rand.NewPCG(1, 2))
	s.run(7*24*time.Hour, func(at time.Time, p device.Point) device.Reading {
		if p.Name == "status" {
			return ok(0)
		}
		level := 0.5 + 0.3*random.NormFloat64()
		if h := at.Hour(); (h == 7 || h == 11 || h == 18) && at.Minute() < 40 {
			level += 4 * random.Float64()
		}
		return ok(level)
	})
	s.want(t, 100, "")
	if len(s.notices) != 0 {
		t.Errorf("notices %+v", s.notices)
	}
}

func TestADetectorThatDrifts(t *testing.T) {
	for _, c := range []struct {
		zero  float64
		score int
		words string
	}{{1.5, 100, ""}, {2.6, 85, "zero drifted by more than 2 %LEL"}, {-2.6, 85, "zero drifted by more than 2 %LEL"},
		{4, 60, "zero off by more than 3 %LEL; zero drifted by more than 2 %LEL"}} {
		s := siteOf(gas())
		s.run(4*24*time.Hour, constant(map[string]float64{"level": c.zero}))
		s.want(t, c.score, c.words)
	}
}

func TestADetectorThatIsNoisy(t *testing.T) {
	s := siteOf(gas())
	random := rand.New(rand.NewPCG(1, 2))
	s.run(24*time.Hour, func(_ time.Time, p device.Point) device.Reading {
		if p.Name == "status" {
			return ok(0)
		}
		return ok(1 + 1.8*(2*random.Float64()-1)*1.6)
	})
	s.want(t, 85, "noisy at rest")
}

func TestWhatASensorSaysOfItself(t *testing.T) {
	door := device.Device{ID: "d", Kind: "door", Poll: time.Second, Points: []device.Point{{Name: "contact"}, {Name: "rex"}}}
	camera := device.Device{ID: "c", Kind: "camera", Points: []device.Point{{Name: "frozen"}, {Name: "bitrate"}, {Name: "clock_offset", Unit: "s"}}}
	stuck := func(_ time.Time, p device.Point) device.Reading {
		return device.Reading{Value: 1, Quality: device.Uncertain, Reason: device.Stuck}
	}
	late := gas()
	late.Labels["tested"] = "2025-05-01"
	n := 0
	for _, c := range []struct {
		name  string
		dev   device.Device
		first func(time.Time, device.Point) device.Reading
		then  func(time.Time, device.Point) device.Reading
		for_  time.Duration
		score int
		words string
	}{
		{"fault", gas(), nil, constant(map[string]float64{"status": 3}), 10 * time.Second, 75, "reports a fault"},
		{"high alarm", gas(), nil, constant(map[string]float64{"status": 2, "level": 60}), time.Minute, 100, ""},
		{"overdue", late, nil, constant(nil), time.Minute, 90, "due for a test or replacement"},
		{"stuck", socket(), nil, stuck, time.Minute, 85, "value stuck"},
		{"undervoltage", socket(), nil, constant(map[string]float64{"voltage": 160}), 2 * time.Minute, 85, "voltage outside 176–276 V"},
		{"a dip", socket(), nil, constant(map[string]float64{"voltage": 160}), 30 * time.Second, 100, ""},
		{"chatter", door, nil, func(at time.Time, _ device.Point) device.Reading { return ok(float64(at.Second() / 5 % 2)) }, 2 * time.Minute, 85, "door contact chatters"},
		{"people at a door", door, nil, func(at time.Time, _ device.Point) device.Reading { return ok(float64(at.Minute() % 2)) }, time.Hour, 100, ""},
		{"frozen", camera, nil, constant(map[string]float64{"frozen": 1, "bitrate": 2000}), 2 * time.Minute, 75, "picture frozen"},
		{"collapsed", camera, constant(map[string]float64{"bitrate": 2000}), constant(map[string]float64{"bitrate": 100}), 6 * time.Minute, 85, "bitrate collapsed"},
		{"night scene", camera, constant(map[string]float64{"bitrate": 2000}), constant(map[string]float64{"bitrate": 700}), time.Hour, 100, ""},
		{"clock", camera, nil, constant(map[string]float64{"bitrate": 2000, "clock_offset": -90}), time.Minute, 85, "clock off by more than 60 s"},
		{"jumps", socket(), nil, func(_ time.Time, p device.Point) device.Reading {
			if n++; n%3 == 1 && n < 30 {
				return device.Reading{Value: 1, Quality: device.Uncertain, Reason: device.RateExceeded}
			}
			return ok(228)
		}, 2 * time.Minute, 85, "values jump"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := siteOf(c.dev)
			if c.first != nil {
				s.run(2*time.Hour, c.first)
			}
			s.run(c.for_, c.then)
			s.Tick(s.at)
			s.want(t, c.score, c.words)
		})
	}
}

// A door that is used and whose contact never moves; one that nobody uses is well.
func TestADeadContact(t *testing.T) {
	for _, use := range []bool{true, false} {
		s := siteOf(device.Device{ID: "d", Kind: "door", Poll: 20 * time.Second, Points: []device.Point{{Name: "contact"}, {Name: "rex"}}})
		s.run(8*24*time.Hour, func(at time.Time, p device.Point) device.Reading {
			return ok(map[bool]float64{true: float64(at.Minute() / 30)}[use && p.Name == "rex"])
		})
		score, _ := s.view(t)
		if (score == 85) != use {
			t.Errorf("used %v: %d", use, score)
		}
	}
}

func TestPortsAndTheirFeeder(t *testing.T) {
	for _, c := range []struct{ feeder, want float64 }{{610, 100}, {900, 85}} {
		var devices []device.Device
		for i := range 2 {
			devices = append(devices, device.Device{ID: fmt.Sprint("s", i), Kind: "socket", Labels: map[string]string{"feeder": "m"}, Poll: time.Minute,
				Points: []device.Point{{Name: "power", Unit: "W"}}})
		}
		devices = append(devices, device.Device{ID: "m", Kind: "meter", Poll: time.Minute, Points: []device.Point{{Name: "power", Unit: "W"}}})
		w := health.New(devices, time.UTC)
		at := time.Unix(1_700_000_000, 0)
		for range 70 {
			at = at.Add(time.Minute)
			w.Observe([]device.Reading{{Device: "s0", Point: "power", Value: 300, Quality: device.Good, Time: at}})
			w.Observe([]device.Reading{{Device: "s1", Point: "power", Value: 300, Quality: device.Good, Time: at}})
			w.Observe([]device.Reading{{Device: "m", Point: "power", Value: c.feeder, Quality: device.Good, Time: at}})
			w.Tick(at)
		}
		if v, _ := w.Of("m"); float64(v.Score) != c.want {
			t.Errorf("feeder at %v W: %+v", c.feeder, v)
		}
	}
}

// The score stays in 0…100 and never rises by another cause.
func TestScoreIsMonotone(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		off, late, r := 1.4*random.Float64()-0.2, 1.4*random.Float64()-0.2, health.Reasons(random.Uint32())
		s := health.Score(off, late, r)
		if s < 0 || s > 100 {
			t.Fatalf("%d", s)
		}
		for _, worse := range []int{health.Score(off+0.1, late, r), health.Score(off, late+0.1, r), health.Score(off, late, r|1<<random.IntN(19))} {
			if worse > s {
				t.Fatalf("%v %v %b: %d, then %d", off, late, r, s, worse)
			}
		}
	}
	if health.Score(1, 1, ^health.Reasons(0)) != 0 || health.Score(0, 0, 0) != 100 {
		t.Error("the ends are wrong")
	}
}

// A cause that comes and goes every few minutes makes no more than one notice per hour, and no score that flaps.
func TestNothingFlaps(t *testing.T) {
	s := siteOf(socket())
	s.run(6*time.Hour, func(at time.Time, p device.Point) device.Reading {
		if p.Name == "energy" && at.Minute()/3%2 == 0 {
			return device.Reading{Value: 1, Quality: device.Uncertain, Reason: device.Stuck}
		}
		return ok(228)
	})
	if len(s.notices) != 1 {
		t.Errorf("%d notices: %+v", len(s.notices), s.notices)
	}
	changes := 0
	for i := range s.scores[1:] {
		if s.scores[i] != s.scores[i+1] {
			changes++
		}
	}
	if changes > 1 {
		t.Errorf("the score changed %d times", changes)
	}
}

// A line that dies is one cause, not sixty messages.
func TestNoticesAreFew(t *testing.T) {
	var devices []device.Device
	for i := range 60 {
		d := socket()
		d.ID = fmt.Sprint("s", i)
		devices = append(devices, d)
	}
	w := health.New(devices, time.UTC)
	at, told := time.Unix(1_700_000_000, 0), 0
	for range 180 {
		at = at.Add(time.Minute)
		for _, d := range devices {
			var rs []device.Reading
			for _, p := range d.Points {
				p.Device = d.ID
				rs = append(rs, device.BadReading(p, device.ChannelDown, at))
			}
			w.Observe(rs)
		}
		_, notices := w.Tick(at)
		told += len(notices)
	}
	if told == 0 || told > 40 {
		t.Errorf("%d notices in 3 h", told)
	}
}

func TestWhatARestartKeeps(t *testing.T) {
	s := siteOf(socket())
	s.run(12*time.Hour, lost)
	data, err := s.Memory()
	if err != nil {
		t.Fatal(err)
	}
	next := siteOf(socket())
	next.at, next.ticked = s.at, s.ticked
	if err := next.Restore(data); err != nil {
		t.Fatal(err)
	}
	next.run(5*time.Minute, constant(map[string]float64{"voltage": 228}))
	next.want(t, 80, "offline 50 % of 24 h")
	if len(next.notices) != 0 {
		t.Errorf("told again: %+v", next.notices)
	}
	if next.Restore([]byte("nonsense")) == nil {
		t.Error("nonsense was taken")
	}
}

// 10,000 points cost less than 5 MiB, and a read is seen without an allocation.
func TestMemory(t *testing.T) {
	var devices []device.Device
	for i := range 2500 {
		devices = append(devices, device.Device{ID: fmt.Sprint("d", i), Kind: "gas", Points: []device.Point{{Name: "level", Unit: "%LEL"}, {Name: "status"}, {Name: "a"}, {Name: "b"}}})
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	w := health.New(devices, time.UTC)
	at := time.Unix(1_700_000_000, 0)
	rs := []device.Reading{{Device: "d7", Point: "level", Quality: device.Good}, {Device: "d7", Point: "status", Quality: device.Good},
		{Device: "d7", Point: "a", Quality: device.Good}, {Device: "d7", Point: "b", Quality: device.Good}}
	if n := testing.AllocsPerRun(1000, func() {
		at = at.Add(time.Second)
		for i := range rs {
			rs[i].Time = at
		}
		w.Observe(rs)
	}); n != 0 {
		t.Errorf("%v allocations per read", n)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > 5<<20 {
		t.Errorf("%d bytes", used)
	} else {
		t.Logf("%d bytes for 10,000 points", used)
	}
	runtime.KeepAlive(w)
}
