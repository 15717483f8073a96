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
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return Holder{}, false
	}
	for _, process := range processes {
		pid, err := strconv.Atoi(filepath.Base(process))
		if err != nil || pid == os.Getpid() || slices.Contains(besides, pid) || !holds(process, file) {
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

// holds says whether a process has the file open. Whoever plays a line has both ends of its pty, and is no thief.
func holds(process, file string) bool {
	open, err := filepath.Glob(filepath.Join(process, "fd", "*"))
	if err != nil {
		return false
	}
	has, plays := false, false
	for _, fd := range open {
		to, err := os.Readlink(fd)
		has = has || err == nil && to == file
		plays = plays || err == nil && strings.HasSuffix(to, "/ptmx")
	}
	return has && !(plays && strings.HasPrefix(file, "/dev/pts/"))
}
