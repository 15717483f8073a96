package rulebook

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/rules"
)

// A DraftProblem is something wrong in a draft, at a place of it.
type DraftProblem struct {
	Line    int          `json:"line" doc:"1-based; 0: of the whole"`
	Col     int          `json:"col"`
	Message rules.Spoken `json:"message"`
	Hint    rules.Spoken `json:"hint"`
	Warning bool         `json:"warning,omitempty" doc:"odd, but it can be played"`
}

// mostRules is how many rules a draft may hold.
const mostRules = 8

// draftName is what a draft is called in problems.
const draftName = "draft"

var wholeFile = regexp.MustCompile(`(?m)^rules:`)

// A Draft is the shipped set with some rules as somebody would have them.
type Draft struct {
	Problems []DraftProblem
	IDs      []string // the rules in question
	set      *rules.Set
	file     string
}

// Check reads a draft: a file of rules, or one or more rules without the head of a file, as Detail.Text has them. With a mistake
// that is not only a warning, nothing can be played.
func (b *Book) Check(text string) Draft {
	shift := 0
	if !wholeFile.MatchString(text) {
		text, shift = "rules:\n"+text, 1
	}
	src := rules.Source{Name: draftName, Data: []byte(text)}
	d := Draft{file: text}
	ids, err := rules.IDs(src)
	if err == nil && len(ids) > mostRules {
		err = configs.Problems{{Message: fmt.Sprintf("a draft holds at most %d rules", mostRules)}}
		d.Problems = []DraftProblem{{Message: rules.Spoken{ZH: fmt.Sprintf("一个草稿最多 %d 条规则", mostRules), EN: err.Error()}}}
		return d
	}
	d.IDs = ids
	set, err := b.set.With([]rules.Source{src})
	var found configs.Problems
	switch {
	case err == nil:
		found, d.set = set.Warnings(), set
	case !errors.As(err, &found):
		found = configs.Problems{{Message: err.Error()}}
	}
	for _, p := range found {
		if p.File == draftName || p.File == "" || !p.Warning {
			d.Problems = append(d.Problems, told(p, shift))
		}
	}
	return d
}

func told(p configs.Problem, shift int) DraftProblem {
	return DraftProblem{Line: max(0, p.Line-shift), Col: p.Col, Message: spoken(p.Message), Hint: spoken(p.Hint), Warning: p.Warning}
}

func spoken(text string) rules.Spoken { return rules.Spoken{ZH: rules.InChinese(text), EN: text} }

// Good says that a draft can be played.
func (d Draft) Good() bool { return d.set != nil }

// Versions are the rules of a draft beside the shipped ones.
func (b *Book) Versions(d Draft) []RuleVersion {
	out := []RuleVersion{}
	for _, id := range d.IDs {
		v := RuleVersion{Rule: id}
		if info, ok := b.info(id); ok {
			v.Current = info.Version
		}
		if d.set != nil {
			for _, info := range d.set.Rules() {
				if info.ID == id {
					v.Draft = info.Version
				}
			}
		}
		out = append(out, v)
	}
	return out
}

// File is the draft as a file that a gateway takes.
func (d Draft) File() string { return strings.TrimRight(d.file, "\n") + "\n" }
