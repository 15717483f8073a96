package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
)

// maxStatements bounds what a connection keeps prepared. There are about as many in the program; those with lists in them
// come and go.
const maxStatements = 256

// liteConnector opens SQLite connections that prepare each statement once: for short ones preparing is most of the work.
type liteConnector struct {
	driver driver.Driver
	dsn    string
}

// openLite makes a pool of them. It connects to nothing yet.
func openLite(dsn string) (*sql.DB, error) {
	plain, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	d := plain.Driver()
	if err := plain.Close(); err != nil {
		return nil, err
	}
	return sql.OpenDB(liteConnector{d, dsn}), nil
}

// Driver implements driver.Connector.
func (c liteConnector) Driver() driver.Driver { return c.driver }

// Connect implements driver.Connector.
func (c liteConnector) Connect(context.Context) (driver.Conn, error) {
	inner, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	all, ok := inner.(fullConn)
	if !ok {
		return nil, fmt.Errorf("connect: the driver gives a %T", inner)
	}
	return &liteConn{fullConn: all, kept: map[string]*liteStmt{}}, nil
}

// fullConn is what the driver's connections can do, and ours pass on.
type fullConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// liteConn is used by one goroutine at a time, as database/sql promises.
type liteConn struct {
	fullConn
	kept map[string]*liteStmt
}

type liteStmt struct {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
	busy bool // its rows are being read
	gone bool // no longer kept: whoever reads its rows closes it
}

// keep answers the prepared statement; nil when it is in use, or is not one that can be kept.
func (c *liteConn) keep(ctx context.Context, query string) (*liteStmt, error) {
	if s, ok := c.kept[query]; ok {
		if s.busy {
			return nil, nil
		}
		return s, nil
	}
	inner, err := c.fullConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	exec, ok1 := inner.(driver.StmtExecContext)
	ask, ok2 := inner.(driver.StmtQueryContext)
	if !ok1 || !ok2 {
		return nil, inner.Close()
	}
	for old, s := range c.kept { // any one has to go
		if len(c.kept) < maxStatements {
			break
		}
		delete(c.kept, old)
		if err := s.drop(); err != nil {
			return nil, errors.Join(err, inner.Close())
		}
	}
	s := &liteStmt{Stmt: inner, StmtExecContext: exec, StmtQueryContext: ask}
	c.kept[query] = s
	return s, nil
}

func (s *liteStmt) drop() error {
	s.gone = true
	if s.busy {
		return nil
	}
	return s.Close()
}

// ExecContext implements driver.ExecerContext.
func (c *liteConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.keep(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.fullConn.ExecContext(ctx, query, args)
	}
	return s.ExecContext(ctx, args)
}

// QueryContext implements driver.QueryerContext.
func (c *liteConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.keep(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.fullConn.QueryContext(ctx, query, args)
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	s.busy = true
	return &liteRows{rows, s}, nil
}

// Close implements driver.Conn.
func (c *liteConn) Close() error {
	var errs []error
	for _, s := range c.kept {
		errs = append(errs, s.drop())
	}
	clear(c.kept)
	return errors.Join(append(errs, c.fullConn.Close())...)
}

// liteRows gives its statement back when it is closed.
type liteRows struct {
	driver.Rows
	of *liteStmt
}

// Close implements driver.Rows.
func (r *liteRows) Close() error {
	err := r.Rows.Close()
	if s := r.of; s != nil {
		r.of, s.busy = nil, false
		if s.gone {
			err = errors.Join(err, s.Close())
		}
	}
	return err
}
