package action_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pass lets the bubble's clock run.
func pass(d time.Duration) { <-time.After(d) }

func site() []device.Device {
	out := func(id, kind, point, zone string) device.Device {
		return device.Device{ID: id, Kind: kind, Zone: zone, Points: []device.Point{{Device: id, Name: point, Writable: []float64{0, 1}}, {Device: id, Name: "power"}}}
	}
	ex := out("fx", "fan", "on", "k")
	ex.Labels = map[string]string{"ex_rated": "true"}
	relayFan := out("fr", "relay", "relay", "k")
	relayFan.Labels = map[string]string{"load": "fan"}
	return []device.Device{out("A.1", "socket", "relay", "shed"), out("A.2", "socket", "relay", "shed"), out("B.1", "socket", "relay", "k"),
		out("v", "valve", "open", "k"), // a profile that is too generous
		out("s", "siren", "on", "k"), out("d", "door", "lock", "k"), out("f", "fan", "on", "k"), ex, relayFan,
		{ID: "m", Kind: "meter", Points: []device.Point{{Device: "m", Name: "relay"}}},
		{ID: "g", Kind: "gas", Zone: "k", Points: []device.Point{{Device: "g", Name: "level"}}}}
}

// field is what the outputs do.
type field struct {
	mu      sync.Mutex
	values  map[device.Key]float64
	slow    time.Duration // a write takes so long
	deaf    bool          // writes change nothing
	err     error
	results []*wire.ActionResult
	human   []string
	busy    map[device.Key]bool // outputs with a write under way
	blind   bool                // nothing can be read
	x       *action.Executor
	stop    func()
}

// start runs an executor, and lets the rest after the start pass.
func start(t *testing.T) *field {
	f := begin(t, nil)
	pass(30 * time.Second)
	return f
}

func begin(t *testing.T, change func(*action.Config)) *field {
	return (&field{values: map[device.Key]float64{}}).run(t, change, nil)
}

// run runs an executor at these outputs; before is what is done between New and Run.
func (f *field) run(t *testing.T, change func(*action.Config), before func(*action.Executor)) *field {
	cfg := action.Config{Devices: site(), Write: f.write, Read: f.read, Record: func(r *wire.ActionResult) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.results = append(f.results, r)
	}, Human: func(r *wire.ActionResult) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.human = append(f.human, r.GetAction().GetDevice()+" "+r.GetOutcome())
	}}
	if change != nil {
		change(&cfg)
	}
	f.x = action.New(cfg)
	if before != nil {
		before(f.x)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.x.Run(ctx) }()
	f.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	return f
}

func (f *field) write(ctx context.Context, k device.Key, v float64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy[k] {
		panic("two writes at once to " + k.Device)
	}
	if f.slow > 0 {
		if f.busy == nil {
			f.busy = map[device.Key]bool{}
		}
		f.busy[k] = true
		f.mu.Unlock()
		pass(f.slow)
		f.mu.Lock()
		f.busy[k] = false
	}
	if f.err == nil && !f.deaf && ctx.Err() == nil {
		f.values[k] = v
	}
	return f.err
}

func (f *field) read(_ context.Context, k device.Key) (device.Reading, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.blind {
		return device.Reading{Device: k.Device, Point: k.Point, Value: math.NaN(), Reason: device.Timeout}, nil
	}
	return device.Reading{Device: k.Device, Point: k.Point, Value: f.values[k], Quality: device.Good}, nil
}

func (f *field) set(id, point string, v float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.values[device.Key{Device: id, Point: point}] = v
}

func (f *field) value(id, point string) float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.values[device.Key{Device: id, Point: point}]
}

// outcomes of the actions so far, "relay A.1=0 confirmed".
func (f *field) outcomes() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, r := range f.results {
		all = append(all, r.Action.Device+" "+r.Outcome)
	}
	f.results = nil
	return strings.Join(all, ", ")
}

func fire(as ...rules.Action) rules.AlertEvent {
	return rules.AlertEvent{Alert: "a", State: rules.Firing, Actions: as}
}

func relay(id string, v float64) rules.Action {
	return rules.Action{Device: id, Point: "relay", Value: v}
}

func TestWriteIsReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.values[device.Key{Device: "A.1", Point: "relay"}] = 1
		f.x.Do(fire(relay("A.1", 0)))
		<-f.x.Idle()
		if got := f.outcomes(); got != "A.1 intent, A.1 confirmed" {
			t.Error(got)
		}
		shadow := fire(relay("A.1", 0))
		shadow.Shadow = true
		f.x.Do(shadow)
		f.x.Do(rules.AlertEvent{State: rules.Pending, Actions: []rules.Action{relay("A.1", 0)}})
		synctest.Wait()
		if got := f.outcomes(); got != "" {
			t.Error("a shadow or pending alert acted:", got)
		}
		f.stop()
	})
}

func TestThreeAttemptsOfThreeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.deaf = true
		f.values[device.Key{Device: "A.1", Point: "relay"}] = 1
		began := time.Now()
		f.x.Do(fire(relay("A.1", 0)))
		<-f.x.Idle()
		if took := time.Since(began); took < 9*time.Second || took > 11*time.Second {
			t.Errorf("took %v", took)
		}
		r := f.results[1]
		if r.Outcome != action.Failed || r.Attempts != 3 || r.Reason != "read back 1 after writing 0" {
			t.Errorf("%+v", r)
		}
		f.stop()
	})
}

// A line that was down when the alert fired must not leave the socket on for as long as the alert lasts.
func TestWhatWasGivenUpIsTriedAgainWhileItsReasonLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		key := device.Key{Device: "A.1", Point: "relay"}
		f.deaf = true
		f.values[key] = 1
		f.x.Do(fire(relay("A.1", 0)))
		<-f.x.Idle()
		pass(10 * time.Minute)
		if n := strings.Count(f.outcomes(), "failed"); n < 4 || n > 6 {
			t.Errorf("given up %d times in ten minutes: 0, 30 s, 1 min, 2 min, 4 min", n)
		}
		f.mu.Lock()
		f.deaf = false
		f.mu.Unlock()
		pass(10 * time.Minute)
		if got := f.outcomes(); f.values[key] != 0 || got != "A.1 intent, A.1 confirmed" {
			t.Errorf("relay %v: %s", f.values[key], got)
		}
		pass(time.Hour)
		if got := f.outcomes(); got != "" {
			t.Errorf("afterwards: %s", got)
		}
		f.stop()
	})
}

func TestNothingIsTriedAgainWhenTheReasonIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.deaf = true
		f.values[device.Key{Device: "A.1", Point: "relay"}] = 1
		f.x.Do(fire(relay("A.1", 0)))
		<-f.x.Idle()
		over := fire()
		over.State = rules.Resolved
		f.x.Do(over)
		f.outcomes()
		pass(time.Hour)
		if got := f.outcomes(); strings.Contains(got, "intent") {
			t.Error(got)
		}
		f.stop()
	})
}

func TestASlowDeviceIsConfirmedByALaterAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.err = errors.New("busy")
		f.x.Do(fire(relay("A.1", 0)))
		pass(100 * time.Millisecond)
		f.mu.Lock()
		f.err = nil
		f.mu.Unlock()
		<-f.x.Idle()
		if r := f.results[1]; r.Outcome != action.Confirmed || r.Attempts != 2 {
			t.Errorf("%+v", r)
		}
		f.stop()
	})
}

func TestAnOutputThatStandsAsWantedHasNotFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.err = errors.New("refused") // and yet it reads 0
		f.x.Do(fire(relay("A.1", 0)))
		<-f.x.Idle()
		if got := f.outcomes(); got != "A.1 intent, A.1 confirmed" {
			t.Error(got)
		}
		f.values[device.Key{Device: "A.1", Point: "relay"}] = 1
		f.x.Do(fire(relay("A.1", 0)))
		<-f.x.Idle()
		if got := f.outcomes(); got != "A.1 intent, A.1 failed" {
			t.Error(got)
		}
		f.stop()
	})
}

func TestOutputsAtTheSameTimeOneOutputInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.slow = time.Second
		began := time.Now()
		f.x.Do(fire(relay("A.1", 0), relay("A.2", 0), relay("A.1", 0)))
		<-f.x.Idle()
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v: two writes to one output, one to another", took)
		}
		f.stop()
	})
}

func TestAfterARestartNothingIsRepeatedBlindly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.x.Ensure(fire(relay("A.1", 0))) // it is 0
		<-f.x.Idle()
		if got := f.outcomes(); got != "" {
			t.Error(got)
		}
		f.values[device.Key{Device: "A.1", Point: "relay"}] = 1 // the crash came between intent and write
		f.x.Ensure(fire(relay("A.1", 0)))
		<-f.x.Idle()
		if got := f.outcomes(); got != "A.1 intent, A.1 confirmed" {
			t.Error(got)
		}
		f.stop()
	})
}

func TestWhatCouldNotBeDoneIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.err = errors.New("poll has ended")
		f.x.Do(fire(relay("A.1", 0)))
		f.stop()
		<-f.x.Idle()
		if got := f.outcomes(); got != "A.1 intent, A.1 failed" {
			t.Error(got)
		}
	})
}

// A person who has left the page is not surprised by what waited for the output.
func TestAMoveThatNobodyWaitsForIsNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.mu.Lock()
		f.slow = 2 * time.Second
		f.mu.Unlock()
		ask := func(ctx context.Context, id string) error {
			_, err := f.x.Ask(ctx, action.Request{Owner: action.Manual, Who: "li", Action: relay(id, 1)})
			return err
		}
		var first sync.WaitGroup
		first.Go(func() {
			if err := ask(t.Context(), "A.1"); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := ask(ctx, "A.1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		first.Wait()
		pass(5 * time.Second)
		if got := f.outcomes(); !strings.HasSuffix(got, "refused") {
			t.Error(got)
		}
		f.stop()
	})
}
