package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/internal/config"
)

type checkCmd struct {
	Config checkConfigCmd `cmd:"" help:"Check a site, its profiles and its rules."`
}

type checkConfigCmd struct {
	File string `arg:"" type:"path" help:"The site: gateway.yaml."`
	JSON bool   `name:"json" help:"Print the mistakes as JSON."`
}

// Run tells every mistake of a site.
func (c checkConfigCmd) Run(lang config.Language) error {
	began := time.Now()
	r := config.Check(shorter(c.File), lang)
	took := time.Since(began)
	if c.JSON {
		if err := json.NewEncoder(os.Stdout).Encode(append(configs.Problems{}, r.Problems...)); err != nil {
			return fmt.Errorf("print mistakes: %w", err)
		}
	} else {
		printProblems(os.Stdout, lang, r.Problems)
		errors := len(r.Problems.Fatal())
		summary := "checked %d channels / %d devices / %d rules, touched no device, in %d ms\n%d errors, %d warnings\n"
		if lang == config.Chinese {
			summary = "检查了 %d 个总线 / %d 台设备 / %d 条规则，未访问任何设备，用时 %d ms\n%d 个错误，%d 个警告\n"
		}
		fmt.Printf(summary, r.Channels, r.Devices, r.Rules, took.Milliseconds(), errors, len(r.Problems)-errors)
	}
	if r.Problems.Fatal() != nil {
		return exit{code: exitFinding}
	}
	return nil
}

// shorter names a file from here, as the user would.
func shorter(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if rest, ok := strings.CutPrefix(path, here+string(os.PathSeparator)); ok {
		return rest
	}
	return path
}

// printProblems tells mistakes as an editor understands them: place, then the line with carets under what is meant.
func printProblems(w io.Writer, lang config.Language, problems configs.Problems) {
	kinds := [2]string{"error", "warning"}
	if lang == config.Chinese {
		kinds = [2]string{"错误", "警告"}
	}
	for _, p := range problems {
		kind := kinds[0]
		if p.Warning {
			kind = kinds[1]
		}
		place := p.File
		if p.Line > 0 {
			place = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
		}
		text := p.Message
		if p.Hint != "" {
			text += " — " + p.Hint
		}
		fmt.Fprintf(w, "%s  %s  %s\n", place, kind, text)
		if p.Source != "" {
			printSource(w, p)
		}
	}
}

// printSource draws the line and carets under the word that begins at the mistake's column.
func printSource(w io.Writer, p configs.Problem) {
	runes := []rune(strings.ReplaceAll(p.Source, "\t", " "))
	from := min(max(p.Col-1, 0), len(runes))
	to := from
	for to < len(runes) && !strings.ContainsRune(" ,}]", runes[to]) {
		to++
	}
	fmt.Fprintf(w, "%5d │ %s\n", p.Line, string(runes))
	fmt.Fprintf(w, "      │ %s%s\n", strings.Repeat(" ", width(string(runes[:from]))), strings.Repeat("^", max(1, width(string(runes[from:to])))))
}
