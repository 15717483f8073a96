package sdk

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"

	"github.com/hashicorp/go-plugin"
)

// runner starts, awaits and kills one process for go-plugin. It replaces go-plugin's own because that one shares our
// stdin with the child, kills only the first process of the group, and starts it from any thread.
type runner struct {
	cmd    *exec.Cmd
	sum    [sha256.Size]byte
	memory int64 // bytes
	stdout io.ReadCloser
	stderr io.ReadCloser

	waited chan struct{} // closed when cmd.Wait has returned
	nursed chan struct{} // closed when the goroutine that started the process has ended

	mu     sync.Mutex
	pid    int  // 0 until started
	doomed bool // killed before it was started
	reaped bool // the pid may belong to somebody else
}

// newRunner prepares the process; spec carries the variables that go-plugin wants the child to have.
func newRunner(cmd Command, spec *exec.Cmd) *runner {
	made := cmd.exec()
	made.Env = append(made.Env, spec.Env...)
	return &runner{cmd: made, sum: cmd.sum, memory: cmd.MemoryLimit, waited: make(chan struct{}), nursed: make(chan struct{})}
}

// Start checks the executable's SHA-256 and starts it.
func (r *runner) Start(context.Context) error {
	if err := r.prepare(); err != nil {
		close(r.nursed)
		return err
	}
	started := make(chan error, 1)
	go r.nurse(started)
	return <-started
}

func (r *runner) prepare() (err error) {
	// A SecureConfig serves once: its hash is not reset between two checks.
	secure := plugin.SecureConfig{Checksum: r.sum[:], Hash: sha256.New()}
	ok, err := secure.Check(r.cmd.Path)
	if err == nil && !ok {
		err = plugin.ErrChecksumsDoNotMatch
	}
	if err != nil {
		return fmt.Errorf("check %s: %w", r.cmd.Path, err)
	}
	if r.stdout, err = r.cmd.StdoutPipe(); err != nil {
		return fmt.Errorf("pipe stdout: %w", err)
	}
	if r.stderr, err = r.cmd.StderrPipe(); err != nil {
		return fmt.Errorf("pipe stderr: %w", err)
	}
	return nil
}

// nurse starts the process and stays with it. The kernel sends the parent-death signal when the thread that started the
// child ends, not the process (golang/go#27505): so that thread is kept for as long as the child lives.
func (r *runner) nurse(started chan<- error) {
	defer close(r.nursed)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	contain(r.cmd)
	if err := r.cmd.Start(); err != nil {
		started <- err
		return
	}
	r.mu.Lock()
	r.pid = r.cmd.Process.Pid
	if r.doomed {
		killGroup(r.cmd.Process)
	}
	r.mu.Unlock()
	yieldToOOM(r.pid)
	confine(r.pid, r.memory)
	started <- nil
	awaitExit(r.pid, r.waited)
	// The leader is a zombie here, so the group's number is still ours. Kill what it left behind: a grandchild that
	// holds the pipes would keep go-plugin waiting for ever.
	r.mu.Lock()
	killGroup(r.cmd.Process)
	r.reaped = true
	r.mu.Unlock()
}

// Wait is called once by go-plugin, when both pipes have ended.
func (r *runner) Wait(context.Context) error {
	defer close(r.waited)
	return r.cmd.Wait()
}

// Kill sends SIGKILL to the process and all that it started.
func (r *runner) Kill(context.Context) error {
	r.kill()
	return nil
}

func (r *runner) kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doomed = true
	if r.pid != 0 && !r.reaped {
		killGroup(r.cmd.Process)
	}
}

// exit says how the process ended, in the words of package os.
func (r *runner) exit() error {
	if r.cmd.ProcessState == nil || r.cmd.ProcessState.Success() {
		return errors.New("it left by itself")
	}
	return errors.New(r.cmd.ProcessState.String())
}

func (r *runner) ID() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strconv.Itoa(r.pid)
}

func (r *runner) Stdout() io.ReadCloser { return r.stdout }
func (r *runner) Stderr() io.ReadCloser { return r.stderr }
func (r *runner) Name() string          { return r.cmd.Path }

func (r *runner) Diagnose(context.Context) string {
	if _, err := os.Stat(r.cmd.Path); err != nil {
		return err.Error()
	}
	return "is it a driver, built for " + runtime.GOOS + "/" + runtime.GOARCH + "?"
}

func (r *runner) PluginToHost(network, addr string) (string, string, error) {
	return network, addr, nil
}
func (r *runner) HostToPlugin(network, addr string) (string, string, error) {
	return network, addr, nil
}
