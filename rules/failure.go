package rules

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// ActionRule is the one rule that is built in: what the gateway commanded was not done. It cannot be a condition over readings,
// because what was wanted is no reading; and it is not for a site to change.
const ActionRule = "R26"

// An output is a point that actions may write, as it was last read.
type output struct {
	device device.Device
	point  string
	seen   Evidence
	failed *alertState // nil while nothing is wrong
}

// addOutputs keeps the points of a device that some rule could ever write.
func (e *Engine) addOutputs(d device.Device) {
	k := kindNamed(d.Kind)
	if k == nil {
		return
	}
	for _, p := range d.Points {
		if kp := k.point(p.Name); kp == nil || kp.command == nil || len(p.Writable) == 0 {
			continue
		}
		o := &output{device: d, point: p.Name, seen: Evidence{Name: p.Name, Value: math.NaN(), Reason: device.NotRead}}
		e.outputs = append(e.outputs, o)
		in := e.index[p.Key()]
		in.output = o
		e.index[p.Key()] = in
	}
}

// ActionFailed tells that an action was tried and not confirmed. It raises an alert for the device that was to act, severity
// A when that is a gas valve, until the output is read as it was wanted or a person resets the alert. There is one
// alert for an output, however often it fails.
func (e *Engine) ActionFailed(a Action, attempts int, now time.Time) []AlertEvent {
	in := e.index[device.Key{Device: a.Device, Point: a.Point}]
	o := in.output
	if o == nil {
		return nil
	}
	if o.failed != nil {
		o.failed.Wanted = a.Value
		return nil
	}
	t := now.UnixMilli()
	o.failed = &alertState{
		Rule: ActionRule, RuleVersion: "built-in", Subject: a.Device, Zone: o.device.Zone, Severity: SeverityB,
		Title: Text{ZH: "动作失败", EN: "Action failed"}, Message: o.message(a.Value, attempts),
		ID: e.failureID(a.Device, now), State: Firing, Since: t, Changed: t, Output: a.Point, Wanted: a.Value,
	}
	if o.device.Kind == "valve" {
		o.failed.Severity = SeverityA
	}
	e.events = append(e.events, o.event(Firing, t))
	return e.finish()
}

func (e *Engine) failureID(id string, now time.Time) string {
	alert := fmt.Sprintf("%s/%s/%s", ActionRule, id, now.UTC().Format("20060102T150405Z"))
	if slices.ContainsFunc(e.outputs, func(o *output) bool { return o.failed != nil && o.failed.ID == alert }) {
		alert += "-2" // another output of the device
	}
	return alert
}

// seeOutput keeps what an output was read as, and ends its alert when that is what was wanted.
func (e *Engine) seeOutput(o *output, r *device.Reading) {
	o.seen.Value, o.seen.Quality, o.seen.Reason = r.Value, r.Quality, r.Reason
	if o.failed != nil && r.Quality == device.Good && r.Value == o.failed.Wanted {
		e.endFailure(o, Text{ZH: "已到位：", EN: "Done now: "}, r.Time.UnixMilli())
	}
}

func (e *Engine) endFailure(o *output, how Text, t int64) {
	o.failed.Message = prefixed(how, o.failed.Message)
	e.events = append(e.events, o.event(Resolved, t))
	o.failed = nil
}

func (o *output) event(state State, t int64) AlertEvent {
	f := o.failed
	seen := Text{"未知", "unknown"}
	if !math.IsNaN(o.seen.Value) {
		seen = Text{formatNumber(o.seen.Value), formatNumber(o.seen.Value)}
	} else if why := reasonText(o.seen.Reason); why.EN != "" {
		seen = Text{seen.ZH + "（" + why.ZH + "）", seen.EN + " (" + why.EN + ")"}
	}
	want := formatNumber(f.Wanted)
	return AlertEvent{
		Alert: f.ID, Rule: f.Rule, Version: f.RuleVersion, Subject: f.Subject, Zone: f.Zone, Severity: f.Severity, State: state,
		Since: time.UnixMilli(f.Since).UTC(), At: time.UnixMilli(t).UTC(), Title: f.Title, Message: f.Message,
		Why:  []Text{{o.point + " 读数 " + seen.ZH + "，命令 " + want, o.point + " reads " + seen.EN + ", told to be " + want}},
		Card: failureCard(o.device.Kind), Evidence: []Evidence{o.seen, {Name: wantedName, Unit: o.seen.Unit, Value: f.Wanted, Quality: device.Good}},
	}
}

func (o *output) message(v float64, attempts int) Text {
	s := &subject{device: o.device}
	where := s.place()
	if o.device.Place != "" {
		where += " " + s.name()
	}
	do := commandWords(o.device.Kind, o.point, v)
	return Text{
		ZH: fmt.Sprintf("%s 没有动作：命令%s，试了 %d 次未确认。请马上派人到现场手动处理。", where, do.ZH, attempts),
		EN: fmt.Sprintf("%s did not act: told to %s, not confirmed in %d attempts. Send somebody to do it by hand now.", where, do.EN, attempts),
	}
}

// commandWords name what an output was told to do. Rules write nothing else (kinds.go).
func commandWords(kind, point string, v float64) Text {
	switch kind {
	case "valve":
		return Text{"关闭燃气阀", "close the gas valve"}
	case "socket":
		return Text{"断开插座", "switch the socket off"}
	case "door":
		return Text{"释放门锁", "release the door"}
	case "siren":
		if v == 0 {
			return Text{"停止警报器", "silence the siren"}
		}
		return Text{"启动警报器", "sound the siren"}
	}
	word := point + "=" + formatNumber(v)
	return Text{word, word}
}

// failureCard is what people do in place of the device.
func failureCard(kind string) []Text {
	check := Text{"检查设备供电、接线和通信；修好之前它不会自动动作，派人看守", "Check its power, wires and line; until it works it will not act by itself: keep watch"}
	switch kind {
	case "valve":
		return []Text{
			{"能安全到达才去：手动关闭户内或楼道燃气阀", "Only if it is safe to get there: shut the gas cock of the flat or the riser by hand"},
			{"到不了或气味大：撤出，在室外打燃气公司抢修电话和 119", "Not safe, or a strong smell: get out, and outside call the gas company and 119"},
			check,
		}
	case "socket":
		return []Text{
			{"到现场看有没有烟、异味、鼓包；没有才拔掉充电器", "Go and look for smoke, smell, swelling; if there is none, unplug the charger"},
			{"拔不掉或有烟：断开该路总电，有火先疏散打 119", "Cannot be unplugged, or smoke: cut the supply of the row; fire: get people out, call 119"},
			check,
		}
	case "door":
		return []Text{{"到现场用钥匙或应急按钮开门", "Open the door there, by key or emergency button"}, check}
	case "siren":
		return []Text{{"电话、敲门逐户通知，不等警报器", "Warn people by telephone and at their doors, do not wait for the siren"}, check}
	}
	return []Text{{"到现场手动操作，并确认已到位", "Do it there by hand, and see that it is done"}, check}
}
