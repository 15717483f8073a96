package db

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Cloud are the migrations of the cloud's own file.
func Cloud() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return sub
}

// migrate runs the files "001_words.sql", "002_…" that the database has not seen, each in its own transaction.
func (d *DB) migrate(ctx context.Context, files fs.FS) error {
	conn, err := d.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	if d.postgres { // another process may be starting too; the lock ends with the connection, whatever happens here
		if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(?)`, migrationLock); err != nil {
			return fmt.Errorf("wait for another process's migration: %w", err)
		}
		defer conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(?)`, migrationLock) //nolint:errcheck
	}
	if _, err := conn.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)`); err != nil {
		return fmt.Errorf("create table schema_version: %w", err)
	}
	var have int
	if err := conn.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM schema_version`).Scan(&have); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return fmt.Errorf("list migrations: %w", err)
	}
	slices.Sort(names)
	newest, err := versionOf(names, len(names)-1)
	if err != nil {
		return err
	}
	if have > newest {
		return fmt.Errorf("the database is of version %d, this program knows %d: use the newer program", have, newest)
	}
	for i, name := range names {
		version, err := versionOf(names, i)
		if err != nil {
			return err
		}
		if version <= have {
			continue
		}
		if err := d.apply(ctx, conn, files, name, version); err != nil {
			return fmt.Errorf("migration %s: %w", name, err)
		}
	}
	return nil
}

// versionOf is the number at the begin of a file's name; 0 without a file.
func versionOf(names []string, i int) (int, error) {
	if i < 0 {
		return 0, nil
	}
	number, _, _ := strings.Cut(names[i], "_")
	version, err := strconv.Atoi(number)
	if err != nil {
		return 0, fmt.Errorf("migration %s: its name must start with a number", names[i])
	}
	return version, nil
}

const migrationLock int64 = 0x6c696e7368616f // "linshao"

func (d *DB) apply(ctx context.Context, conn *sql.Conn, files fs.FS, name string, version int) error {
	b, err := fs.ReadFile(files, name)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	text := string(b)
	if d.postgres {
		text = translate(text)
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it answers ErrTxDone
	if _, err := tx.ExecContext(ctx, text); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO schema_version (version) VALUES (?)`, version); err != nil {
		return fmt.Errorf("note version: %w", err)
	}
	return tx.Commit()
}
