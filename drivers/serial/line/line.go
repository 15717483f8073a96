// Package line owns one serial line, for every protocol that asks and waits for an answer on it: Modbus RTU and
// DL/T 645 use it, alone or together. It opens the port by tarm/serial and contains what that package leaves open: one
// deadline for a whole answer, a port that was unplugged, a write that never ends, and an answer that comes too late.
// A line behind a converter on the network (tcp://host:port) is the same line at the end of a connection.
//
// It promises: an answer that comes after its time-out is not taken for the answer of a later request to the same
// device, as long as it is not later than twice the time-out; Close ends an exchange within 200 ms; nothing is left
// running after Close. A device that is known is waited for as long as its own answers tell, never longer than the time-out.
package line

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

const (
	// remoteLine begins the address of a line at the end of a TCP connection.
	remoteLine = "tcp://"
	// maxPending bounds the bytes that wait for a request: a line that babbles must not fill the memory.
	maxPending = 1024
	// defaultTimeout is used when the channel names none.
	defaultTimeout = 500 * time.Millisecond
)

// ErrClosed says that the line was closed by its owner.
var ErrClosed = errors.New("serial line is closed")

// A wire carries the bytes of a line.
type wire interface {
	// read waits at most readTimeout; 0 and nil mean that nothing came. An error is final. life says how often the wire
	// had been made to forget when the bytes were on their way.
	read(buf []byte) (n int, life uint64, err error)
	write(b []byte, deadline time.Time) error
	set(s device.Serial) error
	// forget sees to it that nothing arrives any more of what was asked before, where that cannot be told by time.
	forget(ctx context.Context) (life uint64, err error)
	close() error
}

// errUnplugged says that the port is no longer there.
var errUnplugged = errors.New("serial port is gone")

// A Port is an open serial line. One goroutine uses it at a time; Close may come from another.
type Port struct {
	wire    wire
	channel device.Channel
	serial  device.Serial // the settings in use
	timing  timing
	timer   *time.Timer
	quiet   map[uint64]time.Time // device → until when it gets no request
	known   map[uint64]*Patience // device → how long it takes to answer
	asked   map[uint64]time.Time // device that needs a rest of its own → when its last exchange was over
	idleAt  time.Time            // when the last own frame had left the wire
	arrived chan struct{}        // there are new bytes, or the port is gone
	closed  chan struct{}
	once    sync.Once
	reader  sync.WaitGroup

	mu     sync.Mutex
	rx     []byte // what came in and was not dropped
	lastRx time.Time
	spilt  bool   // more came in than rx holds
	life   uint64 // bytes of another are of no use
	gone   error
}

// Open opens the serial line of a channel and takes it for this process alone.
func Open(ctx context.Context, ch device.Channel) (*Port, error) {
	host, remote := strings.CutPrefix(ch.Address, remoteLine)
	if remote {
		ch.Address = host
		p, err := dial(ctx, ch)
		if err != nil {
			return nil, fmt.Errorf("open serial line %s: %w", host, err)
		}
		return p, nil
	}
	w, err := openTTY(ctx, ch)
	if err != nil {
		return nil, fmt.Errorf("open serial line %s: %w", ch.Address, err)
	}
	return newPort(w, ch), nil
}

// newPort reads a wire until it is closed.
func newPort(w wire, ch device.Channel) *Port {
	p := &Port{
		wire: w, channel: ch, serial: ch.Serial, timing: newTiming(ch), timer: time.NewTimer(time.Hour),
		quiet: map[uint64]time.Time{}, known: map[uint64]*Patience{}, asked: map[uint64]time.Time{}, arrived: make(chan struct{}, 1), closed: make(chan struct{}),
		rx: make([]byte, 0, maxPending),
	}
	p.timer.Stop()
	p.reader.Go(p.read)
	return p
}

// Channel is what the line was opened with.
func (p *Port) Channel() device.Channel { return p.channel }

// Use sets the line to other settings, for a device that has its own; nil means the channel's. It costs nothing when
// they are in use already. Between two exchanges only: what is on its way would be lost.
func (p *Port) Use(s *device.Serial) error {
	want := p.channel.Serial
	if s != nil {
		want = *s
	}
	if want == p.serial {
		return nil
	}
	if err := p.wire.set(want); err != nil {
		return fmt.Errorf("set serial line %s to %d %s: %w", p.channel.Address, want.Baud, want.Parity, err)
	}
	ch := p.channel
	ch.Serial = want
	before := p.timing.silence
	p.serial, p.timing = want, newTiming(ch)
	p.idleAt = p.idleAt.Add(max(before-p.timing.silence, 0)) // those who have heard our last frame still need theirs, once
	return nil
}

// read moves bytes from the wire to rx until the wire is gone or closed.
func (p *Port) read() {
	buf := make([]byte, 256)
	for {
		n, life, err := p.wire.read(buf)
		if n > 0 {
			p.receive(buf[:n], time.Now(), life)
		}
		select {
		case <-p.closed:
			return
		default:
		}
		if err != nil {
			p.lose(err)
			return
		}
	}
}

func (p *Port) receive(b []byte, now time.Time, life uint64) {
	p.mu.Lock()
	if life != p.life { // read before the wire was made to forget
		p.mu.Unlock()
		return
	}
	// What is there must not move, an exchange may be looking at it: what does not fit is dropped, and was too long for any frame.
	fits := min(len(b), maxPending-len(p.rx))
	p.rx, p.lastRx, p.spilt = append(p.rx, b[:fits]...), now, p.spilt || fits < len(b)
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

// forget makes sure that nothing that was asked before is taken for an answer of what comes.
func (p *Port) forget(ctx context.Context) {
	life, err := p.wire.forget(ctx)
	if err != nil {
		p.lose(err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.life = life
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
		err = p.wire.close()
		p.reader.Wait()
	})
	return err
}
