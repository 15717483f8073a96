package audit_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/rules"
)

var start = time.UnixMilli(1_795_300_000_000)

func add(ctx context.Context, d *db.DB, e audit.Entry) error {
	return d.Update(ctx, func(tx *sql.Tx) error { return audit.Add(ctx, tx, e) })
}

// fill adds n entries, one an hour, with what a text may hold.
func fill(t *testing.T, d *db.DB, n int) {
	t.Helper()
	ctx := audit.By(t.Context(), audit.Person{Name: "张三", Role: "street", Address: "10.1.2.3"})
	for i := range n {
		if err := add(ctx, d, audit.Entry{At: start.Add(time.Duration(i) * time.Hour), Act: "incident.take", Kind: "incident", About: fmt.Sprintf("GJ-%d", i), Site: "jinxiu",
			Text: rules.Text{ZH: "接\xff警\x00", EN: "took"}, Detail: map[string]string{"was": "open", "now": "handling\x00", "编号": fmt.Sprint(i)}}); err != nil {
			t.Fatal(err)
		}
	}
}

func verify(t *testing.T, d *db.DB, marks ...audit.Mark) audit.Report {
	t.Helper()
	r, err := audit.Verify(t.Context(), d.Reader(), time.Time{}, time.Time{}, marks)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What an intruder with the database in hand does is found.
func TestVerifyFinds(t *testing.T) {
	const swap = `UPDATE audit SET seq = CASE seq WHEN 4 THEN -5 WHEN 5 THEN -4 END WHERE seq IN (4, 5)`
	tampers := []struct {
		name string
		sql  []string
		at   int64 // first fault; 0: none without a mark
	}{
		{"untouched", nil, 0},
		{"text changed", []string{`UPDATE audit SET zh = 'x' WHERE seq = 5`}, 5},
		{"who changed", []string{`UPDATE audit SET who = '李四' WHERE seq = 5`}, 5},
		{"a character moved to the next field", []string{`UPDATE audit SET act = 'incident.tak', kind = 'eincident' WHERE seq = 5`}, 5},
		{"time changed", []string{`UPDATE audit SET at = at + 1 WHERE seq = 5`}, 5},
		{"detail changed", []string{`UPDATE audit SET detail = '{}' WHERE seq = 5`}, 5},
		{"hash changed", []string{`UPDATE audit SET hash = 'x' WHERE seq = 5`}, 5},
		{"seal changed", []string{`UPDATE audit SET seal = 'x' WHERE seq = 5`}, 5},
		{"as if from before there were seals", []string{`UPDATE audit SET seal = '', salt = '' WHERE seq = 5`}, 5},
		{"words changed as if erased", []string{`UPDATE audit SET who = 'x', salt = '' WHERE seq = 5`}, 5},
		{"as if erased, without an entry", []string{`UPDATE audit SET salt = '' WHERE seq = 5`, `INSERT INTO audit_erased VALUES (5, 9, 'x')`}, 5},
		{"removed", []string{`DELETE FROM audit WHERE seq = 5`}, 5},
		{"removed and closed up", []string{`DELETE FROM audit WHERE seq = 5`, `UPDATE audit SET seq = -seq WHERE seq > 5`, `UPDATE audit SET seq = -seq - 1 WHERE seq < 0`,
			`UPDATE audit_marks SET seq = seq - 1 WHERE name = 'head'`}, 5},
		{"exchanged", []string{swap, `UPDATE audit SET seq = -seq WHERE seq < 0`}, 4},
		{"inserted", []string{`UPDATE audit SET seq = -seq WHERE seq > 5`, `UPDATE audit SET seq = 1 - seq WHERE seq < 0`,
			`INSERT INTO audit SELECT 6, at, who, role, address, act, kind, about, node, site, zh, en, detail, hash, salt, seal FROM audit WHERE seq = 5`,
			`UPDATE audit_marks SET seq = seq + 1 WHERE name = 'head'`}, 6},
		{"inserted behind the end", []string{`INSERT INTO audit SELECT 11, at, who, role, address, act, kind, about, node, site, zh, en, detail, hash, salt, seal FROM audit WHERE seq = 5`}, 11},
		{"first ones removed", []string{`DELETE FROM audit WHERE seq < 4`}, 1},
		{"first ones removed as if in time", []string{`UPDATE audit_marks SET seq = 3, hash = (SELECT hash FROM audit WHERE seq = 3) WHERE name = 'base'`, `DELETE FROM audit WHERE seq < 4`}, 3},
		{"end removed", []string{`DELETE FROM audit WHERE seq > 8`}, 10},
		{"end removed with the head", []string{`DELETE FROM audit WHERE seq > 8`, `UPDATE audit_marks SET seq = 8, hash = (SELECT hash FROM audit WHERE seq = 8) WHERE name = 'head'`}, 0},
		{"all removed with the head", []string{`DELETE FROM audit`, `UPDATE audit_marks SET seq = 0, hash = ''`}, 0},
	}
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := place.Open(t)
		fill(t, d, 10)
		mark, err := audit.Head(t.Context(), d.Reader())
		if err != nil || mark.Seq != 10 {
			t.Fatal(mark, err)
		}
		undo := errors.New("undo")
		for _, c := range tampers {
			err := d.Update(t.Context(), func(tx *sql.Tx) error {
				for _, s := range c.sql {
					if _, err := tx.ExecContext(t.Context(), s); err != nil {
						return fmt.Errorf("%s: %w", c.name, err)
					}
				}
				r, err := audit.Verify(t.Context(), tx, time.Time{}, time.Time{}, nil)
				if err != nil {
					return err
				}
				if c.at == 0 && len(r.Faults) > 0 || c.at > 0 && (len(r.Faults) == 0 || r.Faults[0].Seq != c.at) {
					t.Errorf("%s: %+v", c.name, r)
				}
				if r, err = audit.Verify(t.Context(), tx, time.Time{}, time.Time{}, []audit.Mark{mark}); err != nil || (len(r.Faults) == 0) != (c.sql == nil) {
					t.Errorf("%s, held against a mark: %+v %v", c.name, r, err)
				}
				return undo
			})
			if !errors.Is(err, undo) {
				t.Fatal(err)
			}
		}
	})
}

