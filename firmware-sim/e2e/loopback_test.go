package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// loopbackOnly fails when a program of the running demo listens, or is connected, beyond this machine.
func loopbackOnly(t *testing.T) {
	t.Helper()
	inodes := socketsOf(t, bin)
	seen := 0
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		text, err := os.ReadFile("/proc/net/" + table)
		if err != nil {
			continue // this kernel has no such protocol
		}
		for _, line := range strings.Split(string(text), "\n")[1:] {
			if f := strings.Fields(line); len(f) > 9 && inodes[f[9]] {
				seen++
				if away := beyond(f[1], f[2], f[3]); away != "" {
					t.Errorf("a program of the demo is at %s (%s)", away, table)
				}
			}
		}
	}
	if seen < 5 {
		t.Errorf("only %d sockets of the demo were found: the test looks at the wrong place", seen)
	}
}

// socketsOf are the inodes of the sockets of all processes whose program is in dir.
func socketsOf(t *testing.T, dir string) map[string]bool {
	t.Helper()
	absolute, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	inodes := map[string]bool{}
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		if program, err := os.Readlink(process + "/exe"); err != nil || !strings.HasPrefix(program, absolute+"/") {
			continue
		}
		files, _ := filepath.Glob(process + "/fd/*")
		for _, file := range files {
			var inode string
			if to, err := os.Readlink(file); err == nil {
				if _, err := fmt.Sscanf(to, "socket:[%s", &inode); err == nil {
					inodes[strings.TrimSuffix(inode, "]")] = true
				}
			}
		}
	}
	return inodes
}

// beyond is the address beyond this machine that a line of /proc/net names, or empty. A socket without a partner counts where
// it listens: state 0A, or an unconnected datagram socket (07).
func beyond(local, remote, state string) string {
	if !strings.HasSuffix(remote, ":0000") {
		local = remote
	} else if state != "0A" && state != "07" {
		return ""
	}
	address, _, _ := strings.Cut(local, ":")
	for _, here := range []string{"00000000000000000000000001000000", "0000000000000000FFFF0000"} { // ::1 and ::ffff:a.b.c.d
		if rest, ok := strings.CutPrefix(address, here); ok {
			address = rest
		}
	}
	if address == "" || len(address) == 8 && strings.HasSuffix(address, "7F") {
		return ""
	}
	return local
}

func TestBeyond(t *testing.T) {
	for _, c := range []struct{ local, remote, state, want string }{
		{"0100007F:1F90", "00000000:0000", "0A", ""}, {"00000000:1F90", "00000000:0000", "0A", "00000000:1F90"},
		{"0100007F:1F90", "0500007F:C350", "01", ""}, {"0201A8C0:C350", "08080808:01BB", "01", "08080808:01BB"},
		{"00000000000000000000000001000000:0050", "00000000000000000000000000000000:0000", "0A", ""},
		{"0000000000000000FFFF00000100007F:0050", "0000000000000000FFFF00000100007F:C350", "01", ""},
		{"00000000000000000000000000000000:0050", "00000000000000000000000000000000:0000", "0A", "00000000000000000000000000000000:0050"},
		{"00000000:0035", "00000000:0000", "07", "00000000:0035"}, {"0201A8C0:C350", "00000000:0000", "06", ""},
	} {
		if got := beyond(c.local, c.remote, c.state); got != c.want {
			t.Errorf("%s %s %s: %q, want %q", c.local, c.remote, c.state, got, c.want)
		}
	}
}
