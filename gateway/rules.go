package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/linshao/linshao/rules"
)

type rulesCmd struct {
	List   rulesListCmd   `cmd:"" help:"Print the rules of a folder, or those shipped with the gateway: severities, modes, and where their numbers come from."`
	Test   rulesTestCmd   `cmd:"" help:"Run the tests of rules: each <area>_test.yaml against the rules beside it. Exit code: 0 all pass, 1 a test fails or a file has a mistake, 2 there are no tests, 3 a file cannot be read."`
	Why    rulesWhyCmd    `cmd:"" help:"Say why an alert is there, or why it is not: its life from the events log, and when the gateway runs, what its rule sees now. Exit code: 0 told, 1 there is no such alert, 2 the question is wrong, 3 cannot be read."`
	Replay rulesReplayCmd `cmd:"" help:"Judge what the gateway recorded, or a CSV file, by rules as they are or may become; carries nothing out. Exit code: 0 replayed, 1 a file has a mistake or nothing is recorded of the time, 2 the question is wrong, 3 cannot be read."`
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
		src, err := sourceOf(file)
		if err != nil {
			return nil, err
		}
		sources = append(sources, src)
	}
	return rules.Load(sources)
}

func sourceOf(file string) (rules.Source, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return rules.Source{}, fmt.Errorf("read rules: %w", err)
	}
	return rules.Source{Name: shorter(file), Data: data}, nil
}
