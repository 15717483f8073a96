package rules

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/linshao/linshao/configs"
)

// Sentences of this package and what they are in Chinese. One that is missing here is shown in English: a new one is a line here.
var chineseSentences = []struct {
	en *regexp.Regexp
	zh string
}{
	{regexp.MustCompile(`^unknown kind "(.*)"$`), `没有 "${1}" 这类设备`},
	{regexp.MustCompile(`^unknown name "(.*)"$`), `不认识 "${1}"`},
	{regexp.MustCompile(`^unknown name (\{.*\})$`), `不认识 ${1}`},
	{regexp.MustCompile(`^unknown unit "(.*)"$`), `没有单位 "${1}"`},
	{regexp.MustCompile(`^"(.*)" is no quantity$`), `"${1}" 不是数值`},
	{regexp.MustCompile(`^"(.*)" is no duration$`), `"${1}" 不是时长`},
	{regexp.MustCompile(`^(\S+) is missing$`), `缺 ${1}`},
	{regexp.MustCompile(`^(\S+) "(.*)" is not known$`), `${1} 不能是 "${2}"`},
	{regexp.MustCompile(`^id "(.*)" is not a name$`), `id "${1}" 无效`},
	{regexp.MustCompile(`^R26 is built in: an action that failed$`), `R26 是内置规则：动作失败`},
	{regexp.MustCompile(`^title needs zh and en$`), `title 要有 zh 和 en`},
	{regexp.MustCompile(`^the message needs zh and en$`), `message 要有 zh 和 en`},
	{regexp.MustCompile(`^each line of the card needs zh and en$`), `card 每一行都要有 zh 和 en`},
	{regexp.MustCompile(`^a \{ is not closed$`), `有一个 { 没有闭合`},
	{regexp.MustCompile(`^there are no rules$`), `里面没有规则`},
	{regexp.MustCompile(`^there is no such rule$`), `没有这条规则`},
	{regexp.MustCompile(`^there is no rule "(.*)"$`), `没有规则 "${1}"`},
	{regexp.MustCompile(`^rule (\S+) is there twice$`), `规则 ${1} 重复`},
	{regexp.MustCompile(`^first at (.*)$`), `第一次在 ${1}`},
	{regexp.MustCompile(`^a rule cannot give way to itself$`), `规则不能让位给自己`},
	{regexp.MustCompile(`^(\S+) already gives way to (\S+)$`), `${1} 已经让位给 ${2}`},
	{regexp.MustCompile(`^(\S+) judges a (\S+), this rule a (\S+): .*$`), `${1} 判断的是 ${2}，本规则判断的是 ${3}：不会涉及同一台设备`},
	{regexp.MustCompile(`^parameter "(.*)" is not used$`), `参数 "${1}" 没有用到`},
	{regexp.MustCompile(`^there is no parameter "(.*)"$`), `没有参数 "${1}"`},
	{regexp.MustCompile(`^rule (\S+) has no parameter "(.*)"$`), `规则 ${1} 没有参数 "${2}"`},
	{regexp.MustCompile(`^a parameter cannot be named "(.*)"$`), `参数不能叫 "${1}"`},
	{regexp.MustCompile(`^names of points and session are taken$`), `点位名和 session 已占用`},
	{regexp.MustCompile(`^(\S+) is (a .*), and must be (.*)$`), `${1} 是${2}，应为${3}`},
	{regexp.MustCompile(`^(\S+) is (a .*), and (\S+) is (.*)$`), `${1} 是${2}，而 ${3} 是${4}`},
	{regexp.MustCompile(`^as shipped: (.*)$`), `出厂值：${1}`},
	{regexp.MustCompile(`^a (\S+) has no point "(.*)"$`), `${1} 没有点位 "${2}"`},
	{regexp.MustCompile(`^no rule may write to (\S+)$`), `规则不允许写 ${1}`},
	{regexp.MustCompile(`^no rule may write (\S+) to (\S+)$`), `规则不允许把 ${2} 写成 ${1}`},
	{regexp.MustCompile(`^a gas valve is only reopened by hand, on site$`), `燃气阀只能到现场手动打开`},
	{regexp.MustCompile(`^a rule switches a socket off, never on$`), `规则只能断开插座，不能接通`},
	{regexp.MustCompile(`^a rule releases a door, never locks it$`), `规则只能释放门锁，不能上锁`},
	{regexp.MustCompile(`^the rule is for a (\S+), its own device is no (\S+)$`), `规则针对 ${1}，本设备不是 ${2}`},
	{regexp.MustCompile(`^the expression is (.*), not a condition$`), `表达式是${1}，不是条件`},
	{regexp.MustCompile(`^severity (\S+) above (\S+): a ladder leads from C to A$`), `${2} 级之后不能是 ${1} 级：逐级只升不降，从 C 到 A`},
	{regexp.MustCompile(`^the milder rung first$`), `轻的写在前面`},
	{regexp.MustCompile(`^the expression ends too early$`), `表达式没有写完`},
	{regexp.MustCompile(`^cannot compare (.*) with (.*)$`), `${1}不能与${2}比较`},
	{regexp.MustCompile(`^cannot \S+ (.*) with (.*)$`), `${1}不能与${2}一起计算`},
	{regexp.MustCompile(`^write a duration with its unit: (.*)$`), `时长要带单位：${1}`},
	{regexp.MustCompile(`^this is not part of the rule language$`), `规则语言里没有这种写法`},
	{regexp.MustCompile(`^operator (\S+) is not part of the rule language$`), `规则语言里没有运算符 ${1}`},
	{regexp.MustCompile(`^there is no function (\S+)$`), `没有函数 ${1}`},
	{regexp.MustCompile(`^there is no such function$`), `没有这个函数`},
	{regexp.MustCompile(`^only a socket has a charging session$`), `只有充电插座有充电会话`},
	{regexp.MustCompile(`^power is always in W$`), `功率一律用 W`},
	{regexp.MustCompile(`^one of (.*)$`), `可用 ${1}`},
	{regexp.MustCompile(`^known here: (.*)$`), `这里可用：${1}`},
	{regexp.MustCompile(`^such as (.*)$`), `例如 ${1}`},
	{regexp.MustCompile(`^(.*), for example$`), `例如 ${1}`},
}

// Types of values, as they stand inside those sentences.
var chineseTypes = []struct {
	en *regexp.Regexp
	zh string
}{
	{regexp.MustCompile(`^a number in (.*)$`), `以 ${1} 计的数`},
	{regexp.MustCompile(`^a plain number$`), `无单位的数`},
	{regexp.MustCompile(`^a duration$`), `时长`},
	{regexp.MustCompile(`^a condition$`), `条件`},
}

// InChinese is a sentence of a problem or of its hint in Chinese, where it is known; otherwise as it is.
func InChinese(text string) string {
	if said, ok := configs.InChinese(text); ok {
		return said
	}
	return ruleInChinese(text)
}

func ruleInChinese(text string) string {
	for _, t := range chineseSentences {
		parts := t.en.FindStringSubmatch(text)
		if parts == nil {
			continue
		}
		text = t.zh
		for i, part := range parts[1:] {
			for _, word := range chineseTypes {
				part = word.en.ReplaceAllString(part, word.zh)
			}
			text = strings.ReplaceAll(text, "${"+strconv.Itoa(i+1)+"}", part)
		}
		return text
	}
	return text
}
