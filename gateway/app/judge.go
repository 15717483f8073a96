package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/gateway/internal/state"
	"github.com/linshao/linshao/rules"
)

const (
	judgeTick  = time.Second
	judgeSave  = 30 * time.Second // between two snapshots of sessions and windows: hundreds of KiB, on a card that wears. Alerts are in the events log
	judgeLate  = 5 * time.Minute  // the longest that a large snapshot waits: it is the longest hole in a session after a kill
	wearRate   = 8 << 10          // bytes a second that snapshots may write, 0.7 GB a day, unless they are due
	judgeSoon  = 5 * time.Second  // between two snapshots when an alert has changed: its session is worth keeping
	judgeAnew  = time.Hour        // after which a snapshot is written though nothing has changed: the events behind it must not be evicted
	judgeStale = 10 * time.Second // without a tick the safety loop counts as dead
)

var (
	errJudgeEnded = errors.New("rules have ended")
	errLate       = errors.New("the safety loop has not ticked")
)

// The judge owns the rule engine: readings and ticks in, alert events out. It waits for nobody: actions and
// events are queues, and its memory is saved by another goroutine.
type judge struct {
	engine   *rules.Engine
	executor *action.Executor
	journal  *journal
	alerted  func()                 // told of every alert event; must not block. nil: nobody is
	witness  func(rules.AlertEvent) // given every alert event; must not block. nil: nobody is
	now      func() time.Time
	log      *slog.Logger
	file     string // of the snapshot

	emergency bool // the mode to begin with

	asks    chan func()
	fails   chan *wire.ActionResult // tried in vain
	done    chan struct{}
	beat    atomic.Int64 // last tick, ns of the real clock since start
	start   time.Time
	saved   *rules.Memory // the last snapshot
	looked  time.Time     // when it was taken
	fresh   bool          // an alert has changed since then
	size    atomic.Int64  // bytes of the last snapshot
	unsaved atomic.Bool   // it could not be written
	saves   chan memory   // room for one: a newer snapshot replaces one that was not written yet

	anew   func() (*rules.Engine, error) // the rules in force, knowing nothing yet: for mend. nil: they are not mended
	told   []rules.AlertEvent            // since the last snapshot
	mended time.Time
	broken atomic.Pointer[error] // why the rules have stopped for good
}

// A memory is a snapshot that waits until the events that it contains are durable: an alert must not be known from it alone,
// or the cloud would never hear of it.
type memory struct {
	mark  mark
	at    time.Time
	rules *rules.Memory
}

func (j *judge) run(in <-chan []device.Reading) {
	saver := make(chan struct{})
	go func() {
		defer close(saver)
		var last filed
		for m := range j.saves {
			if j.durable(m.mark) {
				j.save(&last, m)
			}
		}
	}()
	defer func() { <-saver }()
	defer close(j.saves)
	defer close(j.done)
	j.resume()
	tick := time.NewTicker(judgeTick)
	defer tick.Stop()
	for {
		select {
		case rs, ok := <-in:
			if !ok {
				j.failedLast()
				return
			}
			j.step(func() []rules.AlertEvent { return j.engine.Apply(rs) })
		case <-tick.C:
			if j.step(func() []rules.AlertEvent { return j.engine.Tick(j.now()) }) {
				j.beat.Store(int64(time.Since(j.start)))
				j.snapshot()
			}
		case r := <-j.fails:
			j.failed(r)
		case ask := <-j.asks:
			if err := survive(ask); err != nil {
				j.crashed(err)
			}
		}
	}
}

// resume takes up what was firing before the start: its outputs are looked at, and set again where they are not as they should
// be. The first tick is at once, so that the engine knows when it began.
func (j *judge) resume() {
	j.executor.Adopt(j.engine.Active())
	j.step(func() []rules.AlertEvent { return j.engine.Tick(j.now()) })
	j.step(func() []rules.AlertEvent { return j.engine.SetEmergency(j.emergency, j.now()) })
	j.beat.Store(int64(time.Since(j.start)))
	j.snapshot()
}

// tell carries alert events out. Both are queues that never block; the record comes first by some microseconds, so that in the
// log, and in the cloud, an alert stands before what was done about it.
func (j *judge) tell(events []rules.AlertEvent) {
	for _, e := range events {
		j.fresh = true
		j.told = append(j.told, e)
		j.journal.put(&wire.Event{Kind: &wire.Event_Alert{Alert: wire.FromAlert(e)}})
		j.executor.Do(e)
		if j.alerted != nil {
			j.alerted()
		}
		if j.witness != nil {
			j.witness(e)
		}
		j.log.Info("alert", "alert", e.Alert, "state", e.State, "severity", e.Severity, "message", e.Message.EN)
	}
}

// failsMost is how many failed actions may wait for the judge.
const failsMost = 256

