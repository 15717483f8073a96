package rules

import (
	"fmt"
	"slices"
	"strings"
)

// A warning is something odd about a rule, and the devices that it is so for.
type warning struct {
	said    Text // with one %s for the devices
	devices []string
}

// warn notes a warning for a device, beside the same one for others.
func (e *Engine) warn(id string, said Text) {
	for i := range e.warnings {
		if w := &e.warnings[i]; w.said == said {
			w.devices = append(w.devices, id)
			return
		}
	}
	e.warnings = append(e.warnings, warning{said, []string{id}})
}

// Warnings are what is odd about these rules on these devices: an action that may be commanded and that no device can carry
// out, a point that a rule needs and a device lacks. Each is said once, with the number of devices and the first three.
func (e *Engine) Warnings() []Text {
	all := make([]Text, len(e.warnings))
	for i, w := range e.warnings {
		zh, en := strings.Join(w.devices, "、"), strings.Join(w.devices, ", ")
		if n := len(w.devices); n > 3 {
			zh = fmt.Sprintf("%s 等 %d 台", strings.Join(w.devices[:3], "、"), n)
			en = fmt.Sprintf("%d devices (%s, …)", n, strings.Join(w.devices[:3], ", "))
		}
		all[i] = Text{ZH: fmt.Sprintf(w.said.ZH, zh), EN: fmt.Sprintf(w.said.EN, en)}
	}
	return all
}

// literal is a text that fmt prints as it is.
func literal(s string) string { return strings.ReplaceAll(s, "%", "%%") }

func (e *Engine) warnNoPoint(s *subject, point string, users []string) {
	ids := strings.Join(users, " ")
	e.warn(s.device.ID, Text{
		ZH: "规则 " + ids + "：%s 没有点位 " + point + "，按未知处理",
		EN: "rule " + ids + ": no point " + point + " at %s, taken as unknown",
	})
}

func (e *Engine) warnNoTarget(s *subject, r *rule, act actionText) {
	lack := [4]string{s.device.Zone, act.Kind, act.Point, formatNumber(act.Value)}
	if slices.Contains(e.lacks, lack) && isPlace(s.device) {
		return // a device of the zone has said so
	}
	e.lacks = append(e.lacks, lack)
	why := s.whyNot(act)
	e.warn(s.device.ID, Text{
		ZH: "规则 " + r.text.ID + "：%s 告警时没有设备可" + literal(act.words(zh)) + "：" + why.ZH,
		EN: "rule " + r.text.ID + " for %s: no device can " + literal(act.words(en)) + ": " + why.EN,
	})
}

// whyNot explains why an action has no target. It names no single device, so that what is the same for many is said once.
func (s *subject) whyNot(a actionText) Text {
	for _, d := range s.peers {
		if d.Kind == a.Kind && (a.Of == "zone" || d.ID == s.device.ID) {
			if !mayCommand(d, a.Point) {
				label := kindNamed(a.Kind).point(a.Point).label
				return Text{
					ZH: kindNamed(a.Kind).title.ZH + "没有标注 " + label + `: "true"`,
					EN: "the " + a.Kind + " has no label " + label + `: "true"`,
				}
			}
			v := formatNumber(a.Value)
			return Text{
				ZH: fmt.Sprintf("%s的点表不允许把 %s 写成 %s", kindNamed(a.Kind).title.ZH, a.Point, v),
				EN: fmt.Sprintf("the profile of the %s does not let %s be set to %s", a.Kind, a.Point, v),
			}
		}
	}
	if s.device.Zone == "" {
		return Text{ZH: "设备不属于任何区域", EN: "the device is in no zone"}
	}
	return Text{ZH: "所在区域没有" + kindNamed(a.Kind).title.ZH, EN: "its zone has no " + a.Kind}
}
