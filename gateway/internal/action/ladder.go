package action

import (
	"fmt"
	"slices"
	"time"

	"github.com/linshao/linshao/rules"
)

// A refusal is why something is not done; the zero value: it may be done. The code is the same for the same cause, whatever the
// figures in the sentence are.
type refusal struct {
	code string
	why  rules.Text
	held *Holder
}

func refused(code, zh, en string) refusal {
	return refusal{code: code, why: rules.Text{ZH: zh, EN: en}}
}

// holder is the highest hold of an output; nil when nobody has one. Of equals the latest.
func (o *output) holder() *hold {
	var top *hold
	for i := range o.holds {
		if top == nil || o.holds[i].owner >= top.owner {
			top = &o.holds[i]
		}
	}
	return top
}

// outranked is the ladder, for a move away from safe: nobody moves what a higher one holds, and no rule what another rule of
// its rung holds otherwise.
func (o *output) outranked(j *job) refusal {
	h := o.holder()
	switch {
	case h == nil, h.owner < j.owner:
		return refusal{}
	case h.owner == j.owner && (h.id == j.id || h.value == j.action.Value):
		return refusal{}
	}
	r := refused("held", "由"+h.owner.Words().ZH+" "+h.told().Who+" 占用："+h.why, fmt.Sprintf("held by %s %s: %s", h.owner, h.told().Who, h.why))
	r.held = h.told()
	return r
}

// claim gives an output to who asks. A move toward safe ends every hold that wants it otherwise, also a higher one's: what was
// moved back to safe is not to be moved away again by a claim from before. A move away from safe leaves the holds that want it
// safe: when the claim ends, the output goes back to them.
func (x *Executor) claim(o *output, j *job, toward bool, now time.Time) {
	value := j.action.Value
	o.holds = slices.DeleteFunc(o.holds, func(h hold) bool {
		if h.same(&hold{owner: j.owner, id: j.id}) {
			return true
		}
		ends := h.value != value && (toward || !x.safe(o, h.value))
		if ends {
			x.released(o, &h, j.who, "another move came after it")
		}
		return ends
	})
	if toward && !j.check {
		x.lock(o, j, now)
	}
	if j.once || j.id != "" && !x.lasts(j.id) {
		return // its reason is over, or it never held
	}
	h := hold{owner: j.owner, id: j.id, who: j.who, why: j.reason, value: value, since: now, stamp: x.cfg.Now()}
	if j.id == "" {
		h.until = now.Add(j.lasts)
		x.changed()
	}
	o.holds = append(o.holds, h)
}

// lock keeps everybody but a person at the site from moving back what a safety action moves. What only sees to it that an
// output stands as it should locks when it moves it, not by looking.
func (x *Executor) lock(o *output, j *job, now time.Time) {
	if j.owner == Safety && o.lockout > 0 {
		o.lockedUntil = now.Add(o.lockout)
		x.changed()
	}
}

// lasts says whether an alert still fires, or a safe state still has its reason.
func (x *Executor) lasts(id string) bool {
	_, fires := x.firing[id]
	return fires || id == safeStale || id == safeFailure && x.failed != nil
}

// drop ends holds, which is told of who and why, and sees to it that an output which another hold wants safe goes back there.
func (x *Executor) drop(o *output, who, why string, ends func(*hold) bool) (dropped int) {
	o.holds = slices.DeleteFunc(o.holds, func(h hold) bool {
		if !ends(&h) {
			return false
		}
		dropped++
		by := who
		if by == "" {
			by = h.who
		}
		x.released(o, &h, by, why)
		return true
	})
	if dropped > 0 {
		x.uphold(o)
	}
	return dropped
}

// uphold brings an output back to where its holder wants it safe.
func (x *Executor) uphold(o *output) {
	if h := o.holder(); h != nil && x.safe(o, h.value) && (!o.written || o.last != h.value) {
		x.enqueue(o, &job{alert: alertOf(h.id), id: h.id, owner: h.owner, who: h.who, reason: h.why, check: true, keeps: true,
			action: rules.Action{Device: o.point.Device, Point: o.point.Name, Value: h.value}})
	}
}

// decided says whether somebody above a rule wanted it otherwise after the alert did what it does: a siren that was muted stays
// so when the gateway or the rules are started anew. When that hold ends, the alert's is there.
func (o *output) decided(e *rules.AlertEvent, a rules.Action) bool {
	h := o.holder()
	return h != nil && h.id == "" && h.owner > ownerOf(e.Severity) && h.value != a.Value && !h.stamp.Before(e.At)
}

// overrule gives up what is under way or waits on an output and would leave it away from safe.
func (x *Executor) overrule(o *output, why refusal) {
	for _, j := range o.queue {
		if !x.toward(o, j) {
			j.overruled = why
		}
	}
	if o.running != nil && !x.toward(o, o.running) && o.running.overruled.code == "" {
		o.running.overruled = why
		if o.giveUp != nil {
			o.giveUp()
		}
	}
}

// toward says whether a move goes to where the output is safe. That is never refused. During a lock-down a door is not
// released from afar by nobody in particular.
func (x *Executor) toward(o *output, j *job) bool {
	if x.lockdown && o.kind == kindDoor && j.owner < Safety && j.who == "" {
		return false
	}
	return x.safe(o, j.action.Value)
}

func (x *Executor) safe(o *output, v float64) bool { return o.hasSafe() && v == o.safeAt() }
