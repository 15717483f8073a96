package sdk

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
)

// longestLine is how much of one line of a child is kept, in bytes.
const longestLine = 4096

// lines turns what a child or go-plugin prints into debug lines, and remembers the line in which the child died.
type lines struct {
	log    *slog.Logger
	source string // "stderr", "stdout", "go-plugin"

	mu    sync.Mutex
	part  []byte // of a line that has not ended yet
	death string // "panic: …" or "fatal error: …"
}

// Write takes any piece of text; it never fails.
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for rest := b; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte{'\n'})
		if room := longestLine - len(l.part); room > 0 {
			l.part = append(l.part, line[:min(room, len(line))]...)
		}
		if ended {
			l.flush()
		}
		rest = after
	}
	return len(b), nil
}

func (l *lines) flush() {
	line := strings.TrimSpace(string(l.part))
	l.part = l.part[:0]
	if line == "" {
		return
	}
	if l.death == "" && (strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")) {
		l.death = line
	}
	l.log.LogAttrs(context.Background(), slog.LevelDebug, line, slog.String("from", l.source))
}

// lastWords is the line in which the child died, or empty.
func (l *lines) lastWords() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.death
}

// hostLog carries go-plugin's own messages. Its named children, which would get the child's stderr, are mute: go-plugin
// parses that as JSON with unchecked type assertions, so a child that prints {"@message":1} would panic the gateway.
// The child's stderr comes to us as it is, through ClientConfig.Stderr.
type hostLog struct{ hclog.Logger }

func newHostLog(log *slog.Logger) hostLog {
	return hostLog{hclog.New(&hclog.LoggerOptions{
		Level: hclog.Debug, DisableTime: true, Output: &lines{log: log, source: "go-plugin"},
	})}
}

// Named gives the logger for the child's stderr: none.
func (hostLog) Named(string) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Level: hclog.Off, Output: io.Discard})
}
