package series_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/series"
)

func change(t *testing.T, path, statement string, args ...any) {
	t.Helper()
	d, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func number(t *testing.T, path, question string) (n int) {
	t.Helper()
	d, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.QueryRowContext(t.Context(), question).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Single readings, as of a site that somebody watches, become large blocks; late ones find their place; the store may be
// closed at any time between.
func TestBundlesBecomeBlocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "series.db")
	t0 := time.UnixMilli(1_795_300_000_000)
	open := func() *series.SQLite {
		s, err := series.OpenSQLite(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	const n = 3000
	for i := range n {
		if i%2 == 0 {
			write(t, s, good("a", "p", float64(i), t0.Add(time.Duration(i)*time.Second)), good("b", "p", 1, t0.Add(time.Duration(i)*time.Second)))
		}
		if i == n/2 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open()
		}
	}
	for i := 1; i < n; i += 2 { // late, and between
		write(t, s, good("a", "p", float64(i), t0.Add(time.Duration(i)*time.Second)))
	}
	defer s.Close()
	q := query("a", "p", t0, t0.Add(n*time.Second))
	q.Max = n
	res := await(t, s, q, n)
	for i, b := range res.Buckets {
		if b.Min != float64(i) {
			t.Fatalf("reading %d is %v", i, b.Min)
		}
	}
	if blocks, bundles := number(t, path, `SELECT count(*) FROM blocks`), number(t, path, `SELECT count(*) FROM bundles`); blocks > 16 || blocks < 4 || bundles >= 256 {
		t.Errorf("%d blocks, %d bundles", blocks, bundles)
	}
}

// What the first version has stored is there after the new one has opened it.
func TestOldReadingsBecomeBlocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "series.db")
	s, err := series.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t0 := time.UnixMilli(1_795_300_000_000)
	write(t, s, good("a", "p", 7, t0.Add(time.Hour)))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		if i%1000 == 0 {
			change(t, path, `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
				INSERT INTO readings SELECT 1, ? + i * 1000, i, 128 FROM n`, t0.UnixMilli()+int64(i)*1000)
		}
	}
	change(t, path, `UPDATE readings SET value = NULL, status = 1 WHERE time_ms = ?`, t0.Add(5*time.Second).UnixMilli())
	if s, err = series.OpenSQLite(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if res := await(t, s, query("a", "p", t0, t0.Add(2*time.Hour)), 3000); len(res.Bad) != 1 || res.Bad[0].Reason != "timeout" {
		t.Errorf("bad %+v", res.Bad)
	}
	if n := number(t, path, `SELECT count(*) FROM readings`); n != 0 {
		t.Errorf("%d old rows are left", n)
	}
}

// A block that the disk has changed is shown as what it is, and the others are answered.
func TestDamagedBlocksShow(t *testing.T) {
	for _, table := range []string{"blocks", "bundles"} {
		t.Run(table, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "series.db")
			s, err := series.OpenSQLite(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			t0 := time.UnixMilli(1_795_300_000_000)
			rows := 2
			if table == "blocks" {
				rows = 2048
			}
			for part := range 2 { // each its own row, or block
				var c series.Column
				for i := range rows / 2 {
					c.Add(t0.Add(time.Duration(part*rows/2+i)*time.Second).UnixMilli(), 1, 128)
				}
				c.Gateway, c.Device, c.Point = "gw-1", "d", "p"
				if err := s.Write(t.Context(), []series.Column{c}); err != nil {
					t.Fatal(err)
				}
			}
			change(t, path, fmt.Sprintf(`UPDATE %s SET data = substr(data, 1, 3) || x'ff' || substr(data, 5) WHERE id = 1`, table))
			res := await(t, s, query("d", "p", t0, t0.Add(time.Hour)), rows/2)
			if len(res.Bad) != 1 || res.Bad[0].Reason != "corrupt" || res.Bad[0].From != t0.UnixMilli() {
				t.Errorf("bad %+v", res.Bad)
			}
		})
	}
}

// BenchmarkWrite stores readings of 16 gateways, 60 of each point at once, as a minute's records give them.
func BenchmarkWrite(b *testing.B) {
	s := sqlite(b)
	defer s.Close()
	round, n := 0, 0
	for b.Loop() {
		var columns []series.Column
		for g := range 16 {
			for p := range 273 {
				c := series.Column{Gateway: fmt.Sprintf("gw-%d", g), Device: fmt.Sprintf("d-%d", p/7), Point: fmt.Sprintf("p-%d", p%7)}
				for i := range 60 {
					c.Add(1_795_300_000_000+int64(round*60+i)*1000, float64(2300+(i*7+p)%50)/10, 128)
				}
				n += 60
				columns = append(columns, c)
			}
		}
		round++
		if err := s.Write(b.Context(), columns); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "readings/s")
}

// BenchmarkRange asks for thirty days of a point that is read every five seconds, in 600 buckets.
func BenchmarkRange(b *testing.B) {
	for name, open := range map[string]func(testing.TB) series.Store{"sqlite": sqlite, "victoriametrics": victoria, "influx": influx} {
		b.Run(name, func(b *testing.B) {
			s := open(b)
			defer s.Close()
			benchRange(b, s)
		})
	}
}

func benchRange(b *testing.B, s series.Store) {
	t0 := time.Now().Add(-30 * 24 * time.Hour).Truncate(time.Second)
	const n = 30 * 24 * 720
	for day := range 30 {
		c := series.Column{Gateway: "gw-1", Device: "d", Point: "p"}
		for i := day * n / 30; i < (day+1)*n/30; i++ {
			c.Add(t0.Add(time.Duration(i)*5*time.Second).UnixMilli(), float64(i%1000)/10, 128)
		}
		if err := s.Write(b.Context(), []series.Column{c}); err != nil {
			b.Fatal(err)
		}
	}
	q := series.Query{Gateway: "gw-1", Device: "d", Point: "p", From: t0, To: time.Now(), Max: 600, Poll: 5 * time.Second}
	for b.Loop() {
		res, err := s.Range(b.Context(), q)
		if err != nil || len(res.Buckets) < 590 || len(res.Gaps) > 1 {
			b.Fatal(len(res.Buckets), res.Gaps, err)
		}
	}
}
