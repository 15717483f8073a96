package uplink

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const writeChunk = 2 << 10 // bytes that must leave within the patience, on the slowest line that is still of use

// errSilence: the peer is gone without a word.
var errSilence = errors.New("nothing was heard for one and a half times the keep-alive")

// patientConn is the socket below MQTT and TLS. It judges a connection by what moves, not by how long a whole message takes:
// 60 KiB at 5 kbit/s are under way for a minute and a half, and nothing is wrong. It ends a connection that nothing was
// received on for patience, unless a message is on its way up: that one has a time limit of its own.
type patientConn struct {
	net.Conn
	patience time.Duration
	busy     atomic.Bool // a message is on its way to the broker
	heard    atomic.Int64
	write    sync.Mutex // a ping must not land in the middle of a message
}

func newPatientConn(conn net.Conn, patience time.Duration) *patientConn {
	c := &patientConn{Conn: conn, patience: patience}
	c.heard.Store(time.Now().UnixNano())
	return c
}

// Read waits for bytes until the silence has lasted too long.
func (c *patientConn) Read(b []byte) (int, error) {
	for {
		end := time.Unix(0, c.heard.Load()).Add(c.patience)
		if busy := time.Now().Add(c.patience); c.busy.Load() {
			end = busy
		}
		if err := c.Conn.SetReadDeadline(end); err != nil {
			return 0, err
		}
		n, err := c.Conn.Read(b)
		if n > 0 {
			c.heard.Store(time.Now().UnixNano())
		}
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if !c.busy.Load() && time.Since(time.Unix(0, c.heard.Load())) >= c.patience {
			return 0, errors.Join(errSilence, c.Conn.Close()) // closed here: a goodbye of TLS's would wait again
		}
	}
}

// Write gives up when not even a small part leaves within the patience.
func (c *patientConn) Write(b []byte) (n int, err error) {
	c.write.Lock()
	defer c.write.Unlock()
	for n < len(b) && err == nil {
		if err = c.Conn.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
			return n, err
		}
		var wrote int
		wrote, err = c.Conn.Write(b[n:min(len(b), n+writeChunk)])
		n += wrote
	}
	return n, err
}

// setBusy says whether a message is on its way. When the last one has arrived, the silence begins anew.
func (c *patientConn) setBusy(busy bool) {
	if c.busy.Swap(busy) && !busy {
		c.heard.Store(time.Now().UnixNano())
	}
}

// SetDeadline and its kin are for those above, who do not know how slow the line is.
func (c *patientConn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (c *patientConn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (c *patientConn) SetWriteDeadline(time.Time) error { return nil }
