package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
)

// standardAfter is how long an output's inputs may say nothing.
const standardAfter = time.Minute

// checkOutputs reads what the site says of its outputs. What is said of a device counts more than what is said of its kind.
func (l *loader) checkOutputs() {
	l.site.Outputs = map[device.Key]action.Setting{}
	devices := l.site.Devices()
	said := map[string]string{} // "kind socket.relay" → path
	own := map[device.Key]bool{}
	for i, raw := range l.raw.Outputs {
		path := index("$.outputs", i)
		if !l.checkTarget(path, raw, devices) {
			continue
		}
		name := "kind " + raw.Kind + "." + raw.Point
		if raw.Device != "" {
			name = "device " + raw.Device + "." + raw.Point
		}
		if first, twice := said[name]; twice {
			l.add(path, l.say("输出 %s.%s 重复（%s已有）", "output %s.%s is there twice (first in %s)", raw.Device+raw.Kind, raw.Point, l.lineOf(first, path)), "")
			continue
		}
		said[name] = path
		lockout := l.duration(path+".lockout", raw.Lockout, -1, 0, 24*time.Hour)
		var safe *action.Safe
		if raw.Safe != nil {
			safe = l.safeState(path+".safe", raw)
		}
		for _, d := range devices {
			p := output(raw, d)
			if p == nil || raw.Device == "" && own[p.Key()] {
				continue
			}
			own[p.Key()] = own[p.Key()] || raw.Device != ""
			safe := l.withoutStale(path, safe, d, devices)
			if !l.checkSafe(path, safe, d, *p, devices) {
				break // one of a kind is enough to tell it
			}
			s := action.Setting{Safe: safe, Lockout: lockout}
			if lockout < 0 {
				s.Lockout = action.DefaultLockout(d.Kind)
			}
			l.site.Outputs[p.Key()] = s
		}
	}
}

// checkTarget says whether an entry names outputs that there are.
func (l *loader) checkTarget(path string, raw rawOutput, devices []device.Device) bool {
	if (raw.Device == "") == (raw.Kind == "") {
		l.add(path, l.say("要写 device 或 kind，二者之一", "an output has a device or a kind"), "{device: valve-1, point: open, …}")
		return false
	}
	if raw.Kind != "" && !contains(kinds(), raw.Kind) {
		l.add(path+".kind", l.say("没有种类 %q", "there is no kind %q", raw.Kind), l.meant(raw.Kind, kinds()))
		return false
	}
	var ids, points []string
	for _, d := range devices {
		ids = append(ids, d.ID)
		if d.ID != raw.Device && (raw.Kind == "" || d.Kind != raw.Kind) {
			continue
		}
		for _, p := range d.Points {
			if len(p.Writable) > 0 && !contains(points, p.Name) {
				points = append(points, p.Name)
			}
		}
	}
	switch {
	case raw.Device != "" && !contains(ids, raw.Device):
		tell := l.add
		if len(l.left) > 0 {
			tell = l.warn // it may stand in a fragment that is left out, and the gateway starts all the same
		}
		tell(path+".device", l.say("没有设备 %q", "there is no device %q", raw.Device), l.meant(raw.Device, ids))
	case contains(points, raw.Point):
		return true
	case raw.Kind != "" && len(points) == 0 && raw.Point != "":
		return true // the site has none of the kind: what is said of it waits
	default:
		l.add(path+".point", l.say("%s 没有可写的点位 %q", "%s has no writable point %q", raw.Device+raw.Kind, raw.Point), l.meant(raw.Point, points))
	}
	return false
}

// output is the point of a device that an entry speaks of; nil when it speaks of another.
func output(raw rawOutput, d device.Device) *device.Point {
	if raw.Device != "" && d.ID != raw.Device || raw.Kind != "" && d.Kind != raw.Kind {
		return nil
	}
	i := slices.IndexFunc(d.Points, func(p device.Point) bool { return p.Name == raw.Point && len(p.Writable) > 0 })
	if i < 0 {
		return nil
	}
	return &d.Points[i]
}

