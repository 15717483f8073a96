package tree_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/rules"
)

// A name that a spreadsheet would run is written so that it does not, and comes back as it was.
func TestFormulasComeBackAsTheyWere(t *testing.T) {
	d, ctx := dbtest.SQLite(t).Open(t), t.Context()
	const file = "id,kind,name,parent,owner,owner_phone\nyf,街道,''=1+1,,陈,+86 13800000001\na,社区,甲,yf,''=乙,\n"
	zh := func(t rules.Text) string { return t.ZH }
	write := func() string {
		t.Helper()
		nodes, err := tree.Subtree(ctx, d.Reader(), "")
		if err != nil {
			t.Fatal(err)
		}
		if len(nodes) != 2 || nodes[0].Name != "'=1+1" || nodes[1].Owner.Name != "'=乙" || !strings.HasPrefix(nodes[0].Owner.Phone, "+86") {
			t.Fatalf("%+v", nodes)
		}
		var b bytes.Buffer
		if err := tree.WriteCSV(&b, nodes, zh); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	take := func(text string, nothing bool) {
		t.Helper()
		if r, err := tree.Import(ctx, d, tree.Parse("x.csv", []byte(text)), tree.Options{Strict: true, Now: time.Now()}); err != nil || len(r.Problems) > 0 || r.Nothing != nothing {
			t.Fatalf("%+v %v", r, err)
		}
	}
	take(file, false)
	first := write()
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(first, "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Errorf("%q runs", cell)
			}
		}
	}
	take(first, false)
	if again := write(); again != first {
		t.Errorf("%s\n%s", first, again)
	}
}
