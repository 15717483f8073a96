package db_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func TestMigrations(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "odd name?&%#", "x.db")
	one := fstest.MapFS{"001_a.sql": file(`CREATE TABLE a (n BIGINT)`)}
	two := fstest.MapFS{"001_a.sql": one["001_a.sql"], "002_b.sql": file(`INSERT INTO a VALUES (1); ALTER TABLE a ADD COLUMN m BIGINT;`)}
	broken := fstest.MapFS{"001_a.sql": one["001_a.sql"], "002_b.sql": file(`INSERT INTO a VALUES (7); CREATE TABLE nonsense`)}
	open := func(files fstest.MapFS) error {
		d, err := db.Open(ctx, path, files)
		if err != nil {
			return err
		}
		return d.Close()
	}
	if err := errors.Join(open(one), open(one)); err != nil {
		t.Fatal(err)
	}
	if err := open(broken); err == nil || !strings.Contains(err.Error(), "002_b.sql") {
		t.Fatalf("got %v", err)
	}
	if err := open(two); err != nil {
		t.Fatal(err)
	}
	if err := open(one); err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("an older program on a newer database: %v", err)
	}
	d, err := db.Open(ctx, path, two)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var n int
	if err := d.Reader().QueryRowContext(ctx, `SELECT sum(n) FROM a`).Scan(&n); err != nil || n != 1 {
		t.Errorf("the failed migration left %d, %v", n, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestUpdateRollsBack(t *testing.T) {
	ctx := t.Context()
	d, err := db.Open(ctx, filepath.Join(t.TempDir(), "x.db"), fstest.MapFS{"001_a.sql": file(`CREATE TABLE a (n BIGINT)`)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	boom := errors.New("boom")
	add := func(ctx context.Context, err error) error {
		return d.Update(ctx, func(tx *sql.Tx) error {
			if _, e := tx.ExecContext(ctx, `INSERT INTO a VALUES (1)`); e != nil {
				return e
			}
			return err
		})
	}
	if err := add(ctx, boom); !errors.Is(err, boom) {
		t.Error(err)
	}
	if err := add(ctx, nil); err != nil {
		t.Error(err)
	}
	var n int
	if err := d.Reader().QueryRowContext(ctx, `SELECT count(*) FROM a`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
	var mode, sync string
	if err := d.Reader().QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("journal %s, %v", mode, err)
	}
	if err := d.Reader().QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&sync); err != nil || sync != "2" {
		t.Errorf("synchronous %s, %v", sync, err)
	}
}
