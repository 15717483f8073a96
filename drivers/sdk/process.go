package sdk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// Defaults of a Command.
const (
	DefaultMemoryLimit = 256 << 20 // bytes
	DefaultCallTimeout = 30 * time.Second
)

// A Command says which driver to run, and how.
type Command struct {
	Path string   // of the executable
	Args []string // after the executable's name
	// Env is added to the child's own small environment (PATH, HOME=/, LANG, TZ, GOMEMLIMIT). Nothing of ours is inherited.
	Env []string
	// SHA256 of the executable in hex. When empty it is taken at Launch, so that a file that is exchanged under a running
	// gateway is refused until the gateway is restarted.
	SHA256 string
	// State is a folder in which the child may keep small files from one life to the next; it makes it when it needs it, and
	// names the files after the channel. Empty: it keeps nothing.
	State string
	// MemoryLimit in bytes; 0: DefaultMemoryLimit. The child's garbage collector works harder from 7/8 of it on
	// (GOMEMLIMIT), and a child whose resident memory is above it is killed within two seconds. That bounds a leak, not a
	// burst of gigabytes within those seconds: there the kernel takes the child before the gateway (oom_score_adj).
	MemoryLimit int64
	// CallTimeout is the longest that one call may take, Read and Write included; 0: DefaultCallTimeout. A Read that
	// waits for news must return before that.
	CallTimeout time.Duration
	Log         *slog.Logger // nil: silent. What the child prints is logged at debug

	sum      [sha256.Size]byte
	suspects []string // devices that have brought a child down
}

func (c Command) name() string { return filepath.Base(c.Path) }

// exec is the process to be started, with its environment.
func (c Command) exec() *exec.Cmd {
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env = append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/",
		"LANG=C.UTF-8",
		"TZ=UTC",
		"GOTRACEBACK=single",
		"GODEBUG=tracebacklabels=1", // tells for which device a goroutine worked that panics
		stateKey + "=" + c.State,
		suspectsKey + "=" + strings.Join(c.suspects, ","),
		"GOMEMLIMIT=" + strconv.FormatInt(c.MemoryLimit/8*7, 10),
	}, c.Env...)
	cmd.Dir = "/"
	return cmd
}

// Process is a driver that lives in a child process. It is a device.Driver for any number of channels at once; the child
// is started by the first Open and, when it has ended, by the next Open that the back-off allows.
type Process struct {
	cmd      Command
	starting chan struct{} // holds a token while one Open starts the child
	stop     chan struct{} // closed by Close
	watching sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	child   *child // nil when there is none
	conns   uint64 // ids given so far
	starts  uint64
	crashes uint64
	history history
}

// Status of a Process, for people.
type Status struct {
	PID     int       // of the running child; 0: none runs
	Since   time.Time // when it was started
	Starts  uint64
	Crashes uint64
	Retry   time.Time // when the next start is allowed; zero or past: now
	Last    error     // the last crash; nil: none yet
	// Suspects are the devices for which the driver worked when it panicked, as far as its goroutines are labelled.
	Suspects []string
}

// Launch checks the command and starts nothing.
func Launch(cmd Command) (*Process, error) {
	path, err := filepath.Abs(cmd.Path)
	if err != nil {
		return nil, fmt.Errorf("find driver %s: %w", cmd.Path, err)
	}
	cmd.Path = path
	if cmd.State != "" { // the child works in /
		if cmd.State, err = filepath.Abs(cmd.State); err != nil {
			return nil, fmt.Errorf("find folder %s of driver %s: %w", cmd.State, path, err)
		}
	}
	if cmd.sum, err = fileSum(path); err != nil {
		return nil, fmt.Errorf("read driver %s: %w", path, err)
	}
	if cmd.SHA256 != "" && !strings.EqualFold(cmd.SHA256, hex.EncodeToString(cmd.sum[:])) {
		return nil, fmt.Errorf("check driver %s: its sha256 is %x, not %s", path, cmd.sum, cmd.SHA256)
	}
	if cmd.MemoryLimit == 0 {
		cmd.MemoryLimit = DefaultMemoryLimit
	}
	if cmd.CallTimeout == 0 {
		cmd.CallTimeout = DefaultCallTimeout
	}
	if cmd.Log == nil {
		cmd.Log = slog.New(slog.DiscardHandler)
	}
	cmd.Log = cmd.Log.With("driver", cmd.name())
	return &Process{
		cmd:      cmd,
		starting: make(chan struct{}, 1),
		stop:     make(chan struct{}),
		history:  history{name: cmd.name()},
	}, nil
}

