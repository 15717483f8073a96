// Package db opens the cloud's SQLite files and runs every change of them in a transaction. One connection writes, a few
// read; a committed transaction is on the disk (WAL, synchronous=FULL). The packages that own tables keep their SQL
// beside their code; the tables themselves are all in migrations/. Only SQL that PostgreSQL knows too is used in them,
// apart from the two places marked "sqlite" in the migrations.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	// The driver registers itself under the name "sqlite".
	_ "modernc.org/sqlite"
)

// A DB is one SQLite file.
type DB struct{ write, read *sql.DB }

// Querier reads: the file outside of a transaction, or a transaction.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// readers bounds the memory that parallel queries take: each connection has its own page cache.
const readers = 4

// Open opens the file, creates it with mode 0600 when it is missing, and brings its tables up to date.
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
	if d.write, err = sql.Open("sqlite", dsn(path, "_txlock=immediate")); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	d.write.SetMaxOpenConns(1)
	if err := migrate(ctx, d.write, migrations); err != nil {
		return nil, errors.Join(fmt.Errorf("migrate %s: %w", path, err), d.write.Close())
	}
	if d.read, err = sql.Open("sqlite", dsn(path, "_pragma=query_only(1)")); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), d.write.Close())
	}
	d.read.SetMaxOpenConns(readers)
	return d, nil
}

func dsn(path, extra string) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	return u.String() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&" + extra
}

// Update runs fn in a transaction and commits when it answers nil. When Update answers nil, the change survives a power cut.
func (d *DB) Update(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := d.write.BeginTx(ctx, nil)
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

// Reader reads what is committed.
func (d *DB) Reader() Querier { return d.read }

// Close closes the file.
func (d *DB) Close() error { return errors.Join(d.read.Close(), d.write.Close()) }

// Changed answers whether a statement changed a row.
func Changed(res sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
