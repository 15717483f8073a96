package gb26875

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"
)

// Times and repetitions of the standard, 6.3: an answer comes within ten seconds, else the frame is sent again, three times
// in all after the first.
const (
	answerWait = 10 * time.Second
	resends    = 3
	writeWait  = 5 * time.Second
	stateEvery = 5 * time.Minute // our own state, so that a dead line is noticed
	lookEvery  = 2 * time.Second // for what has come without a wake, or has had its rest
)

// Errors of a unit that was sent.
var (
	ErrRejected = errors.New("the centre rejects it")
	ErrSilent   = errors.New("the centre does not confirm it")
)

// A Source has what is to be sent, one unit after the other.
type Source interface {
	// Next answers the data of the next frame; nil when there is none now.
	Next(ctx context.Context) ([]byte, error)
	// Sent hears what became of the last one that Next answered: nil, ErrRejected, ErrSilent, or the line's error. Its own
	// error ends the session.
	Sent(ctx context.Context, err error) error
	// Asked hears that the centre wants to know whether somebody is on duty (查岗). Nil: the question is taken.
	Asked(ctx context.Context) error
}

// Config is what a session needs.
type Config struct {
	From, To Address // ours and the centre's
	Source   Source
	Wake     <-chan struct{} // there may be something to send
	Zone     *time.Location
	Now      func() time.Time
	Log      *slog.Logger
}

// Session speaks over a connection until ctx ends or the connection fails. It does not close it.
func Session(ctx context.Context, conn net.Conn, cfg Config) error {
	s := &session{Config: cfg, conn: conn, frames: make(chan Frame), failed: make(chan error, 1)}
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); s.read(ctx) }()
	err := s.run(ctx)
	stop()
	conn.SetReadDeadline(time.Unix(1, 0)) //nolint:errcheck // the reader ends by this, or has ended already
	<-done
	return err
}

type session struct {
	Config
	conn   net.Conn
	frames chan Frame
	failed chan error

	serial  uint16
	waiting *Frame      // sent, and not answered yet
	ours    bool        // it is our own state, of which the source does not know
	left    int         // how often it may still be sent again
	answer  *time.Timer // runs while it waits
}

// read hands frames on until the connection ends. A damaged one has no command any more.
func (s *session) read(ctx context.Context) {
	r := bufio.NewReaderSize(s.conn, 4096)
	for {
		f, err := Read(r, s.Zone)
		if errors.Is(err, ErrDamaged) {
			s.Log.Warn("a frame of the centre cannot be read", "err", err)
			f.Command = 0
		} else if err != nil {
			s.failed <- err
			return
		}
		select {
		case s.frames <- f:
		case <-ctx.Done():
			return
		}
	}
}

func (s *session) run(ctx context.Context) error {
	state := time.NewTicker(stateEvery)
	defer state.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	s.answer = time.NewTimer(answerWait)
	defer s.answer.Stop()
	err := s.tell()
	for err == nil {
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case err = <-s.failed:
		case f := <-s.frames:
			err = s.take(ctx, f)
		case <-s.answer.C:
			err = s.again()
		case <-s.Wake:
			err = s.next(ctx)
		case <-look.C:
			err = s.next(ctx)
		case <-state.C:
			err = s.tell()
		}
	}
	if s.waiting == nil || s.ours {
		return err
	}
	return errors.Join(err, s.Source.Sent(context.WithoutCancel(ctx), err)) // it is sent again when there is a line
}

// tell sends our own state, unless something else is under way, which shows as well that the line lives.
func (s *session) tell() error {
	if s.waiting != nil {
		return nil
	}
	return s.begin(EncodeDevice(DeviceNormal, s.Now().In(s.Zone)), true)
}

// next begins with the source's next unit, unless one is under way.
func (s *session) next(ctx context.Context) error {
	if s.waiting != nil {
		return nil
	}
	data, err := s.Source.Next(ctx)
	if err != nil || data == nil {
		return err
	}
	return s.begin(data, false)
}

func (s *session) begin(data []byte, ours bool) error {
	s.serial++
	s.waiting, s.ours, s.left = &Frame{Serial: s.serial, Command: Send, Data: data}, ours, resends
	return s.transmit()
}

func (s *session) transmit() error {
	s.answer.Reset(answerWait)
	return s.write(*s.waiting)
}

func (s *session) write(f Frame) error {
	f.At, f.From, f.To = s.Now().In(s.Zone), s.From, s.To
	b, err := f.Append(nil)
	if err != nil {
		return err
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return fmt.Errorf("write frame: %w", err)
	}
	if _, err := s.conn.Write(b); err != nil {
		return fmt.Errorf("write frame: %w", err)
	}
	return nil
}

// again sends what was not answered in time, or was damaged on its way.
func (s *session) again() error {
	if s.waiting == nil {
		return nil
	}
	if s.left == 0 {
		return ErrSilent
	}
	s.left--
	return s.transmit()
}

// take acts on a frame of the centre.
func (s *session) take(ctx context.Context, f Frame) error {
	switch f.Command {
	case Confirm, Reject:
		if s.waiting == nil || f.Serial != s.waiting.Serial {
			return nil // of one that was sent again, and answered before
		}
		if f.Command == Reject && s.left > 0 {
			return s.again() // it may have been damaged on its way
		}
		return s.answered(ctx, f.Command)
	case Control, Request:
		if err := s.asked(ctx, f); err != nil {
			return err
		}
		return s.next(ctx)
	case 0:
		return s.write(Frame{Serial: f.Serial, Command: Reject})
	}
	return nil
}

func (s *session) answered(ctx context.Context, c Command) error {
	ours := s.ours
	s.waiting = nil
	s.answer.Stop()
	if !ours {
		var err error
		if c == Reject {
			err = ErrRejected
		}
		if err := s.Source.Sent(ctx, err); err != nil {
			return err
		}
	}
	return s.next(ctx)
}

// asked answers a question of the centre. To set our clock is not up to it: that is the cloud's, which has a better source.
func (s *session) asked(ctx context.Context, f Frame) error {
	a, err := ParseAsk(f.Data)
	if err != nil {
		s.Log.Warn("a question of the centre cannot be read", "err", err)
		return s.write(Frame{Serial: f.Serial, Command: Reject})
	}
	reply := Frame{Serial: f.Serial, Command: Respond}
	switch a.Type {
	case AskDevice:
		reply.Data = EncodeDevice(DeviceNormal, s.Now().In(s.Zone))
	case AskClock:
		reply.Data = EncodeClock(s.Now().In(s.Zone))
	case DutyCheck:
		if err := s.Source.Asked(ctx); err != nil {
			return err
		}
		reply.Command = Confirm
	default:
		s.Log.Info("the centre asks for what we do not have", "type", a.Type)
		reply.Command = Reject
	}
	return s.write(reply)
}
