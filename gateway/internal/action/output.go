package action

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// Figures of configs/rules/SOURCES.md.
const (
	attempts     = 3                      // until a person is needed
	attemptTime  = 3 * time.Second        // for one write and its confirmation
	lookAgain    = 200 * time.Millisecond // between two read-backs: a valve takes its time
	pauseBetween = 500 * time.Millisecond // before the next attempt, when one failed at once
)

// An output is a point that may be written. All of it is guarded by the executor's lock; point, kind and what the site says of
// it never change.
type output struct {
	point        device.Point // without a name for one that may not be written
	kind, zone   string
	fan, exRated bool
	setting      *Safe
	lockout      time.Duration
	inputs       []*input // that grow stale
	stale        bool
	queue        []*job
	working      bool
	running      *job // the move under way; nil: none
	giveUp       func()
	holds        []hold
	forbidden    []forbidden
	lockedUntil  time.Time // by a safety action
	resetAt      time.Time // by a person at the site
	changedAt    time.Time // when it was last set to another value
	last         float64   // what it was set to
	written      bool
	vain         vain
}

func newOutput(d device.Device, p device.Point, cfg Config) *output {
	o := &output{point: p, kind: d.Kind, zone: d.Zone, fan: d.Kind == kindFan || d.Labels[labelLoad] == kindFan,
		exRated: d.Labels[labelEx] == "true", lockout: DefaultLockout(d.Kind)}
	if s, ok := cfg.Outputs[p.Key()]; ok {
		o.setting, o.lockout = s.Safe, s.Lockout
	}
	if o.setting != nil && o.setting.Stale {
		for _, k := range StaleInputs(cfg.Devices, d) {
			o.inputs = append(o.inputs, &input{key: k, good: time.Now()})
		}
	}
	return o
}

// hasSafe says whether it is known where the output is safe: by its kind, or because the site says so.
func (o *output) hasSafe() bool {
	_, known := safeValue(o.kind, o.point.Name)
	return o.point.Name != "" && (known || o.setting != nil)
}

func (o *output) safeAt() float64 {
	if v, known := safeValue(o.kind, o.point.Name); known || o.setting == nil {
		return v
	}
	return o.setting.Value
}

// do carries out one job and records its intent and its result. Rest times run on the real clock.
func (x *Executor) do(ctx context.Context, o *output, j *job) Result {
	v := j.action.Value
	if j.check && x.givenUp(j).code == "" && x.holds(ctx, o.point, v) {
		return Result{Outcome: Confirmed}
	}
	stop, stands, r := x.permit(ctx, o, j)
	if r.code != "" {
		return x.refuseTold(j, r)
	}
	if stands {
		return x.record(j, Confirmed, rules.Text{}, 0)
	}
	x.record(j, Intent, rules.Text{EN: j.reason}, 0)
	var err error
	for n := uint32(1); n <= attempts; n++ {
		if n == 1 || stop.Err() == nil {
			err = x.attempt(ctx, stop, o.point, v)
		}
		if why := x.givenUp(j); why.code != "" {
			x.backToSafe(o, why)
			return x.record(j, Failed, why.why, n)
		}
		if err == nil {
			return x.record(j, Confirmed, rules.Text{}, n)
		}
		if ctx.Err() != nil {
			return x.record(j, Failed, rules.Text{ZH: "网关正在停止", EN: "the gateway is stopping"}, n)
		}
		x.cfg.Log.Warn("action attempt", "device", o.point.Device, "point", o.point.Name, "attempt", n, "error", err)
		if errors.Is(err, errors.ErrUnsupported) {
			return x.record(j, Refused, rules.Text{ZH: "驱动不能写这个点位", EN: "the driver cannot write this point"}, n)
		}
		wait(stop, pauseBetween)
	}
	if x.holds(ctx, o.point, v) { // a write whose answer was lost, or somebody's hand: what counts is how the output stands
		return x.record(j, Confirmed, rules.Text{}, attempts)
	}
	return x.record(j, Failed, rules.Text{ZH: "没有确认：" + err.Error(), EN: err.Error()}, attempts)
}

