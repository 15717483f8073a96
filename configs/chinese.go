package configs

import "regexp"

// Sentences of this package, which speaks English, and what they are in Chinese.
var chinese = []struct {
	en *regexp.Regexp
	zh string
}{
	{regexp.MustCompile(`^unknown key "(.*)"$`), `没有 "$1" 这个键`},
	{regexp.MustCompile(`^did you mean (.*)\?$`), `是不是 $1？`},
	{regexp.MustCompile(`^wants a whole number$`), `要填整数`},
	{regexp.MustCompile(`^wants a number$`), `要填数字`},
	{regexp.MustCompile(`^wants true or false$`), `要填 true 或 false`},
	{regexp.MustCompile(`^wants a text$`), `要填文字`},
	{regexp.MustCompile(`^wants a list$`), `要填列表`},
	{regexp.MustCompile(`^wants keys and values$`), `要填键和值`},
	{regexp.MustCompile(`^file is empty$`), `文件是空的`},
	{regexp.MustCompile(`^see configs/ for an example$`), `示例见 configs/`},
	{regexp.MustCompile(`^YAML anchors, aliases and tags are not used here$`), `此处不用 YAML 锚点、别名和标签`},
	{regexp.MustCompile(`^write the value out$`), `请直接写出值`},
	{regexp.MustCompile(`^file has (\d+) bytes, the limit is (\d+)$`), `文件 $1 字节，上限 $2`},
	{regexp.MustCompile(`^split it$`), `请拆分`},
	{regexp.MustCompile(`^mapping key "(.*)" already defined at \[(\d+):\d+\]$`), `键 "$1" 重复（第 $2 行已有）`},
}

// InChinese is a sentence of this package in Chinese; false when it is none that is known.
func InChinese(text string) (string, bool) {
	for _, t := range chinese {
		if t.en.MatchString(text) {
			return t.en.ReplaceAllString(text, t.zh), true
		}
	}
	return text, false
}
