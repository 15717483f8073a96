package config

import (
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/gashistory"
)

// LogKind is the kind of a gas detector's own log, which is a device beside the detector: it says nothing of the gas now, and must never
// be taken for a detector of its zone.
const LogKind = "gas_log"

// DetectorLabel names, on a log, the device of the detector that it is the log of.
const DetectorLabel = "detector"

// theOnly stands for the address of a device whose protocol has none.
const theOnly = "only"

// alone says whether a protocol has no addresses, so that one device of it can be on a line.
func alone(protocol string) bool { return protocol == protocolGB15322 || protocol == protocolASCII }

// noAddress is the address of a device whose protocol has none.
func (l *loader) noAddress(path string, raw rawDevice, protocol string) string {
	if raw.Address != "" {
		l.add(path+".address", l.say("%s 没有地址，一条总线只接一台", "%s has no addresses: one device of it on a line", protocol), l.say("删去此行", "remove the line"))
	}
	return theOnly
}

// gasHistory reads a place in a detector's log.
func (c *profileCheck) gasHistory(path string, raw rawPoint, r *device.Register) {
	var err error
	if r.Space, r.Addr, err = gashistory.ParsePlace(raw.At); err != nil {
		c.add(path+".at", c.say("at %q 无效", "at %q is not usable", raw.At), c.say(`如 "count alarm"、expired、clock_offset`, `such as "count alarm", expired or clock_offset`))
		return
	}
	if err := gashistory.CheckPoint(device.Point{Name: raw.Name, Register: *r, Writable: raw.Write}); err != nil {
		c.add(path+".write", c.say("不可用：%v", "not usable: %v", err), "")
	}
}

// checkLogs sees to it that what a detector has noted can be compared with something.
func (l *loader) checkLogs() {
	devices := l.site.Devices()
	kind := map[string]string{}
	for _, d := range devices {
		kind[d.ID] = d.Kind
	}
	for i, c := range l.raw.Channels {
		for j, raw := range c.Devices {
			if raw.Replaced || kind[raw.ID] != LogKind {
				continue
			}
			path, of := index(index("$.channels", i)+".devices", j), raw.Labels[DetectorLabel]
			switch {
			case of == "" && raw.Zone == "":
				l.warn(path, l.say("%s 没写是哪台探测器的记录，无法核对漏报", "%s does not say which detector's log it is: nothing can be compared with it", raw.ID),
					l.say("labels: {detector: 探测器 id}", "labels: {detector: the detector's id}"))
			case of != "" && kind[of] != "gas" && kind[of] != "co":
				l.add(path+".labels."+DetectorLabel, l.say("没有燃气探测器 %q", "there is no gas detector %q", of), l.meant(of, detectors(devices)))
			}
		}
	}
}

func detectors(devices []device.Device) (ids []string) {
	for _, d := range devices {
		if d.Kind == "gas" || d.Kind == "co" {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// standardAudit is when the nightly audit begins, since midnight.
const standardAudit = 3 * time.Hour

// checkAudit reads when logs are compared.
func (l *loader) checkAudit() {
	l.site.Audit = standardAudit
	switch at := l.raw.Audit.At; at {
	case "":
	case off:
		l.site.Audit = -1
	default:
		t, err := time.Parse("15:04", at)
		if err != nil {
			l.add("$.audit.at", l.say("%q 不是时刻", "%q is no time of day", at), l.say("写成 03:00，或 off", "write 03:00, or off"))
			return
		}
		l.site.Audit = time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	}
}
