package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/sdk"
)

// eventually polls until ok or the limit.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", limit, what)
		case <-tick.C:
		}
	}
}

// state is the process's letter in /proc: R, S, T, Z; empty when it is gone.
func state(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return after[:1]
}

// freeze stops every thread of a process, which takes the kernel a moment.
func freeze(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the child is frozen", func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		for _, stat := range threads {
			b, _ := os.ReadFile(stat) // a thread that has just ended is as good as a frozen one
			if _, after, ok := strings.Cut(string(b), ") "); ok && after[:1] != "T" {
				return false
			}
		}
		return err == nil && len(threads) > 0
	})
}

func gone(pid int) bool { s := state(pid); return s == "" || s == "Z" }

func TestPanicIsAnErrorAndTheNextOpenRestarts(t *testing.T) {
	p := launch(t)
	c, other := open(t, p), open(t, p)
	first := p.Status().PID
	start := time.Now()
	_, err := c.Read(t.Context(), named("panic"))
	if !errors.Is(err, sdk.ErrCrashed) || !strings.Contains(err.Error(), "boom in a library's goroutine") {
		t.Fatalf("got %v, want the panic", err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("the panic was seen after %v", took)
	}
	if _, err := other.Read(t.Context(), named("value")); !errors.Is(err, sdk.ErrCrashed) {
		t.Errorf("the other channel of the same child: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("closing what is gone: %v", err)
	}
	var wait *sdk.RetryError
	if _, err := p.Open(t.Context(), device.Channel{}); !errors.As(err, &wait) || wait.Crashes != 1 || wait.Quarantined {
		t.Fatalf("got %v, want a refusal that says when", err)
	}
	eventually(t, 30*time.Second, "a new child", func() bool {
		c, err = p.Open(t.Context(), device.Channel{})
		return err == nil
	})
	if _, err := c.Read(t.Context(), named("value")); err != nil {
		t.Error(err)
	}
	if s := p.Status(); s.Starts != 2 || s.Crashes != 1 || s.PID == first || s.Last == nil {
		t.Errorf("status %+v", s)
	}
}

func TestDriverThatLeaves(t *testing.T) {
	c := open(t, launch(t))
	if _, err := c.Read(t.Context(), named("leave")); !errors.Is(err, sdk.ErrCrashed) {
		t.Errorf("got %v", err)
	}
}

func TestFrozenChildIsKilled(t *testing.T) {
	p := launch(t)
	c := open(t, p)
	pid := p.Status().PID
	freeze(t, pid)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := c.Read(ctx, named("value")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	if took := time.Since(start); took > 10*time.Second { // the call's own limit is 30 s
		t.Errorf("the deadline came after %v", took)
	}
	eventually(t, 30*time.Second, "the frozen child is killed", func() bool { return gone(pid) })
	t.Logf("killed %v after it froze", time.Since(start))
	if _, err := c.Read(t.Context(), named("value")); !errors.Is(err, sdk.ErrCrashed) {
		t.Errorf("got %v", err)
	}
	eventually(t, 30*time.Second, "a new child", func() bool { _, err := p.Open(t.Context(), device.Channel{}); return err == nil })
}

func TestCloseOfAFrozenChild(t *testing.T) {
	p := launch(t)
	open(t, p)
	pid := p.Status().PID
	freeze(t, pid)
	start := time.Now()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 25*time.Second || !gone(pid) {
		t.Errorf("close took %v, the child is %q", took, state(pid))
	}
	if _, err := p.Open(t.Context(), device.Channel{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("open after close: %v", err)
	}
}

func TestGrandchildDiesWithTheGroup(t *testing.T) {
	p := launch(t, func(c *sdk.Command) { c.Args = []string{"grandparent"} })
	c := open(t, p)
	pid := p.Status().PID
	group := func() []string {
		out, _ := exec.Command("pgrep", "-g", fmt.Sprint(pid)).Output()
		return strings.Fields(string(out))
	}
	if n := len(group()); n != 2 {
		t.Skipf("needs pgrep: %d processes of 2 seen", n)
	}
	if _, err := c.Read(t.Context(), named("leave")); !errors.Is(err, sdk.ErrCrashed) {
		t.Errorf("got %v", err)
	}
	eventually(t, 30*time.Second, "the group is gone", func() bool { return len(group()) == 0 })
}

func TestHostDeathEndsTheChild(t *testing.T) {
	host := exec.Command(os.Args[0], "host")
	host.Env = append(os.Environ(), "TMPDIR="+t.TempDir()) // its socket's folder stays behind
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	var rest string
	if _, err := fmt.Fscan(out, &pid, &rest); err != nil || rest != "<nil>" || gone(pid) {
		t.Fatalf("the host said %d %s (%v)", pid, rest, err)
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait()
	eventually(t, 30*time.Second, "the child is gone", func() bool { return gone(pid) })
}

func TestMemoryLimit(t *testing.T) {
	p := launch(t, func(c *sdk.Command) { c.MemoryLimit = 192 << 20 })
	start := time.Now()
	_, err := open(t, p).Read(t.Context(), named("eat"))
	// Weighed and killed, or, when it ate faster than it is weighed, refused by the kernel: then its last words may be missed, or be
	// the race detector's, which needs memory too.
	told := func(s string) bool { return strings.Contains(err.Error(), s) }
	if !errors.Is(err, sdk.ErrCrashed) || !slices.ContainsFunc([]string{"MiB of 192", "out of memory", "EOF", "exit status"}, told) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %v", took)
	}
}

func TestNonsenseOnStderrDoesNotHurtTheHost(t *testing.T) {
	c := open(t, launch(t))
	for range 3 {
		if _, err := c.Read(t.Context(), named("print")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHistory(t *testing.T) {
	var h sdk.History
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	crash := func(lived time.Duration) time.Duration { // the wait that follows
		started := now
		now = now.Add(lived)
		h.Crashed(started, now, errors.New("boom"))
		var e *sdk.RetryError
		if !errors.As(h.Refusal(now), &e) {
			t.Fatal("no refusal after a crash")
		}
		now = e.Until
		if h.Refusal(now) != nil {
			t.Fatal("refused at the time that was promised")
		}
		return e.Until.Sub(started.Add(lived))
	}
	for i, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 10 * time.Minute} {
		if got := crash(time.Millisecond); got != want {
			t.Errorf("crash %d: wait %v, want %v", i+1, got, want)
		}
	}
	if got := crash(time.Minute); got != 10*time.Minute {
		t.Errorf("a crash soon after quarantine: wait %v", got)
	}
	if got := crash(time.Hour); got != time.Second {
		t.Errorf("a crash after a long life: wait %v", got)
	}
}
