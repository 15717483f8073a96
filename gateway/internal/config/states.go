package config

import (
	"math"
	"slices"

	"github.com/linshao/linshao/drivers/device"
)

// kindStates are the states that a kind of device has words for, so that profiles need not repeat them: every detector's status
// means the same to rules, whatever the bits or numbers of its model.
func kindStates(kind, point string) map[int64]rawText {
	if kind != "gas" && kind != "co" {
		return nil
	}
	switch point {
	case "warmup", "test", "expired":
		return map[int64]rawText{0: {"否", "no"}, 1: {"是", "yes"}}
	case "status":
	default:
		return nil
	}
	return map[int64]rawText{0: {"正常", "ok"}, 1: {"低报", "low alarm"}, 2: {"高报", "high alarm"}, 3: {"传感器故障", "sensor fault"}, 192: {"探测器故障", "detector fault"}}
}

// kindLabels names the states of a point by its kind's words where the profile has none of its own.
func (c *profileCheck) kindLabels(path string, pt *device.Point) {
	words := kindStates(c.profile.Kind, pt.Name)
	if words == nil {
		return
	}
	for i, s := range pt.Map {
		if _, known := words[int64(s.Value)]; !known || s.Value != math.Trunc(s.Value) {
			c.add(index(path+".map", i), c.say("%v 不是 %s 的 %s", "%v is no %[3]s of kind %[2]s", s.Value, c.profile.Kind, pt.Name), "")
		}
	}
	if pt.Labels == nil {
		pt.Labels, pt.LabelsEN = map[int64]string{}, map[int64]string{}
		for n, label := range words {
			pt.Labels[n], pt.LabelsEN[n] = label.ZH, label.EN
		}
	}
}

// states reads a point's map.
func (c *profileCheck) states(path string, raw rawPoint) []device.State {
	if len(raw.Map) == 0 {
		return nil
	}
	switch {
	case !slices.Contains([]string{protocolModbus, protocolDLT645, protocolCJT188}, c.profile.Protocol):
		c.add(path+".map", c.say("协议 %s 没有 map", "protocol %s has no map", c.profile.Protocol), c.say("由驱动自己给出状态", "let the driver tell the state"))
	case raw.Type == "f32":
		c.add(path+".map", c.say("f32 没有 map", "f32 has no map"), "")
	case raw.Scale != nil || raw.Offset != 0 || raw.Min != 0 || raw.Max != 0 || raw.Unit != "" || raw.Write != nil:
		c.add(path+".map", c.say("有 map 的点位没有 unit、scale、offset、min、max、write", "a point with a map has no unit, scale, offset, min, max or write"), c.say("删去它们", "remove them"))
	}
	var lines []device.State
	for i, line := range raw.Map {
		s, ok := c.state(index(path+".map", i), line, bitsOf(raw.Type))
		if !ok {
			continue
		}
		for _, before := range lines {
			if covers(before, s) {
				c.add(index(path+".map", i), c.say("前面的行已经包括了这一行", "a line above takes all of this one"), c.say("第一条符合的行有效", "the first line that fits counts"))
				break
			}
		}
		lines = append(lines, s)
	}
	return lines
}

// bitsOf is how many bits a Modbus type has.
func bitsOf(kind string) int64 {
	switch kind {
	case "u32", "i32":
		return 32
	case "u64", "i64":
		return 53 // what a float64 holds
	case "hi8", "lo8":
		return 8
	}
	return 16
}

func (c *profileCheck) state(path string, raw rawState, bits int64) (s device.State, ok bool) {
	if raw.Is == nil {
		c.add(path, c.say("缺 is", "is is missing"), "{bit: 5, is: 3} | {raw: 7, is: 1} | {from: 1200, to: 1999, is: 3} | {is: 0}")
		return s, false
	}
	is, keys := *raw.Is, 0
	for _, given := range []bool{raw.Bit != nil, raw.Raw != nil, raw.From != nil || raw.To != nil} {
		if given {
			keys++
		}
	}
	switch {
	case keys > 1 || (raw.From == nil) != (raw.To == nil):
		c.add(path, c.say("一行只用 bit、raw、from 加 to 之一", "a line has one of bit, raw, from with to"), "")
		return s, false
	case raw.Bit != nil && (*raw.Bit < 0 || *raw.Bit >= bits):
		c.add(path+".bit", c.say("没有第 %d 位", "there is no bit %d", *raw.Bit), c.say("0 是最低位，共 %d 位", "0 is the lowest of %d", bits))
		return s, false
	case raw.Bit != nil:
		return device.Bits(1<<*raw.Bit, is), true
	case raw.Raw != nil:
		return device.Between(*raw.Raw, *raw.Raw, is), true
	case raw.From != nil && *raw.From > *raw.To:
		c.add(path+".from", c.say("from %d 大于 to %d", "from %d is above to %d", *raw.From, *raw.To), "")
		return s, false
	case raw.From != nil:
		return device.Between(*raw.From, *raw.To, is), true
	}
	return device.Otherwise(is), true
}

// covers says whether a line can never be reached behind another.
func covers(before, s device.State) bool {
	if before.Mask == 0 && s.Mask != 0 {
		return before == device.Otherwise(before.Value)
	}
	return before.Mask == s.Mask && before.From <= s.From && before.To >= s.To
}
