package status

import (
	"strings"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
)

// words are the page's texts in one language.
type words struct {
	Lang, Title, Alerts, NoAlerts, Reset, ResetDone, ResetHeld, NotReset string
	Channels, Up, Down, Busy, Requests, Bad, Devices                     string
	Never, Uplink, Backlog, Events, Readings, Started, Pending           string
	Shadow, Next, Previous, Place, Lost, Unknown, Degraded               string
	Emergency, RulesRefused, Why, Fired, Commission, LeftOut, Health     string
	Plan, Eaters, Over, Full, Looking, LostPage, Home                    string
	Links                                                                map[string]string // state of the uplink → words
}

func chinese() words {
	return words{Lang: "zh", Title: "网关", Alerts: "告警", NoAlerts: "现在没有告警", Reset: "现场复位", ResetDone: "已复位",
		ResetHeld: "条件仍在，未复位", NotReset: "规则没有应答，未复位：稍后再试", Channels: "总线", Up: "已打开", Down: "未打开", Busy: "占用（近 1 分钟）",
		Requests: "请求", Bad: "失败", Devices: "设备", Never: "还没有读数", Uplink: "上行", Backlog: "未上传", Events: "事件",
		Readings: "读数", Started: "启动于", Pending: "待确认", Shadow: "影子规则", Next: "下一页", Previous: "上一页", Place: "位置", Lost: "丢失读数", Unknown: "网关正在停止，告警情况未知",
		Looking: "街道正在远程查看摄像头", Commission: "调试：扫描、认领、试读、交付", Why: "为什么", Fired: "报警时：", Health: "可信度", LeftOut: "设备配置片段有错误，没有采用：其中的设备没有采集",
		LostPage: "没有这个页面", Home: "回到网关首页", Plan: "计划", Eaters: "占用最多：", Over: "读不过来，周期拉长到 %.1f 倍", Full: "按配置排不下，周期会拉长：gateway plan",
		Emergency: "急模式", RulesRefused: "规则文件有错误，没有采用；原来的规则继续运行。自",
		Degraded: "存储写不进去，读数和事件只在内存里，断电会丢。请换存储卡。自",
		Links:    map[string]string{"connected": "已连接", "offline": "断开，读数留在本机", "alone": "单机，未配云端"}}
}

func english() words {
	return words{Lang: "en", Title: "Gateway", Alerts: "Alerts", NoAlerts: "No alerts now", Reset: "Reset on site", ResetDone: "Reset",
		ResetHeld: "Not reset: its condition still holds", NotReset: "Not reset, the rules do not answer: try again", Channels: "Channels", Up: "open", Down: "not open",
		Busy: "Busy in the last minute", Requests: "Requests", Bad: "Failed", Devices: "Devices", Never: "no reading yet", Uplink: "Uplink", Backlog: "To be sent",
		Events: "events", Readings: "readings", Started: "Started", Pending: "pending", Shadow: "shadow rule", Next: "Next", Previous: "Previous",
		Place: "Place", Lost: "readings lost", Unknown: "The gateway is stopping: its alerts are not known",
		Looking: "Somebody of the street looks at a camera now", Commission: "Commissioning: scan, claim, trial read, hand-over", Why: "Why", Fired: "When it fired:", Health: "Trust", LeftOut: "A fragment of the configuration is broken and left out: its devices are not read",
		LostPage: "There is no such page", Home: "To the gateway's first page", Plan: "Planned", Eaters: "Most by ", Over: "intervals are not kept: %.1f times as long", Full: "more is configured than the line carries: gateway plan",
		Emergency: "emergency mode", RulesRefused: "The rule files have mistakes and are not in force; the rules before go on. Since",
		Degraded: "The disk takes nothing: readings and events are in memory only and a power cut loses them. Replace the card. Since",
		Links:    map[string]string{"connected": "connected", "offline": "down, readings stay here", "alone": "none configured"}}
}

// wordsOf picks the first language of the header that the page has; Chinese when there is none.
func wordsOf(accept string) words {
	if config.Accepted(accept) == config.English {
		return english()
	}
	return chinese()
}

// language is that of the words.
func (t words) language() config.Language {
	if t.Lang == "zh" {
		return config.Chinese
	}
	return config.English
}

// reason says why a reading is not good.
func (t words) reason(r device.Reason) string {
	if t.Lang == "zh" {
		if zh, ok := reasonsZH()[r]; ok {
			return zh
		}
	}
	return strings.ReplaceAll(r.String(), "_", " ")
}

func reasonsZH() map[device.Reason]string {
	return map[device.Reason]string{device.Timeout: "没有应答", device.Corrupt: "校验错", device.Mismatch: "应答不符", device.Refused: "设备拒绝",
		device.NoSuchPoint: "设备没有此点", device.ChannelDown: "总线断开", device.NotRead: "暂停读取", device.Unsupported: "驱动不支持",
		device.OutOfRange: "超出合理范围", device.RateExceeded: "变化过快", device.Stuck: "长时间不变", device.SensorFault: "传感器故障",
		device.SensorExpired: "传感器到期", device.WarmingUp: "预热中", device.Shielded: "已屏蔽", device.OverRange: "超上限", device.UnderRange: "超下限",
		device.AuthFailed: "密码错误", device.Frozen: "画面冻结", device.DriverCrashed: "驱动崩溃", device.GatewayOff: "网关未运行", device.DeviceBusy: "设备忙"}
}
