// Package db opens the cloud's database, SQLite files or PostgreSQL, and runs every change of it in a transaction that is
// on the disk when it is committed. Transactions act as if they ran one after another: SQLite has one connection that
// writes, PostgreSQL isolates them as SERIALIZABLE and Update repeats what it refuses. So the packages that own tables
// write their SQL once, for both, with ? as placeholder, and keep it beside their code; the tables themselves are all in
// migrations/, in SQLite's words, of which dialect.go turns a few into PostgreSQL's.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/semaphore"
	// The driver registers itself under the name "sqlite".
	_ "modernc.org/sqlite"
)

// A DB is one SQLite file or one PostgreSQL database.
type DB struct {
	write, read *sql.DB
	isolation   sql.IsolationLevel // of changes
	postgres    bool
	room        *semaphore.Weighted // of writers, for changes; nil: one connection is all that there is
}

// Querier reads: what is committed, or within a transaction.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// readers bounds the memory that parallel queries take: each connection has its own page cache.
const readers = 4

// Open opens the SQLite file, creates it with mode 0600 when it is missing, and brings its tables up to date.
func Open(ctx context.Context, path string, migrations fs.FS) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("create folder of %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	d := &DB{}
	if d.write, err = openLite(dsn(path, "_txlock=immediate")); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	d.write.SetMaxOpenConns(1)
	if err := d.migrate(ctx, migrations); err != nil {
		return nil, errors.Join(fmt.Errorf("migrate %s: %w", path, err), d.write.Close())
	}
	if d.read, err = openLite(dsn(path, "_pragma=query_only(1)")); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), d.write.Close())
	}
	d.read.SetMaxOpenConns(readers)
	return d, nil
}

func dsn(path, extra string) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	return u.String() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&" + extra
}

// Update runs fn in a transaction and commits when it answers nil. When Update answers nil, the change survives a power
// cut. On PostgreSQL two transactions that got into each other's way are not both committed: one is rolled back and its
// fn runs again, and while it does nothing else of this process: else one that does much loses to many small ones for ever.
// So fn must set what it hands out anew in each run, pass on an error that Conflict knows, and not wait for another Update.
func (d *DB) Update(ctx context.Context, fn func(*sql.Tx) error) error {
	share := int64(1)
	for attempt := 1; ; attempt++ {
		err := d.turn(ctx, share, fn)
		if err == nil || attempt == maxAttempts || !Conflict(err) {
			return err
		}
		if share < writers {
			share = writers
			continue
		}
		select { // another process was in the way
		case <-ctx.Done():
			return err
		case <-time.After(rand.N(min(firstPause<<attempt, lastPause))):
		}
	}
}

// turn runs fn once, when a share of the connections is free; all of them: alone.
func (d *DB) turn(ctx context.Context, share int64, fn func(*sql.Tx) error) error {
	if d.room != nil {
		if err := d.room.Acquire(ctx, share); err != nil {
			return fmt.Errorf("wait for a connection: %w", err)
		}
		defer d.room.Release(share)
	}
	return d.once(ctx, fn)
}

// Attempts of one Update: about three seconds in all.
const (
	maxAttempts = 20
	firstPause  = time.Millisecond
	lastPause   = 400 * time.Millisecond
)

func (d *DB) once(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := d.write.BeginTx(ctx, &sql.TxOptions{Isolation: d.isolation})
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it answers ErrTxDone
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Conflict says whether err is PostgreSQL's word for a transaction that met another one: nothing is wrong with it, and it
// must be run again from its begin. Inside a transaction such an error ends everything; no savepoint saves from it.
func Conflict(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01") // serialization failure, deadlock
}

// Reader reads what is committed.
func (d *DB) Reader() Querier { return d.read }

// Postgres says whether several processes may share the database.
func (d *DB) Postgres() bool { return d.postgres }

// Close closes the connections.
func (d *DB) Close() error { return errors.Join(d.read.Close(), d.write.Close()) }

// Changed answers whether a statement changed a row.
func Changed(res sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
