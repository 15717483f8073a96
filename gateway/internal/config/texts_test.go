package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/rules"
)

func TestTextsOfVersionsAreKept(t *testing.T) {
	s := &config.Site{Data: t.TempDir()}
	put := func(limit int, filler string) {
		t.Helper()
		s.Sources = []rules.Source{{Name: "gas.yaml", Data: fmt.Appendf(nil, "rules:\n  - id: X1\n    expr: level > %d %s\n  - id: X2\n    expr: level > 1\n", limit, filler)}}
		if err := config.Keep(s); err != nil {
			t.Fatal(err)
		}
	}
	put(10, "")
	put(20, "")
	put(10, "# the same, with a comment")
	var got []string
	for _, e := range config.Texts(s.Data) {
		got = append(got, e.ID+" "+strings.Split(e.Text, "\n")[1])
	}
	if all := strings.Join(got, "|"); all != "X1   expr: level > 10|X1   expr: level > 20|X2   expr: level > 1" {
		t.Errorf("got %s", all)
	}
	for i := range 30 {
		put(100+i, "# "+strings.Repeat("x", 40_000))
	}
	size, texts := 0, config.Texts(s.Data)
	for _, e := range texts {
		size += len(e.Text)
	}
	if size > 512<<10 || len(texts) < 10 || texts[0].ID != "X1" {
		t.Errorf("%d texts, %d bytes", len(texts), size)
	}
	if config.Texts(t.TempDir()) != nil {
		t.Error("texts of nothing")
	}
}
