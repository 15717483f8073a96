package action

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// memoryForm is the form of what Remember takes.
const memoryForm = 1

// clockStep is how much the clock that stamps results may move against the real one until holds are saved with their new ends.
const clockStep = 2 * time.Second

// memory is what survives a restart: what people, cloud and plans hold, and lock-outs. What rules hold comes back with their
// alerts. Moments are Unix ms of the clock that stamps results, the only one that both runs have.
type memory struct {
	Form    int          `json:"form"`
	Outputs []outputKept `json:"outputs"`
}

type outputKept struct {
	Device string     `json:"device"`
	Point  string     `json:"point"`
	Locked int64      `json:"locked,omitzero"` // until
	Holds  []holdKept `json:"holds,omitempty"`
}

type holdKept struct {
	Owner Owner   `json:"owner"`
	Who   string  `json:"who,omitempty"`
	Why   string  `json:"why,omitempty"`
	Value float64 `json:"value"`
	Since int64   `json:"since"`
	Until int64   `json:"until"`
}

// changed lets what survives a restart be saved, by another goroutine.
func (x *Executor) changed() {
	x.unsaved = true
	select {
	case x.keep <- struct{}{}:
	default:
	}
}

// remember saves what has changed until stop is closed, and then once more. Nobody waits for it.
func (x *Executor) remember(stop <-chan struct{}) {
	for ended := false; !ended; {
		select {
		case <-x.keep:
		case <-stop:
			ended = true
		}
		x.save()
	}
}

func (x *Executor) save() {
	x.mu.Lock()
	dirty := x.unsaved && x.cfg.Remember != nil
	x.unsaved = false
	m := x.memory(time.Now(), x.cfg.Now())
	x.mu.Unlock()
	if !dirty {
		return
	}
	data, err := json.Marshal(m)
	if err == nil {
		err = x.cfg.Remember(data)
	}
	if err == nil {
		return
	}
	x.cfg.Log.Error("save holds", "error", err)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.unsaved = true // turn tries again
}

// memory is what is to be saved. now is the real clock, stamp the other one.
func (x *Executor) memory(now, stamp time.Time) memory {
	m := memory{Form: memoryForm, Outputs: []outputKept{}}
	x.offset = stamp.Sub(x.made.Round(0)) - now.Sub(x.made)
	for _, d := range x.cfg.Devices {
		for _, p := range d.Points {
			o := x.outputs[p.Key()]
			if o == nil {
				continue
			}
			k := outputKept{Device: d.ID, Point: p.Name}
			if now.Before(o.lockedUntil) {
				k.Locked = stamp.Add(o.lockedUntil.Sub(now)).UnixMilli()
			}
			for _, h := range o.holds {
				if h.id == "" {
					k.Holds = append(k.Holds, holdKept{h.owner, h.who, h.why, h.value, h.stamp.UnixMilli(), stamp.Add(h.until.Sub(now)).UnixMilli()})
				}
			}
			if k.Locked != 0 || k.Holds != nil {
				m.Outputs = append(m.Outputs, k)
			}
		}
	}
	return m
}

// Restore takes up what Remember was given by the run before, at a moment of the clock that stamps results. Call it once, before
// alerts are adopted and before Run. What has run out meanwhile is told as released, and what is of outputs that are no more is dropped. A clock
// that is behind that moment is not believed: no time has passed then. On an error nothing is taken up.
func (x *Executor) Restore(at time.Time, data []byte) error {
	var m memory
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("decode holds: %w", err)
	}
	if m.Form != memoryForm {
		return fmt.Errorf("decode holds: form %d, this program knows %d", m.Form, memoryForm)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	now, stamp := time.Now(), x.cfg.Now()
	if stamp.Before(at) {
		stamp = at
	}
	for _, k := range m.Outputs {
		x.changed() // whatever is taken up is saved as it is now
		o := x.outputs[device.Key{Device: k.Device, Point: k.Point}]
		if o == nil {
			continue
		}
		if left := min(time.UnixMilli(k.Locked).Sub(stamp), o.lockout); left > 0 {
			o.lockedUntil = now.Add(left)
		}
		for _, h := range k.Holds {
			x.takeUp(o, h, now, stamp)
		}
	}
	return nil
}

func (x *Executor) takeUp(o *output, k holdKept, now, stamp time.Time) {
	if k.Owner != Manual && k.Owner != Cloud && k.Owner != Schedule || o.impossible(k.Value).code != "" {
		return
	}
	since := time.UnixMilli(k.Since)
	h := hold{owner: k.Owner, who: k.Who, why: k.Why, value: k.Value, stamp: since, since: now.Add(-stamp.Sub(since))}
	left := min(time.UnixMilli(k.Until).Sub(stamp), HoldMost)
	if left <= 0 {
		x.released(o, &h, h.who, "its time was over while the gateway did not run")
		return
	}
	h.until = now.Add(left)
	o.holds = append(o.holds, h)
}

// kept says whether something of an output survives a restart.
func (o *output) kept(now time.Time) bool {
	return now.Before(o.lockedUntil) || slices.ContainsFunc(o.holds, func(h hold) bool { return h.id == "" })
}

// stepped says whether the clock that stamps results was set: ends of holds are saved anew then.
func (x *Executor) stepped(now time.Time) bool {
	moved := x.cfg.Now().Sub(x.made.Round(0)) - now.Sub(x.made) - x.offset
	return moved.Abs() > clockStep
}

// released lets the end of a hold be told. Rules' holds end with their alerts, and safe states with their reasons: nobody needs
// to hear of it twice.
func (x *Executor) released(o *output, h *hold, who, why string) {
	if h.id != "" {
		return
	}
	a := rules.Action{Device: o.point.Device, Point: o.point.Name, Value: h.value}
	x.news = append(x.news, &wire.ActionResult{Action: wire.FromAction(a), Outcome: Released, Reason: why, AtMs: x.cfg.Now().UnixMilli(), Owner: h.owner.String(), Who: who})
	x.changed()
	x.signal()
}

// tellNews tells what was learned under the lock.
func (x *Executor) tellNews() {
	x.mu.Lock()
	news := x.news
	x.news = nil
	x.mu.Unlock()
	for _, r := range news {
		x.tell(r)
	}
}
