package config

import (
	"errors"
	"fmt"
	"io/fs"
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
		ps[i].Message, ps[i].Hint = rules.InChinese(ps[i].Message), rules.InChinese(ps[i].Hint)
	}
	return ps
}

// hear is a sentence of another package in the language.
func (s speaker) hear(text string) string {
	if s.lang == Chinese {
		return rules.InChinese(text)
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

// Translate puts the problems of rules into a language, where the sentence is known.
func Translate(lang Language, ps configs.Problems) configs.Problems {
	return speaker{lang}.translated(ps)
}
