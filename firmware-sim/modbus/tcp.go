package modbus

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/linshao/linshao/firmware-sim/fault"
)

// TCPConfig says what a TCP port serves.
type TCPConfig struct {
	Listen  string          // "127.0.0.1:0": loopback; port 0 is a free one
	Bank    *Bank           // the units
	Faults  *fault.Switches // of the port itself: Cut; may be nil
	Journal *Journal        // may be nil
}

// A TCP is a Modbus TCP port with many units. It serves as many connections at once as the system has file descriptors.
type TCP struct {
	cfg  TCPConfig
	addr string

	mu    sync.Mutex
	ln    net.Listener // nil while cut
	conns map[net.Conn]struct{}
}

// NewTCP opens the port; Run serves it.
func NewTCP(cfg TCPConfig) (*TCP, error) {
	t := &TCP{cfg: cfg, addr: cfg.Listen, conns: map[net.Conn]struct{}{}}
	if err := t.listen(); err != nil {
		return nil, err
	}
	t.addr = t.ln.Addr().String() // a free port is kept over cuts
	return t, nil
}

// Addr is "host:port"; it stays the same over cuts.
func (t *TCP) Addr() string { return t.addr }

func (t *TCP) listen() error {
	ln, err := net.Listen("tcp", t.addr)
	if err != nil {
		return fmt.Errorf("listen for Modbus TCP: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ln = ln
	return nil
}

// Run serves until ctx ends, closing and reopening the port as Cut is set and cleared.
func (t *TCP) Run(ctx context.Context) error {
	for {
		changed := t.cfg.Faults.Changed()
		if t.cfg.Faults.On(fault.Cut) {
			t.hangUp()
			select {
			case <-ctx.Done():
				return nil
			case <-changed:
			}
			continue
		}
		if t.ln == nil {
			if err := t.listen(); err != nil {
				return err
			}
		}
		if err := t.serve(ctx); err != nil || ctx.Err() != nil {
			return err
		}
	}
}

// serve accepts until the port is cut or ctx ends, and joins every connection.
func (t *TCP) serve(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	ln := t.ln // hangUp may take it away from here on
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() {
		for {
			changed := t.cfg.Faults.Changed()
			if t.cfg.Faults.On(fault.Cut) {
				break
			}
			select {
			case <-changed:
				continue
			case <-ctx.Done():
			}
			break
		}
		t.hangUp()
	})
	for {
		conn, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept Modbus TCP: %w", err)
		}
		if t.keep(conn, ln) {
			wg.Go(func() { t.talk(conn) })
		}
	}
}

// keep remembers a connection, unless the port was cut meanwhile.
func (t *TCP) keep(conn net.Conn, ln net.Listener) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ln != ln {
		_ = conn.Close()
		return false
	}
	t.conns[conn] = struct{}{}
	return true
}

func (t *TCP) hangUp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ln != nil {
		_ = t.ln.Close()
		t.ln = nil
	}
	for c := range t.conns {
		_ = c.Close()
	}
	clear(t.conns)
}

// header is transaction, protocol, length, unit.
const header = 7

// idle is how long a connection may be quiet.
const idle = 10 * time.Minute

// talk answers one connection until it ends.
func (t *TCP) talk(conn net.Conn) {
	courier := fault.NewCourier(conn)
	defer courier.Close()
	defer func() {
		_ = conn.Close()
		t.mu.Lock()
		delete(t.conns, conn)
		t.mu.Unlock()
	}()
	var s scratch
	in := bufio.NewReaderSize(conn, 512)
	req, out := make([]byte, 0, 260), make([]byte, 0, 260)
	for {
		_ = conn.SetReadDeadline(time.Now().Add(idle))
		var err error
		if req, err = readADU(in, req[:0]); err != nil {
			return
		}
		var verdict fault.Verdict
		out, verdict = t.answer(&s, req, out[:0])
		if verdict.Drop || len(out) == 0 {
			continue
		}
		if courier.Send(out, verdict.Delay) != nil {
			return
		}
	}
}

// readADU reads one frame; a length that cannot be is an error, since a stream has no way back in step.
func readADU(in io.Reader, req []byte) ([]byte, error) {
	req = req[:header]
	if _, err := io.ReadFull(in, req); err != nil {
		return req, err
	}
	n := int(binary.BigEndian.Uint16(req[4:]))
	if binary.BigEndian.Uint16(req[2:]) != 0 || n < 2 || n > 254 {
		return req, errors.New("no Modbus frame")
	}
	req = req[:header+n-1]
	_, err := io.ReadFull(in, req[header:])
	return req, err
}

func (t *TCP) answer(s *scratch, req, out []byte) ([]byte, fault.Verdict) {
	at := &t.cfg.Bank.slots[req[6]]
	out = append(out, req[:header]...)
	if at.unit == nil {
		out = append(out, req[header]|0x80, byte(NoTarget))
		binary.BigEndian.PutUint16(out[4:], 3)
		return out, fault.Verdict{}
	}
	verdict := fault.Judge(at.faults)
	if verdict.Drop {
		return out, verdict
	}
	out = s.answer(at.unit, req[header:], out)
	binary.BigEndian.PutUint16(out[4:], uint16(len(out)-header+1))
	if verdict.WrongUnit {
		out[6]++
	}
	if verdict.Garble {
		out[1] ^= 0x55 // TCP has a checksum of its own: what comes through damaged is the framing
	} else if t.cfg.Journal != nil && verdict == (fault.Verdict{}) && out[header] < 0x80 {
		t.cfg.Journal.served(at.name, req[6], req[header:], s)
	}
	return out, verdict
}
