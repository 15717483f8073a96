package pages

import (
	"errors"

	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/poll"
)

// words are the texts of the pages in one language.
type words struct {
	lang config.Language

	Title, Power, Scan, Claim, Try, Handover                                   string
	Back, Plain, Leave, Lines, Devices, ScanThis, LookAll, LookNote, Looking   string
	Bus, Addresses, Baud, Auto, All, Own, Begin, Again, Stop, Note             string
	Found, Nothing, Frames, Damaged, Took, Most, At, Stopped, Recalled, Paused string
	Address, What, Sure, Setting, Answer, Values, Do                           string
	Unknown, Duplicate, DoClaim, Confirm, ChooseModel, Help, Configured        string
	Checklist                                                                  []string
	Model, Candidates, OtherModels, ID, Name, Place, Zone, NoZone, Keep        string
	PlaceNote, Claimed, ScanFirst, NothingFound, Restarting                    string
	NotYet, TakeUp, More                                                       string
	Choose, Shows, Compare, ReadAgain                                          string
	NoNumber, NoChannel, BadAddresses, Matches                                 string
	Alarm, Lent, ToAlerts                                                      string
}

func chinese() words {
	return words{lang: config.Chinese, Title: "调试", Power: "上电联网", Scan: "扫描总线", Claim: "认领设备", Try: "试读核对", Handover: "交付单",
		Back: "网关首页", Plain: "纯文字", Leave: "退出登录", Lines: "总线", Devices: "台设备", ScanThis: "扫描", LookAll: "全面检查", LookNote: "逐台读三次，采集暂停几秒。", Looking: "正在检查…",
		Bus: "总线", Addresses: "地址", Baud: "串口参数", Auto: "自动（找到设备的参数为止）", All: "全部参数（约 4 分钟）", Own: "只用本总线的参数", Begin: "扫描", Again: "重新扫描", Stop: "停止",
		Note: "扫描期间暂停该总线采集，只读不写；结束后采集自动恢复。", Found: "找到 %d 台", Nothing: "没有任何应答", Frames: "帧", Damaged: "损坏", Took: "用时", Most: "最多", At: "正在试",
		Stopped: "已停止，采集已恢复", Recalled: "中途让路给一次控制命令，已接着扫描", Paused: "采集已暂停",
		Address: "地址", What: "识别结果", Sure: "把握", Setting: "串口参数", Answer: "应答", Values: "试读", Do: "操作",
		Unknown: "未知设备", Duplicate: "（重复地址？）", DoClaim: "认领", Confirm: "请确认", ChooseModel: "选择型号", Help: "见下方说明", Configured: "已配置：",
		Checklist: []string{"A/B 是否接反：对调再试", "设备是否上电", "转换器的灯是否随扫描闪烁", "波特率：看铭牌或菜单，改用“全部参数”再扫"},
		Model:     "型号", Candidates: "扫描认出的", OtherModels: "其他型号", ID: "编号（字母、数字、-）", Name: "名称", Place: "位置", Zone: "区域", NoZone: "不属于任何区域", Keep: "认领",
		PlaceNote: "写到人能找到：3栋2单元 1802 厨房", Claimed: "%s 已认领", ScanFirst: "先扫描这条总线", NothingFound: "还没有扫描到新设备", Restarting: "网关正在接上新设备，约 5 秒后转到试读。",
		NotYet: "已写入配置，但现在不能接上：", TakeUp: "再试一次", More: "认领下一台",
		Choose: "选一台设备", Shows: "表计显示", Compare: "核对", ReadAgain: "再读一次",
		NoNumber: " 不是数字", NoChannel: "没有这条总线", BadAddresses: "地址写成 1-32 或 1,5,7-9：", Matches: "把表上显示的数填进来，看是否一致。",
		Alarm: "这条总线上有紧急告警，采集不能暂停：先处置，告警解除后再来", Lent: "这条总线正在扫描，等它结束再来", ToAlerts: "看告警"}
}

func english() words {
	return words{lang: config.English, Title: "Commissioning", Power: "Power, network", Scan: "Scan", Claim: "Claim", Try: "Trial read", Handover: "Hand-over",
		Back: "Gateway", Plain: "Plain text", Leave: "Log out", Lines: "Lines", Devices: "devices", ScanThis: "Scan", LookAll: "Examine everything", LookNote: "Reads each device three times; polling pauses for some seconds.", Looking: "Looking…",
		Bus: "Line", Addresses: "Addresses", Baud: "Line settings", Auto: "automatic (until devices answer)", All: "all settings (about 4 min)", Own: "this line's own only", Begin: "Scan", Again: "Scan again", Stop: "Stop",
		Note: "Polling of this line pauses while it is scanned; nothing is written. It goes on by itself.", Found: "%d found", Nothing: "Nobody answers", Frames: "frames", Damaged: "damaged", Took: "took", Most: "at most", At: "trying",
		Stopped: "Stopped; polling goes on", Recalled: "Made way for a command and went on", Paused: "polling pauses",
		Address: "Address", What: "Recognised as", Sure: "Sure", Setting: "Settings", Answer: "Answer", Values: "Trial read", Do: "",
		Unknown: "unknown device", Duplicate: "(duplicate address?)", DoClaim: "Claim", Confirm: "Confirm", ChooseModel: "Choose a model", Help: "see below", Configured: "configured: ",
		Checklist: []string{"Are A and B exchanged: swap them and try again", "Do the devices have power", "Does the converter's lamp blink while scanning", "Baud: look at the type plate or the menu, and scan with all settings"},
		Model:     "Model", Candidates: "Recognised", OtherModels: "Other models", ID: "Id (letters, digits, -)", Name: "Name", Place: "Place", Zone: "Zone", NoZone: "no zone", Keep: "Claim",
		PlaceNote: "So that people find it: building 3, unit 2, flat 1802, kitchen", Claimed: "%s is claimed", ScanFirst: "Scan this line first", NothingFound: "No scan has found a new device", Restarting: "The gateway takes the device up; the trial read follows in some 5 s.",
		NotYet: "It is in the configuration and cannot be taken up now: ", TakeUp: "Try again", More: "Claim the next one",
		Choose: "Choose a device", Shows: "Display shows", Compare: "Compare", ReadAgain: "Read again",
		NoNumber: " is no number", NoChannel: "There is no such line", BadAddresses: "Write addresses as 1-32 or 1,5,7-9: ", Matches: "Type what the device's display shows, to see whether it is the same.",
		Alarm: "An urgent alert fires on this line, which must go on being read: see to it first, then come back", Lent: "This line is being scanned: come back when that has ended", ToAlerts: "See the alert"}
}

// told says an error for people; what they can do nothing about is told as it is.
func (t words) told(err error) string {
	switch {
	case errors.Is(err, poll.ErrAlarm):
		return t.Alarm
	case errors.Is(err, poll.ErrLent):
		return t.Lent
	}
	return err.Error()
}

// wordsOf picks the first language of the header that the pages have; Chinese when there is none.
func wordsOf(accept string) words {
	if config.Accepted(accept) == config.English {
		return english()
	}
	return chinese()
}
