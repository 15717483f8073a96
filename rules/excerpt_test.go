package rules_test

import (
	"strings"
	"testing"

	"github.com/linshao/linshao/rules"
)

func TestExcerpts(t *testing.T) {
	text := "# the file\nrules:\n  # about A\n  - title: {zh: 甲, en: A}\n    id: A   # [D]\n    expr: >-\n      level > 1\n      - 2\n\n  # about B\n  - {id: B}\n  -\n    id: C\n    card:\n      - {zh: 看, en: look}\n"
	got := rules.Excerpts([]rules.Source{{Name: "a.yaml", Data: []byte(text)}, {Name: "broken.yaml", Data: []byte("rules: [")}})
	var all []string
	for _, e := range got {
		if e.File != "a.yaml" || len(e.Version) != 12 {
			t.Errorf("%+v", e)
		}
		all = append(all, e.ID+"\n"+e.Text)
	}
	want := "A\n- title: {zh: 甲, en: A}\n  id: A   # [D]\n  expr: >-\n    level > 1\n    - 2\n|B\n- {id: B}\n|C\n-\n  id: C\n  card:\n    - {zh: 看, en: look}\n"
	if s := strings.Join(all, "|"); s != want {
		t.Errorf("got\n%s", s)
	}
}