// safeState reads the keys of one safe state; nil when it cannot be used.
func (l *loader) safeState(path string, out rawOutput) *action.Safe {
	raw := out.Safe
	if raw.Value == nil {
		l.add(path+".value", l.say("缺 value", "value is missing"), "{value: 0, on: [failure]}")
		return nil
	}
	s := &action.Safe{Value: *raw.Value, After: l.duration(path+".after", raw.After, standardAfter, 10*time.Second, 24*time.Hour)}
	if len(raw.On) == 0 {
		l.add(path+".on", l.say("缺 on", "on is missing"), l.oneOf([]string{"start", "failure", "stale"}))
	}
	for i, word := range raw.On {
		switch word {
		case "start":
			s.Start = true
		case "failure":
			s.Failure = true
		case "stale":
			s.Stale = true
		default:
			l.add(index(path+".on", i), l.say("on 不能是 %q", "on cannot be %q", word), l.meant(word, []string{"start", "failure", "stale"}))
		}
	}
	if raw.After != "" && !s.Stale {
		l.add(path+".after", l.say("没有 stale，after 没有作用", "after does nothing without stale"), l.say("on 里加上 stale，或删去", "add stale to on, or remove it"))
	}
	return s
}

// withoutStale takes stale from a safe state where the detectors that it waits for may stand in a fragment that is left out: the rest
// of it holds.
func (l *loader) withoutStale(path string, safe *action.Safe, d device.Device, devices []device.Device) *action.Safe {
	if safe == nil || !safe.Stale || len(l.left) == 0 || len(action.StaleInputs(devices, d)) > 0 {
		return safe
	}
	l.warn(path+".safe.on", l.say("%s 的燃气探测器不在（有片段未采用），stale 暂不起作用", "the gas detectors of %s are not there while a fragment is left out: stale does nothing", d.ID), "")
	rest := *safe
	rest.Stale = false
	return &rest
}

// checkSafe says whether a safe state can be that of an output.
func (l *loader) checkSafe(path string, safe *action.Safe, d device.Device, p device.Point, devices []device.Device) bool {
	if safe == nil {
		return true
	}
	want, known := action.SafeValue(d.Kind, p.Name)
	switch {
	case known && safe.Value != want:
		l.add(path+".safe.value", l.say("%s 的安全值是 %v，不能是 %v", "%s is safe at %v, not at %v", d.Kind+"."+p.Name, want, safe.Value), fmt.Sprint(want))
	case !p.Allows(safe.Value):
		l.add(path+".safe.value", l.say("%s 的型号不允许写 %v", "the profile of %s does not allow %v", d.ID, safe.Value), fmt.Sprint(p.Writable))
	case safe.Stale && len(action.StaleInputs(devices, d)) == 0:
		l.add(path+".safe.on", l.say("%s 的区域里没有燃气探测器，stale 无从判断", "there is no gas detector in the zone of %s: stale would never be noticed", d.ID), l.say("去掉 stale，或写上区域", "remove stale, or give it a zone"))
	default:
		return l.checkAfter(path, safe, d, devices)
	}
	return false
}

// checkAfter says whether an output's inputs are read often enough not to count as stale between two readings.
func (l *loader) checkAfter(path string, safe *action.Safe, d device.Device, devices []device.Device) bool {
	if !safe.Stale {
		return true
	}
	for _, k := range action.StaleInputs(devices, d) {
		i := slices.IndexFunc(devices, func(other device.Device) bool { return other.ID == k.Device })
		if least := 2 * devices[i].Poll; safe.After < least {
			l.add(path+".safe.after", l.say("%s 每 %v 才读一次，%v 没有读数不算失联", "%s is read once in %v: %v without a reading do not make it stale", k.Device, devices[i].Poll, safe.After), fmt.Sprint(least))
			return false
		}
	}
	return true
}