// acted takes an action that was tried and not confirmed, and that people must hear of (R26). It does not wait: should the judge
// hang, the output must be free for its safe state.
func (j *judge) acted(r *wire.ActionResult) {
	select {
	case j.fails <- r:
	case <-j.done:
	default:
		j.log.Error("a failed action is told to nobody: the rules do not take it", "device", r.GetAction().GetDevice())
	}
}

// snapshot hands the engine's state to the saver when it is time to and it has changed, or could not be written. It does not
// wait for actions: after a crash in the midst of one, resume sees to it that it is carried out, under the alert's own name.
func (j *judge) snapshot() {
	age := time.Since(j.looked)
	switch {
	case j.looked.IsZero(), j.unsaved.Swap(false):
	case age < min(judgeSoon, j.pace()) || !j.fresh && age < j.pace():
		return
	}
	j.saved = j.engine.Memory()
	j.looked, j.fresh, j.told = time.Now(), false, nil
	select {
	case <-j.saves:
	default:
	}
	j.saves <- memory{j.journal.mark(), j.now(), j.saved}
}

// pace is how far apart snapshots are: after a start they come quickly, so that also a gateway that is killed again and again
// remembers sessions that began since; and on a large site slowly, because a card wears.
func (j *judge) pace() time.Duration {
	wear := time.Duration(j.size.Load()) * time.Second / wearRate
	return min(max(time.Since(j.start)/2, judgeTick), min(max(wear, judgeSave), judgeLate))
}

// saveLast saves the engine's last state; run and the journal must have ended.
func (j *judge) saveLast() {
	if j.broken.Load() != nil {
		return // what it knows is not to be trusted: the last snapshot and the events behind it are
	}
	j.save(&filed{}, memory{j.journal.mark(), j.now(), j.engine.Memory()})
}

// durable waits until the events up to a mark are; false when the gateway stops meanwhile, which saves once more at its end.
func (j *judge) durable(m mark) bool {
	for {
		ok, again := j.journal.reached(m)
		if ok {
			return true
		}
		select {
		case <-again:
		case <-j.done:
			return false
		}
	}
}

// filed is what the file of the rules' memory holds, and since when.
type filed struct {
	data []byte
	at   time.Time
}

// save writes a memory, unless the file has it. Encoding is here, not in the judge: for 2,000 sockets it takes tens of milliseconds.
func (j *judge) save(last *filed, m memory) {
	data, err := m.rules.Encode()
	if err == nil && bytes.Equal(data, last.data) && time.Since(last.at) < judgeAnew {
		return
	}
	n := 0
	if err == nil {
		n, err = state.SaveSnapshot(j.file, state.Snapshot{Epoch: m.mark.epoch, Next: m.mark.next, At: m.at, Data: data})
	}
	if err != nil {
		*last = filed{}
		j.unsaved.Store(true)
		j.log.Error("save rules", "error", err)
		return
	}
	*last = filed{data, time.Now()}
	j.size.Store(int64(n))
	j.log.Debug("rules saved", "bytes", n)
}

// ask runs f in the judge's goroutine.
func (j *judge) ask(ctx context.Context, f func()) error {
	ready := make(chan struct{})
	select {
	case j.asks <- func() { defer close(ready); f() }:
		<-ready
		return nil
	case <-j.done:
		return errJudgeEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reset ends a latched alert; false when its condition still holds or there is no such alert.
func (j *judge) reset(ctx context.Context, alert string) (done bool, err error) {
	err = j.ask(ctx, func() {
		events := j.engine.Reset(alert, j.now())
		done = len(events) > 0
		j.tell(events)
	})
	return done, err
}

func (j *judge) active(ctx context.Context) (alerts []rules.AlertEvent, err error) {
	err = j.ask(ctx, func() { alerts = j.engine.Active() })
	return alerts, err
}

// explain says what a rule sees in a subject now. Should that go wrong, it is no reason to mend the rules.
func (j *judge) explain(ctx context.Context, rule, subject string) (x rules.Explanation, err error) {
	asked := j.ask(ctx, func() {
		err = errors.Join(survive(func() { x, err = j.engine.Explain(rule, subject, j.now()) }), err)
	})
	return x, errors.Join(asked, err)
}

// healthy says whether the safety loop has ticked lately.
func (j *judge) healthy() error { return j.within(judgeStale) }

func (j *judge) within(limit time.Duration) error {
	if broken := j.broken.Load(); broken != nil {
		what, _, _ := strings.Cut((*broken).Error(), "\n")
		return errors.New(what)
	}
	if late := time.Since(j.start) - time.Duration(j.beat.Load()); late > limit {
		return fmt.Errorf("%w for %v", errLate, late.Round(time.Second))
	}
	return nil
}
