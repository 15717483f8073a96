package incident

import (
	"math"
	"strconv"
	"strings"

	"github.com/linshao/linshao/drivers/device"
)

// words are people's names of the points that rules look at; a point that is not here keeps its own name.
func words(point string) Text {
	switch point {
	case "level":
		return Text{"燃气浓度", "gas level"}
	case "status", "state":
		return Text{"状态", "status"}
	case "power":
		return Text{"功率", "power"}
	case "current":
		return Text{"电流", "current"}
	case "voltage":
		return Text{"电压", "voltage"}
	case "energy":
		return Text{"电量", "energy"}
	case "temperature":
		return Text{"温度", "temperature"}
	case "relay":
		return Text{"继电器", "relay"}
	case "open":
		return Text{"阀门", "valve"}
	case "on":
		return Text{"声光", "siren"}
	case "contact":
		return Text{"门", "door"}
	case "lock":
		return Text{"锁", "lock"}
	case "tamper":
		return Text{"防拆", "tamper"}
	case "fire":
		return Text{"消防联动", "fire input"}
	case "connected":
		return Text{"连接", "connection"}
	case "up":
		return Text{"线路", "line"}
	case "answering":
		return Text{"应答的设备", "answering devices"}
	case "devices":
		return Text{"线上的设备", "devices on it"}
	case "frozen":
		return Text{"画面", "picture"}
	case "keyframe_age":
		return Text{"关键帧间隔", "age of the key frame"}
	}
	return sessionWords(point)
}

// states are names of what a number of a point stands for; empty when it is an amount.
func states(point string, value float64) Text {
	yes := value == 1
	pick := func(zh1, en1, zh0, en0 string) Text {
		if yes {
			return Text{zh1, en1}
		}
		return Text{zh0, en0}
	}
	switch point {
	case "status":
		return map[float64]Text{0: {"正常", "normal"}, 1: {"低报", "low alarm"}, 2: {"高报", "high alarm"}, 3: {"传感器故障", "sensor fault"}, 192: {"探测器故障", "detector fault"}}[value]
	case "relay":
		return pick("接通", "on", "断开", "off")
	case "open":
		return pick("打开", "open", "关闭", "closed")
	case "on":
		return pick("鸣响", "sounding", "静默", "silent")
	case "contact":
		return pick("开", "open", "关", "closed")
	case "lock":
		return pick("释放", "released", "锁闭", "locked")
	case "tamper":
		return pick("被拆动", "tampered with", "正常", "normal")
	case "fire":
		return pick("触发", "on", "无", "off")
	case "up":
		return pick("通", "up", "不通", "down")
	case "connected":
		return pick("已连接", "connected", "未连接", "not connected")
	case "frozen":
		return pick("冻结", "frozen", "正常", "moving")
	}
	return Text{}
}

// amount writes a value with its unit and the digits that people need.
func amount(point string, value float64, unit string) Text {
	if s := states(point, value); s != (Text{}) {
		return s
	}
	if unit == "s" && math.Abs(value) >= 60 {
		minutes := int64(math.Round(value / 60))
		h, m := strconv.FormatInt(minutes/60, 10), strconv.FormatInt(minutes%60, 10)
		switch {
		case minutes < 60:
			return Text{m + " 分钟", m + " min"}
		case minutes%60 == 0:
			return Text{h + " 小时", h + " h"}
		}
		return Text{h + " 小时 " + m + " 分钟", h + " h " + m + " min"}
	}
	digits := 0
	if size := math.Abs(value); size < 10 {
		digits = 2
	} else if size < 100 {
		digits = 1
	}
	text := strconv.FormatFloat(value, 'f', digits, 64)
	if digits > 0 {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	text = strings.TrimSpace(text + " " + unit)
	return Text{text, text}
}

// reasons says why there is no value, or no good one.
func reasons(word string) Text {
	zh := map[string]string{
		device.Timeout.String(): "没有应答", device.Corrupt.String(): "校验错误", device.Mismatch.String(): "应答不对应", device.Refused.String(): "设备拒绝",
		device.NoSuchPoint.String(): "设备没有这个点位", device.ChannelDown.String(): "线路不通", device.NotRead.String(): "没有读到",
		device.OutOfRange.String(): "超出合理范围", device.Stuck.String(): "长时间不变", device.SensorFault.String(): "传感器故障",
		device.GatewayOff.String(): "网关未运行", device.DriverCrashed.String(): "驱动程序退出", "the gateway is stopping": "网关正在停止", "the driver cannot write this point": "驱动不能写这个点位",
	}[word]
	en := strings.ReplaceAll(word, "_", " ")
	if zh == "" {
		zh = word
	}
	return Text{zh, en}
}
