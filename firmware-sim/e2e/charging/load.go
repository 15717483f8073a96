package charging

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/linshao/linshao/rules"
)

// load loads the rule files of a folder; of their rules those that judge sockets, unless all are wanted. Every play builds
// engines of its own, and beside a lone socket no other rule finds anything to judge.
func load(folder string, all bool) (*rules.Set, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	var sources []rules.Source
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.yaml") {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		sources = append(sources, rules.Source{Name: filepath.Base(path), Data: data})
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("load rules: there are none in %s", folder)
	}
	if !all {
		if sources, err = ofSockets(sources); err != nil {
			return nil, err
		}
	}
	set, err := rules.Load(sources)
	if err != nil {
		return nil, fmt.Errorf("load rules of %s: %w", folder, err)
	}
	return set, nil
}

// ofSockets leaves out the rules of other kinds, and every word of them.
func ofSockets(files []rules.Source) ([]rules.Source, error) {
	type file struct {
		Rules []map[string]any `yaml:"rules"`
	}
	parsed := make([]file, len(files))
	ids := map[any]bool{}
	for i, f := range files {
		if err := yaml.Unmarshal(f.Data, &parsed[i]); err != nil {
			return nil, fmt.Errorf("read %s: %w", f.Name, err)
		}
		parsed[i].Rules = slices.DeleteFunc(parsed[i].Rules, func(r map[string]any) bool { return r["kind"] != "socket" })
		for _, r := range parsed[i].Rules {
			ids[r["id"]] = true
		}
	}
	var kept []rules.Source
	for i, f := range parsed {
		for _, r := range f.Rules {
			if others, ok := r["unless"].([]any); ok {
				r["unless"] = slices.DeleteFunc(others, func(id any) bool { return !ids[id] })
			}
		}
		if len(f.Rules) == 0 {
			continue
		}
		data, err := yaml.Marshal(f)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", files[i].Name, err)
		}
		kept = append(kept, rules.Source{Name: files[i].Name, Data: data})
	}
	return kept, nil
}
