package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/linshao/linshao/gateway/internal/state"
	"github.com/linshao/linshao/rules"
)

// lastGoodFile is the file in the data folder that holds the rules of the last good start or reload.
const lastGoodFile = "rules.last.json"

// kept is what is in it.
type kept struct {
	Files     []rules.Source            `json:"files"`
	Overrides map[string]rules.Override `json:"overrides"`
}

// Keep notes a site's rules as the last good ones. Those that stand in are noted already.
func Keep(s *Site) error {
	if s.Refused != nil {
		return nil
	}
	texts := keepTexts(s.Data, s.Sources)
	data, err := json.Marshal(kept{s.Sources, s.Overrides})
	if err != nil {
		return fmt.Errorf("encode last good rules: %w", err)
	}
	file := filepath.Join(s.Data, lastGoodFile)
	if old, err := os.ReadFile(file); err == nil && string(old) == string(data) {
		return texts
	}
	return errors.Join(texts, state.Save(file, data))
}

// LastGood are the rules that Keep noted for a site's data folder. The set is nil when nothing is noted there, or nothing that
// this program can use; the error says why.
func LastGood(data string) (*rules.Set, map[string]rules.Override, error) {
	file := filepath.Join(data, lastGoodFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	var k kept
	if err == nil {
		err = json.Unmarshal(text, &k)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", file, err)
	}
	set, err := rules.Load(k.Files)
	if err != nil { // a newer program's language may be another one
		return nil, nil, fmt.Errorf("load %s: %w", file, err)
	}
	return set, k.Overrides, nil
}

// lastGood lets the last good rules stand in; false when there are none, or they cannot be used, which is told.
func (l *loader) lastGood() bool {
	set, overrides, err := LastGood(l.site.Data)
	if err == nil && set != nil {
		_, err = rules.NewEngine(set, l.site.Subjects(), overrides)
	}
	if err != nil {
		what, _, _ := strings.Cut(err.Error(), "\n")
		l.add("$.rules", l.say("上次可用的规则也用不了，网关不启动：%s", "the last good rules cannot be used either, and the gateway does not start: %s", what),
			l.say("改正规则；或先让 rules 和 overrides 留空，用内置规则启动", "mend the rules; or start with the shipped ones by leaving rules and overrides empty"))
	}
	if err != nil || set == nil {
		return false
	}
	l.site.Rules, l.site.Overrides = set, overrides
	return true
}

// sections are digests of what only a restart takes up, by the key in gateway.yaml.
func (l *loader) sections() map[string]string {
	l.shapes.Write(nil) // there may be no profile
	all := map[string]string{"profiles": l.shapes.String()}
	raw := reflect.ValueOf(l.raw)
	for i := range raw.NumField() {
		key := raw.Type().Field(i).Tag.Get("yaml")
		switch key {
		case "overrides", "emergency":
			continue
		}
		text, err := json.Marshal(raw.Field(i).Interface())
		if err != nil {
			continue // texts, numbers and lists of them
		}
		var d digest
		d.Write(text)
		all[key] += d.String()
	}
	return all
}

// RestartNeeded are the parts of a site's configuration that differ from a running one's and only a restart takes up, in the order of
// their names; nil: none.
func (s *Site) RestartNeeded(running *Site) []string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(s.Sections)) {
		if s.Sections[key] != running.Sections[key] {
			keys = append(keys, key)
		}
	}
	return keys
}
