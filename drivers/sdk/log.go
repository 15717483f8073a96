package sdk

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"

	"github.com/linshao/linshao/drivers/device"
)

// longestLine is how much of one line of a child is kept, in bytes.
const longestLine = 4096

// longestID is how much of a device's id is believed, in bytes.
const longestID = 100

// lines turns what a child or go-plugin prints into debug lines, and remembers the line in which the child died.
type lines struct {
	log    *slog.Logger
	source string // "stderr", "stdout", "go-plugin"

	mu    sync.Mutex
	part  []byte // of a line that has not ended yet
	death string // "panic: …" or "fatal error: …"
	whose string // device for which the goroutine worked that died; empty: unknown
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
	if l.death != "" && l.whose == "" && strings.HasPrefix(line, "goroutine ") && strings.Contains(line, " [running") {
		l.whose = labelled(line)
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

// labelled reads the device out of a traceback's `goroutine 9 [running labels:{"device": "cam-1"}]:`; empty when there is none.
func labelled(line string) string {
	_, labels, _ := strings.Cut(line, "{")
	_, after, _ := strings.Cut(labels, device.CulpritLabel)
	after = strings.TrimLeft(after, `": `)
	if n := strings.IndexAny(after, `",}`); n > 0 && n <= longestID {
		return after[:n]
	}
	return ""
}

// culprit is the device that brought the child down; empty: unknown.
func (l *lines) culprit() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.whose
}
