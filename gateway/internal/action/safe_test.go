package action_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/rules"
)

// sources are the readings that may grow stale.
type sources struct {
	mu sync.Mutex
	by map[device.Key]device.Reading
}

func (s *sources) of(k device.Key) (device.Reading, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.by[k]
	return r, ok
}

// during lets time pass while points are read once in five seconds.
func (s *sources) during(d time.Duration, q device.Quality, keys ...device.Key) {
	for end := time.Now().Add(d); time.Now().Before(end); pass(5 * time.Second) {
		s.mu.Lock()
		for _, k := range keys {
			s.by[k] = device.Reading{Device: k.Device, Point: k.Point, Quality: q, Time: time.Now()}
		}
		s.mu.Unlock()
	}
}

func (f *field) output(id string) action.View {
	all := f.x.Outputs()
	return all[slices.IndexFunc(all, func(v action.View) bool { return v.Device == id })]
}

func (f *field) holder(id string) string {
	if h := f.output(id).Holder; h != nil {
		return h.Owner.String() + " " + h.Who
	}
	return ""
}

// watched runs an executor whose outputs have safe states, at a site with a second gas detector in the kitchen.
func watched(t *testing.T, s *sources, outputs map[device.Key]action.Setting) *field {
	return begin(t, func(c *action.Config) {
		c.Devices = append(c.Devices, device.Device{ID: "g2", Kind: "gas", Zone: "k", Points: []device.Point{{Device: "g2", Name: "level"}}},
			device.Device{ID: "far", Kind: "gas", Zone: "shed", Points: []device.Point{{Device: "far", Name: "level"}}})
		c.Latest, c.Outputs = s.of, outputs
	})
}

var (
	gas1  = device.Key{Device: "g", Point: "level"}
	gas2  = device.Key{Device: "g2", Point: "level"}
	power = device.Key{Device: "A.1", Point: "power"}
)

// TestASafeStateAtTheStart: how an output stands is read first. One that stands safe is left alone, not recorded and not
// locked; one that does not, or cannot be read, is brought there. Neither is held.
func TestASafeStateAtTheStart(t *testing.T) {
	for _, c := range []struct {
		name, want string
		stood      float64
		blind      bool
		locked     time.Duration
	}{
		{name: "safe", stood: 0},
		{name: "not safe", stood: 1, want: "read, write, A.1 intent, A.1 confirmed", locked: 10 * time.Minute},
		{name: "not to be read", stood: 1, blind: true, want: "read, write, A.1 intent, A.1 failed", locked: 10 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var said []string
				f := begin(t, func(cfg *action.Config) {
					cfg.Outputs = map[device.Key]action.Setting{{Device: "A.1", Point: "relay"}: {Safe: &action.Safe{Start: true}, Lockout: 10 * time.Minute},
						{Device: "A.2", Point: "relay"}: {Safe: &action.Safe{Failure: true, Stale: true, After: time.Hour}}}
					read, write := cfg.Read, cfg.Write
					cfg.Read = func(ctx context.Context, k device.Key) (device.Reading, error) {
						said = append(said, "read")
						switch {
						case k.Device == "A.1" && c.blind:
							return device.Reading{Quality: device.Bad}, nil
						case k.Device == "A.1" && len(said) == 1:
							return device.Reading{Value: c.stood, Quality: device.Good}, nil
						}
						return read(ctx, k)
					}
					cfg.Write = func(ctx context.Context, k device.Key, v float64) error {
						said = append(said, "write")
						return write(ctx, k, v)
					}
				})
				defer f.stop()
				synctest.Wait()
				<-f.x.Idle()
				got := f.outcomes()
				if c.want == "" && (got != "" || len(said) != 1) || c.want != "" && (said[0] != "read" || said[1] != "write" || !strings.HasSuffix(c.want, got)) {
					t.Errorf("%v, %s", said, got)
				}
				if h := f.holder("A.1"); h != "" {
					t.Error("held by", h)
				}
				if left := f.output("A.1").LockedFor; left > c.locked || left < c.locked-20*time.Second {
					t.Errorf("locked for %v", left)
				}
			})
		})
	}
}

