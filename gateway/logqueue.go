package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// logLines may wait to be written: some 300 KiB.
const logLines = 1024

// A logQueue takes log lines without ever waiting: whoever reads them (a journal on a full disk, a terminal that is held) may take
// nothing for minutes, and the rules and the valve's worker log too. What does not fit is lost, counted, and the count written.
type logQueue struct {
	lines chan []byte
	lost  atomic.Uint64
	stop  chan struct{}
	done  chan struct{}
}

// newLogQueue begins to write lines to out, until close is called.
func newLogQueue(out io.Writer) *logQueue {
	q := &logQueue{lines: make(chan []byte, logLines), stop: make(chan struct{}), done: make(chan struct{})}
	go q.run(out)
	return q
}

// Write takes one line, or loses it.
func (q *logQueue) Write(line []byte) (int, error) {
	select {
	case q.lines <- append([]byte(nil), line...):
	default:
		q.lost.Add(1)
	}
	return len(line), nil
}

func (q *logQueue) run(out io.Writer) {
	defer close(q.done)
	for ended := false; ; {
		var line []byte
		select {
		case line = <-q.lines:
		default:
			if ended {
				return
			}
			select {
			case line = <-q.lines:
			case <-q.stop:
				ended = true
				continue
			}
		}
		_, _ = out.Write(line) // there is no other place to tell that it failed
		if n := q.lost.Swap(0); n > 0 {
			_, _ = fmt.Fprintf(out, "time=%s level=WARN msg=\"log lines lost: nobody took them\" lines=%d\n", time.Now().Format(time.RFC3339Nano), n)
		}
	}
}

// close writes what waits, if somebody takes it within the limit. What is logged later is lost.
func (q *logQueue) close(limit time.Duration) {
	close(q.stop)
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-q.done:
	case <-t.C:
	}
}
