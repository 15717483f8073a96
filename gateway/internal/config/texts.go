package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/linshao/linshao/gateway/internal/state"
	"github.com/linshao/linshao/rules"
)

// textsFile is the file in the data folder that holds the texts of all versions of rules that were in force: an alert of last month is
// explained by the rule as it was then.
const textsFile = "rules.texts.json"

// textsMost bounds it, in bytes of texts: some ten times a whole catalogue. What was in force longest ago goes first.
const textsMost = 512 << 10

// keepTexts notes the rules in force.
func keepTexts(data string, files []rules.Source) error {
	all := Texts(data)
	now := rules.Excerpts(files)
	fresh := slices.ContainsFunc(now, func(e rules.Excerpt) bool { return !slices.ContainsFunc(all, sameVersion(e)) })
	if !fresh {
		return nil
	}
	for _, e := range now {
		all = append(slices.DeleteFunc(all, sameVersion(e)), e)
	}
	size, from := 0, len(all)
	for from > 0 && size+len(all[from-1].Text) <= textsMost {
		from--
		size += len(all[from].Text)
	}
	text, err := json.Marshal(all[from:])
	if err != nil {
		return fmt.Errorf("encode texts of rules: %w", err)
	}
	return state.Save(filepath.Join(data, textsFile), text)
}

func sameVersion(e rules.Excerpt) func(rules.Excerpt) bool {
	return func(o rules.Excerpt) bool { return o.ID == e.ID && o.Version == e.Version }
}

// Texts are the rules that were in force in a site's data folder, the newest at the end; none when nothing was noted.
func Texts(data string) []rules.Excerpt {
	text, err := os.ReadFile(filepath.Join(data, textsFile))
	var all []rules.Excerpt
	if err != nil || json.Unmarshal(text, &all) != nil {
		return nil // it only explains: it is made anew
	}
	return all
}
