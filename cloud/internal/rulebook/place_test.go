package rulebook_test

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/internal/rulebook"
	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/rules"
)

// shipped are the files of rules that the program has, by name.
func shipped(t *testing.T) map[string]string {
	t.Helper()
	names, err := fs.Glob(configs.FS, "rules/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		data, err := configs.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.yaml") {
			all[name] = string(data)
		}
	}
	return all
}

// load reads the shipped rules as a gateway does, with one file pushed.
func load(t *testing.T, name, text string) *rules.Set {
	t.Helper()
	all := shipped(t)
	all[name] = text
	var files []rules.Source
	for _, name := range slices.Sorted(maps.Keys(all)) {
		files = append(files, rules.Source{Name: name, Data: []byte(all[name])})
	}
	set, err := rules.Load(files)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return set
}

// Every shipped rule, put back unchanged, leaves its file as it was; a changed one changes that rule alone, and a second draft
// of the same file keeps the first.
func TestPlacesDrafts(t *testing.T) {
	book, err := rulebook.Open()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for file, data := range shipped(t) {
		whole := load(t, file, data)
		for _, e := range rules.Excerpts([]rules.Source{{Name: file, Data: []byte(data)}}) {
			n++
			name, text, ok := book.Place(book.Check(e.Text), e.ID, nil)
			if !ok || name != file {
				t.Fatalf("%s: %q %v", e.ID, name, ok)
			}
			if n%7 == 1 && load(t, file, text).Hash() != whole.Hash() { // each load reads all rules
				t.Errorf("%s: put back unchanged, the file says something else:\n%s", e.ID, text)
			}
		}
	}
	if n < 20 {
		t.Fatalf("%d rules", n)
	}
	name, first, ok := book.Place(book.Check(strings.Replace(excerpt(t, "R16"), "limit: 25 %LEL", "limit: 20 %LEL", 1)), "R16", nil)
	if !ok || !strings.Contains(first, "limit: 20 %LEL") || !strings.HasPrefix(first, "# Combustible gas") {
		t.Fatalf("%v\n%s", ok, first)
	}
	const other = "R17"
	_, second, ok := book.Place(book.Check(excerpt(t, other)), other, map[string]string{name: first})
	if !ok || load(t, name, second).Hash() != load(t, name, first).Hash() {
		t.Errorf("the second draft undoes the first:\n%s", second)
	}
	for why, d := range map[string]rulebook.Draft{"bad": book.Check("- id: R16"), "two": book.Check(excerpt(t, "R16") + excerpt(t, other)), "another": book.Check(excerpt(t, other))} {
		if name, _, ok := book.Place(d, "R16", nil); ok {
			t.Errorf("a draft that is %s is placed in %s", why, name)
		}
	}
}

func excerpt(t *testing.T, id string) string {
	t.Helper()
	for _, e := range rules.Excerpts([]rules.Source{{Name: "gas.yaml", Data: []byte(shipped(t)["rules/gas.yaml"])}}) {
		if e.ID == id {
			return e.Text
		}
	}
	t.Fatalf("there is no %s", id)
	return ""
}
