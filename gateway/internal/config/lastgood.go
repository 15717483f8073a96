package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/linshao/linshao/gateway/internal/state"
	"github.com/linshao/linshao/rules"
)

// lastGoodFile is the file in the data folder that holds the rules of the last good start or reload.
const lastGoodFile = "rules.last.json"

// kept is what is in it.
type kept struct {
	Files     []rules.Source            `json:"files"`
	Overrides map[string]rules.Override `json:"overrides"`
	Emergency bool                      `json:"emergency"`
}

// Keep notes a site's rules as the last good ones. Those that stand in are noted already.
func Keep(s *Site) error {
	if s.Refused != nil {
		return nil
	}
	texts := keepTexts(s.Data, s.Sources)
	data, err := json.Marshal(kept{s.Sources, s.Overrides, s.Emergency})
	if err != nil {
		return fmt.Errorf("encode last good rules: %w", err)
	}
	file := filepath.Join(s.Data, lastGoodFile)
	if old, err := os.ReadFile(file); err == nil && string(old) == string(data) {
		return texts
	}
	return errors.Join(texts, state.Save(file, data))
}

// LastGood are the rules that Keep noted for a site's data folder. The set is nil when there are none that can be used.
func LastGood(data string) (set *rules.Set, overrides map[string]rules.Override, emergency bool) {
	text, err := os.ReadFile(filepath.Join(data, lastGoodFile))
	var k kept
	if err != nil || json.Unmarshal(text, &k) != nil || len(k.Files) == 0 {
		return nil, nil, false
	}
	if set, err = rules.Load(k.Files); err != nil {
		return nil, nil, false
	}
	return set, k.Overrides, k.Emergency
}

// lastGood lets the last good rules stand in; false when there are none, or they do not fit the devices.
func (l *loader) lastGood() bool {
	set, overrides, _ := LastGood(l.site.Data)
	if set == nil {
		return false
	}
	if _, err := rules.NewEngine(set, l.site.Subjects(), overrides); err != nil {
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
