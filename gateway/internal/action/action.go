// Package action moves the site's outputs: it closes the valve, cuts the socket, sounds the siren, and reads back whether that
// happened. Rules, people at the local page and, in time, the cloud ask; a ladder says whose word counts, and hard interlocks
// stand before every write, whoever asks. A move toward safe is never refused. DESIGN.md tells the whole of it.
//
// Alert events come from the app's pipeline by Do, which never blocks; results go to a queue, so that a safety action never
// waits for disk or network. Writes to one output are done one after the other, to different outputs at the same time.
package action

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
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
	Refused   = "refused"   // an interlock or the ladder forbade it; nothing was written
	Released  = "released"  // what a person, the cloud or a plan held is held no more: released by who, or run out
)

const (
	turnEvery = time.Second
	turnLate  = 3 * time.Second // a turn that comes later finds a gateway that stood still
)

// ErrEnded is the answer to a request when the executor has ended.
var ErrEnded = errors.New("actions have ended")

// Config of an executor.
type Config struct {
	Devices []device.Device
	Outputs map[device.Key]Setting // what the site says of its outputs
	Write   func(ctx context.Context, key device.Key, v float64) error
	Read    func(ctx context.Context, key device.Key) (device.Reading, error)
	Latest  func(key device.Key) (device.Reading, bool) // the last reading of a point, for what has grown stale; nil: nothing does
	Record  func(*wire.ActionResult)                    // takes an intent or a result. It must not wait for disk or network
	Human   func(*wire.ActionResult)                    // a result that a person must hear of: it failed and leaves something unsafe. May block for the rules; may be nil
	// Remember keeps what is to survive a restart, for Restore. It may wait for the disk. Nil: nothing survives.
	Remember func([]byte) error
	Now      func() time.Time // stamps results; nil: time.Now
	Log      *slog.Logger
	Metrics  *Metrics // may be nil
}

// An Executor moves outputs.
type Executor struct {
	cfg     Config
	wake    chan struct{}
	done    chan struct{} // closed when Run has ended
	beat    atomic.Int64  // last turn of Run, ns of the real clock since made
	made    time.Time
	mu      sync.Mutex
	outputs map[device.Key]*output
	nowhere *output         // what is not an output: refused by a worker like any other, so that results have one source
	zones   map[string]bool // that have devices
	kinds   map[string]string
	ready   []*output     // that wait for a worker
	active  int           // jobs taken and not finished
	idle    chan struct{} // closed when there is nothing to do; made anew when there is

	firing   map[string]*alarm
	refusals map[refusalKey]*tally
	failed   *rules.Text // why the rules do not run; nil: they do
	lockdown bool
	news     []*wire.ActionResult
	keep     chan struct{} // has room for one: something is to be saved
	unsaved  bool
	offset   time.Duration // of the clock that stamps results against the real one, when it was saved last
	started  time.Time     // zero before Run
	turned   time.Time     // when what time alone changes was last done
}

// A job is one move of one output.
type job struct {
	alert     string // that it is recorded under; empty: none
	id        string // of the hold: an alert, a safe state; empty for requests
	owner     Owner
	who       string
	approver  string
	command   string    // id of the command that asks; empty: none
	until     time.Time // a move away from safe that has not begun by then is not made; zero: there is no such time
	reason    string
	action    rules.Action
	lasts     time.Duration // of the hold, for requests
	check     bool          // nothing is done when the output is as it should be
	once      bool          // no hold is taken
	keeps     bool          // the holds are as they should be: only the output is not
	overruled refusal       // given up meanwhile, and why
	reply     chan<- Result // has room for one; nil: nobody waits
}

// New makes an executor; it does nothing before Run.
func New(cfg Config) *Executor {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	x := &Executor{cfg: cfg, wake: make(chan struct{}, 1), keep: make(chan struct{}, 1), done: make(chan struct{}), outputs: map[device.Key]*output{}, nowhere: &output{},
		zones: map[string]bool{}, kinds: map[string]string{}, idle: make(chan struct{}), firing: map[string]*alarm{},
		refusals: map[refusalKey]*tally{}, made: time.Now(), started: time.Now()}
	close(x.idle)
	for _, d := range cfg.Devices {
		x.zones[d.Zone] = d.Zone != ""
		x.kinds[d.ID] = d.Kind
		for _, p := range d.Points {
			if len(p.Writable) > 0 {
				x.outputs[p.Key()] = newOutput(d, p, cfg)
			}
		}
	}
	return x
}

