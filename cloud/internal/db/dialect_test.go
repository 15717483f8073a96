package db_test

import (
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/internal/db"
)

func FuzzNumber(f *testing.F) {
	for query, want := range map[string]string{
		`SELECT 1`:                     `SELECT 1`,
		`a = ? AND b IN (?, ?)`:        `a = $1 AND b IN ($2, $3)`,
		`'?' || ? || 'it''s ?' || ?`:   `'?' || $1 || 'it''s ?' || $2`,
		`"odd?name" = ?`:               `"odd?name" = $1`,
		"a = ? -- why?\nAND b = ?":     "a = $1 -- why?\nAND b = $2",
		`/* ? ' */ ? /* open ?`:        `/* ? ' */ $1 /* open ?`,
		`'open ?`:                      `'open ?`,
		`? '中文?' ?`:                    `$1 '中文?' $2`,
		`5 - -1 / 2 * ? -- '` + "\n?'": `5 - -1 / 2 * $1 -- '` + "\n$2'",
	} {
		if got := db.Number(query); got != want {
			f.Errorf("%s\n got %s\nwant %s", query, got, want)
		}
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		got := db.Number(query)
		if strings.Contains(query, "$") || strings.ContainsAny(query, "0123456789") {
			return
		}
		// Nothing but placeholders changes.
		back := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return -1
			}
			return r
		}, got)
		if strings.ReplaceAll(back, "$", "?") != strings.ToValidUTF8(query, "\uFFFD") && strings.ToValidUTF8(query, "") == query {
			t.Errorf("%q became %q", query, got)
		}
	})
}
