package ingest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

// maxTries is how often a record is tried before it is set aside and the stream goes on without it. The gateway sends it
// again after its time-out, so the tries are some ten seconds apart.
const maxTries = 3

// A recordError says at which record a batch could not be applied.
type recordError struct {
	seq   uint64
	cause error
}

func (e *recordError) Error() string { return fmt.Sprintf("record %d: %v", e.seq, e.cause) }

// Unwrap implements errors' interface.
func (e *recordError) Unwrap() error { return e.cause }

// poisoned says whether err blames a record, not the database.
func poisoned(err error) (*recordError, bool) {
	var bad *recordError
	if !errors.As(err, &bad) || db.Transient(bad.cause) {
		return nil, false
	}
	return bad, true
}

// tried counts a try of the record that could not be applied, in a transaction of its own: what failed took back all that
// belonged to it. The last try parks the record; then moved is true and the stream can go on behind it.
func (s *Service) tried(ctx context.Context, c inbox.Cursor, it *item, why error) (moved bool, err error) {
	var p *panicError
	if errors.As(why, &p) {
		s.cfg.Log.Error("panic while applying a record", "gateway", c.Gateway, "stream", wire.StreamName(c.Stream), "seq", it.seq, "panic", p.value, "stack", string(p.stack))
	}
	moved, err = s.setAside(ctx, c, it, why, func(ctx context.Context, tx *sql.Tx, c inbox.Cursor) (bool, error) {
		n, err := inbox.Try(ctx, tx, at(c, it.seq), s.cfg.Now(), short(why))
		return n >= maxTries, err
	})
	if err != nil {
		return false, err
	}
	s.metrics.failed.WithLabelValues(wire.StreamName(c.Stream)).Inc()
	return moved, nil
}

// setAside parks a record, if it is the next one of its stream and due says so.
func (s *Service) setAside(ctx context.Context, c inbox.Cursor, it *item, why error, due func(context.Context, *sql.Tx, inbox.Cursor) (bool, error)) (moved bool, err error) {
	err = s.update(ctx, c.Gateway, 1, func(ctx context.Context, tx *sql.Tx) error {
		moved = false
		c, known, err := inbox.Find(ctx, tx, c)
		if err != nil || !known {
			return err
		}
		if c, err = inbox.SkipGaps(ctx, tx, c); err != nil || c.Cum+1 != it.seq {
			return err // a message that came at the same time was further
		}
		if moved, err = due(ctx, tx, c); err != nil || !moved {
			return err
		}
		return s.park(ctx, tx, c, it, short(why))
	})
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	delete(s.begun, streamOf{c.Gateway, c.Stream}) // it ended
	s.mu.Unlock()
	if moved {
		s.metrics.parked.WithLabelValues(wire.StreamName(c.Stream)).Inc()
		s.cfg.Log.Error("a record cannot be applied and is parked", "gateway", c.Gateway, "stream", wire.StreamName(c.Stream), "seq", it.seq, "why", why)
		s.changed(c.Gateway)
	}
	return moved, nil
}

func at(c inbox.Cursor, seq uint64) inbox.Cursor {
	c.Cum = seq
	return c
}

// park sets the record behind the cursor aside.
func (s *Service) park(ctx context.Context, tx *sql.Tx, c inbox.Cursor, it *item, why string) error {
	c.Cum = it.seq
	c.WallMs = max(c.WallMs, it.wallMs)
	r := it.record
	p := inbox.Parked{Gateway: c.Gateway, Stream: c.Stream, Epoch: c.Epoch, Seq: it.seq, Type: r.GetType(), Boot: r.GetBoot(), Clock: r.GetClock(),
		WallMs: r.GetWallMs(), MonoMs: r.GetMonoMs(), Payload: r.GetPayload(), Why: why, At: s.cfg.Now()}
	if err := inbox.Park(ctx, tx, p); err != nil {
		return err
	}
	if err := inbox.AddGap(ctx, tx, c, inbox.Gap{First: it.seq, Last: it.seq, Reason: inbox.ReasonParked}); err != nil {
		return err
	}
	if err := inbox.TimeGap(ctx, tx, c, it.wallMs); err != nil {
		return err
	}
	if err := inbox.Save(ctx, tx, c); err != nil {
		return err
	}
	return org.Note(ctx, tx, org.Entry{At: s.cfg.Now(), Gateway: c.Gateway, Kind: org.ParkedRecord, Text: rules.Text{
		ZH: fmt.Sprintf("%s记录 %d 试了 %d 次都无法处理，已搁置：%s", streamZH(c.Stream), it.seq, maxTries, why),
		EN: fmt.Sprintf("%s record %d could not be applied in %d tries and is parked: %s", wire.StreamName(c.Stream), it.seq, maxTries, why)}})
}

// maxWhy keeps a reason readable, in bytes.
const maxWhy = 300

func short(err error) string {
	why := []byte(err.Error())
	return string(why[:min(len(why), maxWhy)])
}

// ErrApplied: the record was applied before.
var ErrApplied = errors.New("the record is applied already")

// Reapply tries a parked record again, after the cause was removed. inbox.ErrUnknown: there is none of that id. Any other
// error says why it still cannot be applied; the record stays parked.
func (s *Service) Reapply(ctx context.Context, id int64) error {
	var out outcome
	var p inbox.Parked
	err := s.commits.do(ctx, 1, func(ctx context.Context, tx *sql.Tx) (err error) {
		out = outcome{}
		if p, err = inbox.ParkedRecord(ctx, tx, id); err != nil {
			return err
		}
		if !p.AppliedAt.IsZero() {
			return ErrApplied
		}
		it := item{seq: p.Seq, record: p.Record(), late: true}
		if err := s.checkOne(p.Stream, &it); err != nil {
			return err
		}
		if it.code != "" {
			return fmt.Errorf("the record is refused: %s", it.code)
		}
		if err := s.retime(ctx, tx, p.Gateway, []*item{&it}); err != nil {
			return err
		}
		c := inbox.Cursor{Gateway: p.Gateway, Stream: p.Stream, Epoch: p.Epoch, Cum: p.Seq, WallMs: it.wallMs}
		if err := s.acceptOne(ctx, tx, &c, &it, &out); err != nil {
			return err
		}
		return inbox.Unpark(ctx, tx, p, s.cfg.Now())
	})
	if err != nil {
		return fmt.Errorf("apply parked record %d: %w", id, err)
	}
	s.tell(p.Gateway, p.Stream, out)
	s.changed(p.Gateway)
	return nil
}