// Ask moves an output, and answers what became of it. It waits for the output, not for ever: an output that does not answer is
// given up after some ten seconds. The error is ctx's, or ErrEnded.
func (x *Executor) Ask(ctx context.Context, r Request) (Result, error) {
	if r.Owner != Manual && r.Owner != Cloud && r.Owner != Schedule {
		return Result{Outcome: Refused, Why: rules.Text{ZH: "不能以此名义操作", EN: "nobody asks on the authority of " + r.Owner.String()}}, nil
	}
	if r.For <= 0 {
		r.For = HoldTime
	}
	reply := make(chan Result, 1)
	j := &job{owner: r.Owner, who: r.Who, approver: r.Approver, command: r.Command, until: r.Until, reason: r.Reason, action: r.Action, lasts: min(r.For, HoldMost), reply: reply}
	x.mu.Lock()
	o := x.at(r.Action)
	if len(o.queue) >= mostWaiting && !x.toward(o, j) {
		x.mu.Unlock()
		many := refused("many", "请求太多", "too many requests wait for this output")
		if r.Command != "" {
			return x.refuseTold(j, many), nil // nobody stands before it to read the answer
		}
		return Result{Outcome: Refused, Why: many.why}, nil
	}
	x.enqueue(o, j)
	x.mu.Unlock()
	select {
	case result := <-reply:
		return result, nil
	case <-ctx.Done():
		x.forsake(o, j)
		return Result{}, ctx.Err()
	case <-x.done:
		return Result{}, ErrEnded
	}
}

// forsake gives up a move away from safe that waits while nobody waits for it any more: it is not to come as a surprise, a minute
// after the person has left the page. What is under way, or goes toward safe, is done.
func (x *Executor) forsake(o *output, j *job) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if slices.Contains(o.queue, j) && !x.toward(o, j) && j.overruled.code == "" {
		j.overruled = refused("forsaken", "没有人再等这个动作", "who asked has left before it could begin")
	}
}

// mostWaiting bounds the requests that wait for one output; those toward safe do not count.
const mostWaiting = 8

// at is the output of an action.
func (x *Executor) at(a rules.Action) *output {
	if o := x.outputs[device.Key{Device: a.Device, Point: a.Point}]; o != nil {
		return o
	}
	return x.nowhere
}

// enqueue gives a job to its output. A move toward safe counts from now on, before it is written: it takes the output, goes
// before all that is not, and ends that.
func (x *Executor) enqueue(o *output, j *job) {
	if x.active == 0 {
		x.idle = make(chan struct{})
	}
	x.active++
	if o.impossible(j.action.Value).code == "" && x.toward(o, j) {
		x.overrule(o, refused("overruled", "之后有向安全方向的动作", "a move toward safe came after it"))
		if !j.keeps {
			x.claim(o, j, true, time.Now())
		}
	}
	o.queue = append(o.queue, j)
	if !o.working {
		o.working = true
		x.ready = append(x.ready, o)
	}
	x.signal()
}

func (x *Executor) signal() {
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

// Run moves outputs until ctx ends. It returns when the writes under way have ended; what was asked for and not begun by
// then is recorded as failed, never dropped in silence.
func (x *Executor) Run(ctx context.Context) error {
	defer close(x.done)
	var writes, memory sync.WaitGroup
	stop := make(chan struct{})
	memory.Go(func() { x.remember(stop) })
	defer func() {
		writes.Wait()
		x.tellNews()
		close(stop)
		memory.Wait()
	}()
	tick := time.NewTicker(turnEvery)
	defer tick.Stop()
	x.begin()
	for {
		x.beat.Store(int64(time.Since(x.made)))
		for _, o := range x.takeReady() {
			writes.Go(func() { x.work(ctx, o) })
		}
		x.tellNews()
		if ctx.Err() != nil {
			x.tellAll()
			return nil
		}
		select {
		case <-ctx.Done():
		case <-x.wake:
		case <-tick.C:
			x.turn(time.Now())
		}
	}
}

// Age is how long ago Run last turned; it does so once a second.
func (x *Executor) Age() time.Duration { return time.Since(x.made) - time.Duration(x.beat.Load()) }

func (x *Executor) takeReady() []*output {
	x.mu.Lock()
	defer x.mu.Unlock()
	ready := x.ready
	x.ready = nil
	return ready
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
		o.running = j // from here on it can be overruled, also while the output is looked at
		x.mu.Unlock()
		result := x.do(ctx, o, j)
		x.note(o, j, result)
		x.ended(o)
		if j.reply != nil {
			j.reply <- result
		}
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
