// Package serial is the field side of serial lines: pseudo-terminals that stand in for RS-485 ports, at the speed of a
// real line when wanted, and a DL/T 645-2007 meter. A master opens the line by the path of its symbolic link.
package serial

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/linshao/linshao/firmware-sim/fault"
)

// LineConfig describes a line.
type LineConfig struct {
	Path   string          // of the symbolic link to the port; an old link is replaced
	Baud   int             // bits per second, for pacing; 0: as fast as it goes
	Bits   int             // bits a character takes on the wire: 10 for 8N1 (the default), 11 for 8E1
	Faults *fault.Switches // of the line itself: Cut; may be nil
}

// A Line is one serial port. It exists from NewLine on, so that its path can be told before Serve.
type Line struct {
	cfg  LineConfig
	port *port // nil while cut
}

// NewLine opens the pseudo-terminal and links its path.
func NewLine(cfg LineConfig) (*Line, error) {
	if cfg.Bits == 0 {
		cfg.Bits = 10
	}
	l := &Line{cfg: cfg}
	return l, l.open()
}

// Path is where a master opens the line.
func (l *Line) Path() string { return l.cfg.Path }

func (l *Line) open() error {
	p, err := openPort(l.cfg)
	if err != nil {
		return err
	}
	l.port = p
	return nil
}

// Serve calls handle with the open port until ctx ends, closing the port while the line is cut. handle must return when
// its port fails.
func (l *Line) Serve(ctx context.Context, handle func(Port)) error {
	defer l.close()
	for ctx.Err() == nil {
		changed := l.cfg.Faults.Changed()
		if l.cfg.Faults.On(fault.Cut) {
			l.close()
			select {
			case <-ctx.Done():
			case <-changed:
			}
			continue
		}
		if l.port == nil {
			if err := l.open(); err != nil {
				return err
			}
		}
		l.session(ctx, handle)
	}
	return nil
}

// session runs handle on the open port; a cut or the end of ctx closes the port under it.
func (l *Line) session(ctx context.Context, handle func(Port)) {
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		for {
			changed := l.cfg.Faults.Changed()
			if l.cfg.Faults.On(fault.Cut) {
				break
			}
			select {
			case <-changed:
				continue
			case <-ctx.Done():
			case <-done:
			}
			break
		}
		l.port.Close()
	})
	handle(l.port)
	close(done)
	wg.Wait()
	l.port = nil
}

func (l *Line) close() {
	if l.port != nil {
		l.port.Close()
		l.port = nil
	}
}

// A Port is the slave devices' end of an open line.
type Port interface {
	Read(b []byte) (int, error)
	Write(b []byte) (int, error)
	SetReadDeadline(t time.Time) error
	// Setting is how the master has set the line now. A pseudo-terminal carries bytes whatever it says; slaves may care. Even parity
	// cannot be told from none there.
	Setting() Setting
	// Wait lets time pass, until the port is closed.
	Wait(d time.Duration)
}

type port struct {
	master, slave *os.File
	link          string
	char          time.Duration // a character takes so long; 0 without pacing
	once          sync.Once
	closed        chan struct{}
}

func openPort(cfg LineConfig) (*port, error) {
	m, s, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("open pseudo-terminal for %s: %w", cfg.Path, err)
	}
	defer m.Close()
	polled, err := pollable(m)
	if err == nil {
		err = raw(s)
	}
	if err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("set up %s: %w", s.Name(), err)
	}
	p := &port{master: polled, slave: s, link: cfg.Path, closed: make(chan struct{})}
	if cfg.Baud > 0 {
		p.char = time.Duration(cfg.Bits) * time.Second / time.Duration(cfg.Baud)
	}
	if old, err := os.Lstat(cfg.Path); err == nil && old.Mode()&os.ModeSymlink != 0 {
		_ = os.Remove(cfg.Path) // of an earlier run; anything else that stands there makes Symlink fail
	}
	if err := os.Symlink(s.Name(), cfg.Path); err != nil {
		p.link = ""
		p.Close()
		return nil, fmt.Errorf("link serial line: %w", err)
	}
	return p, nil
}

// pollable is a copy of f that Close interrupts in a Read: the pty package leaves its own file blocking.
func pollable(f *os.File) (*os.File, error) {
	fd, err := unix.Dup(int(f.Fd()))
	if err != nil {
		return nil, err
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// raw takes away all that a terminal does to bytes.
func raw(f *os.File) error {
	t, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cflag = unix.CREAD | unix.CS8 | unix.CLOCAL
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, t)
}

// Read answers what the master wrote, no sooner than a real line would have brought it.
func (p *port) Read(b []byte) (int, error) {
	n, err := p.master.Read(b)
	if n > 0 && p.char > 0 {
		p.rest(time.Now().Add(time.Duration(n) * p.char))
	}
	return n, err
}

// Write sends byte by byte at the line's speed, against absolute times so that errors do not add up.
func (p *port) Write(b []byte) (int, error) {
	if p.char == 0 {
		return p.master.Write(b)
	}
	next := time.Now()
	for i := range b {
		next = next.Add(p.char)
		p.rest(next)
		if _, err := p.master.Write(b[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

// Wait implements Port.
func (p *port) Wait(d time.Duration) { p.rest(time.Now().Add(d)) }

// Setting implements Port.
func (p *port) Setting() Setting {
	raw, err := p.slave.SyscallConn()
	if err != nil {
		return Setting{}
	}
	var t *unix.Termios
	if bad := raw.Control(func(fd uintptr) { t, err = unix.IoctlGetTermios(int(fd), unix.TCGETS2) }); bad != nil || err != nil {
		return Setting{}
	}
	s := Setting{Baud: int(t.Ospeed), Parity: "none", Stop: 1}
	if t.Cflag&unix.CSTOPB != 0 {
		s.Stop = 2
	}
	if t.Cflag&unix.PARODD != 0 { // the kernel takes PARENB away on a pseudo-terminal
		s.Parity = "odd"
	}
	return s
}

// lateness is how late the runtime's timers may be: as much as a character takes at 9600 baud.
const lateness = 1500 * time.Microsecond

// rest waits to the point: the kernel wakes a thread within 0.1 ms.
func (p *port) rest(until time.Time) {
	if long := time.Until(until) - lateness; long > 0 {
		timer := time.NewTimer(long)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-p.closed:
			return
		}
	}
	for left := time.Until(until); left > 0; left = time.Until(until) {
		ts := unix.NsecToTimespec(int64(left))
		_ = unix.Nanosleep(&ts, nil) // one that ends early is followed by another
	}
}

// SetReadDeadline bounds the next Read; the zero time lifts the bound.
func (p *port) SetReadDeadline(t time.Time) error { return p.master.SetReadDeadline(t) }

// Close takes the port away: the master sees a hang-up.
func (p *port) Close() {
	p.once.Do(func() {
		close(p.closed)
		if p.link != "" {
			_ = os.Remove(p.link)
		}
		_ = p.master.Close()
		_ = p.slave.Close()
	})
}
