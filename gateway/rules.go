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

type rulesCmd struct {
	Test rulesTestCmd `cmd:"" help:"Run the tests of rules: each <area>_test.yaml against the rules beside it."`
}

type rulesTestCmd struct {
	Paths []string `arg:"" type:"path" help:"Test files, or folders of them."`
	JSON  bool     `name:"json" help:"Print JSON."`
}

// Run plays rule tests.
func (c rulesTestCmd) Run(lang config.Language) error {
	began := time.Now()
	files, err := testFiles(c.Paths)
	if err != nil {
		return exit{exitUsage, err}
	}
	var reports []rules.TestReport
	sets := map[string]*rules.Set{}
	for _, file := range files {
		dir := filepath.Dir(file)
		if sets[dir] == nil {
			if sets[dir], err = rulesOf(dir); err != nil {
				var ps configs.Problems
				if errors.As(err, &ps) {
					printProblems(os.Stdout, lang, config.Translate(lang, ps))
					return exit{code: exitFinding}
				}
				return exit{exitDevice, err}
			}
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return exit{exitDevice, fmt.Errorf("read rule test: %w", err)}
		}
		reports = append(reports, rules.RunTests(sets[dir], rules.Source{Name: shorter(file), Data: data}))
	}
	return c.report(lang, reports, time.Since(began))
}

func (c rulesTestCmd) report(lang config.Language, reports []rules.TestReport, took time.Duration) error {
	passed, failed := 0, 0
	for _, r := range reports {
		passed += r.Passed
		failed += r.Failed
	}
	if c.JSON {
		if err := json.NewEncoder(os.Stdout).Encode(reports); err != nil {
			return fmt.Errorf("print test results: %w", err)
		}
	} else {
		for _, r := range reports {
			printReport(lang, r)
		}
		summary := "%d passed, %d failed, %.2f s\n"
		if lang == config.Chinese {
			summary = "%d 通过，%d 失败，%.2f s\n"
		}
		fmt.Printf(summary, passed, failed, took.Seconds())
	}
	if failed > 0 {
		return exit{code: exitFinding}
	}
	return nil
}

func printReport(lang config.Language, r rules.TestReport) {
	fmt.Println(r.File)
	printProblems(os.Stdout, lang, r.Problems)
	head := []string{"     ", "at", "field", "expected", "actual"}
	if lang == config.Chinese {
		head = []string{"     ", "时刻", "字段", "期望", "实际"}
	}
	for _, t := range r.Results {
		if len(t.Failures) == 0 {
			fmt.Printf("  ✓ %s\n", t.Name)
			continue
		}
		fmt.Printf("  ✗ %s    %s:%d\n", t.Name, r.File, t.Line)
		rows := [][]string{head}
		for _, f := range t.Failures {
			note := f.Actual
			if f.Note != "" {
				note += "    ← " + f.Note
			}
			rows = append(rows, []string{"     ", f.At, f.Field, f.Expected, note})
		}
		printTable(os.Stdout, rows)
	}
}

// testFiles are the test files among paths, folders opened.
func testFiles(paths []string) ([]string, error) {
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
			return nil, fmt.Errorf("no *_test.yaml in %s", path)
		}
		files = append(files, found...)
	}
	return files, nil
}

// rulesOf are the rules of a folder.
func rulesOf(dir string) (*rules.Set, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("find rules: %w", err)
	}
	var sources []rules.Source
	for _, file := range files {
		if strings.HasSuffix(file, "_test.yaml") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		sources = append(sources, rules.Source{Name: shorter(file), Data: data})
	}
	return rules.Load(sources)
}
