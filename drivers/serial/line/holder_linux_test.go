package line_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/linshao/linshao/drivers/serial/line"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
)

// TestWhoHasThePortIsNamed: by the name that is configured, which may be a link.
func TestWhoHasThePortIsNamed(t *testing.T) {
	path := linetest.New(t).Path
	link := filepath.Join(t.TempDir(), "by-path")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if h, ok := line.HolderOf(link); ok {
		t.Fatalf("held by %v", h)
	}
	held, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command("sleep", "60")
	other.ExtraFiles = []*os.File{held}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = other.Process.Kill() // it ends with that
		_ = other.Wait()
		_ = held.Close()
	})
	h, ok := line.HolderOf(link)
	if !ok || h.PID != other.Process.Pid {
		t.Errorf("%v %v, want %d", h, ok, other.Process.Pid)
	}
}
