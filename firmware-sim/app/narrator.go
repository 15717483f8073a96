package app

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/linshao/linshao/firmware-sim/fault"
	"github.com/linshao/linshao/firmware-sim/physics"
)

// A phrase is one line for people in both languages.
type phrase struct{ zh, en string }

// A narrator prints one line per interesting event.
type narrator struct {
	out  io.Writer
	lang string
	zone *time.Location
	mu   sync.Mutex
}

func (n *narrator) tell(t time.Time, what phrase) {
	line := what.zh
	if n.lang == "en" {
		line = what.en
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	// A closed terminal is no reason to stop a simulation.
	_, _ = fmt.Fprintf(n.out, "%s  %s\n", t.In(n.zone).Format("01-02 15:04:05"), line)
}

// welcome says where everything is.
func (w *Site) welcome(r Ready) {
	places := ""
	for _, name := range slices.Sorted(maps.Keys(r.Endpoints)) {
		places += " · " + name + " " + r.Endpoints[name]
	}
	w.tell(w.clock.Begin(), phrase{"模拟现场开始：控制口 " + r.Control + places, "the site opens: control " + r.Control + places})
}

// seen is what was last said about a thing.
type seen struct {
	plugged, relay, full, over bool
	gas                        physics.GasStatus
	leaking                    bool
	valve, siren               bool
	open, released             bool
	faults                     int // bit per fault kind
}

// of notes the present state of a thing.
func (s *seen) of(t *thing) {
	*s = seen{faults: bitsOf(t.faults)}
	if t.socket != nil {
		s.plugged, s.relay, s.full = t.socket.Plugged(), t.socket.Relay(), t.socket.Full()
		s.over = s.plugged && t.socket.Taken() > 1.15*t.socket.Curve().Pack.Energy
	}
	if t.gas != nil {
		s.gas, s.leaking = t.gas.Status(), t.gas.Leaking()
	}
	if t.kind == "valve" {
		s.valve = t.valve.On
	}
	if t.siren != nil {
		s.siren = t.siren.On
	}
	if t.door != nil {
		s.open, s.released = t.door.Open, t.door.Released
	}
}

func bitsOf(f *fault.Switches) (bits int) {
	for i, k := range fault.Kinds() {
		if f.On(k) {
			bits |= 1 << i
		}
	}
	return bits
}

// look says what has changed since it last looked. Callers hold the lock.
func (w *Site) look() {
	for _, t := range w.things {
		before := t.seen
		if t.seen.of(t); t.seen != before {
			w.say(t, before, t.seen)
		}
	}
	for _, t := range w.byID {
		if t.kind == "channel" {
			before := t.seen.faults
			if t.seen.faults = bitsOf(t.faults); before != t.seen.faults {
				w.sayFaults(t, before, t.seen.faults)
			}
		}
	}
}

func (w *Site) say(t *thing, was, is seen) {
	line := func(changed bool, zh, en string) {
		if changed {
			w.tell(w.at, phrase{t.id + " " + t.name + ":" + zh, t.id + ": " + en})
		}
	}
	w.saySocket(t, was, is, line)
	line(is.leaking && !was.leaking, "燃气开始泄漏", "gas begins to leak")
	line(was.leaking && !is.leaking, "漏点已封堵", "leak is sealed")
	if is.gas != was.gas {
		zh, en := gasWords(is.gas)
		line(true, fmt.Sprintf("%s，浓度 %d %%LEL", zh, t.gas.Level()), fmt.Sprintf("%s, %d %%LEL", en, t.gas.Level()))
	}
	line(is.valve && !was.valve, "燃气阀打开", "gas valve is open")
	line(was.valve && !is.valve, "燃气阀关闭", "gas valve is closed")
	line(is.siren && !was.siren, "声光报警响起", "siren sounds")
	line(was.siren && !is.siren, "声光报警停止", "siren is off")
	line(is.open && !was.open, "门打开", "door opens")
	line(was.open && !is.open, "门关上", "door closes")
	line(is.released && !was.released, "门锁释放", "lock is released")
	line(was.released && !is.released, "门锁锁上", "lock is locked")
	if t.kind != "socket" || t.id[len(t.id)-1] == '1' { // ports share their station's faults: say it once
		w.sayFaults(t, was.faults, is.faults)
	}
}

func (w *Site) saySocket(t *thing, was, is seen, line func(bool, string, string)) {
	if t.socket == nil {
		return
	}
	if is.plugged && !was.plugged {
		c := t.socket.Curve()
		line(true, fmt.Sprintf("插上 %s，充电曲线 %s，峰值 %.0f W", c.Pack.Name, c.Shape, c.Pack.Peak),
			fmt.Sprintf("%s plugged in, curve %s, peak %.0f W", c.Pack.Name, c.Shape, c.Pack.Peak))
	}
	line(was.plugged && !is.plugged, "拔下", "unplugged")
	line(is.full && !was.full, fmt.Sprintf("充满，本次 %.2f kWh", t.socket.Taken()), fmt.Sprintf("full after %.2f kWh", t.socket.Taken()))
	line(is.over && !was.over, fmt.Sprintf("已充入 %.2f kWh，超过容量的 1.15 倍，功率仍有 %.0f W", t.socket.Taken(), t.socket.Power()),
		fmt.Sprintf("%.2f kWh taken, above 1.15 times its capacity, still %.0f W", t.socket.Taken(), t.socket.Power()))
	line(is.relay && !was.relay && was.plugged, "继电器接通", "relay closes")
	line(was.relay && !is.relay, "继电器断开，功率归零", "relay opens, no power")
}

func gasWords(s physics.GasStatus) (zh, en string) {
	switch s {
	case physics.GasLow:
		return "探测器低报", "detector in low alarm"
	case physics.GasHigh:
		return "探测器高报", "detector in high alarm"
	case physics.GasOK:
		return "探测器恢复正常", "detector is back to normal"
	}
	return "探测器故障", "detector fault"
}

// sayFaults names the faults that came and went.
func (w *Site) sayFaults(t *thing, was, is int) {
	zh := map[fault.Kind]string{
		fault.Silent: "不应答", fault.Noise: "应答受干扰", fault.Late: "应答迟到", fault.WrongUnit: "应答地址错误",
		fault.Cut: "线路断开", fault.Down: "摄像头离线", fault.Frozen: "画面冻结", fault.Dark: "镜头遮挡", fault.Thin: "码流塌陷", fault.Reboot: "摄像头重启", fault.Password: "密码已改", fault.Clock: "时钟跳变", fault.Stuck: "输出卡死",
		fault.Torn: "画面残缺", fault.Vanish: "摄像头失去响应", fault.Size: "画面尺寸改变",
	}
	for i, k := range fault.Kinds() {
		switch bit := 1 << i; {
		case is&bit > was&bit:
			w.tell(w.at, phrase{t.id + "：故障开始，模拟" + zh[k], t.id + ": fault begins: " + string(k)})
		case is&bit < was&bit:
			w.tell(w.at, phrase{t.id + "：故障解除，" + zh[k], t.id + ": fault ends: " + string(k)})
		}
	}
}
