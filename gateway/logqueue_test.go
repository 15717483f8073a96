package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
)

// Nobody who logs waits for the log's reader; what was lost by that is told.
func TestTheLogWaitsForNobody(t *testing.T) {
	in, out := io.Pipe() // a write waits until somebody reads
	q := newLogQueue(out)
	const all = 3 * logLines
	for range all {
		if n, err := q.Write([]byte("a line\n")); n != 7 || err != nil {
			t.Fatal(n, err)
		}
	}
	q.close(time.Millisecond) // and neither does the end
	read := make(chan string)
	go func() {
		data, err := io.ReadAll(in)
		if err != nil {
			t.Error(err)
		}
		read <- string(data)
	}()
	<-q.done
	if err := out.Close(); err != nil {
		t.Error(err)
	}
	text := <-read
	if kept := strings.Count(text, "a line"); kept < logLines || kept > all/2 || !strings.Contains(text, "log lines lost") {
		t.Error(kept, text[max(0, len(text)-200):])
	}
}

func TestTheLogEndsWithItsLastLine(t *testing.T) {
	var out bytes.Buffer
	q := newLogQueue(&out)
	for _, line := range []string{"a\n", "b\n", "c\n"} {
		if _, err := q.Write([]byte(line)); err != nil {
			t.Error(err)
		}
	}
	q.close(time.Minute)
	if got := out.String(); got != "a\nb\nc\n" {
		t.Errorf("%q", got)
	}
}
