package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/drivers/serial"
	"github.com/linshao/linshao/drivers/serial/gashistory"
	"github.com/linshao/linshao/drivers/serial/osdp"
	"github.com/linshao/linshao/gateway/internal/bustime"
)

// planner is a driver's own word on what it puts on the wire; nil for drivers that cannot say.
func planner(driver string) device.Planner {
	var d device.Driver
	switch driver {
	case DriverModbusTCP:
		d = modbus.TCP{}
	case DriverModbusRTU:
		d = modbus.RTU{}
	case DriverDLT645:
		d = serial.DLT645{}
	case DriverCJT188:
		d = serial.CJT188{}
	case DriverOSDP:
		d = osdp.Driver{}
	case DriverGB15322:
		d = gashistory.Driver{}
	case DriverSerial:
		d = serial.Shared{protocolModbus: modbus.RTU{}, protocolDLT645: serial.DLT645{}, protocolCJT188: serial.CJT188{}, protocolOSDP: osdp.Driver{},
			protocolGB15322: gashistory.Driver{}}
	}
	p, _ := d.(device.Planner)
	return p
}

// Plan is how the time of the channel's line will be used.
func (c Channel) Plan() bustime.Plan { return bustime.Of(c.line()) }

// Fit is what would make room on a line that has none.
type Fit struct {
	Poll  time.Duration // no device read more often than that; 0: that alone does not help
	Lines int           // the devices on so many lines
	Baud  int           // the line and its devices at this speed; 0: that alone does not help, or the converter keeps its speed
}

// Fit says what would leave the line room.
func (c Channel) Fit(p bustime.Plan) Fit {
	f := Fit{Poll: p.Shortest(bustime.Busy), Lines: p.Lines(bustime.Busy)}
	for _, d := range c.Devices {
		if len(d.Points) > 0 && f.Poll > mostPoll(protocolOf(c.Driver, d.Points[0])) {
			f.Poll = 0
		}
	}
	if p.Serial != nil && !strings.HasPrefix(c.Address, remoteLine) {
		f.Baud = bustime.Faster(c.line(), bustime.Busy)
	}
	return f
}

func protocolOf(driver string, p device.Point) string {
	if p.Protocol != "" {
		return p.Protocol
	}
	return driver
}

func (c Channel) line() bustime.Line {
	return bustime.Line{Channel: c.Channel, Devices: c.Devices, Planner: planner(c.Driver), Turnaround: c.Turnaround}
}

// checkBudget tells of a line that cannot carry what is asked of it, or hardly. It is a mistake where somebody asks whether the
// site is right, or adds a device. A gateway that starts, or takes up new rules, is only warned: what ran yesterday runs tomorrow,
// and a late reading is better than none.
func (l *loader) checkBudget(path string, c Channel, raws []rawDevice) {
	p, refuse := c.Plan(), l.warn
	if l.strict || l.adds(path, raws) {
		refuse = l.add
	}
	if hurried := p.Hurried(); len(hurried) > 0 {
		u := hurried[0]
		refuse(path+".id", l.say("总线 %s 读得太勤：%s 每 %v 一次，而它每次应答后要停 %v（这样的有 %d 台）", "channel %s is read more often than devices allow: %s each %v, which rests %v after each answer (such devices: %d)",
			c.ID, u.Name(), u.Interval, u.Pause, len(hurried)), l.say("把 poll 改成 ≥ %v", "set poll to %v or more", u.Relaxed()))
	}
	if !p.Tight() {
		return
	}
	tell, what := l.warn, l.say("快排满了", "has hardly any room")
	if p.Impossible() {
		tell, what = refuse, l.say("排不下", "cannot carry its devices")
	}
	tell(path+".id", l.say("总线 %s %s：%s", "channel %s %s: %s", c.ID, what, l.load(p)), l.fit(c.Fit(p)))
}

// adds says whether one of a channel's devices is to be added, and not only put into the place of another.
func (l *loader) adds(path string, raws []rawDevice) bool {
	adds := false
	for i, raw := range raws {
		if raw.Replaced {
			return false
		}
		if o, apart := l.origins[index(path+".devices", i)]; apart {
			_, asked := l.overlay[filepath.Base(o.file.Name)]
			adds = adds || asked
		}
	}
	return adds
}

// load are the numbers of a plan in a sentence.
func (l *loader) load(p bustime.Plan) string {
	every, percent := "", fmt.Sprintf("%.0f %%", 100*p.Utilisation)
	if p.Impossible() && p.Serial == nil {
		percent = fmt.Sprintf("%.0f %%", 100*p.Least)
	}
	same := true
	for _, u := range p.Units {
		same = same && u.Interval == p.Units[0].Interval
	}
	if same {
		every = l.say("每 %v 一轮，", "one round each %v, ", p.Units[0].Interval)
		return l.say("%d 台，%s一轮要 %v，占用率 %s", "%d devices, %sand a round takes %v: used for %s of the time", len(p.Units), every, rounded(p.Cycle), percent)
	}
	var eaters []string
	for _, u := range p.Eaters(3) {
		eaters = append(eaters, l.say("%s 每 %v 占 %.0f %%", "%s each %v %.0f %%", u.Name(), u.Interval, 100*u.Share))
	}
	return l.say("%d 台，一轮要 %v，占用率 %s；最多的：%s", "%d devices, a round takes %v, used for %s of the time; most by %s",
		len(p.Units), rounded(p.Cycle), percent, strings.Join(eaters, l.say("、", ", ")))
}

// fit is what to do, in a sentence.
func (l *loader) fit(f Fit) string {
	var ways []string
	if f.Poll > 0 {
		ways = append(ways, l.say("把 poll 改成 ≥ %v", "set poll to %v or more", f.Poll))
	}
	if f.Baud > 0 {
		ways = append(ways, l.say("总线和设备改用 %d 波特", "set line and devices to %d baud", f.Baud))
	}
	ways = append(ways, l.say("分成 %d 条线", "spread the devices over %d lines", f.Lines))
	return strings.Join(ways, l.say("，或", ", or "))
}

// rounded is a duration with as many digits as people read.
func rounded(d time.Duration) time.Duration {
	if d >= time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}