func fileSum(path string) (sum [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() || st.Mode()&0o111 == 0 {
		return sum, errors.Join(errors.New("not an executable file"), err)
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, err
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// Open opens the channel in the child, which it starts when none runs. While a back-off lasts it returns a *RetryError.
func (p *Process) Open(ctx context.Context, ch device.Channel) (device.Conn, error) {
	c, err := p.running(ctx)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.conns++
	id := p.conns
	p.mu.Unlock()
	return openConn(ctx, ch, &conn{child: c, id: id, timeout: p.cmd.CallTimeout})
}

// running returns a child that lives, as far as anyone knows.
func (p *Process) running(ctx context.Context) (*child, error) {
	select {
	case p.starting <- struct{}{}:
		defer func() { <-p.starting }()
	case <-ctx.Done():
		return nil, fmt.Errorf("start driver %s: %w", p.cmd.name(), ctx.Err())
	}
	c, err := p.current()
	if c != nil || err != nil {
		return c, err
	}
	began := time.Now()
	c, err = startChild(ctx, p.command())
	if err != nil {
		if ctx.Err() == nil {
			p.record(began, err)
		}
		return nil, err
	}
	return c, p.adopt(c)
}

// current is the living child; neither a child nor an error means that one may be started.
func (p *Process) current() (*child, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, fmt.Errorf("start driver %s: %w", p.cmd.name(), os.ErrClosed)
	}
	if p.child != nil {
		return p.child, nil
	}
	return nil, p.history.refusal(time.Now())
}

// adopt makes c the current child and supervises it.
func (p *Process) adopt(c *child) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.bury()
		return fmt.Errorf("start driver %s: %w", p.cmd.name(), os.ErrClosed)
	}
	p.child = c
	p.starts++
	p.watching.Go(func() { p.supervise(c) })
	return nil
}

func (p *Process) supervise(c *child) {
	p.cmd.Log.Info("driver process started", "pid", c.run.cmd.Process.Pid)
	why := c.watch(p.stop, p.cmd.MemoryLimit)
	if why != nil {
		if p.suspect(c.stderr.culprit()) {
			p.forgive(why)
		} else {
			p.record(c.started, why)
		}
		p.cmd.Log.Warn("driver process ended", "pid", c.run.cmd.Process.Pid, "error", why)
	}
	p.mu.Lock()
	p.child = nil
	p.mu.Unlock()
	c.end = why
	close(c.ended)
}

func (p *Process) record(started time.Time, why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.crashes++
	p.history.crashed(started, time.Now(), why)
}

// suspect remembers a device for the next child, and says whether it is a new one.
func (p *Process) suspect(dev string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if dev == "" || slices.Contains(p.cmd.suspects, dev) || len(p.cmd.suspects) >= mostSuspects {
		return false
	}
	p.cmd.suspects = append(slices.Clone(p.cmd.suspects), dev)
	return true
}

// forgive is record for a crash whose cause the next child will avoid: it is no step towards a quarantine of the others.
func (p *Process) forgive(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.crashes++
	p.history.last, p.history.until = why, time.Now().Add(firstBackoff)
}

func (p *Process) command() Command {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd
}

// Status tells how the child is.
func (p *Process) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Status{Starts: p.starts, Crashes: p.crashes, Retry: p.history.until, Last: p.history.last, Suspects: slices.Clone(p.cmd.suspects)}
	if p.child != nil {
		s.PID, s.Since = p.child.run.cmd.Process.Pid, p.child.started
	}
	return s
}

// Close ends the child, within seconds even when it is frozen, and with it every open Conn.
func (p *Process) Close() error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.stop)
	}
	p.mu.Unlock()
	p.watching.Wait()
	return nil
}