// TestStaleDetectorsShutTheZone: any one of the zone's detectors, silent or bad for longer than allowed, and not before. When
// they are back the outputs are let go and nothing moves: the valve stays shut, people at the site judge.
func TestStaleDetectorsShutTheZone(t *testing.T) {
	for _, quality := range []device.Quality{device.Bad, device.Uncertain} {
		synctest.Test(t, func(t *testing.T) {
			s := &sources{by: map[device.Key]device.Reading{}}
			f := watched(t, s, map[device.Key]action.Setting{
				{Device: "v", Point: "open"}: {Safe: &action.Safe{Value: 0, Stale: true, After: time.Minute}},
				{Device: "s", Point: "on"}:   {Safe: &action.Safe{Value: 1, Stale: true, After: 2 * time.Minute}}})
			defer f.stop()
			f.set("v", "open", 1)
			s.during(5*time.Minute, device.Good, gas1, gas2) // the shed's says nothing
			if got := f.outcomes(); got != "" {
				t.Error("with good readings:", got)
			}
			go s.during(10*time.Minute, quality, gas2)
			s.during(50*time.Second, device.Good, gas1)
			if got := f.outcomes(); got != "" {
				t.Error("too early:", got)
			}
			s.during(15*time.Second, device.Good, gas1)
			if got := f.outcomes(); got != "v intent, v confirmed" || f.holder("v") != "safety safe-state/stale" {
				t.Error("after a minute:", got, f.holder("v"))
			}
			s.during(65*time.Second, device.Good, gas1)
			if got := f.outcomes(); got != "s intent, s confirmed" || f.holder("s") != "safety safe-state/stale" {
				t.Error("after two:", got, f.holder("s"))
			}
			s.during(10*time.Minute, device.Good, gas1)
			s.during(10*time.Second, device.Good, gas1, gas2)
			if f.holder("v") != "" || f.holder("s") != "" || f.value("v", "open") != 0 || f.value("s", "on") != 1 || f.outcomes() != "" {
				t.Error("back again:", f.holder("v"), f.holder("s"), f.values)
			}
		})
	}
}

// TestADetectorThatWasNeverRead counts from the start.
func TestADetectorThatWasNeverRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sources{by: map[device.Key]device.Reading{}}
		f := watched(t, s, map[device.Key]action.Setting{{Device: "v", Point: "open"}: {Safe: &action.Safe{Stale: true, After: time.Minute}}})
		defer f.stop()
		f.set("v", "open", 1)
		pass(59 * time.Second)
		if f.value("v", "open") != 1 {
			t.Error("too early")
		}
		pass(2 * time.Second)
		if f.value("v", "open") != 0 {
			t.Error("not shut")
		}
	})
}

// TestAStaleSocket is off and held: nobody but a person at the site switches it on, and after the person's time it is off again.
func TestAStaleSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sources{by: map[device.Key]device.Reading{}}
		f := watched(t, s, map[device.Key]action.Setting{{Device: "A.1", Point: "relay"}: {Safe: &action.Safe{Stale: true, After: time.Minute}}})
		defer f.stop()
		f.set("A.1", "relay", 1)
		f.set("A.2", "relay", 1)
		pass(2 * time.Minute)
		if f.value("A.1", "relay") != 0 || f.value("A.2", "relay") != 1 {
			t.Error("not off, or the neighbour is", f.values)
		}
		on := act("A.1", "relay", 1)
		if r := f.ask(t, action.Cloud, on); r.Outcome != action.Refused || r.Holder == nil || r.Holder.Who != "safe-state/stale" {
			t.Errorf("%+v", r)
		}
		if f.x.Release(device.Key{Device: "A.1", Point: "relay"}, "Li") {
			t.Error("a safe state was released by hand")
		}
		if r := f.request(t, action.Request{Owner: action.Manual, Who: "Li", Action: on, For: time.Minute}); r.Outcome != action.Confirmed {
			t.Errorf("%+v", r)
		}
		pass(62 * time.Second)
		if f.value("A.1", "relay") != 0 || f.holder("A.1") != "safety safe-state/stale" {
			t.Error("after the person's time:", f.values, f.holder("A.1"))
		}
		s.during(10*time.Second, device.Good, power)
		if f.value("A.1", "relay") != 0 || f.holder("A.1") != "" {
			t.Error("back again:", f.values, f.holder("A.1"))
		}
		if r := f.ask(t, action.Cloud, on); r.Outcome != action.Refused { // 30 s after the last change
			t.Errorf("%+v", r)
		}
		s.during(30*time.Second, device.Good, power)
		if r := f.ask(t, action.Cloud, on); r.Outcome != action.Confirmed {
			t.Errorf("%+v", r)
		}
	})
}

