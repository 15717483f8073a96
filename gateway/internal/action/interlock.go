package action

import (
	"fmt"
	"time"

	"github.com/linshao/linshao/rules"
)

// Kinds of devices that interlocks know.
const (
	kindValve = "valve"
	kindSiren = "siren"
	kindDoor  = "door"
	kindFan   = "fan"
)

// Labels of devices that interlocks read.
const (
	labelLoad = "load"     // "fan": a relay that switches a fan
	labelEx   = "ex_rated" // "true": the fan may run in gas
)

const changeRest = 30 * time.Second // between two changes of one output, unless it moves toward safe

// localReset is how long a person's reset at the site lets one named person in the cloud move the output away from safe.
const localReset = 10 * time.Minute

// safeValue is the value toward which an output may always be moved: sockets and relays off, gas shut, people warned, doors free.
func safeValue(kind, point string) (v float64, known bool) {
	switch kind + "." + point {
	case "socket.relay", "relay.relay", "meter.relay", "valve.open":
		return 0, true
	case "siren.on", "door.lock":
		return 1, true
	}
	return 0, false
}

// SafeValue is the value of a kind's point toward which it may always be moved; not known: the site may say one.
func SafeValue(kind, point string) (v float64, known bool) { return safeValue(kind, point) }

// impossible is what nobody may write, also toward safe: it is no such output, or the value is not one of its.
func (o *output) impossible(v float64) refusal {
	switch {
	case o.point.Name == "":
		return refused("unwritable", "该点位不可写", "the point is not writable")
	case o.kind == kindValve && (o.point.Name != "open" || v != 0):
		return refused("valve", "燃气阀只能到现场手动打开", "a gas valve is never opened remotely")
	case !o.point.Allows(v):
		return refused("profile", fmt.Sprintf("型号不允许写 %v", v), fmt.Sprintf("the profile does not allow the value %v", v))
	}
	return refusal{}
}

// interlock says why a move away from safe must not be made, whoever asks.
func (x *Executor) interlock(o *output, j *job, now time.Time) refusal {
	v := j.action.Value
	gas, alarm := x.gasIn(o.zone)
	switch {
	case o.forbids(v) != "":
		id := o.forbids(v)
		r := refused("forbidden", "告警 "+id+" 期间禁止", "forbidden while alert "+id+" fires")
		r.held = &Holder{Owner: Interlock, Who: id, Value: o.last}
		return r
	case gas && o.fan && !o.exRated:
		return refused("fan", "有燃气告警（"+alarm+"），风机不防爆，不得操作", "gas alarm "+alarm+": the fan is not Ex-rated")
	case gas && !o.fan && o.kind != kindSiren:
		return refused("gas", "本区有燃气告警（"+alarm+"），不得操作电器和门", "gas alarm "+alarm+" in the zone: nothing is switched there")
	case x.lockdown && o.kind == kindDoor && j.owner < Safety && j.who == "":
		return refused("lockdown", "封控期间开门要有具名的人", "lock-down: a door is released only by a named person")
	}
	return o.tooSoon(v, now, x.started)
}

// tooSoon keeps the rest between two changes. What was done before the start is not known, so the start counts as a change.
func (o *output) tooSoon(v float64, now, started time.Time) refusal {
	since, what := o.changedAt, rules.Text{ZH: "刚改变过", EN: "changed"}
	switch {
	case o.written && v == o.last:
		return refusal{}
	case !o.written:
		since, what = started, rules.Text{ZH: "网关刚启动", EN: "the gateway was started"}
	}
	if ago := now.Sub(since); ago < changeRest {
		return refused("rate", fmt.Sprintf("%s（%v 前），%v 内只变一次", what.ZH, ago.Round(time.Second), changeRest),
			fmt.Sprintf("%s %v ago: at most one change in %v", what.EN, ago.Round(time.Second), changeRest))
	}
	return refusal{}
}

// authority says why who asks may not ask for a move away from safe.
func (x *Executor) authority(o *output, j *job, now time.Time) refusal {
	switch {
	case j.owner < Manual && now.Before(o.lockedUntil):
		return refused("lockout", fmt.Sprintf("安全动作之后锁定，还剩 %v", o.lockedUntil.Sub(now).Round(time.Second)),
			fmt.Sprintf("locked out after a safety action for another %v", o.lockedUntil.Sub(now).Round(time.Second)))
	case j.owner == Manual && j.who == "":
		return refused("nobody", "没有说明是谁", "nobody is named")
	case j.owner < Manual && x.failed != nil:
		return refused("blind", "规则没有运行，不得离开安全状态", "the rules do not run: nothing is moved away from safe")
	case j.owner != Cloud:
		return refusal{}
	case j.who != "" && j.approver != "" && j.who != j.approver:
		return refusal{}
	case j.who != "" && !o.resetAt.IsZero() && now.Sub(o.resetAt) < localReset:
		return refusal{}
	}
	return refused("alone", "云端离开安全状态要有现场复位，或两个不同的人", "away from safe the cloud needs a reset at the site or two different people")
}

// late says that a request's time is over.
func (j *job) late(now time.Time) refusal {
	if j.until.IsZero() || !now.After(j.until) {
		return refusal{}
	}
	return refused("late", "命令已过期，没有执行", "the command's time was over before it could begin")
}

// refuse is every check there is, in the order in which people want to hear of them.
func (x *Executor) refuse(o *output, j *job, now time.Time) refusal {
	if r := o.impossible(j.action.Value); r.code != "" {
		return r
	}
	if x.toward(o, j) {
		return refusal{}
	}
	for _, r := range []refusal{j.overruled, j.late(now), x.interlock(o, j, now), o.outranked(j), x.authority(o, j, now)} {
		if r.code != "" {
			return r
		}
	}
	return refusal{}
}
