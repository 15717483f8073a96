package rules

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/configs"
)

// A Set is a set of rules that has been read and checked, ready to be built into engines.
type Set struct {
	texts    []ruleText
	warnings configs.Problems
}

// Info is what people are told of a rule.
type Info struct {
	ID       string
	Version  string
	Title    Text
	Kind     string
	Severity Severity
	Mode     Mode   // as shipped
	Ladder   []Info // the rungs above the rule itself, from below: severity and mode
}

// Load reads rules and checks everything that can be checked without devices. The error is configs.Problems with every
// mistake in every file; the set is nil then.
func Load(files []Source) (*Set, error) { return (&Set{}).With(files) }

// With answers the set with the rules of some files instead of those of the same id, and what is new in them. The error is that
// of Load.
func (s *Set) With(files []Source) (*Set, error) {
	set := &Set{}
	var problems, fatal configs.Problems
	places := map[string]place{}
	for _, src := range files {
		problems = append(problems, set.read(src, places)...)
	}
	set.texts = s.replaced(set.texts)
	for _, p := range append(problems, set.checkUnless(places)...) {
		if p.Warning {
			set.warnings = append(set.warnings, p)
		} else {
			fatal = append(fatal, p)
		}
	}
	if fatal != nil {
		return nil, append(fatal, set.warnings...)
	}
	return set, nil
}

// replaced are the set's rules with others instead of those of the same id; a rule that is new stands at the end.
func (s *Set) replaced(by []ruleText) []ruleText {
	all := slices.Clone(s.texts)
	for _, t := range by {
		if i := slices.IndexFunc(s.texts, func(old ruleText) bool { return old.ID == t.ID }); i >= 0 {
			all[i] = t
		} else {
			all = append(all, t)
		}
	}
	return all
}

// Warnings are what is odd in the files but no mistake, such as a parameter that nothing uses.
func (s *Set) Warnings() configs.Problems { return slices.Clone(s.warnings) }

// Rules lists the set in the order of the files.
func (s *Set) Rules() []Info {
	infos := make([]Info, len(s.texts))
	for i, t := range s.texts {
		infos[i] = Info{ID: t.ID, Version: version(t), Title: t.Title, Kind: t.Kind, Severity: t.Severity, Mode: t.Mode}
		for _, g := range t.Ladder {
			infos[i].Ladder = append(infos[i].Ladder, Info{Severity: cmp.Or(g.Severity, t.Severity), Mode: cmp.Or(g.Mode, t.Mode)})
		}
	}
	return infos
}

