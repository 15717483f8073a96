package incident

import (
	"fmt"
	"strings"
	"time"
)

// text says in a sentence why alerts are one incident.
func (k key) text() Text {
	zh, en := spanOf(k.within)
	switch k.kind {
	case CauseDevice:
		return Text{"同一设备 " + k.of[1] + " 的同类告警", "alerts of the same kind of device " + k.of[1]}
	case CauseZone:
		return Text{fmt.Sprintf("同一区域 %s %s内的同类告警", k.of[1], zh), fmt.Sprintf("alerts of the same kind in zone %s within %s", k.of[1], en)}
	case CauseBus:
		return Text{fmt.Sprintf("线路 %s 上的设备在 %s内相继失联", k.of[1], zh), fmt.Sprintf("devices of line %s fell silent within %s", k.of[1], en)}
	case CauseGateway:
		return Text{fmt.Sprintf("网关 %s 的多条线路在 %s内失联，可能停电或断网", k.of[0], zh), fmt.Sprintf("several lines of gateway %s fell silent within %s: a power cut or the network?", k.of[0], en)}
	case CauseFlood:
		return Text{fmt.Sprintf("告警风暴：%s内告警过多，同类的合并处理", zh), fmt.Sprintf("a flood: too many alerts within %s, those of one kind are put together", en)}
	case CauseHand:
		return Text{"人工合并", "merged by hand"}
	}
	return Text{}
}

func spanOf(d time.Duration) (zh, en string) {
	if d >= time.Minute && d%time.Minute == 0 {
		return fmt.Sprintf("%d 分钟", d/time.Minute), fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%.0f 秒", d.Seconds()), fmt.Sprintf("%.0f s", d.Seconds())
}

// name is the part of a key that people know: without the danger, and without what stands before it.
func (k key) name() string {
	switch k.kind {
	case CauseDevice, CauseBus:
		return k.of[0] + "/" + k.of[1]
	case CauseZone:
		return k.of[1]
	}
	return strings.Join(k.of[:min(1, len(k.of))], "")
}

// widen gives an incident the cause by which an alert has come, if it is a wider one.
func (in *Incident) widen(k key) {
	if k.kind == "" || in.Cause != nil && wide(in.Cause.Kind) >= wide(k.kind) {
		return
	}
	in.Cause = &Cause{k.kind, k.name(), k.text()}
}

// others is what stands behind the title of an incident of several alerts.
func others(alerts, devices int) Text {
	switch n := devices - 1; {
	case alerts < 2:
		return Text{}
	case n == 0 && alerts == 2:
		return Text{"，及另外 1 条告警", ", and 1 more alert"}
	case n == 0:
		return Text{fmt.Sprintf("，及另外 %d 条告警", alerts-1), fmt.Sprintf(", and %d more alerts", alerts-1)}
	case n == 1:
		return Text{"，及另外 1 台设备", ", and 1 more device"}
	default:
		return Text{fmt.Sprintf("，及另外 %d 台设备", n), fmt.Sprintf(", and %d more devices", n)}
	}
}

// joinedText tells of an alert that came into an incident.
func joinedText(a *Alert, where string, k key) Text {
	why := k.text()
	return Text{fmt.Sprintf("并入：%s %s（%s 级；%s）", where, a.Title.ZH, a.SeverityNow, why.ZH), fmt.Sprintf("Joined: %s %s (%s; %s)", where, a.Title.EN, a.SeverityNow, why.EN)}
}

func (w surroundings) where(a *Alert) string {
	name := w.name
	if name == "" {
		name = a.Device
	}
	return strings.TrimSpace(w.place + " " + name)
}
