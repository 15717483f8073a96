package incident

import "strings"

// refusal words why a gateway did not do something. It tells a sentence with names and figures in it, in English; what is not
// known here is shown as it came.
func refusal(said string) Text {
	en, more := said, ""
	if head, n, ok := strings.Cut(said, " (and "); ok && strings.HasSuffix(n, " more like it)") {
		en, more = head, "（同样的还有 "+strings.TrimSuffix(n, " more like it)")+" 次）"
	}
	for _, s := range sentences() {
		name, ok := strings.CutPrefix(en, s.before)
		if !ok {
			continue
		}
		if name, ok = strings.CutSuffix(name, s.after); ok && (name != "") == strings.Contains(s.zh, "$") {
			short := shortAlert(name)
			return Text{strings.Replace(s.zh, "$", short, 1) + more, strings.Replace(said, name, short, 1)}
		}
	}
	return Text{reasons(en).ZH + more, reasons(said).EN}
}

// shortAlert is the rule and the subject of an alert's name, without the moment; of anything else all of it.
func shortAlert(name string) string {
	if i := strings.LastIndexByte(name, '/'); i > strings.IndexByte(name, '/') {
		return name[:i]
	}
	return name
}

// A sentence is how the gateway says something around a name or a figure; $ stands for that in the Chinese one.
type sentence struct{ before, after, zh string }

func sentences() []sentence {
	return []sentence{
		{"a gas valve is never opened remotely", "", "燃气阀只能到现场手动打开"},
		{"the point is not writable", "", "该点位不可写"},
		{"the profile does not allow the value ", "", "型号不允许写 $"},
		{"forbidden while alert ", " fires", "告警 $ 期间禁止"},
		{"gas alarm in the zone", "", "本区出现燃气告警"},
		{"gas alarm ", ": the fan is not Ex-rated", "有燃气告警（$），风机不防爆，不得操作"},
		{"gas alarm ", " in the zone: nothing is switched there", "本区有燃气告警（$），不得操作电器和门"},
		{"lock-down: a door is released only by a named person", "", "封控期间开门要有具名的人"},
		{"changed ", " ago: at most one change in 30s", "$ 前刚改变过，30 秒内只变一次"},
		{"the gateway was started ", " ago: at most one change in 30s", "网关 $ 前刚启动，30 秒内只变一次"},
		{"locked out after a safety action for another ", "", "安全动作之后锁定，还剩 $"},
		{"nobody is named", "", "没有说明是谁"},
		{"the rules do not run: nothing is moved away from safe", "", "规则没有运行，不得离开安全状态"},
		{"away from safe the cloud needs a reset at the site or two different people", "", "云端离开安全状态要有现场复位，或两个不同的人"},
		{"its state cannot be read: it is not moved away from safe", "", "读不到现在的状态，不离开安全状态"},
		{"a move toward safe came after it", "", "之后有向安全方向的动作"},
		{"held by ", "", "已被占用：$"},
		{"read back ", "", "回读不符：$"},
		{"too many requests wait for this output", "", "请求太多"},
		{"local page", "", "网关页面"},
		{"the command's time was over before it could begin", "", "命令已过期，没有执行"},
		{"the command's time does not fit the gateway's clock", "", "命令的时限与网关的时钟不符"},
		{"the gateway's disk takes nothing: nothing is moved away from safe", "", "网关磁盘写不进去，不离开安全状态"},
		{"the gateway has no key of the cloud (trust.command_key) and takes nothing from afar", "", "网关没有云端公钥（trust.command_key），不接受远程命令"},
		{"the signature is not of the cloud that the gateway trusts", "", "签名不是网关所信任的云端的"},
		{"the gateway ended in the midst of it; it reads ", " now", "网关在执行中途停止；现在读数为 $"},
		{"the gateway ended in the midst of it; its state cannot be read", "", "网关在执行中途停止；读不到现在的状态"},
		{"the gateway is stopping", "", "网关正在停止"},
		{"who asked has left before it could begin", "", "没有人再等这个动作"},
	}
}
