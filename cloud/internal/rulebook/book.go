// Package rulebook is what the cloud knows of rules: the shipped set, how often each has spoken and how often it was wrong, which
// versions gateways have, and what a draft would have made of the readings that are stored. The API asks it.
//
// It promises: a replay carries nothing out and writes nothing, ends within its limit, and says what it has covered.
package rulebook

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/rules"
)

// A Book holds the rules that this program was shipped with: the ones that every gateway judges by whose site has no others.
type Book struct {
	set   *rules.Set
	texts []rules.Excerpt
	hash  string
}

// Open reads the shipped rules.
func Open() (*Book, error) {
	names, err := fs.Glob(configs.FS, "rules/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("find rules: %w", err)
	}
	var files []rules.Source
	for _, name := range names {
		if strings.HasSuffix(name, "_test.yaml") {
			continue
		}
		data, err := fs.ReadFile(configs.FS, name)
		if err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		files = append(files, rules.Source{Name: path.Base(name), Data: data})
	}
	set, err := rules.Load(files)
	if err != nil {
		return nil, fmt.Errorf("read shipped rules: %w", err)
	}
	return &Book{set: set, texts: rules.Excerpts(files), hash: set.Hash()}, nil
}

// Hash is of all versions of the set, as gateways tell theirs.
func (b *Book) Hash() string { return b.hash }

// info answers a rule; false when the set does not have it.
func (b *Book) info(id string) (rules.Info, bool) {
	for _, info := range b.set.Rules() {
		if info.ID == id {
			return info, true
		}
	}
	return rules.Info{}, false
}

// text is a rule as its file has it.
func (b *Book) text(id string) (text, file string) {
	for _, e := range b.texts {
		if e.ID == id {
			return e.Text, e.File
		}
	}
	return "", ""
}
