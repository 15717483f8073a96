package ingest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
)

const (
	watchFor    = 90 * time.Second // after the last look
	watchNote   = 30 * time.Second // between two notes of the same in SQL
	watchLinger = 1000             // ms: Ack.linger_ms while somebody looks
	repeatAfter = 5 * time.Second  // an acknowledgement is said again so long after it was said …
	repeatUntil = 15 * time.Second // … while batches come: it is QoS 0
)

// Watch notes that somebody looks at the site of a gateway: for 90 s it shall send readings as they come, and is told so
// now. Whoever serves pages may call it, whichever worker has the gateway. It never blocks; Run does the work.
func (s *Service) Watch(gateway string) {
	now := s.cfg.Now()
	s.mu.Lock()
	w := s.watched[gateway]
	w.until = now.Add(watchFor)
	due := w.noted.IsZero() || now.Sub(w.noted) >= watchNote
	if due {
		w.noted = now
		s.look[gateway] = true
	}
	s.watched[gateway] = w
	s.mu.Unlock()
	if due {
		select {
		case s.looked <- struct{}{}:
		default:
		}
	}
}

type watch struct{ until, noted time.Time }

// linger is what acknowledgements say about it; watched is what SQL says.
func (s *Service) linger(gateway string, watched time.Time) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.cfg.Now(); now.Before(watched) || now.Before(s.watched[gateway].until) {
		return watchLinger
	}
	return 0
}

// watches keeps what Watch noted and tells the gateways.
func (s *Service) watches(ctx context.Context) error {
	now := s.cfg.Now()
	s.mu.Lock()
	look := s.look
	s.look = map[string]bool{}
	for gateway, w := range s.watched {
		if now.After(w.until) {
			delete(s.watched, gateway)
		}
	}
	s.mu.Unlock()
	var errs []error
	for gateway := range look {
		if err := s.watchOne(ctx, gateway, now.Add(watchFor)); err != nil {
			errs = append(errs, fmt.Errorf("watch %s: %w", gateway, err))
		}
	}
	return errors.Join(errs...)
}

// watchOne repeats the newest acknowledgements, from SQL: another worker may have given them.
func (s *Service) watchOne(ctx context.Context, gateway string, until time.Time) error {
	// Not under the lease: it is the page that looks, and nothing of the gateway's is moved.
	if err := s.commits.do(ctx, 1, func(ctx context.Context, tx *sql.Tx) error { return org.Watch(ctx, tx, gateway, until) }); err != nil {
		return err
	}
	c, known, err := org.ContactOf(ctx, s.cfg.DB.Reader(), gateway)
	if err != nil || !known || !c.Online {
		return err
	}
	cursors, err := inbox.Present(ctx, s.cfg.DB.Reader(), gateway)
	if err != nil {
		return err
	}
	var acks []*wire.Ack
	for _, cur := range cursors {
		if cur.Stream == wire.StreamTelemetry {
			acks = append(acks, &wire.Ack{Session: c.Session, Stream: cur.Stream, Epoch: cur.Epoch, Cum: cur.Cum})
		}
	}
	replies, err := s.replies(ctx, gateway, until, acks...)
	if err == nil {
		s.publish(replies)
	}
	return err
}

func (s *Service) publish(replies []Reply) {
	if s.cfg.Publish != nil && len(replies) > 0 {
		s.cfg.Publish(replies)
	}
}

// said is the newest acknowledgement of a stream.
type said struct {
	reply Reply
	at    time.Time // when it was last said
	batch time.Time // when the batch came that it answers
}

type streamOf struct {
	gateway string
	stream  uint32
}

// remember keeps an acknowledgement of a batch, to be repeated.
func (s *Service) remember(gateway string, a *wire.Ack) error {
	if s.cfg.Publish == nil {
		return nil
	}
	if a.GetRetryAfterMs() > 0 { // said again, it would begin anew
		s.mu.Lock()
		delete(s.said, streamOf{gateway, a.GetStream()})
		s.mu.Unlock()
		return nil
	}
	// A refused record is told of once: it is a gap now. And the time stays that of the answer, so that a gateway can tell a
	// repetition from an answer to somebody else.
	b, err := proto.Marshal(&wire.Ack{Session: a.GetSession(), Stream: a.GetStream(), Epoch: a.GetEpoch(), Cum: a.GetCum(), Credit: a.GetCredit(),
		TimeMs: a.GetTimeMs(), LingerMs: a.GetLingerMs()})
	if err != nil {
		return fmt.Errorf("encode ack: %w", err)
	}
	now := s.cfg.Now()
	s.mu.Lock()
	s.said[streamOf{gateway, a.GetStream()}] = said{Reply{wire.Topic(gateway, wire.DownAck), b}, now, now}
	s.mu.Unlock()
	return nil
}

// forget drops what would be repeated to an earlier session of a gateway.
func (s *Service) forget(gateway string) {
	s.mu.Lock()
	for _, stream := range []uint32{wire.StreamEvents, wire.StreamTelemetry, wire.StreamEvidence} {
		delete(s.said, streamOf{gateway, stream})
	}
	s.mu.Unlock()
}

// Repeat says acknowledgements again whose time has come. Run calls it every second.
func (s *Service) Repeat() {
	now := s.cfg.Now()
	var again []Reply
	s.mu.Lock()
	for key, a := range s.said {
		switch {
		case now.Sub(a.batch) > repeatUntil:
			delete(s.said, key)
		case now.Sub(a.at) >= repeatAfter:
			a.at = now
			s.said[key] = a
			again = append(again, a.reply)
		}
	}
	s.mu.Unlock()
	s.publish(again)
}
