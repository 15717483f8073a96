package db_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
)

func exec(t *testing.T, d *db.DB, query string, args ...any) {
	t.Helper()
	if err := d.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), query, args...)
		return err
	}); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// What the packages write for SQLite means the same on PostgreSQL.
func TestOneSQLForBoth(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := place.Open(t)
		exec(t, d, `INSERT INTO timeline (incident, at, kind, zh, en, who) VALUES ('what?', ?, 'it''s ?', ?, /* ? */ ?, ?) -- ?`, 7, "a\x00b", "c\xffd", "")
		exec(t, d, `INSERT INTO gateways (id, site, session, boot, version, online, since, last_seen) VALUES (?, 's', ?, 0, '', ?, 0, 0)`, "g", int64(math.MinInt64), true)
		exec(t, d, `INSERT INTO secrets (name, value) VALUES (?, ?)`, "k", []byte{0, 255})
		exec(t, d, `INSERT INTO cursors (gateway, stream, epoch, cum, wall_ms, current) VALUES ('g', ?, 1, 0, 0, ?)`, uint32(math.MaxUint32), false)
		var id int64
		var incident, kind, zh, en string
		if err := d.Reader().QueryRowContext(t.Context(), `SELECT id, incident, kind, zh, en FROM timeline WHERE ? = '' OR at = ?`, "x", 7).Scan(&id, &incident, &kind, &zh, &en); err != nil {
			t.Fatal(err)
		}
		if id != 1 || incident != "what?" || kind != "it's ?" || (place.Name == "postgres" && (zh != "a\uFFFDb" || en != "c\uFFFDd")) {
			t.Errorf("%d %q %q %q %q", id, incident, kind, zh, en)
		}
		var session int64
		var online bool
		var secret []byte
		if err := d.Reader().QueryRowContext(t.Context(), `SELECT session, online, value FROM gateways, secrets WHERE online = 1`).Scan(&session, &online, &secret); err != nil ||
			session != math.MinInt64 || !online || !bytes.Equal(secret, []byte{0, 255}) {
			t.Errorf("%d %v %v: %v", session, online, secret, err)
		}
		if d, ok := d.Reader().(*sql.DB); ok {
			if _, err := d.ExecContext(t.Context(), `DELETE FROM gateways`); err == nil {
				t.Error("a reader has changed something")
			}
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if err := place.Open(t).Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM timeline`).Scan(&id); err != nil || id != 1 {
			t.Errorf("%d entries after opening again: %v", id, err)
		}
	})
}

// Transactions that read, think and write lose nothing of each other, and none of them gives up.
func TestTransactionsActAsOneAfterAnother(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		a, b := place.Open(t), (*db.DB)(nil)
		if b = a; place.Name == "postgres" {
			b = place.Open(t) // another process
		}
		exec(t, a, `INSERT INTO counters (name, value) VALUES ('even', 0), ('odd', 0)`)
		const workers, rounds = 8, 25
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for range rounds {
					// The sum of both is written into one of them: only a true order makes all sums different.
					if err := []*db.DB{a, b}[w%2].Update(t.Context(), func(tx *sql.Tx) error {
						var sum int
						if err := tx.QueryRowContext(t.Context(), `SELECT sum(value) FROM counters WHERE name IN ('even', 'odd')`).Scan(&sum); err != nil {
							return err
						}
						if _, err := tx.ExecContext(t.Context(), `INSERT INTO counters (name, value) VALUES (?, ?)`, fmt.Sprint("saw ", sum), 0); err != nil {
							return fmt.Errorf("seen twice: %w", err)
						}
						_, err := tx.ExecContext(t.Context(), `UPDATE counters SET value = value + 1 WHERE name = ?`, []string{"even", "odd"}[w%2])
						return err
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		var seen, sum int
		if err := a.Reader().QueryRowContext(t.Context(), `SELECT count(*), sum(value) FROM counters WHERE name <> ''`).Scan(&seen, &sum); err != nil || seen != workers*rounds+2 || sum != workers*rounds {
			t.Errorf("%d rows, sum %d: %v", seen, sum, err)
		}
	})
}

// Two processes that start at once on an empty database make its tables once.
func TestMigrationsOfTwoProcesses(t *testing.T) {
	place := dbtest.Postgres(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { place.Open(t) })
	}
	wg.Wait()
	broken := fstest.MapFS{"001_a.sql": file(`CREATE TABLE other (n BIGINT); CREATE TABLE nonsense`)}
	p := db.Postgres{URL: dbtest.Postgres(t).URL, Password: place.Password, Log: slog.New(slog.DiscardHandler)}
	if _, err := db.OpenPostgres(t.Context(), p, broken); err == nil || !strings.Contains(err.Error(), "001_a.sql") {
		t.Errorf("got %v", err)
	}
	d, err := db.OpenPostgres(t.Context(), p, fstest.MapFS{"001_a.sql": file(`CREATE TABLE other (n INTEGER PRIMARY KEY, b BLOB NOT NULL) WITHOUT ROWID`)})
	if err != nil {
		t.Fatal("after a migration that failed:", err)
	}
	defer d.Close()
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"postgres://linshao@127.0.0.1/cloud":                                                 "",
		"postgres://linshao@localhost:5433/cloud?sslmode=require":                            "",
		"postgres://linshao@/cloud?host=/run/postgresql":                                     "",
		"postgresql://linshao@db.example/cloud":                                              "",
		"postgres://linshao@db.example/cloud?sslmode=verify-full&sslrootcert=/etc/ls/ca.pem": "",
		"postgres://linshao@db.example/cloud?sslmode=require":                                "sslmode=verify-full",
		"postgres://linshao@db.example/cloud?sslmode=prefer":                                 "sslmode=verify-full",
		"postgres://linshao@db.example/cloud?sslmode=disable":                                "sslmode=verify-full",
		"postgres://linshao@127.0.0.1,db.example/cloud?sslmode=disable":                      "sslmode=verify-full",
		"postgres://linshao@127.0.0.1/cloud?host=db.example":                                 "two hosts",
		"postgres://linshao@/cloud?host=db.example":                                          "no host",
		"postgres://linshao:geheim@127.0.0.1/cloud":                                          "sql_password_file",
		"postgres://linshao@127.0.0.1/cloud?password=geheim":                                 `"password"`,
		"postgres://linshao@127.0.0.1/cloud?options=-csynchronous_commit=off":                `"options"`,
		"postgres://127.0.0.1/cloud":                                                         "no user",
		"postgres://linshao@127.0.0.1/":                                                      "no database",
		"mysql://linshao@127.0.0.1/cloud":                                                    "postgres://",
		"postgres://linshao:%geheim@127.0.0.1/cloud":                                         "no URL",
	} {
		err := db.CheckURL(address)
		if (err == nil) != (want == "") || (err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim"))) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// refuse opens and answers why that fails; it does not wait.
func refuse(t *testing.T, p db.Postgres) string {
	t.Helper()
	p.Log = slog.New(slog.DiscardHandler)
	d, err := db.OpenPostgres(t.Context(), p, db.Cloud())
	if err == nil {
		d.Close()
		t.Fatalf("%s was opened", p.URL)
	}
	if strings.Contains(err.Error(), p.Password) {
		t.Errorf("the password is in %v", err)
	}
	return err.Error()
}

// A server that is not as it must be is told in a sentence.
func TestUnfitServers(t *testing.T) {
	place := dbtest.Postgres(t)
	s := dbtest.Shared(t)
	with := func(user, password, database string) db.Postgres {
		return db.Postgres{URL: strings.ReplaceAll(strings.ReplaceAll(place.URL, place.Database(), database), "postgres@", user+"@"), Password: password}
	}
	s.Exec(t, "postgres", `DROP DATABASE IF EXISTS latin`) // of a run before, on the same server: go test -count
	s.Exec(t, "postgres", `DROP ROLE IF EXISTS guest, hasty, owner`)
	s.Exec(t, "postgres", `CREATE ROLE guest LOGIN PASSWORD 'guest-secret'; CREATE ROLE hasty LOGIN SUPERUSER PASSWORD 'guest-secret'; ALTER ROLE hasty SET synchronous_commit = off;
		CREATE ROLE owner LOGIN PASSWORD 'guest-secret'`)
	s.Exec(t, "postgres", `CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`)
	s.Exec(t, place.Database(), `REVOKE CREATE ON SCHEMA public FROM PUBLIC`)
	name := place.Database()
	for want, p := range map[string]db.Postgres{
		"make it the owner: ALTER DATABASE " + name + " OWNER TO guest": with("guest", "guest-secret", name),
		"does not let user guest in; check sql_password_file":           with("guest", "wrong-secret", name),
		"has no database nowhere; create it":                            with("guest", "guest-secret", "nowhere"),
		"synchronous_commit is off":                                     with("hasty", "guest-secret", name),
		"the database is encoded as LATIN1":                             with("postgres", place.Password, "latin"),
	} {
		if got := refuse(t, p); !strings.Contains(got, want) {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	s.Exec(t, "postgres", "ALTER DATABASE "+name+" OWNER TO owner")
	p := with("owner", "guest-secret", name)
	p.Log = slog.New(slog.DiscardHandler)
	d, err := db.OpenPostgres(t.Context(), p, db.Cloud())
	if err != nil {
		t.Fatal("the advice does not help:", err)
	}
	d.Close()
	p = with("owner", "guest-secret", name)
	p.URL = strings.Replace(p.URL, "sslmode=disable", "sslmode=require", 1)
	p.Patience = time.Millisecond
	if got := refuse(t, p); !strings.Contains(got, "TLS") {
		t.Errorf("without TLS: %s", got)
	}
}

// waits counts the sentences about a server that is not there.
type waits struct {
	mu   sync.Mutex
	text []string
	told chan bool
}

func (w *waits) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, string(b))
	select {
	case w.told <- true:
	default:
	}
	return len(b), nil
}

// A server that is down is waited for, with a sentence; one that crashes takes nothing with it that was committed.
func TestServerComesAndGoes(t *testing.T) {
	dbtest.Shared(t) // or skip
	s, err := dbtest.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	place := s.Database(t)
	d := place.Open(t)
	exec(t, d, `INSERT INTO counters (name, value) VALUES ('kept', 1)`)
	s.Kill()
	if err := d.Update(t.Context(), func(tx *sql.Tx) error { return nil }); err == nil {
		t.Error("committed at a dead server")
	}
	if got := refuse(t, db.Postgres{URL: place.URL, Password: place.Password, Patience: time.Millisecond}); !strings.Contains(got, "cannot be reached; is it running") {
		t.Error(got)
	}
	w := &waits{told: make(chan bool, 1)}
	opened := make(chan error, 1)
	go func() {
		again, err := db.OpenPostgres(t.Context(), db.Postgres{URL: place.URL, Password: place.Password, Log: slog.New(slog.NewTextHandler(w, nil))}, db.Cloud())
		if err == nil {
			err = again.Close()
		}
		opened <- err
	}()
	<-w.told
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Error(err)
	}
	if !slices.ContainsFunc(w.text, func(s string) bool { return strings.Contains(s, "waiting for the database") }) {
		t.Error(w.text)
	}
	exec(t, d, `UPDATE counters SET value = value + 1 WHERE name = 'kept'`) // the old pool heals by itself
	s.Kill()
	if err := s.Restart(t.Context(), "fsync=off"); err != nil {
		t.Fatal(err)
	}
	if got := refuse(t, db.Postgres{URL: place.URL, Password: place.Password}); !strings.Contains(got, "fsync or full_page_writes is off") {
		t.Error(got)
	}
	s.Kill()
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := d.Reader().QueryRowContext(t.Context(), `SELECT value FROM counters WHERE name = 'kept'`).Scan(&n); err != nil || n != 2 {
		t.Errorf("%d: %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.Kill()
	cancel()
	if _, err := db.OpenPostgres(ctx, db.Postgres{URL: place.URL, Password: place.Password, Log: slog.New(slog.DiscardHandler)}, db.Cloud()); err == nil {
		t.Error("opened though nobody waits any more")
	}
}

// A transaction whose client was stopped in the middle is over when it goes on.
func TestPausedTransactionCannotCommit(t *testing.T) {
	d := dbtest.Postgres(t).Open(t)
	err := d.Update(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(t.Context(), `INSERT INTO counters (name, value) VALUES ('late', 1)`); err != nil {
			return err
		}
		<-time.After(db.IdleLimit + time.Second)
		return nil
	})
	if err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	var n int
	if err := d.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM counters`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d rows, %v", n, err)
	}
}
