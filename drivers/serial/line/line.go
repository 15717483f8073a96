// Package line owns one serial line, for every protocol that asks and waits for an answer on it: Modbus RTU and
// DL/T 645 use it. It opens the port by tarm/serial and contains what that package leaves open: one deadline for a
// whole answer, a port that was unplugged, a write that never ends, and an answer that comes too late.
//
// It promises: an answer that comes after its time-out is not taken for the answer of a later request to the same
// device, as long as it is not later than twice the time-out; Close ends an exchange within 200 ms; nothing is left
// running after Close.
package line

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
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
	// maxPending bounds the bytes that wait for a request: a line that babbles must not fill the memory.
	maxPending = 1024
	// defaultTimeout is used when the channel names none.
	defaultTimeout = 500 * time.Millisecond
)

// ErrClosed says that the line was closed by its owner.
var ErrClosed = errors.New("serial line is closed")

// errUnplugged says that the port is no longer there.
var errUnplugged = errors.New("serial port is gone")

// A Port is an open serial line. One goroutine uses it at a time; Close may come from another.
type Port struct {
	port    *serial.Port // reads
	out     *os.File     // writes, and holds the lock
	timing  timing
	timer   *time.Timer
	quiet   map[uint64]time.Time // device → until when it gets no request
	idleAt  time.Time            // when the last own frame had left the wire
	arrived chan struct{}        // there are new bytes, or the port is gone
	closed  chan struct{}
	once    sync.Once
	reader  sync.WaitGroup

	mu     sync.Mutex
	rx     []byte // what came in and was not dropped
	lastRx time.Time
	gone   error
}

// Open opens the serial line of a channel and takes it for this process alone.
func Open(_ context.Context, ch device.Channel) (*Port, error) {
	cfg, err := settings(ch)
	if err != nil {
		return nil, fmt.Errorf("open serial line %s: %w", ch.Address, err)
	}
	out, err := take(ch.Address)
	if err != nil {
		return nil, fmt.Errorf("open serial line %s: %w", ch.Address, err)
	}
	port, err := serial.OpenPort(cfg)
	if err != nil {
		_ = out.Close() // the open failed for a better reason
		return nil, fmt.Errorf("open serial line %s: %w", ch.Address, err)
	}
	p := &Port{
		port: port, out: out, timing: newTiming(ch), timer: time.NewTimer(time.Hour),
		quiet: map[uint64]time.Time{}, arrived: make(chan struct{}, 1), closed: make(chan struct{}),
		rx: make([]byte, 0, maxPending),
	}
	p.timer.Stop()
	p.reader.Go(p.read)
	return p, nil
}

func settings(ch device.Channel) (*serial.Config, error) {
	cfg := &serial.Config{Name: ch.Address, Baud: ch.Serial.Baud, ReadTimeout: readTimeout}
	switch ch.Serial.Parity {
	case device.ParityNone, "":
		cfg.Parity = serial.ParityNone
	case device.ParityEven:
		cfg.Parity = serial.ParityEven
	case device.ParityOdd:
		cfg.Parity = serial.ParityOdd
	default:
		return nil, fmt.Errorf("parity %q is not none, even or odd", ch.Serial.Parity)
	}
	switch ch.Serial.StopBits {
	case 0, 1:
		cfg.StopBits = serial.Stop1
	case 2:
		cfg.StopBits = serial.Stop2
	default:
		return nil, fmt.Errorf("%d stop bits are not 1 or 2", ch.Serial.StopBits)
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

// read moves bytes from the port to rx until the port is gone or closed.
func (p *Port) read() {
	buf := make([]byte, 256)
	fast := 0
	for {
		start := time.Now()
		n, err := p.port.Read(buf)
		now := time.Now()
		if n > 0 {
			fast = 0
			p.receive(buf[:n], now)
			continue
		}
		select {
		case <-p.closed:
			return
		default:
		}
		if (err == nil || errors.Is(err, io.EOF)) && now.Sub(start) > fastRead {
			fast = 0 // only the end of readTimeout
			continue
		}
		if fast++; fast > maxFastReads || (err != nil && !errors.Is(err, io.EOF)) {
			p.lose(err)
			return
		}
	}
}

func (p *Port) receive(b []byte, now time.Time) {
	p.mu.Lock()
	// What is there must not move, an exchange may be looking at it: what does not fit is dropped, and was too long for any frame.
	p.rx, p.lastRx = append(p.rx, b[:min(len(b), maxPending-len(p.rx))]...), now
	p.mu.Unlock()
	p.wake()
}

func (p *Port) lose(err error) {
	p.mu.Lock()
	p.gone = errUnplugged
	if err != nil && !errors.Is(err, io.EOF) {
		p.gone = fmt.Errorf("%w: %w", errUnplugged, err)
	}
	p.mu.Unlock()
	p.wake()
}

func (p *Port) wake() {
	select {
	case p.arrived <- struct{}{}:
	default:
	}
}

// Close releases the line and interrupts an exchange.
func (p *Port) Close() error {
	var err error
	p.once.Do(func() {
		close(p.closed)
		_ = p.port.Flush() // what a stalled line still holds would make the kernel wait for 30 s
		err = errors.Join(p.out.Close(), p.port.Close())
		p.reader.Wait()
	})
	return err
}
