package action_test

import (
	"context"
	"errors"
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
	relay := func(id string) device.Device {
		return device.Device{ID: id, Kind: "socket", Points: []device.Point{{Device: id, Name: "relay", Writable: []float64{0, 1}}, {Device: id, Name: "power"}}}
	}
	return []device.Device{relay("A.1"), relay("A.2"),
		{ID: "v", Kind: "valve", Points: []device.Point{{Device: "v", Name: "open", Writable: []float64{0, 1}}}}, // a profile that is too generous
		{ID: "s", Kind: "siren", Points: []device.Point{{Device: "s", Name: "on", Writable: []float64{0, 1}}}}}
}

// field is what the outputs do.
type field struct {
	mu      sync.Mutex
	values  map[device.Key]float64
	slow    time.Duration // a write takes so long
	deaf    bool          // writes change nothing
	err     error
	results []*wire.ActionResult
	x       *action.Executor
	stop    func()
}

func start(t *testing.T) *field {
	f := &field{values: map[device.Key]float64{}}
	f.x = action.New(action.Config{Devices: site(), Write: f.write, Read: f.read, Record: func(r *wire.ActionResult) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.results = append(f.results, r)
	}})
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
	if f.slow > 0 {
		f.mu.Unlock()
		pass(f.slow)
		f.mu.Lock()
	}
	if f.err == nil && !f.deaf && ctx.Err() == nil {
		f.values[k] = v
	}
	return f.err
}

func (f *field) read(_ context.Context, k device.Key) (device.Reading, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return device.Reading{Device: k.Device, Point: k.Point, Value: f.values[k], Quality: device.Good}, nil
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

func TestASlowDeviceIsConfirmedByALaterAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.err = errors.New("busy")
		f.x.Do(fire(relay("A.1", 1)))
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

func TestInterlocks(t *testing.T) {
	cases := []struct {
		name string
		act  rules.Action
		want string
	}{
		{"read-only point", rules.Action{Device: "A.1", Point: "power", Value: 0}, "the point is not writable"},
		{"no such device", rules.Action{Device: "Z", Point: "relay", Value: 0}, "the point is not writable"},
		{"value", relay("A.1", 2), "the profile does not allow the value 2"},
		{"valve", rules.Action{Device: "v", Point: "open", Value: 1}, "a gas valve is never opened remotely"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t)
				f.x.Do(fire(c.act))
				<-f.x.Idle()
				if len(f.results) != 1 || f.results[0].Outcome != action.Refused || f.results[0].Reason != c.want {
					t.Errorf("%+v", f.results)
				}
				if len(f.values) != 0 {
					t.Errorf("written: %v", f.values)
				}
				f.stop()
			})
		})
	}
}

func TestAwayFromSafeOnceIn30SecondsTowardSafeAlways(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		step := func(a rules.Action, want string) {
			t.Helper()
			f.x.Do(fire(a))
			<-f.x.Idle()
			if got := f.outcomes(); got != want {
				t.Errorf("%v: %s", a, got)
			}
		}
		step(relay("A.1", 1), "A.1 intent, A.1 confirmed")
		step(relay("A.1", 0), "A.1 intent, A.1 confirmed") // toward safe, at once
		step(relay("A.1", 1), "A.1 refused")
		step(relay("A.1", 0), "A.1 intent, A.1 confirmed")
		pass(31 * time.Second)
		step(relay("A.1", 1), "A.1 intent, A.1 confirmed")
		on := rules.Action{Device: "s", Point: "on", Value: 1}
		off := rules.Action{Device: "s", Point: "on"}
		step(on, "s intent, s confirmed")
		step(off, "s refused") // silence would be away from safe
		step(on, "s intent, s confirmed")
		f.stop()
	})
}

func TestOutputsAtTheSameTimeOneOutputInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.slow = time.Second
		began := time.Now()
		f.x.Do(fire(relay("A.1", 1), relay("A.2", 1), relay("A.1", 0)))
		<-f.x.Idle()
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v: two writes to one output, one to another", took)
		}
		if v := f.values[device.Key{Device: "A.1", Point: "relay"}]; v != 0 {
			t.Errorf("the last write did not win: %v", v)
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
