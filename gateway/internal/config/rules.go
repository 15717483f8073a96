package config

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/rules"
)

// loadRules reads every rule of a folder and what the site wants otherwise.
func (l *loader) loadRules(folder fs.FS) {
	if folder == nil {
		return
	}
	files, err := fs.Glob(folder, "*.yaml")
	if err != nil {
		return
	}
	var sources []rules.Source
	for _, name := range files {
		if strings.HasSuffix(name, "_test.yaml") {
			continue
		}
		data, err := fs.ReadFile(folder, name)
		if err != nil {
			l.add("$.rules", l.say("读不到规则 %s：%v", "rule file %s cannot be read: %v", name, unwrapPath(err)), "")
			continue
		}
		l.hash.Write(data)
		sources = append(sources, rules.Source{Name: l.ruleName(name), Data: data})
	}
	set, err := rules.Load(sources)
	if err != nil {
		l.problems = append(l.problems, l.translated(err)...)
		return
	}
	if len(set.Rules()) == 0 { // a folder that is not mounted, or being copied: nothing would be judged, and nobody told
		l.add("$.rules", l.say("%s 里没有规则（*.yaml）：网关什么也不会判断", "there are no rules (*.yaml) in %s: nothing would be judged", l.ruleName("")),
			l.say("留空则用内置的", "leave it empty for the shipped ones"))
		return
	}
	l.problems = append(l.problems, Translate(l.lang, set.Warnings())...)
	l.site.Rules, l.site.Sources = set, sources
	l.overrides(set)
}

func (l *loader) ruleName(name string) string {
	if l.raw.Rules == "" {
		return "rules/" + name
	}
	return strings.TrimSuffix(l.raw.Rules, "/") + "/" + name
}

// overrides checks what the site wants otherwise, by trying the rules on the site's devices.
func (l *loader) overrides(set *rules.Set) {
	l.site.Overrides = map[string]rules.Override{}
	for id, raw := range l.raw.Overrides {
		l.site.Overrides[id] = rules.Override{Mode: rules.Mode(raw.Mode), Params: raw.Params}
	}
	engine, err := rules.NewEngine(set, l.site.Subjects(), l.site.Overrides)
	for _, e := range unjoin(err) {
		var o *rules.OverrideError
		if !errors.As(e, &o) {
			l.add("$", e.Error(), "")
			continue
		}
		path := "$.overrides." + o.Rule
		if o.Key != "" {
			path += "." + o.Key
		}
		l.add(path, o.Rule+": "+l.hear(o.Message), l.hear(o.Hint))
	}
	if err != nil {
		return
	}
	for _, w := range engine.Warnings() {
		l.problems = append(l.problems, configs.Problem{File: l.file.Name, Message: l.pick(w), Warning: true})
	}
}

// unjoin are the errors that errors.Join put together.
func unjoin(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
