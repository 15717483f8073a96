package config

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/rules"
)

// speaker words messages in the operator's language.
type speaker struct{ lang Language }

// say picks the sentence of the language; both take the same arguments in the same order.
func (s speaker) say(zh, en string, args ...any) string {
	if s.lang == Chinese {
		return fmt.Sprintf(zh, args...)
	}
	return fmt.Sprintf(en, args...)
}

// pick is a text in the language.
func (s speaker) pick(t rules.Text) string {
	if s.lang == Chinese {
		return t.ZH
	}
	return t.EN
}

// meant is the hint for a mistyped word: the nearest known one, or all of them.
func (s speaker) meant(word string, known []string) string {
	if near := configs.Nearest(word, known); near != "" {
		return s.say("是不是 %s？", "did you mean %s?", near)
	}
	if len(known) == 0 || len(known) > 14 {
		return ""
	}
	return s.oneOf(known)
}

func (s speaker) oneOf(known []string) string {
	return s.say("可用 %s", "use %s", strings.Join(known, " | "))
}

// Sentences of package configs, which speaks English, and what they are in Chinese.
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

// translated are the problems in an error of package configs, in the operator's language where the sentence is known.
func (s speaker) translated(err error) configs.Problems {
	var ps configs.Problems
	if !errors.As(err, &ps) {
		return configs.Problems{{Message: err.Error()}}
	}
	if s.lang != Chinese {
		return ps
	}
	for i := range ps {
		ps[i].Message, ps[i].Hint = inChinese(ps[i].Message), inChinese(ps[i].Hint)
	}
	return ps
}

func inChinese(text string) string {
	for _, t := range chinese {
		if t.en.MatchString(text) {
			return t.en.ReplaceAllString(text, t.zh)
		}
	}
	return ruleInChinese(text)
}

// hear is a sentence of another package in the language.
func (s speaker) hear(text string) string {
	if s.lang == Chinese {
		return inChinese(text)
	}
	return text
}

// unwrapPath drops the path from an error of the file system where the message names the file already.
func unwrapPath(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