// TestTheRulesDoNotRun: outputs with a safe state for that are brought there and held, others are not touched, and only a
// person moves anything away from safe. Nothing moves when the rules run again.
func TestTheRulesDoNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := begin(t, func(c *action.Config) {
			c.Outputs = map[device.Key]action.Setting{{Device: "A.1", Point: "relay"}: {Safe: &action.Safe{Failure: true}}, {Device: "v", Point: "open"}: {Safe: &action.Safe{Failure: true}}}
		})
		defer f.stop()
		pass(30 * time.Second)
		f.set("A.1", "relay", 1)
		f.x.Fail(rules.Text{ZH: "测试", EN: "test"})
		f.x.Fail(rules.Text{ZH: "再", EN: "again"})
		<-f.x.Idle()
		if got := f.outcomes(); got != "A.1 intent, A.1 confirmed" || f.holder("A.1") != "safety safe-state/failure" || f.holder("v") != "safety safe-state/failure" || f.holder("A.2") != "" {
			t.Error(got, f.holder("A.1"), f.holder("v"))
		}
		pass(31 * time.Second)
		if r := f.ask(t, action.Cloud, act("A.2", "relay", 1)); r.Outcome != action.Refused {
			t.Errorf("%+v", r)
		}
		if r := f.ask(t, action.Manual, act("A.2", "relay", 1)); r.Outcome != action.Confirmed {
			t.Errorf("%+v", r)
		}
		f.x.Recover()
		<-f.x.Idle()
		if f.holder("A.1") != "" || f.value("A.1", "relay") != 0 {
			t.Error("after it:", f.holder("A.1"), f.values)
		}
	})
}

// TestWhatAnOutputNeeds: for what protects a zone, its gas detectors; for the rest, the device itself, at the point its rules read.
func TestWhatAnOutputNeeds(t *testing.T) {
	dev := func(id, kind, zone string, points ...string) device.Device {
		d := device.Device{ID: id, Kind: kind, Zone: zone}
		for _, p := range points {
			d.Points = append(d.Points, device.Point{Device: id, Name: p})
		}
		return d
	}
	valve := dev("v", "valve", "k", "open")
	valve.Points[0].Writable = []float64{0}
	fan := dev("f", "fan", "k", "on", "speed")
	fan.Points[0].Writable = []float64{0, 1}
	socket := dev("A.1", "socket", "shed", "status", "temperature", "power")
	all := []device.Device{valve, fan, socket, dev("v0", "valve", "", "open"), dev("g1", "gas", "k", "status", "level"), dev("g2", "gas", "k", "status"),
		dev("g3", "gas", "hall", "level"), dev("g4", "gas", "", "level"), dev("m", "meter", "k", "power"), dev("d", "door", "k", "lock", "contact")}
	for id, want := range map[string]string{"v": "g1.level g2.status", "f": "g1.level g2.status", "v0": "", "A.1": "A.1.power", "d": "d.contact"} {
		var got []string
		for _, k := range action.StaleInputs(all, all[slices.IndexFunc(all, func(d device.Device) bool { return d.ID == id })]) {
			got = append(got, k.Device+"."+k.Point)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s needs %v, want %s", id, got, want)
		}
	}
}

// A gateway that stood still as a whole has read nothing meanwhile, and that is not the detectors' fault.
func TestAGatewayThatStoodStillHasNoStaleInputs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sources{by: map[device.Key]device.Reading{}}
		level := device.Key{Device: "g", Point: "level"}
		freeze := make(chan time.Duration, 1)
		f := begin(t, func(c *action.Config) {
			c.Outputs = map[device.Key]action.Setting{{Device: "v", Point: "open"}: {Safe: &action.Safe{Stale: true, After: time.Minute}}}
			c.Latest = func(k device.Key) (device.Reading, bool) {
				select {
				case d := <-freeze:
					pass(d)
				default:
				}
				return s.of(k)
			}
		})
		f.set("v", "open", 1)
		s.during(30*time.Second, device.Good, level)
		freeze <- 5 * time.Minute
		pass(5*time.Minute + 2*time.Second)
		s.during(time.Minute, device.Good, level)
		if f.value("v", "open") != 1 {
			t.Error("the valve was shut because the gateway stood still")
		}
		pass(2 * time.Minute)
		if f.value("v", "open") != 0 {
			t.Error("a detector that says nothing went unnoticed")
		}
		f.stop()
	})
}
