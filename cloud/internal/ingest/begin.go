package ingest

import (
	"context"
	"database/sql"
	"errors"

	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/wire"
)

// A record may end the whole program, by taking all memory for instance, and nobody is left to count the try. So the first
// message of each stream in a life of the program, and each after one that failed, is noted before it is taken. Who finds
// such a note of an earlier life takes the message alone, and counts it only then, so that no other record can be meant; the
// next time, its records one by one; and the record that is found begun once more is parked untried. Messages behind one that
// went well cost nothing.
const (
	beginAlone  = 2
	beginSingly = maxTries
)

type begun struct {
	epoch, seq uint64
	n          int
}

// careful takes a batch and fills in what the acknowledgement says. known is false when the epoch is not the present one.
func (s *Service) careful(ctx context.Context, c inbox.Cursor, b *wire.Batch, ack *wire.Ack) (known bool, err error) {
	key := streamOf{c.Gateway, c.Stream}
	last := b.GetFirst() + uint64(len(b.GetRecords())) - 1
	s.mu.Lock()
	proven := s.proven[key]
	s.mu.Unlock()
	alone := false
	if !proven {
		if alone, err = s.suspect(ctx, c, b.GetFirst(), last); err != nil {
			return false, err
		}
	}
	if alone {
		s.alone.Lock()
		defer s.alone.Unlock()
	} else {
		s.alone.RLock()
		defer s.alone.RUnlock()
	}
	var mark begun
	if !proven {
		if mark, err = s.noteBegin(ctx, c, b.GetFirst(), last, 1); err != nil {
			return false, err
		}
	}
	if alone {
		s.cfg.Log.Warn("the program ended while it took this message; now it is taken alone", "gateway", c.Gateway, "stream", wire.StreamName(c.Stream), "seq", mark.seq, "begun", mark.n)
	}
	var clean bool
	if alone && mark.n >= beginSingly {
		known, clean, err = s.singly(ctx, c, b, mark, ack)
	} else {
		known, clean, err = s.takeAll(ctx, c, b, ack)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !clean:
		delete(s.proven, key)
	case !proven && mark.n > 0 && ack.GetCum() >= mark.seq:
		s.proven[key] = true
		delete(s.begun, key)
	}
	return known, err
}

// suspect says whether a life of the program that ended had begun what is the first new record of a message.
func (s *Service) suspect(ctx context.Context, c inbox.Cursor, first, last uint64) (bool, error) {
	c, known, err := inbox.Find(ctx, s.cfg.DB.Reader(), c)
	if err != nil || !known || last <= c.Cum {
		return false, err
	}
	next := at(c, max(first, c.Cum+1))
	s.mu.Lock()
	had := s.begun[streamOf{c.Gateway, c.Stream}]
	s.mu.Unlock()
	if had.epoch == next.Epoch && had.seq == next.Cum {
		return had.n >= beginAlone, nil
	}
	n, err := inbox.Begins(ctx, s.cfg.DB.Reader(), next)
	return n+1 >= beginAlone, err
}

// noteBegin notes that the first new record of a message is about to be taken. Its n is 0 when none is new. A message that comes
// again in the same life has not ended the program.
func (s *Service) noteBegin(ctx context.Context, c inbox.Cursor, first, last uint64, least int) (mark begun, err error) {
	key := streamOf{c.Gateway, c.Stream}
	err = s.update(ctx, c.Gateway, 1, func(ctx context.Context, tx *sql.Tx) error {
		mark = begun{}
		c, known, err := inbox.Find(ctx, tx, c)
		if err != nil || !known || last <= c.Cum {
			return err
		}
		next := begun{epoch: c.Epoch, seq: max(first, c.Cum+1)}
		s.mu.Lock()
		had := s.begun[key]
		s.mu.Unlock()
		if had.epoch == next.epoch && had.seq == next.seq {
			mark = had
			return nil
		}
		next.n, err = inbox.Begun(ctx, tx, at(c, next.seq), s.cfg.Now(), least)
		mark = next
		return err
	})
	if err == nil && mark.n > 0 {
		s.mu.Lock()
		s.begun[key] = mark
		s.mu.Unlock()
	}
	return mark, err
}

// ended takes back the note of a begin, in the transaction that took the records up to the cursor.
func (s *Service) ended(ctx context.Context, tx *sql.Tx, c inbox.Cursor) error {
	s.mu.Lock()
	mark, ok := s.begun[streamOf{c.Gateway, c.Stream}]
	s.mu.Unlock()
	if !ok || mark.epoch != c.Epoch {
		return nil
	}
	return inbox.Ended(ctx, tx, c, mark.seq)
}

// takeAll takes a batch as a whole. clean is false when a record could not be applied.
func (s *Service) takeAll(ctx context.Context, c inbox.Cursor, b *wire.Batch, ack *wire.Ack) (known, clean bool, err error) {
	items, err := s.check(ctx, c.Gateway, b)
	if err != nil {
		return false, false, err
	}
	clean = true
	for more := true; more; {
		var out outcome
		if out, more, err = s.store(ctx, c, items); err != nil || !out.known {
			return false, false, err
		}
		s.hear(c.Gateway, s.cfg.Now())
		s.tell(c.Gateway, c.Stream, out)
		ack.Cum, ack.Rejects = out.cum, append(ack.GetRejects(), out.rejects...)
		clean = clean && out.failed == nil
	}
	return true, clean, nil
}

var errEnded = errors.New("the program ended each time while it was applied")

// singly takes a batch record by record, each noted before. One that was begun too often is parked.
func (s *Service) singly(ctx context.Context, c inbox.Cursor, b *wire.Batch, mark begun, ack *wire.Ack) (known, clean bool, err error) {
	for i, r := range b.GetRecords() {
		seq := b.GetFirst() + uint64(i)
		if seq < mark.seq {
			continue
		}
		if seq > mark.seq {
			if mark, err = s.noteBegin(ctx, c, seq, seq, beginSingly); err != nil || mark.n == 0 {
				return false, false, err
			}
		}
		if mark.n > maxTries {
			it := &item{seq: seq, record: r, wallMs: r.GetWallMs()}
			moved, err := s.setAside(ctx, c, it, errEnded, func(context.Context, *sql.Tx, inbox.Cursor) (bool, error) { return true, nil })
			if err == nil && !moved { // it is not the next one
				var cum uint64
				cum, err = inbox.Cum(ctx, s.cfg.DB.Reader(), c)
				ack.Cum = min(ack.GetCum(), cum)
			}
			if err != nil || !moved {
				return err == nil, false, err
			}
			ack.Cum = seq
			known, clean = true, true
			continue
		}
		one := &wire.Batch{Stream: b.GetStream(), First: seq, Records: b.GetRecords()[i : i+1], Late: b.GetLate()}
		if known, clean, err = s.takeAll(ctx, c, one, ack); err != nil || !known || !clean || ack.GetCum() < seq {
			return known, clean, err
		}
	}
	return known, clean, nil
}
