package modbus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/goburrow/modbus"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

const (
	mbapHeader = 6   // transaction, protocol, length; the unit counts as content
	maxTCP     = 260 // header, unit and the longest PDU
	// lateWindow is how many requests back an answer is still called late; older or unknown ones are strange.
	lateWindow     = 64
	dialTimeout    = 5 * time.Second
	defaultTimeout = time.Second
)

// errFraming says that the bytes of a connection no longer line up: nothing that follows can be trusted.
var errFraming = errors.New("the peer does not speak Modbus TCP")

// tcpLink is a connection that speaks Modbus TCP. Answers are told apart by their transaction id, so a time-out leaves it usable.
type tcpLink struct {
	conn    net.Conn
	timeout time.Duration
	known   map[byte]*line.Patience // unit → how long it takes to answer
	whole   time.Time               // until when nobody is waited for less than the time-out: a missed request may hold up the peer
	pause   time.Duration
	own     time.Duration      // rest that the unit needs between two requests
	asked   map[byte]time.Time // unit that needs one → when its last exchange was over
	idleAt  time.Time
	unit    byte
	id      uint16
	pdu     modbus.ProtocolDataUnit
	request []byte
	in      []byte // bytes read and not yet used; one buffer for the life of the link
	used    int    // bytes at the front of in that were the last answer
	late    []byte // answers to earlier requests that came during the last one
}

func dialTCP(ctx context.Context, ch device.Channel, dial func(ctx context.Context, network, address string) (net.Conn, error)) (*tcpLink, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if dial == nil {
		dial = (&net.Dialer{Control: giveUpSilentPeer}).DialContext
	}
	conn, err := dial(ctx, "tcp", ch.Address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", ch.Address, err)
	}
	return newTCPLink(conn, ch), nil
}

func newTCPLink(conn net.Conn, ch device.Channel) *tcpLink {
	timeout := ch.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	return &tcpLink{conn: conn, timeout: timeout, known: map[byte]*line.Patience{}, asked: map[byte]time.Time{}, pause: ch.Pause,
		request: make([]byte, 0, maxTCP), in: make([]byte, 0, 2*maxTCP)}
}

func (l *tcpLink) address(unit byte, rest time.Duration) { l.unit, l.own = unit, rest }

// sureOfWrites: transaction ids tell an answer from everything else.
func (l *tcpLink) sureOfWrites() bool { return true }

func (l *tcpLink) Close() error { return l.conn.Close() }

// Encode implements modbus.Packager. The frame is good until the next one.
func (l *tcpLink) Encode(pdu *modbus.ProtocolDataUnit) ([]byte, error) {
	l.id++
	b := binary.BigEndian.AppendUint16(l.request[:0], l.id)
	b = binary.BigEndian.AppendUint16(b, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(2+len(pdu.Data)))
	l.request = append(append(b, l.unit, pdu.FunctionCode), pdu.Data...)
	return l.request, nil
}

// Verify implements modbus.Packager. send has verified everything.
func (l *tcpLink) Verify(_, _ []byte) error { return nil }

// Decode implements modbus.Packager.
func (l *tcpLink) Decode(frame []byte) (*modbus.ProtocolDataUnit, error) {
	l.pdu.FunctionCode, l.pdu.Data = frame[mbapHeader+1], frame[mbapHeader+2:]
	return &l.pdu, nil
}