// permit decides, when the output's turn has come, and marks the move as under way. A move away from safe starts from a state
// that was read just now; where the output stands as it is to, nothing is written. stop ends when the move is given up.
func (x *Executor) permit(ctx context.Context, o *output, j *job) (stop context.Context, stands bool, r refusal) {
	x.mu.Lock()
	r = x.refuse(o, j, time.Now())
	toward := x.toward(o, j)
	x.mu.Unlock()
	if r.code != "" {
		return nil, false, r
	}
	if !toward {
		now, err := x.look(ctx, o.point)
		if err != nil {
			return nil, false, refused("unseen", "读不到现在的状态，不离开安全状态", "its state cannot be read: it is not moved away from safe")
		}
		stands = now == j.action.Value
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	now := time.Now()
	if r = x.refuse(o, j, now); r.code != "" { // a look takes its time
		return nil, false, r
	}
	switch {
	case !toward:
		x.claim(o, j, false, now)
	case j.check:
		x.lock(o, j, now)
	}
	if v := j.action.Value; !stands {
		if !o.written || o.last != v {
			o.changedAt = now
		}
		o.written, o.last = true, v
	}
	stop, o.giveUp = context.WithCancel(ctx)
	return stop, stands, refusal{}
}

func (x *Executor) ended(o *output) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if o.giveUp != nil {
		o.giveUp()
	}
	o.running, o.giveUp = nil, nil
}

func (x *Executor) givenUp(j *job) refusal {
	x.mu.Lock()
	defer x.mu.Unlock()
	return j.overruled
}

// backToSafe undoes what a move that was given up may have done, unless somebody does so already.
func (x *Executor) backToSafe(o *output, why refusal) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !o.hasSafe() {
		return
	}
	for _, j := range o.queue {
		if x.toward(o, j) {
			return
		}
	}
	x.enqueue(o, &job{owner: Safety, reason: why.why.EN, once: true,
		action: rules.Action{Device: o.point.Device, Point: o.point.Name, Value: o.safeAt()}})
}

// look reads an output now.
func (x *Executor) look(ctx context.Context, p device.Point) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	r, err := x.cfg.Read(ctx, p.Key())
	if err == nil && r.Quality != device.Good {
		err = fmt.Errorf("read %s: %s, %s", p.Device, r.Quality, r.Reason)
	}
	return r.Value, err
}

// holds says whether an output reads as v.
func (x *Executor) holds(ctx context.Context, p device.Point, v float64) bool {
	now, err := x.look(ctx, p)
	return err == nil && now == v
}

// attempt writes, and reads back until the device shows the value, the time is over, or the move is given up: a write under way
// is not interrupted then, because the line would have to be opened anew for the next one.
func (x *Executor) attempt(ctx, stop context.Context, p device.Point, v float64) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	if err := x.cfg.Write(ctx, p.Key(), v); err != nil {
		return err
	}
	var seen error // the last thing that was read; an expired read at the end says less
	for {
		r, err := x.cfg.Read(ctx, p.Key())
		switch {
		case err == nil && r.Quality == device.Good && r.Value == v:
			return nil
		case err == nil && r.Quality == device.Good:
			seen = fmt.Errorf("read back %v after writing %v", r.Value, v)
		case err == nil:
			seen = fmt.Errorf("read back: %s, %s", r.Quality, r.Reason)
		case seen == nil || ctx.Err() == nil:
			seen = fmt.Errorf("read back: %w", err)
		}
		if !wait(ctx, lookAgain) || stop.Err() != nil {
			return seen
		}
	}
}

// wait rests; false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// record tells an intent or a result, and a person where one is needed: what should have been made safe, or what a rule wanted,
// was tried and not done.
func (x *Executor) record(j *job, outcome string, why rules.Text, tried uint32) Result {
	r := &wire.ActionResult{Alert: j.alert, Action: wire.FromAction(j.action), Outcome: outcome, Reason: why.EN, Attempts: tried,
		AtMs: x.cfg.Now().UnixMilli(), Owner: j.owner.String(), Who: j.who, Command: j.command, Approver: j.approver}
	if outcome == Intent && j.alert != "" {
		r.Reason = "" // the alert says it
	}
	x.tell(r)
	safe, known := safeValue(x.kinds[j.action.Device], j.action.Point)
	vain := tried > 0 && (outcome == Failed || outcome == Refused)
	if vain && x.cfg.Human != nil && (j.owner == Safety || j.owner == Automation || known && safe == j.action.Value) && j.overruled.code == "" {
		x.cfg.Human(r)
	}
	return Result{Outcome: outcome, Why: why, Attempts: tried}
}

func (x *Executor) tell(r *wire.ActionResult) {
	x.cfg.Metrics.count(r.GetOutcome())
	x.cfg.Log.Info("action", "owner", r.GetOwner(), "who", r.GetWho(), "alert", r.GetAlert(), "device", r.GetAction().GetDevice(), "point", r.GetAction().GetPoint(),
		"value", r.GetAction().GetValue(), "outcome", r.GetOutcome(), "reason", r.GetReason(), "attempts", r.GetAttempts())
	x.cfg.Record(r)
}
