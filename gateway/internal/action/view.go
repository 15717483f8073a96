package action

import (
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// A View is an output as people see it.
type View struct {
	Device    string
	Point     device.Point
	Safe      float64       // where it is safe, when HasSafe
	HasSafe   bool          // somebody knows where that is
	Holder    *Holder       // nil: nobody
	Releases  bool          // a person may end the hold
	LockedFor time.Duration // what is left of a lock-out
}

// Outputs are all outputs, in the order of the devices.
func (x *Executor) Outputs() []View {
	x.mu.Lock()
	defer x.mu.Unlock()
	var all []View
	for _, d := range x.cfg.Devices {
		for _, p := range d.Points {
			if o := x.outputs[p.Key()]; o != nil {
				all = append(all, x.view(o))
			}
		}
	}
	return all
}

func (x *Executor) view(o *output) View {
	v := View{Device: o.point.Device, Point: o.point, HasSafe: o.hasSafe(), LockedFor: max(0, time.Until(o.lockedUntil))}
	if v.HasSafe {
		v.Safe = o.safeAt()
	}
	if h := o.holder(); h != nil {
		v.Holder, v.Releases = h.told(), h.id == ""
	}
	if len(o.forbidden) > 0 {
		f := o.forbidden[0]
		v.Holder, v.Releases = &Holder{Owner: Interlock, Who: f.alert, Value: o.safeAt()}, false
	}
	return v
}

// Safe says whether a move goes to where its output is safe, as things are now.
func (x *Executor) Safe(a rules.Action) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	o := x.at(a)
	return o != x.nowhere && x.safe(o, a.Value)
}

// Release ends what a person, the cloud or a plan holds of an output; a rule's hold ends with its alert. It counts as a reset
// at the site: for ten minutes one named person in the cloud may move the output away from safe. False: nothing was held.
func (x *Executor) Release(key device.Key, who string) bool {
	x.cfg.Log.Info("hold released", "device", key.Device, "point", key.Point, "who", who)
	x.mu.Lock()
	defer x.mu.Unlock()
	o := x.outputs[key]
	if o == nil {
		return false
	}
	o.resetAt = time.Now()
	return x.drop(o, who, "released at the site", func(h *hold) bool { return h.id == "" }) > 0
}

// Touched are the outputs that a firing alert has moved.
func (x *Executor) Touched(alert string) []device.Key {
	x.mu.Lock()
	defer x.mu.Unlock()
	if a := x.firing[alert]; a != nil {
		return a.keys
	}
	return nil
}

// LocalReset says that a person at the site has reset what moved these outputs.
func (x *Executor) LocalReset(keys []device.Key) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, k := range keys {
		if o := x.outputs[k]; o != nil {
			o.resetAt = time.Now()
		}
	}
}
