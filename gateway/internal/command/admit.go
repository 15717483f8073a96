package command

import (
	"errors"
	"math"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/rules"
)

// admit answers the command to carry out; nil: there is none, and who should hear of that does.
func (d *Desk) admit(a arrival) *wire.Command {
	down, err := wire.Open(d.cfg.Key, d.cfg.Gateway, a.payload)
	if errors.Is(err, wire.ErrSignature) {
		d.distrust(a)
		return nil
	}
	if err == nil && (down.GetDesired() != nil || down.GetConfig() != nil && d.cfg.Configure != nil || down.GetUpdate() != nil && d.cfg.Update != nil) {
		select {
		case d.wants <- down:
		default: // the cloud says it again
		}
		return nil
	}
	if err == nil && down.GetLook() != nil && d.cfg.Look != nil {
		d.cfg.Look(a.session, down.GetLook())
		return nil
	}
	c := down.GetCommand()
	if err != nil || !sound(c) {
		d.cfg.Log.Warn("command cannot be read", "error", err)
		d.count.WithLabelValues("malformed").Inc()
		return nil
	}
	if c.GetSession() != a.session || c.GetBoot() != d.cfg.Boot { // it was for a connection before this one
		d.cfg.Log.Warn("command of another session dropped", "command", c.GetId())
		d.count.WithLabelValues("session").Inc()
		return nil
	}
	if d.again(c) {
		return nil
	}
	switch left := time.Duration(c.GetUntilMs())*time.Millisecond - d.mono(); {
	case left <= 0:
		d.refuse(c, rules.Text{ZH: "命令已过期，没有执行", EN: "the command's time was over before it could begin"})
		return nil
	case left > time.Duration(c.GetTtlMs())*time.Millisecond:
		d.refuse(c, rules.Text{ZH: "命令的时限与网关的时钟不符", EN: "the command's time does not fit the gateway's clock"})
		return nil
	}
	d.count.WithLabelValues("taken").Inc()
	return c
}

// sound says whether a command is whole and within its limits.
func sound(c *wire.Command) bool {
	a := c.GetAction()
	text := func(s string, least, most int) bool { return len(s) >= least && len(s) <= most }
	return text(c.GetId(), 1, 64) && text(c.GetIssuer(), 1, 200) && text(c.GetApprover(), 0, 200) && text(c.GetReason(), 0, 1000) &&
		text(a.GetDevice(), 1, 100) && text(a.GetPoint(), 1, 100) && !math.IsNaN(a.GetValue()) && !math.IsInf(a.GetValue(), 0) &&
		c.GetTtlMs() > 0 && time.Duration(c.GetTtlMs())*time.Millisecond <= MaxTTL && c.GetUntilMs() < math.MaxInt64/uint64(time.Millisecond) &&
		time.Duration(c.GetHoldMs())*time.Millisecond <= action.HoldMost
}

// again says whether a command came before. One that is finished is answered as it was; one that is under way will be.
func (d *Desk) again(c *wire.Command) bool {
	d.mu.Lock()
	e := d.known[c.GetId()]
	var again *wire.ActionResult
	if e != nil && e.result != nil && e.told < repeatMost {
		e.told++
		again = e.result
	}
	fits := e != nil || d.room()
	if e == nil && fits {
		d.known[c.GetId()] = &entry{at: d.mono()}
		d.order = append(d.order, c.GetId())
	}
	d.mu.Unlock()
	if again != nil {
		d.tell(again)
	}
	switch {
	case !fits: // a flood: what cannot be remembered could be done twice
		d.count.WithLabelValues("dropped").Inc()
	case e != nil:
		d.count.WithLabelValues("again").Inc()
	}
	return e != nil || !fits
}

// room forgets the oldest command for a new one, if it can come no more.
func (d *Desk) room() bool {
	if len(d.order) < remembered {
		return true
	}
	oldest := d.known[d.order[0]]
	if oldest.result == nil || d.mono()-oldest.at <= MaxTTL {
		return false
	}
	delete(d.known, d.order[0])
	d.order = d.order[1:]
	return true
}

// distrust answers what the cloud's key did not sign, now and then: whoever set the gateway up wrongly is to hear of it.
func (d *Desk) distrust(a arrival) {
	d.count.WithLabelValues("signature").Inc()
	d.mu.Lock()
	now := time.Now()
	rests := !d.strange.IsZero() && now.Sub(d.strange) < strangeRest
	if !rests {
		d.strange = now
	}
	d.mu.Unlock()
	if rests {
		return
	}
	why := rules.Text{ZH: "签名不是网关所信任的云端的", EN: "the signature is not of the cloud that the gateway trusts"}
	if d.cfg.Key == nil {
		why = rules.Text{ZH: "网关没有云端公钥（trust.command_key），不接受远程命令", EN: "the gateway has no key of the cloud (trust.command_key) and takes nothing from afar"}
	}
	d.cfg.Log.Error("command refused", "why", why.EN)
	var s wire.Signed
	var down wire.Down
	if proto.Unmarshal(a.payload, &s) != nil || proto.Unmarshal(s.GetBody(), &down) != nil || !sound(down.GetCommand()) || down.GetCommand().GetSession() != a.session {
		return
	}
	d.tell(d.answer(down.GetCommand(), action.Refused, why.EN))
}

// refuse answers a command that is not carried out.
func (d *Desk) refuse(c *wire.Command, why rules.Text) {
	d.count.WithLabelValues("refused").Inc()
	r := d.answer(c, action.Refused, why.EN)
	d.finish(c, r)
	d.tell(r)
}

// finish keeps a command's answer for its duplicates.
func (d *Desk) finish(c *wire.Command, r *wire.ActionResult) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e := d.known[c.GetId()]; e != nil {
		e.result = r
	}
}

func (d *Desk) answer(c *wire.Command, outcome, why string) *wire.ActionResult {
	return &wire.ActionResult{Command: c.GetId(), Action: c.GetAction(), Outcome: outcome, Reason: why, AtMs: d.cfg.Now().UnixMilli(),
		Owner: action.Cloud.String(), Who: c.GetIssuer(), Approver: c.GetApprover()}
}

func (d *Desk) tell(r *wire.ActionResult) {
	d.cfg.Log.Info("command", "command", r.GetCommand(), "device", r.GetAction().GetDevice(), "outcome", r.GetOutcome(), "reason", r.GetReason())
	d.cfg.Record(r)
}