// Waits lists the durations among the rules' parameters, in ordinary and in 急 mode, each once and the shortest first: what
// depends on how long something waits can change after any of them.
func (s *Set) Waits() []time.Duration {
	var list []time.Duration
	for _, t := range s.texts {
		for _, p := range t.Params {
			for _, text := range []string{p.Normal, p.Emergency} {
				if d, err := parseDuration(text); err == nil && d > 0 {
					list = append(list, d)
				}
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (s *Set) ids() []string {
	ids := make([]string, len(s.texts))
	for i, t := range s.texts {
		ids[i] = t.ID
	}
	return ids
}

// A place is where a rule was first seen.
type place struct {
	file *configs.File
	path string
}

func (p place) String() string {
	at := p.file.Problem(p.path+".id", "", "")
	return fmt.Sprintf("%s:%d", at.File, at.Line)
}

func (s *Set) read(src Source, places map[string]place) configs.Problems {
	f, err := configs.Parse(src.Name, src.Data)
	if err != nil {
		return asProblems(err)
	}
	var file ruleFile
	problems := asProblems(f.Decode(&file))
	if len(file.Rules) == 0 && problems == nil {
		return configs.Problems{f.Problem("$", "there are no rules", "rules: [{id: …}]")}
	}
	for i, text := range file.Rules {
		path := fmt.Sprintf("$.rules[%d]", i)
		_, mistakes := build(text, nil, newLayout())
		for _, m := range mistakes {
			problems = append(problems, m.problem(f, src.Data, path))
		}
		if first, ok := places[text.ID]; ok {
			problems = append(problems, f.Problem(path+".id", fmt.Sprintf("rule %s is there twice", text.ID), "first at "+first.String()))
		} else {
			places[text.ID] = place{f, path}
		}
		s.texts = append(s.texts, text)
	}
	return structureFirst(problems)
}

// structureFirst drops what only follows from a key that could not be read: "severity is missing" beside "unknown key severty".
func structureFirst(problems configs.Problems) configs.Problems {
	wrongKeys := map[int]bool{}
	for _, p := range problems {
		if strings.HasPrefix(p.Message, "unknown key") || strings.HasPrefix(p.Message, "wants ") {
			wrongKeys[p.Line] = true
		}
	}
	if len(wrongKeys) == 0 {
		return problems
	}
	return slices.DeleteFunc(problems, func(p configs.Problem) bool {
		return strings.Contains(p.Message, " is missing") || strings.Contains(p.Message, " needs zh and en")
	})
}

func asProblems(err error) configs.Problems {
	var ps configs.Problems
	if err != nil && !errors.As(err, &ps) {
		ps = configs.Problems{{Message: err.Error()}}
	}
	return ps
}

// problem gives a mistake its place in the file.
func (m mistake) problem(f *configs.File, data []byte, path string) configs.Problem {
	p := f.Problem(path+m.path, m.message, m.hint)
	p.Warning = m.warning
	if m.expr != "" {
		locate(&p, data, m.expr, m.at)
	}
	return p
}

// locate moves a problem from the beginning of an expression to its rune. It walks the file and the expression side by
// side and lets whitespace differ, so it is right for plain, quoted and folded texts; where it loses the way, it stays.
func locate(p *configs.Problem, data []byte, expr string, at int) {
	lines := strings.Split(string(data), "\n")
	w := walker{lines: lines, line: p.Line - 1, col: p.Col - 1}
	if !w.enter() {
		return
	}
	for _, r := range []rune(expr)[:min(at, len([]rune(expr)))] {
		if isSpace(r) {
			continue
		}
		w.skip()
		if got, ok := w.rune(); !ok || got != r {
			return
		}
		w.col++
	}
	if at < len([]rune(expr)) {
		w.skip()
	}
	p.Line, p.Col, p.Source = w.line+1, w.col+1, strings.TrimRight(w.lines[w.line], "\r")
}

// A walker is a place in a text: line and rune, both from 0.
type walker struct {
	lines     []string
	line, col int
}

func isSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' }

func (w *walker) rune() (rune, bool) {
	if w.line < 0 || w.line >= len(w.lines) {
		return 0, false
	}
	runes := []rune(w.lines[w.line])
	if w.col >= len(runes) {
		return 0, false
	}
	return runes[w.col], true
}

// enter steps over an opening quote, or to the line after a | or >.
func (w *walker) enter() bool {
	r, ok := w.rune()
	if !ok {
		return false
	}
	switch r {
	case '"', '\'':
		w.col++
	case '|', '>':
		w.line, w.col = w.line+1, 0
	}
	return w.line < len(w.lines)
}

// skip goes on to the next rune that is no space.
func (w *walker) skip() {
	line, col := w.line, w.col
	for w.line < len(w.lines) {
		r, ok := w.rune()
		switch {
		case !ok:
			w.line, w.col = w.line+1, 0
		case isSpace(r):
			w.col++
		default:
			return
		}
	}
	w.line, w.col = line, col
}

// IDs are the rules that a file names, whatever else is wrong with it.
func IDs(src Source) ([]string, error) {
	f, err := configs.Parse(src.Name, src.Data)
	if err != nil {
		return nil, err
	}
	var file ruleFile
	_ = f.Decode(&file) // Load tells what is wrong
	return (&Set{texts: file.Rules}).ids(), nil
}
