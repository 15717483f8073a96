package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/rules"
)

type rulesListCmd struct {
	Folder string `arg:"" optional:"" type:"existingdir" help:"Folder of rules. Default: those shipped."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// listedRule is one line of the list. Steps are the rule itself and the rungs of its ladder; sources counts the marks of
// SOURCES.md in its comments: V verified, S secondary, D derived, U unverified.
type listedRule struct {
	ID      string         `json:"id"`
	Version string         `json:"version"`
	File    string         `json:"file"`
	Kind    string         `json:"kind"`
	Title   listedText     `json:"title"`
	Steps   []listedStep   `json:"steps"`
	Sources map[string]int `json:"sources"`
}

type listedText struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

type listedStep struct {
	Severity rules.Severity `json:"severity"`
	Mode     rules.Mode     `json:"mode"`
}

// Run prints the catalogue.
func (c rulesListCmd) Run(lang config.Language) error {
	folder, err := fs.Sub(configs.FS, "rules")
	if c.Folder != "" {
		folder, err = os.DirFS(c.Folder), nil
	}
	if err != nil {
		return fmt.Errorf("find rules: %w", err)
	}
	list, err := listRules(folder)
	var ps configs.Problems
	switch {
	case errors.As(err, &ps):
		printProblems(os.Stdout, lang, config.Translate(lang, ps))
		return exit{code: exitFinding}
	case err != nil:
		return exit{exitDevice, err}
	case c.JSON:
		if err := json.NewEncoder(os.Stdout).Encode(list); err != nil {
			return fmt.Errorf("print rules: %w", err)
		}
		return nil
	}
	c.print(lang, list)
	return nil
}

func (c rulesListCmd) print(lang config.Language, list []listedRule) {
	say := speaker(lang)
	rows := [][]string{{say("编号", "id"), say("规则", "rule"), say("对象", "judges"), say("级别", "severity"), say("方式", "mode"), say("来源", "sources"), say("文件", "file")}}
	for _, r := range list {
		title := r.Title.EN
		if lang == config.Chinese {
			title = r.Title.ZH
		}
		var severities, modes, sources []string
		for i, step := range r.Steps {
			severities = append(severities, string(step.Severity))
			if i == 0 || step.Mode != r.Steps[i-1].Mode {
				modes = append(modes, string(step.Mode))
			}
		}
		for _, mark := range strings.Split("VSDU", "") {
			if n := r.Sources[mark]; n > 0 {
				sources = append(sources, fmt.Sprintf("%s%d", mark, n))
			}
		}
		rows = append(rows, []string{r.ID, title, r.Kind, strings.Join(severities, "→"), strings.Join(modes, "→"), strings.Join(sources, " "), r.File})
	}
	printTable(os.Stdout, rows)
	fmt.Println(say("来源：V 已核对 S 二手 D 推算 U 未核对（SOURCES.md）。动作失败（R26）是内置的。",
		"Sources: V verified, S secondary, D derived, U unverified (SOURCES.md). An action that failed (R26) is built in."))
}

// listRules reads the rules of a folder, in the order of files.
func listRules(folder fs.FS) ([]listedRule, error) {
	names, err := fs.Glob(folder, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("find rules: %w", err)
	}
	var sources []rules.Source
	for _, name := range names {
		if strings.HasSuffix(name, "_test.yaml") {
			continue
		}
		data, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		sources = append(sources, rules.Source{Name: path.Base(name), Data: data})
	}
	set, err := rules.Load(sources)
	if err != nil {
		return nil, err
	}
	list := []listedRule{}
	for _, info := range set.Rules() {
		r := listedRule{ID: info.ID, Version: info.Version, Kind: info.Kind, Title: listedText(info.Title), Steps: []listedStep{{info.Severity, info.Mode}}}
		for _, g := range info.Ladder {
			r.Steps = append(r.Steps, listedStep{g.Severity, g.Mode})
		}
		r.File, r.Sources = marks(sources, info.ID)
		list = append(list, r)
	}
	return list, nil
}

var (
	ruleID = regexp.MustCompile(`(?m)(?:^ *#.*\n)*^ *- id: *"?([A-Za-z0-9_-]+)`) // with the comment above it
	mark   = regexp.MustCompile(`\[([VSDU])\b`)
)

// marks finds the file of a rule and counts the marks in its comments: a source is no part of a rule, so they are found in
// the text.
func marks(files []rules.Source, id string) (file string, count map[string]int) {
	for _, f := range files {
		text := string(f.Data)
		found := ruleID.FindAllStringSubmatchIndex(text, -1)
		for i, at := range found {
			if text[at[2]:at[3]] != id {
				continue
			}
			end := len(text)
			if i+1 < len(found) {
				end = found[i+1][0]
			}
			count = map[string]int{}
			for _, m := range mark.FindAllStringSubmatch(text[at[0]:end], -1) {
				count[m[1]]++
			}
			return f.Name, count
		}
	}
	return "", nil
}