// send answers the frame that belongs to the request. It is good until the next send.
func (l *tcpLink) send(ctx context.Context, request []byte) ([]byte, error) {
	if err := l.rest(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	limit, learns := l.limit(request, began)
	deadline := began.Add(limit)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := l.conn.SetDeadline(deadline); err != nil {
		return nil, fmt.Errorf("connection to %s: %w", l.conn.RemoteAddr(), err)
	}
	if ctx.Done() != nil { // a context that ends early ends the read
		ran := make(chan struct{})
		stop := context.AfterFunc(ctx, func() { defer close(ran); _ = l.conn.SetReadDeadline(time.Unix(1, 0)) })
		defer func() {
			if !stop() {
				<-ran // it must not end the next request's read
			}
		}()
	}
	answer, err := l.exchange(request)
	l.learn(learns, began, err)
	if known := l.known[l.unit]; known != nil && request[mbapHeader+1] > readInput {
		known.Stirred()
	}
	if t := device.TraceOf(ctx); t != nil && t.Exchanged != nil {
		in := answer
		if in == nil {
			in = l.in // what may yet become an answer, or was a strange one
		}
		t.Exchanged(device.Exchange{Out: request, In: in, Late: l.late, Took: time.Since(began), Err: err})
	}
	if l.pause > 0 {
		l.idleAt = time.Now()
	}
	if l.own > 0 {
		l.asked[l.unit] = time.Now()
	}
	if errors.Is(err, context.Canceled) || errors.Is(ctx.Err(), context.Canceled) {
		return nil, context.Canceled
	}
	return answer, err
}

// limit is how long the answer is waited for. A peer with a serial line behind it asks one device after the other, and after a
// miss it may still wait for that one: until the time-out is over, the others are given the whole of it, and nothing is learnt.
// The same for a write, which may take longer than any read.
func (l *tcpLink) limit(request []byte, now time.Time) (limit time.Duration, learns *line.Patience) {
	if now.Before(l.whole) || request[mbapHeader+1] > readInput {
		return l.timeout, nil
	}
	learns = l.known[l.unit]
	if learns == nil {
		learns = &line.Patience{}
		l.known[l.unit] = learns
	}
	return learns.Limit(l.timeout), learns
}

// learn notes how it went. A refusal is an answer.
func (l *tcpLink) learn(known *line.Patience, began time.Time, err error) {
	var fault *line.Fault
	switch {
	case errors.As(err, &fault):
		l.whole = began.Add(2 * l.timeout)
		if known != nil {
			known.Missed()
		}
	case err == nil && known != nil:
		known.Answered(time.Since(began))
	}
}

// rest keeps the channel's pause between two requests, and the unit's.
func (l *tcpLink) rest(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return ended(err)
	}
	if l.pause <= 0 && l.own <= 0 {
		return nil
	}
	left := time.Until(l.idleAt.Add(l.pause))
	if l.own > 0 {
		left = max(left, time.Until(l.asked[l.unit].Add(l.own)))
	}
	if left <= 0 {
		return nil
	}
	t := time.NewTimer(left)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ended(ctx.Err())
	}
}

// ended tells a deadline, which is a time-out like any other, from a caller who wants nothing more.
func ended(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &line.Fault{Reason: device.Timeout, Detail: "the caller's deadline"}
	}
	return err
}

func (l *tcpLink) exchange(request []byte) ([]byte, error) {
	if n, err := l.conn.Write(request); err != nil {
		// Even where it was only time that ran out: after half a request the peer is out of step.
		return nil, fmt.Errorf("send to %s, %d of %d bytes: %w", l.conn.RemoteAddr(), n, len(request), err)
	}
	strange := 0
	l.late = l.late[:0]
	for {
		frame, err := l.next()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if strange > 0 {
				return nil, mismatch("%d answers to no request of ours", strange)
			}
			return nil, &line.Fault{Reason: device.Timeout, Detail: "no answer"}
		}
		if err != nil {
			return nil, fmt.Errorf("receive from %s: %w", l.conn.RemoteAddr(), err)
		}
		id := binary.BigEndian.Uint16(frame)
		if id != l.id {
			if l.id-id > lateWindow {
				strange++
			} else if len(l.late) < lateWindow {
				l.late = append(l.late, frame...)
			}
			continue
		}
		if frame[mbapHeader] != request[mbapHeader] {
			return nil, mismatch("unit %d answered for %d", frame[mbapHeader], request[mbapHeader])
		}
		if err := checkAnswer(request[mbapHeader+1:], frame[mbapHeader+1:]); err != nil {
			return nil, err
		}
		return frame, nil
	}
}

// next reads one frame of whatever transaction. A frame cut by a deadline is completed by the next call.
func (l *tcpLink) next() ([]byte, error) {
	l.in = append(l.in[:0], l.in[l.used:]...)
	l.used = 0
	for {
		size, err := frameTCP(l.in)
		if err != nil {
			return nil, err
		}
		if size > 0 && len(l.in) >= size {
			l.used = size
			return l.in[:size], nil
		}
		n, err := l.conn.Read(l.in[len(l.in):cap(l.in)])
		l.in = l.in[:len(l.in)+n]
		if n == 0 && err != nil {
			return nil, err
		}
	}
}

// frameTCP is the length of the frame that begins at the first byte; 0 while the header is not complete.
func frameTCP(b []byte) (int, error) {
	if len(b) < mbapHeader {
		return 0, nil
	}
	if protocol := binary.BigEndian.Uint16(b[2:]); protocol != 0 {
		return 0, fmt.Errorf("%w: protocol %d", errFraming, protocol)
	}
	size := mbapHeader + int(binary.BigEndian.Uint16(b[4:]))
	if size < mbapHeader+2 || size > maxTCP {
		return 0, fmt.Errorf("%w: length %d", errFraming, size-mbapHeader)
	}
	return size, nil
}
