package action

import (
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

// tellAgain is how long further refusals of one kind are only counted.
const tellAgain = time.Minute

// A refusalKey is what makes two refusals the same: who asked for what, and what is in the way. Names and figures do not count,
// so that nobody makes the log grow by changing them; an alert counts, because each is told what became of it.
type refusalKey struct {
	output device.Key
	owner  Owner
	alert  string
	cmd    string // like an alert: each is told what became of it
	code   string
}

// A tally counts refusals that are not told one by one.
type tally struct {
	more  int
	until time.Time
	last  *wire.ActionResult
}

// refuseTold answers and records a refusal: the first at once, those that follow within a minute as one, with their number.
func (x *Executor) refuseTold(j *job, r refusal) Result {
	result := Result{Outcome: Refused, Why: r.why, Holder: r.held}
	told := &wire.ActionResult{Alert: j.alert, Action: wire.FromAction(j.action), Outcome: Refused, Reason: r.why.EN,
		AtMs: x.cfg.Now().UnixMilli(), Owner: j.owner.String(), Who: j.who, Command: j.command, Approver: j.approver}
	key := refusalKey{device.Key{Device: j.action.Device, Point: j.action.Point}, j.owner, j.alert, j.command, r.code}
	if r.code == "unwritable" {
		key.output = device.Key{} // any name may be asked for
	}
	x.mu.Lock()
	t := x.refusals[key]
	if t != nil {
		t.more++
		t.last = told
		x.mu.Unlock()
		return result
	}
	x.refusals[key] = &tally{until: time.Now().Add(tellAgain)}
	x.mu.Unlock()
	x.tell(told)
	return result
}

// tellMore tells what was only counted.
func (x *Executor) tellMore(now time.Time) {
	var due []*wire.ActionResult
	x.mu.Lock()
	for key, t := range x.refusals {
		if now.Before(t.until) {
			continue
		}
		if t.more == 0 {
			delete(x.refusals, key)
			continue
		}
		if t.more > 1 {
			t.last.Reason = fmt.Sprintf("%s (and %d more like it)", t.last.GetReason(), t.more-1)
		}
		due = append(due, t.last)
		t.more, t.last, t.until = 0, nil, now.Add(tellAgain)
	}
	x.mu.Unlock()
	for _, r := range due {
		x.tell(r)
	}
}

// tellAll tells what was only counted, at the end.
func (x *Executor) tellAll() { x.tellMore(time.Now().Add(2 * tellAgain)) }
