package commission

import (
	"fmt"
	"slices"
)

// Codes of hints, which are also the keys of the help.
const (
	HintDuplicate = "duplicate-address"
	HintSilent    = "silent"
	HintEcho      = "echo"
	HintSetting   = "wrong-setting"
	HintFarEnd    = "far-end"
	HintNoise     = "noise"
	HintAnyUnit   = "any-unit"
	HintModel     = "other-model"
	HintMissing   = "configured-silent"
	HintShared    = "needs-serial-driver"
	HintSeveral   = "several-meters"
	HintDisplay   = "display"
)

// conclude looks at everything that was found together and says what is probably wrong.
func (sc *scan) conclude() {
	r := &sc.report
	sc.dropWrongSettings()
	sc.tellNoise()
	for i := range r.Found {
		if f := &r.Found[i]; f.State == StateDuplicate {
			f.Hints = append(f.Hints, duplicateHint(*f))
		}
	}
	sc.tellCrowds()
	frames, answers, damaged, echoes := sums(r.Settings)
	if len(r.Found) == 0 && len(sc.crowds) == 0 && !r.Stopped && frames > 0 && answers == 0 {
		r.Hints = append(r.Hints, sc.silentHint(frames, damaged, echoes))
	}
	if echoes > 0 {
		r.Hints = append(r.Hints, Hint{Code: HintEcho, Text: Text{
			"转换器把发出的帧又收了回来（回波）。能用，但每次应答都变慢：关掉转换器的回波/本地回显，或换一个转换器",
			"the adapter hears what it sends (echo). It works, but each answer takes longer: switch the adapter's local echo off, or use another one"}})
	}
	sc.tellMissing()
	sc.tellAnyUnit()
	sc.tellShared()
}

func sums(all []Outcome) (frames, answers, damaged, echoes int) {
	for _, o := range all {
		frames, answers, damaged, echoes = frames+o.Frames, answers+o.Answers, damaged+o.Damaged, echoes+o.Echoes
	}
	return frames, answers, damaged, echoes
}

func duplicateHint(f Found) Hint {
	return Hint{Code: HintDuplicate, Address: f.Address, Text: Text{
		fmt.Sprintf("地址 %s：疑似两台设备同址（%d 次询问 %d 次应答损坏）。拔下其中一台，重扫；再给其中一台换地址", f.Address, f.Asked, f.Damaged),
		fmt.Sprintf("address %s: probably two devices have it (%d of %d answers damaged). Unplug one, scan again; then give one of them another address", f.Address, f.Damaged, f.Asked)}}
}

func (sc *scan) silentHint(frames, damaged, echoes int) Hint {
	echo := Text{"未见回波", "no echo"}
	if echoes > 0 {
		echo = Text{fmt.Sprintf("%d 次回波", echoes), fmt.Sprintf("%d echoes", echoes)}
	}
	if sc.tcp {
		return Hint{Code: HintSilent, Text: Text{
			fmt.Sprintf("没有任何应答（%d 帧，0 应答）\n连接是通的。依次检查：1 单元地址范围  2 网关后面的串口接线与波特率  3 设备是否上电", frames),
			fmt.Sprintf("no answer at all (%d frames, 0 answers)\nThe connection is there. Check in this order: 1 unit addresses  2 wiring and baud of the line behind the gateway  3 power of the devices", frames)}}
	}
	return Hint{Code: HintSilent, Text: Text{
		fmt.Sprintf("没有任何应答（%d 帧，0 应答，%d CRC 错，%s）\n依次检查：1 A/B 是否接反  2 设备是否上电  3 转换器指示灯是否随扫描闪烁  4 波特率（设备铭牌/菜单）", frames, damaged, echo.ZH),
		fmt.Sprintf("no answer at all (%d frames, 0 answers, %d CRC errors, %s)\nCheck in this order: 1 A/B swapped  2 power of the devices  3 the adapter's light blinks while scanning\n4 baud (the device's label or menu)", frames, damaged, echo.EN)}}
}

// dropWrongSettings takes away what was only rubbish at one setting and answers at another.
func (sc *scan) dropWrongSettings() {
	r := &sc.report
	right := func(f Found) *Found {
		for i := range r.Found {
			if o := &r.Found[i]; o.State != StateDuplicate && o.Protocol == f.Protocol && o.Address == f.Address && o.Setting != f.Setting {
				return o
			}
		}
		return nil
	}
	var kept []Found
	for _, f := range r.Found {
		o := right(f)
		if f.State != StateDuplicate || o == nil {
			kept = append(kept, f)
			continue
		}
		r.Hints = append(r.Hints, Hint{Code: HintSetting, Address: f.Address, Text: Text{
			fmt.Sprintf("地址 %s 在 %s 下应答是乱码，在 %s 下正确：总线上有参数不一致的设备", f.Address, f.Setting, o.Setting),
			fmt.Sprintf("address %s answers rubbish at %s and rightly at %s: the devices of this line are set differently", f.Address, f.Setting, o.Setting)}})
	}
	r.Found = append([]Found{}, kept...)
}

