// Package dbtest runs the test of a package that has SQL once for every database: SQLite in a folder, and a real
// PostgreSQL server that the first test of the package starts and Main stops.
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }
//
//	func TestUsers(t *testing.T) {
//		dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
//			d := place.Open(t)
//			…
package dbtest

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/linshao/linshao/cloud/internal/db"
)

// A Place is one empty database. What is opened at it again, finds what was committed there before.
type Place struct {
	Name     string // sqlite or postgres: name of the subtest
	URL      string // of PostgreSQL; empty for SQLite
	Password string
	dir      string
}

// Each runs test in a subtest per database, each time with a fresh one. Without PostgreSQL on this machine its subtest is
// skipped; with LINSHAO_REQUIRE=1 it fails.
func Each(t *testing.T, test func(t *testing.T, place *Place)) {
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite answers a file that is not there yet.
func SQLite(t testing.TB) *Place { return &Place{Name: "sqlite", dir: Dir(t)} }

// Dir answers an empty folder for databases that goes with the test: in memory where the machine has room for files there,
// because every commit waits for the disk, and most tests are about something else. No power fails in them.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(memory(), "linshao-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// memory is where files are kept in memory; empty, which is the folder for temporary files, when there is no such place.
func memory() string {
	const place = "/dev/shm"
	if info, err := os.Stat(place); err != nil || !info.IsDir() {
		return ""
	}
	return place
}

// Postgres answers an empty database.
func Postgres(t testing.TB) *Place {
	t.Helper()
	return Shared(t).Database(t)
}

// Where answers what At needs in another process.
func (p *Place) Where() (name, at, password string) {
	if p.URL == "" {
		return p.Name, p.dir, ""
	}
	return p.Name, p.URL, p.Password
}

// At answers the place of another process, which must outlive the use of it.
func At(name, at, password string) *Place {
	if name == "sqlite" {
		return &Place{Name: name, dir: at}
	}
	return &Place{Name: name, URL: at, Password: password}
}

// Open opens the database with the cloud's tables. It is closed at the end of the test, if the test has not done it.
func (p *Place) Open(t testing.TB) *db.DB {
	t.Helper()
	var d *db.DB
	var err error
	if p.URL == "" {
		d, err = db.Open(t.Context(), filepath.Join(p.dir, "cloud.db"), db.Cloud())
	} else {
		d, err = db.OpenPostgres(t.Context(), db.Postgres{URL: p.URL, Password: p.Password, Log: slog.New(slog.DiscardHandler)}, db.Cloud())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// YAML answers the lines that name the database in a cloud.yaml beside which dir is, and writes the password's file there.
func (p *Place) YAML(t testing.TB, dir string) string {
	t.Helper()
	if p.URL == "" {
		return ""
	}
	if err := os.WriteFile(filepath.Join(dir, "sql.password"), []byte(p.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("sql: %s\nsql_password_file: sql.password\n", p.URL)
}
