package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/rules"
)

type rulesTestCmd struct {
	Paths []string `arg:"" type:"path" help:"Test files, or folders of them."`
	JSON  bool     `name:"json" help:"Print JSON."`
	JUnit string   `name:"junit" placeholder:"FILE" type:"path" help:"Write JUnit XML as well, for continuous integration."`
}

// testedFolder is a folder of rules and what its tests showed.
type testedFolder struct {
	dir     string
	set     *rules.Set
	reports []rules.TestReport
}

// Run plays rule tests.
func (c rulesTestCmd) Run(lang config.Language) error {
	began := time.Now()
	files, err := testFiles(lang, c.Paths)
	if err != nil {
		return exit{exitUsage, err}
	}
	var folders []*testedFolder
	byDir := map[string]*testedFolder{}
	for _, file := range files {
		dir := filepath.Dir(file)
		if byDir[dir] == nil {
			set, err := rulesOf(dir)
			if err != nil {
				return c.badRules(lang, err)
			}
			byDir[dir] = &testedFolder{dir: dir, set: set}
			folders = append(folders, byDir[dir])
		}
		report, err := playTests(byDir[dir].set, file)
		if err != nil {
			return exit{exitDevice, err}
		}
		byDir[dir].reports = append(byDir[dir].reports, report)
	}
	return c.report(lang, folders, time.Since(began))
}

// badRules tells why the rules cannot be tested at all.
func (c rulesTestCmd) badRules(lang config.Language, err error) error {
	var ps configs.Problems
	if !errors.As(err, &ps) {
		return exit{exitDevice, err}
	}
	if err := c.junit([]rules.TestReport{{File: ps[0].File, Problems: ps, Failed: 1}}); err != nil {
		return err
	}
	if c.JSON {
		return printed(struct {
			Problems configs.Problems `json:"problems"`
		}{config.Translate(lang, ps)}, false)
	}
	printProblems(os.Stdout, lang, config.Translate(lang, ps))
	return exit{code: exitFinding}
}

// playTests plays one file and measures each of its tests.
func playTests(set *rules.Set, file string) (rules.TestReport, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return rules.TestReport{}, fmt.Errorf("read rule test: %w", err)
	}
	tests := rules.ReadTests(set, rules.Source{Name: shorter(file), Data: data})
	began := time.Now()
	last := began
	for result := range tests.All() {
		now := time.Now()
		result.TookMs, last = milliseconds(now.Sub(last)), now
	}
	report := tests.Report()
	report.TookMs = milliseconds(time.Since(began))
	return report, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (c rulesTestCmd) report(lang config.Language, folders []*testedFolder, took time.Duration) error {
	var reports []rules.TestReport
	covers := []rules.Cover{}
	for _, f := range folders {
		reports = append(reports, f.reports...)
		covers = append(covers, rules.Coverage(f.set, f.reports)...)
	}
	passed, failed := 0, 0
	for i, r := range reports {
		reports[i].Problems = config.Translate(lang, r.Problems)
		passed, failed = passed+r.Passed, failed+r.Failed
	}
	if err := c.junit(reports); err != nil {
		return err
	}
	if c.JSON {
		return printed(struct {
			Passed   int                `json:"passed"`
			Failed   int                `json:"failed"`
			TookMs   float64            `json:"took_ms"`
			Reports  []rules.TestReport `json:"reports"`
			Untested []rules.Cover      `json:"untested"`
		}{passed, failed, milliseconds(took), reports, covers}, failed == 0)
	}
	if _, err := fmt.Print(rules.Render(reports, took, string(lang))); err != nil {
		return fmt.Errorf("print test results: %w", err)
	}
	printCovers(lang, covers)
	if failed > 0 {
		return exit{code: exitFinding}
	}
	return nil
}

// printed prints JSON; what is not all right is told by the exit code.
func printed(v any, right bool) error {
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	if err := out.Encode(v); err != nil {
		return fmt.Errorf("print results: %w", err)
	}
	if !right {
		return exit{code: exitFinding}
	}
	return nil
}

func (c rulesTestCmd) junit(reports []rules.TestReport) error {
	if c.JUnit == "" {
		return nil
	}
	f, err := os.Create(c.JUnit)
	if err != nil {
		return exit{exitDevice, fmt.Errorf("write JUnit: %w", err)}
	}
	if err := errors.Join(rules.WriteJUnit(f, reports), f.Close()); err != nil {
		return exit{exitDevice, err}
	}
	return nil
}

// printCovers tells which rules the tests do not show in full, a line for each sort of test that is missing. The results
// themselves end with their sum, so this is beside them.
func printCovers(lang config.Language, covers []rules.Cover) {
	say := speaker(lang)
	for _, kind := range [][3]string{
		{"firing", "没有测试见过触发", "no test sees firing"}, {"not_firing", "没有测试见过不触发", "no test sees not firing"},
		{"unknown", "没有测试见过未知", "no test sees unknown"}, {"restarted", "没有测试经过重启", "no test sees after a restart"},
	} {
		var names []string
		for _, c := range covers {
			for _, missing := range c.Missing {
				if missing != kind[0] {
					continue
				}
				name := c.Rule
				if c.Level > 0 {
					name = fmt.Sprintf(say("%s（第 %d 级）", "%s (rung %d)"), c.Rule, c.Level)
				}
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			fmt.Fprintf(os.Stderr, "! %s: %s\n", say(kind[1], kind[2]), strings.Join(names, " "))
		}
	}
}

// testFiles are the test files among paths, folders opened.
func testFiles(lang config.Language, paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("find rule tests: %w", err)
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		found, err := filepath.Glob(filepath.Join(path, "*_test.yaml"))
		if err != nil || len(found) == 0 {
			return nil, fmt.Errorf(speaker(lang)("%s 里没有 *_test.yaml：规则的测试写在规则旁边，叫 <规则文件>_test.yaml", "no *_test.yaml in %s: tests stand beside the rules, as <rule file>_test.yaml"), shorter(path))
		}
		files = append(files, found...)
	}
	return files, nil
}
