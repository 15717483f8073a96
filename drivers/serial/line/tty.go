package line

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/tarm/serial"
	"golang.org/x/sys/unix"
)

const (
	// readTimeout is how long tarm/serial waits in one read. It is tarm's smallest, and must never be 0: without it
	// a read cannot be ended, not even by closing the port.
	readTimeout = 100 * time.Millisecond
	// An idle port and an unplugged one both read (0, EOF). The unplugged one does so at once.
	fastRead     = 50 * time.Millisecond
	maxFastReads = 3
)

// tty is a serial port of this machine.
type tty struct {
	port *serial.Port // reads
	out  *os.File     // writes, and holds the lock
	fast int          // reads running that came back at once with nothing
}

func openTTY(_ context.Context, ch device.Channel) (wire, error) {
	cfg, err := settings(ch.Address, ch.Serial)
	if err != nil {
		return nil, err
	}
	out, err := take(ch.Address)
	if err != nil {
		return nil, err
	}
	port, err := serial.OpenPort(cfg)
	if err != nil {
		_ = out.Close() // the open failed for a better reason
		return nil, err
	}
	return &tty{port: port, out: out}, nil
}

func (t *tty) read(buf []byte) (int, uint64, error) {
	start := time.Now()
	n, err := t.port.Read(buf)
	switch {
	case n > 0:
		t.fast = 0
		return n, 0, nil
	case err != nil && !errors.Is(err, io.EOF):
		return 0, 0, err
	case time.Since(start) > fastRead:
		t.fast = 0 // only the end of readTimeout
		return 0, 0, nil
	}
	if t.fast++; t.fast > maxFastReads {
		return 0, 0, io.EOF
	}
	return 0, 0, nil
}

func (t *tty) write(b []byte, deadline time.Time) error {
	err := t.out.SetWriteDeadline(deadline)
	if err == nil {
		_, err = t.out.Write(b)
	}
	return err
}

// forget has nothing to do: on a wire of its own an answer that is not there after twice the time-out never comes.
func (t *tty) forget(context.Context) (uint64, error) { return 0, nil }

func (t *tty) close() error {
	_ = t.port.Flush() // what a stalled line still holds would make the kernel wait for 30 s
	return errors.Join(t.out.Close(), t.port.Close())
}

func settings(path string, s device.Serial) (*serial.Config, error) {
	cfg := &serial.Config{Name: path, Baud: s.Baud, ReadTimeout: readTimeout}
	switch s.Parity {
	case device.ParityNone, "":
		cfg.Parity = serial.ParityNone
	case device.ParityEven:
		cfg.Parity = serial.ParityEven
	case device.ParityOdd:
		cfg.Parity = serial.ParityOdd
	default:
		return nil, fmt.Errorf("parity %q is not none, even or odd", s.Parity)
	}
	switch s.StopBits {
	case 0, 1:
		cfg.StopBits = serial.Stop1
	case 2:
		cfg.StopBits = serial.Stop2
	default:
		return nil, fmt.Errorf("%d stop bits are not 1 or 2", s.StopBits)
	}
	return cfg, nil
}

// take opens the port a second time, for two things that tarm/serial cannot: a write that ends at a deadline, and a lock
// that keeps a second master off the line.
func take(path string) (*os.File, error) {
	f, err := os.OpenFile(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		_ = f.Close() // the lock failed for a better reason
		if h, known := HolderOf(path); known && errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("held by %v: %w", h, err)
		}
		return nil, err
	}
	return f, nil
}

func lock(f *os.File) error {
	raw, err := f.SyscallConn() // not Fd, which would make writes block again
	if err != nil {
		return err
	}
	var busy error
	if err := raw.Control(func(fd uintptr) { busy = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB) }); err != nil {
		return err
	}
	if busy != nil {
		return fmt.Errorf("in use by another program or channel: %w", busy)
	}
	if err := f.SetWriteDeadline(time.Time{}); err != nil {
		return fmt.Errorf("is no serial port: %w", err)
	}
	return nil
}
