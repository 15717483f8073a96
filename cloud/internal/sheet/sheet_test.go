package sheet_test

import (
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/internal/sheet"
)

func FuzzSafe(f *testing.F) {
	for _, s := range []string{"", "=cmd|'/c calc'!A0", "+8613800000001", "-1", "@SUM(1)", "\t=1", "\r=1", "'=1", "''=1", "'", "'abc", "王网格员", "a=b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		cell := sheet.Safe(s)
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			t.Errorf("%q runs", cell)
		}
		if got := sheet.Plain(cell); got != s {
			t.Errorf("%q came back as %q", s, got)
		}
		if !strings.ContainsAny(s, "=+-@\t\r") && cell != s {
			t.Errorf("%q became %q", s, cell)
		}
	})
}