// A chain that was written anew from some entry on is right in itself, and not what the mark says.
func TestRewritten(t *testing.T) {
	d := dbtest.SQLite(t).Open(t)
	fill(t, d, 6)
	mark, err := audit.Head(t.Context(), d.Reader())
	if err != nil {
		t.Fatal(err)
	}
	err = d.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `DELETE FROM audit WHERE seq > 3`)
		if err == nil {
			_, err = tx.ExecContext(t.Context(), `UPDATE audit_marks SET seq = 3, hash = (SELECT hash FROM audit WHERE seq = 3) WHERE name = 'head'`)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, d, 5)
	if r := verify(t, d); len(r.Faults) > 0 || r.Entries != 8 {
		t.Fatalf("without a mark: %+v", r)
	}
	if r := verify(t, d, mark); len(r.Faults) != 1 || r.Faults[0].Seq != 6 {
		t.Errorf("with a mark: %+v", r)
	}
}

// Writers side by side make one chain without a hole, and a deed that fails leaves none.
func TestParallelWriters(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		one, two := place.Open(t), place.Open(t)
		ctx, failed := t.Context(), errors.New("the deed failed")
		var wg sync.WaitGroup
		const writers, each = 6, 10
		for w := range writers {
			wg.Go(func() {
				d := []*db.DB{one, two}[w%2]
				for i := range each {
					err := d.Update(ctx, func(tx *sql.Tx) error {
						if err := audit.Add(ctx, tx, audit.Entry{Act: "test.deed", About: fmt.Sprint(w, i)}); err != nil || i%5 != 4 {
							return err
						}
						return failed
					})
					if err != nil && !errors.Is(err, failed) {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if r := verify(t, one); len(r.Faults) > 0 || r.Entries != writers*each*4/5 || r.Head.Seq != r.Entries {
			t.Errorf("%+v", r)
		}
	})
}

func TestListAndExport(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := place.Open(t)
		fill(t, d, 5)
		err := d.Update(t.Context(), func(tx *sql.Tx) error {
			for _, s := range []string{`INSERT INTO nodes VALUES ('n1', '', 'grid', 'n', 0, '', '', '', '', '', ''), ('n2', '', 'grid', 'n', 0, '', '', '', '', '', '')`,
				`INSERT INTO node_sites VALUES ('jinxiu', 'n1'), ('other', 'n2')`} {
				if _, err := tx.ExecContext(t.Context(), s); err != nil {
					return err
				}
			}
			for _, e := range []audit.Entry{{Act: "user.add", Kind: "user", About: "李四", Node: "n2"}, {Act: "org.import"}, {Act: "incident.merge", Site: "jinxiu", Node: "n2"}} {
				if err := audit.Add(t.Context(), tx, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		seqs := func(f audit.Filter) (out []int64) {
			f.Limit = max(f.Limit, 3)
			list, err := audit.List(t.Context(), d.Reader(), f)
			if err != nil {
				t.Error(err)
			}
			for _, e := range list {
				out = append(out, e.Seq)
			}
			return out
		}
		for _, c := range []struct {
			name string
			f    audit.Filter
			want string
		}{
			{"all", audit.Filter{}, "[8 7 6]"}, {"next page", audit.Filter{Before: 6}, "[5 4 3]"}, {"who", audit.Filter{Who: "张三", Limit: 9}, "[5 4 3 2 1]"},
			{"act", audit.Filter{Act: "user.add"}, "[6]"}, {"acts", audit.Filter{Act: "user."}, "[6]"}, {"about", audit.Filter{Kind: "incident", About: "GJ-2"}, "[3]"},
			{"time", audit.Filter{From: start.Add(time.Hour), To: start.Add(3 * time.Hour)}, "[3 2]"}, {"hostile", audit.Filter{Who: "' OR 1=1 --"}, "[]"},
			{"part of the street", audit.Filter{In: tree.Below("n1"), Limit: 9}, "[5 4 3 2 1]"}, {"the other part", audit.Filter{In: tree.Below("n2")}, "[6]"},
			{"both", audit.Filter{In: tree.Below("n1", "n2"), Limit: 9}, "[8 6 5 4 3 2 1]"}, {"nothing", audit.Filter{In: tree.Below()}, "[]"}, {"everywhere", audit.Filter{In: tree.Everywhere()}, "[8 7 6]"},
		} {
			if got := fmt.Sprint(seqs(c.f)); got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
		}
		var b bytes.Buffer
		if n, err := audit.Export(t.Context(), d.Reader(), start, start.Add(2*time.Hour), &b); err != nil || n != 2 {
			t.Fatal(n, err)
		}
		var l audit.Line
		if err := json.Unmarshal([]byte(strings.Split(b.String(), "\n")[1]), &l); err != nil || l.Seq != 2 || l.Who != "张三" || l.Address != "10.1.2.3" || l.Detail["编号"] != "1" || len(l.Hash) != 64 {
			t.Errorf("%+v %v", l, err)
		}
		if r, err := audit.Verify(t.Context(), d.Reader(), start.Add(time.Hour), start.Add(4*time.Hour), nil); err != nil || len(r.Faults) > 0 || r.First != 2 || r.Last != 4 {
			t.Errorf("a part: %+v %v", r, err)
		}
	})
}

func TestKeeper(t *testing.T) {
	d := dbtest.SQLite(t).Open(t)
	file := filepath.Join(t.TempDir(), "audit.marks")
	k := audit.NewKeeper(audit.KeeperConfig{DB: d, File: file, Now: func() time.Time { return start }})
	for n := range 3 { // nothing yet, then one, then no second of the same
		if n == 1 {
			fill(t, d, 3)
		}
		m, err := k.Keep(t.Context())
		if err != nil || m.Seq != int64(min(n, 1)*3) {
			t.Fatal(m, err)
		}
	}
	marks, err := audit.ReadMarks(file)
	if err != nil || len(marks) != 1 || marks[0].Seq != 3 {
		t.Fatal(marks, err)
	}
	if r := verify(t, d, marks...); len(r.Faults) > 0 || r.Marks != 1 {
		t.Errorf("%+v", r)
	}
}

func FuzzParseMark(f *testing.F) {
	f.Add("12:" + strings.Repeat("0a", 32))
	f.Add("-1:x")
	f.Add("1")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := audit.ParseMark(s)
		if err == nil && m.String() != strings.TrimSpace(s) {
			t.Errorf("%q is read as %s", s, m)
		}
	})
}

// erasure takes 张三 out of what people did.
func erasure(ctx context.Context, d *db.DB) (n int64, err error) {
	err = d.Update(ctx, func(tx *sql.Tx) (err error) {
		n, err = audit.Erase(ctx, tx, audit.Erasure{Words: []string{"张三"}, Now: start, Deed: func(n int64) audit.Entry {
			return audit.Entry{About: "已注销", Detail: map[string]string{"n": fmt.Sprint(n)}}
		},
			Change: func(e *audit.Entry) bool {
				if e.Name == "张三" {
					e.Name, e.Address = "已注销", ""
				}
				e.Text.ZH = strings.ReplaceAll(e.Text.ZH, "张三", "已注销")
				for k, v := range e.Detail {
					e.Detail[k] = strings.ReplaceAll(v, "张三", "已注销")
				}
				return true
			}})
		return err
	})
	return n, err
}

// TestErase: after an erasure the name is nowhere, the chain and a mark from before are right, twice is as well, and who
// changes by hand what an erasure left, or its entry, is found. An entry from before there were seals can be erased too.
func TestErase(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := place.Open(t)
		ctx := t.Context()
		if err := d.Update(ctx, func(tx *sql.Tx) error {
			if err := audit.AddUnsealed(ctx, tx, audit.Entry{Person: audit.Person{Name: "张三", Address: "10.9.9.9"}, Act: "test.old", At: start}); err != nil {
				return err
			}
			return audit.AddUnsealed(ctx, tx, audit.Entry{Person: audit.Person{Name: "李四"}, Act: "test.old", At: start})
		}); err != nil {
			t.Fatal(err)
		}
		fill(t, d, 3)
		if err := add(ctx, d, audit.Entry{Person: audit.Person{Name: "李四", Address: "10.1.1.1"}, Act: "incident.assign", Text: rules.Text{ZH: "指派给张三"}, Detail: map[string]string{"to": "张三"}}); err != nil {
			t.Fatal(err)
		}
		mark, err := audit.Head(ctx, d.Reader())
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []int64{5, 0} { // the second time nobody is there any more
			if n, err := erasure(ctx, d); err != nil || n != want {
				t.Fatal(n, err)
			}
			if r := verify(t, d, mark); len(r.Faults) > 0 {
				t.Fatalf("%+v", r.Faults)
			}
		}
		var b bytes.Buffer
		if _, err := audit.Export(ctx, d.Reader(), time.Time{}, time.Time{}, &b); err != nil || strings.Contains(b.String(), "张三") || strings.Contains(b.String(), "10.9.9.9") || !strings.Contains(b.String(), "10.1.1.1") {
			t.Fatal(b.String(), err)
		}
		undo := errors.New("undo")
		for what, c := range map[string]struct {
			sql string
			at  int64
		}{
			"what was left of an old one":      {`UPDATE audit SET who = '王五' WHERE seq = 1`, 1},
			"act of an old one":                {`UPDATE audit SET act = 'x' WHERE seq = 1`, 1},
			"what was left":                    {`UPDATE audit SET who = '王五' WHERE seq = 4`, 4},
			"one that was not erased":          {`UPDATE audit SET who = '王五' WHERE seq = 2`, 2},
			"what is kept of it":               {`UPDATE audit_erased SET sum = 'x' WHERE seq = 4`, 4},
			"that it is kept":                  {`DELETE FROM audit_erased WHERE seq = 4`, 4},
			"the sum in the erasure's entry":   {`UPDATE audit SET detail = '{}' WHERE seq = 7`, 7},
			"more that is said to be erased":   {`INSERT INTO audit_erased VALUES (2, 7, 'x')`, 2},
			"another act of erasure's entry":   {`UPDATE audit SET act = 'x' WHERE seq = 7`, 1},
			"the words and what is kept of it": {`UPDATE audit SET who = '王五' WHERE seq = 6; UPDATE audit_erased SET sum = 'x' WHERE seq = 6`, 6},
		} {
			err := d.Update(ctx, func(tx *sql.Tx) error {
				for s := range strings.SplitSeq(c.sql, ";") {
					if _, err := tx.ExecContext(ctx, s); err != nil {
						return err
					}
				}
				r, err := audit.Verify(ctx, tx, time.Time{}, time.Time{}, nil)
				if err != nil {
					return err
				}
				if len(r.Faults) == 0 || r.Faults[0].Seq != c.at {
					t.Errorf("%s: %+v", what, r.Faults)
				}
				return undo
			})
			if !errors.Is(err, undo) {
				t.Fatal(err)
			}
		}
	})
}
