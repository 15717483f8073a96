package config

import (
	"path/filepath"
	"regexp"
)

// serialFolder is where the system names serial ports by where they are plugged in and by what they are.
const serialFolder = "/dev/serial"

var numberedPort = regexp.MustCompile(`^/dev/tty(USB|ACM)\d+$`)

// checkPort warns of a port that is named by a number which the system gives in the order of plugging in.
func (l *loader) checkPort(path, port string) {
	if !numberedPort.MatchString(port) {
		return
	}
	hint := l.say("写成 /dev/serial/by-path/ 下的名字：ls -l /dev/serial/by-path/", "write its name in /dev/serial/by-path/: ls -l /dev/serial/by-path/")
	if name := lastingName(serialFolder, port); name != "" {
		hint = l.say("写成 %s", "write %s", name)
	}
	l.warn(path+".address", l.say("%s 的编号重启或重插后会变，别的线路可能占用它", "the number of %s changes with restarts and replugs, and another line may get it", port), hint)
}

// lastingName is the name of a port by its place on the USB, or else by its adapter's serial number; empty when it has none now.
func lastingName(folder, port string) string {
	is, err := filepath.EvalSymlinks(port)
	if err != nil {
		return ""
	}
	for _, by := range []string{"by-path", "by-id"} {
		names, err := filepath.Glob(filepath.Join(folder, by, "*"))
		if err != nil {
			continue // never: the pattern is right
		}
		for _, name := range names {
			if target, err := filepath.EvalSymlinks(name); err == nil && target == is {
				return name
			}
		}
	}
	return ""
}
