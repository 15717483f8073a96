// Package action carries out what firing rules ask for: it closes the valve, cuts the socket, sounds the siren, and reads back
// whether that happened. Hard interlocks stand before every write, whoever asks. Rules run in the app's pipeline and hand
// their alert events to Do; the results go to a queue, so that a safety action never waits for disk or network.
//
// Writes to one output are done one after the other, to different outputs at the same time.
package action

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// Outcomes of an action, in the order in which they may follow each other.
const (
	Intent    = "intent"    // it is about to be done
	Confirmed = "confirmed" // the device read back what was written
	Failed    = "failed"    // it was not, after all attempts
	Refused   = "refused"   // an interlock forbade it; nothing was written
)

// Config of an executor.
type Config struct {
	Devices []device.Device
	Write   func(ctx context.Context, key device.Key, v float64) error
	Read    func(ctx context.Context, key device.Key) (device.Reading, error)
	Record  func(*wire.ActionResult) // takes an intent or a result. It must not wait for disk or network
	Now     func() time.Time         // stamps results; nil: time.Now
	Log     *slog.Logger
	Metrics *Metrics // may be nil
}

// An Executor carries out actions.
type Executor struct {
	cfg     Config
	wake    chan struct{}
	mu      sync.Mutex
	outputs map[device.Key]*output
	asked   []job
	active  int           // jobs taken and not finished
	idle    chan struct{} // closed when there is nothing to do; made anew when there is
}

// A job is one action of one alert.
type job struct {
	alert  string
	action rules.Action
	check  bool // nothing is done when the output is as it should be
}

// New makes an executor; it does nothing before Run.
func New(cfg Config) *Executor {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	x := &Executor{cfg: cfg, wake: make(chan struct{}, 1), outputs: map[device.Key]*output{}, idle: make(chan struct{})}
	close(x.idle)
	for _, d := range cfg.Devices {
		for _, p := range d.Points {
			if len(p.Writable) > 0 {
				x.outputs[p.Key()] = &output{point: p, kind: d.Kind}
			}
		}
	}
	return x
}

// Do takes the actions of a firing alert. It never blocks. What a shadow rule would do is not done.
func (x *Executor) Do(e rules.AlertEvent) { x.take(e, false) }

// Ensure takes the actions of an alert that fired before the gateway was started. What is still as it should be is left alone
// and not recorded: nothing is repeated blindly.
func (x *Executor) Ensure(e rules.AlertEvent) { x.take(e, true) }

func (x *Executor) take(e rules.AlertEvent, check bool) {
	if e.State != rules.Firing || e.Shadow || len(e.Actions) == 0 {
		return
	}
	x.mu.Lock()
	if x.active == 0 {
		x.idle = make(chan struct{})
	}
	for _, a := range e.Actions {
		x.asked = append(x.asked, job{e.Alert, a, check})
		x.active++
	}
	x.mu.Unlock()
	select {
	case x.wake <- struct{}{}:
	default: // woken already
	}
}

// Idle is closed when everything that was asked for has its result.
func (x *Executor) Idle() <-chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.idle
}

// Run carries out actions until ctx ends. It returns when the writes under way have ended; what was asked for and not begun by
// then is recorded as failed, never dropped in silence.
func (x *Executor) Run(ctx context.Context) error {
	var writes sync.WaitGroup
	defer writes.Wait()
	for {
		select {
		case <-ctx.Done():
		case <-x.wake:
		}
		for _, o := range x.dispatch() {
			writes.Go(func() { x.work(ctx, o) })
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// dispatch sorts what was asked for by output and answers the outputs that need a worker.
func (x *Executor) dispatch() []*output {
	x.mu.Lock()
	defer x.mu.Unlock()
	var idle []*output
	for _, j := range x.asked {
		key := device.Key{Device: j.action.Device, Point: j.action.Point}
		o := x.outputs[key]
		if o == nil { // read-only or unknown: refused by a worker like any other, so that results have one source
			o = &output{}
			x.outputs[key] = o
		}
		o.queue = append(o.queue, j)
		if !o.working {
			o.working = true
			idle = append(idle, o)
		}
	}
	x.asked = nil
	return idle
}

// work does the jobs of one output, one after the other.
func (x *Executor) work(ctx context.Context, o *output) {
	for {
		x.mu.Lock()
		if len(o.queue) == 0 {
			o.working = false
			x.mu.Unlock()
			return
		}
		j := o.queue[0]
		o.queue = o.queue[1:]
		x.mu.Unlock()
		x.do(ctx, o, j)
		x.finish()
	}
}

func (x *Executor) finish() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.active--; x.active == 0 {
		close(x.idle)
	}
}

func (x *Executor) record(j job, outcome, reason string, attempts uint32) {
	x.cfg.Metrics.count(outcome)
	x.cfg.Log.Info("action", "alert", j.alert, "device", j.action.Device, "point", j.action.Point, "value", j.action.Value,
		"outcome", outcome, "reason", reason, "attempts", attempts)
	x.cfg.Record(&wire.ActionResult{Alert: j.alert, Action: wire.FromAction(j.action), Outcome: outcome, Reason: reason,
		Attempts: attempts, AtMs: x.cfg.Now().UnixMilli()})
}
