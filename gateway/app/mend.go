package app

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

// mendRest is how long the rules must have run before they are taken up anew a second time.
const mendRest = time.Hour

// step lets the engine do one thing and tells its events. A rule engine that panics is replaced by one that knows what the last
// snapshot and the events since then tell, and the reading that was being judged is given up: it is in the log, and the next
// one comes in seconds. The second time within an hour the rules stop: the guard brings the outputs to their safe states and
// tells people, and the watchdog is no longer fed, so that systemd starts the gateway anew. False: nothing was judged.
func (j *judge) step(f func() []rules.AlertEvent) bool {
	if j.broken.Load() != nil {
		return false
	}
	var events []rules.AlertEvent
	if err := survive(func() { events = f() }); err != nil {
		j.crashed(err)
		return false
	}
	j.tell(events)
	return true
}

// survive runs f and answers its panic.
func survive(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("rules panicked: %v\n%s", r, debug.Stack())
		}
	}()
	f()
	return nil
}

// crashed mends the engine, or gives it up.
func (j *judge) crashed(err error) {
	j.log.Error("rules panicked", "error", err)
	if j.anew == nil || !j.mended.IsZero() && time.Since(j.mended) < mendRest {
		j.broken.Store(&err)
		return
	}
	j.mended = time.Now()
	if again := survive(func() { j.mend() }); again != nil {
		j.log.Error("rules taken up anew panicked", "error", again)
		j.broken.Store(&err)
	}
}

func (j *judge) mend() {
	engine, err := j.anew()
	if err == nil && j.saved != nil {
		var data []byte
		if data, err = j.saved.Encode(); err == nil {
			err = engine.Restore(data)
		}
	}
	if err != nil {
		panic(err) // told by crashed
	}
	engine.Recover(j.told)
	j.engine = engine
	j.executor.Adopt(engine.Active())
	j.tell(engine.Tick(j.now()))
	j.tell(engine.SetEmergency(j.emergency, j.now()))
	j.log.Warn("rules are taken up anew", "alerts", len(engine.Active()))
}

// failed tells the engine of an action that people must hear of.
func (j *judge) failed(r *wire.ActionResult) {
	a := rules.Action{Device: r.GetAction().GetDevice(), Point: r.GetAction().GetPoint(), Value: r.GetAction().GetValue()}
	j.step(func() []rules.AlertEvent { return j.engine.ActionFailed(a, int(r.GetAttempts()), j.now()) })
}

// failedLast takes what is left when the input has ended.
func (j *judge) failedLast() {
	for {
		select {
		case r := <-j.fails:
			j.failed(r)
		default:
			return
		}
	}
}
