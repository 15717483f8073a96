package line

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Holder is a program that has a serial port open.
type Holder struct {
	PID     int
	Program string // as the kernel calls it, at most 15 characters
}

func (h Holder) String() string { return fmt.Sprintf("process %d (%s)", h.PID, h.Program) }

// HolderOf finds a program, other than this one and those of the given processes, that has the port open; ok is false when there
// is none, or when this user may not see it. What looks for modems opens ports without asking and takes the meters' answers away.
func HolderOf(port string, besides ...int) (h Holder, ok bool) {
	file, err := filepath.EvalSymlinks(port)
	if err != nil {
		return Holder{}, false
	}
	open, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return Holder{}, false
	}
	for _, fd := range open {
		if to, err := os.Readlink(fd); err != nil || to != file {
			continue
		}
		process := filepath.Dir(filepath.Dir(fd))
		pid, err := strconv.Atoi(filepath.Base(process))
		if err != nil || pid == os.Getpid() || slices.Contains(besides, pid) {
			continue
		}
		name, err := os.ReadFile(filepath.Join(process, "comm"))
		if err != nil {
			continue // it has ended
		}
		return Holder{pid, strings.TrimSpace(string(name))}, true
	}
	return Holder{}, false
}
