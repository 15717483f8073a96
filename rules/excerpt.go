package rules

import (
	"fmt"
	"strings"

	"github.com/linshao/linshao/configs"
)

// An Excerpt is one rule as its file has it, comments and all.
type Excerpt struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	File    string `json:"file"`
	Text    string `json:"text"`
}

// Excerpts are the rules of files one by one, in their order. A file that cannot be read has none: Load tells what is wrong with it.
func Excerpts(files []Source) []Excerpt {
	var all []Excerpt
	for _, src := range files {
		f, err := configs.Parse(src.Name, src.Data)
		var file ruleFile
		if err != nil || f.Decode(&file) != nil {
			continue
		}
		lines := strings.Split(strings.TrimRight(string(src.Data), "\n"), "\n")
		begins := make([]int, len(file.Rules)+1)
		for i := range file.Rules {
			at := f.Problem(fmt.Sprintf("$.rules[%d].id", i), "", "").Line - 1
			for at > 0 && at < len(lines) && !strings.HasPrefix(strings.TrimSpace(lines[at])+" ", "- ") { // id need not be the first key
				at--
			}
			begins[i] = max(0, at)
		}
		begins[len(file.Rules)] = len(lines)
		for i, t := range file.Rules {
			from := min(begins[i], len(lines))
			to := max(from, min(begins[i+1], len(lines)))
			for to > from+1 && comment(lines[to-1]) { // what stands above a rule is about that
				to--
			}
			all = append(all, Excerpt{ID: t.ID, Version: version(t), File: src.Name, Text: dedent(lines[from:to])})
		}
	}
	return all
}

func comment(line string) bool {
	s := strings.TrimSpace(line)
	return s == "" || strings.HasPrefix(s, "#")
}

// dedent takes away the spaces that all lines begin with.
func dedent(lines []string) string {
	least := -1
	for _, line := range lines {
		if n := len(line) - len(strings.TrimLeft(line, " ")); strings.TrimSpace(line) != "" && (least < 0 || n < least) {
			least = n
		}
	}
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(strings.TrimRight(line[min(len(line), max(0, least)):], " \r") + "\n")
	}
	return b.String()
}