// String writes a setting as installers do: "9600 8N1".
func (s Setting) String() string {
	if s.Baud == 0 {
		return ""
	}
	parity := map[string]string{"even": "E", "odd": "O"}[string(s.Parity)]
	if parity == "" {
		parity = "N"
	}
	return fmt.Sprintf("%d 8%s%d", s.Baud, parity, max(s.StopBits, 1))
}

// manyDamaged addresses at one setting, and none that is right, are no duplicates: the line or the setting is wrong.
const manyDamaged = 3

func (sc *scan) tellNoise() {
	r := &sc.report
	for _, o := range r.Settings {
		var bad, good int
		for _, f := range r.Found {
			if f.Setting == o.Setting && f.State == StateDuplicate {
				bad++
			} else if f.Setting == o.Setting {
				good++
			}
		}
		if bad < manyDamaged || bad <= 2*good {
			continue
		}
		for i := range r.Found {
			if f := &r.Found[i]; f.Setting == o.Setting && f.State == StateDuplicate {
				f.State = StateNoise
			}
		}
		r.Hints = append(r.Hints, Hint{Code: HintNoise, Text: Text{
			fmt.Sprintf("%s 下 %d 个地址的应答全是乱码：多半是校验或波特率不对，或线路干扰（屏蔽层、终端电阻、A/B 极性）", o.Setting, bad),
			fmt.Sprintf("at %s the answers of %d addresses are rubbish: probably wrong parity or baud, or a disturbed line (shield, termination, A/B)", o.Setting, bad)}})
	}
}

// tellMissing names configured devices that were asked and did not answer.
func (sc *scan) tellMissing() {
	r := &sc.report
	if len(r.Found) == 0 || r.Stopped {
		return
	}
	var silent []string
	for _, d := range sc.channel.Devices {
		if len(d.Points) == 0 || !sc.asked(d.Points[0].Address) {
			continue
		}
		f := Found{Protocol: d.Points[0].Protocol, Address: d.Points[0].Address}
		if f.Protocol == "" {
			f.Protocol = r.Plan.Protocols[0]
		}
		there := slices.ContainsFunc(r.Found, func(o Found) bool { return o.Protocol == f.Protocol && o.Address == f.Address })
		if !there {
			for _, id := range sc.ids(f) {
				if !slices.Contains(silent, id) {
					silent = append(silent, id)
					r.Hints = append(r.Hints, Hint{Code: HintMissing, Address: f.Address, Text: Text{
						fmt.Sprintf("已配置的 %s（地址 %s）没有应答：查电源、接线和它的地址", id, f.Address),
						fmt.Sprintf("%s is configured at address %s and does not answer: check its power, wiring and address", id, f.Address)}})
				}
			}
		}
	}
}

// asked says whether an address was asked to the end.
func (sc *scan) asked(address string) bool {
	for _, st := range sc.stages {
		for _, j := range st.jobs[:st.next] {
			if j.address == address {
				return true
			}
		}
	}
	return false
}

// tellAnyUnit says when a server answers whatever unit is asked: it is one device.
func (sc *scan) tellAnyUnit() {
	r := &sc.report
	if !sc.tcp || r.Stopped || r.Plan.units < 8 || len(r.Found) < r.Plan.units {
		return
	}
	r.Hints = append(r.Hints, Hint{Code: HintAnyUnit, Text: Text{
		"所有地址都应答：这多半是一台不看单元地址的设备，只配置一次（地址 1）",
		"every address answers: this is probably one device that does not look at the unit; configure it once, as unit 1"}})
}

// tellShared says what a device needs that the channel's driver does not give.
func (sc *scan) tellShared() {
	r := &sc.report
	if sc.tcp || r.Driver == "serial" {
		return
	}
	for _, f := range r.Found {
		if f.Configured != nil || f.State != StateDevice || slices.Contains(spoken(r.Driver), f.Protocol) && f.Setting == r.Line {
			continue
		}
		r.Hints = append(r.Hints, Hint{Code: HintShared, Address: f.Address, Text: Text{
			fmt.Sprintf("设备 %s 用 %s %s，总线是 %s %s：把总线改成 driver: serial，或把设备参数改成一致", f.Address, f.Protocol, f.Setting, r.Driver, r.Line),
			fmt.Sprintf("device %s speaks %s at %s, the channel %s at %s: make it driver: serial, or set the device to the channel's settings", f.Address, f.Protocol, f.Setting, r.Driver, r.Line)}})
		return
	}
}
