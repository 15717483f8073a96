package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"modernc.org/sqlite"
)

// Transient says whether an error may be gone at the next try without anybody doing anything: the database was busy, out
// of reach or out of room, or the caller's time was over. What is not transient lies in the statement or its values.
func Transient(err error) bool {
	if err == nil {
		return false
	}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, driver.ErrBadConn, sql.ErrConnDone, sql.ErrTxDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed} {
		if errors.Is(err, known) {
			return true
		}
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff { // the low byte is the primary code
		case 5, 6, 7, 8, 9, 10, 13, 14, 15: // busy, locked, no memory, read-only, interrupted, I/O, full, cannot open, protocol
			return true
		}
		return false
	}
	var state interface{ SQLState() string } // of PostgreSQL
	if errors.As(err, &state) {
		code := state.SQLState()
		for _, class := range []string{"08", "25006", "25P03", "40", "53", "55", "57", "58"} { // connection, read-only, too slow, rollback, resources, not in state, intervention, system
			if strings.HasPrefix(code, class) {
				return true
			}
		}
		return false
	}
	var network net.Error
	return errors.As(err, &network) || strings.Contains(err.Error(), "database is closed")
}
