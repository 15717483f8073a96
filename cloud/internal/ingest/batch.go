package ingest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/ledger"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

// item is one record, checked before the transaction begins.
type item struct {
	seq      uint64
	record   *wire.Record
	event    *wire.Event
	chunk    *wire.Chunk
	span     span
	origin   *wire.Origin // of its readings; nil: they are of the record's start
	originMs int64        // the origin's time, as well as that is known
	code     string       // why it is refused for good; empty: it is taken
	broken   error        // it made the check panic
	late     bool         // it waited while the gateway was cut off
	wallMs   int64        // when it was recorded, as well as that is known
	payload  []byte       // with other times than the gateway's; nil: as it came
	untimed  bool         // its time may be wrong, and nothing tells it
	astray   bool         // the times of its readings may be wrong, and nothing tells them
	teaches  []org.Boot   // what it tells of starts
}

// stored is the payload as it is kept.
func (it *item) stored() []byte {
	if it.payload != nil {
		return it.payload
	}
	return it.record.GetPayload()
}

// outcome is what a batch changed.
type outcome struct {
	cum       uint64
	known     bool // the epoch
	taken     int
	rejects   []*wire.Reject
	telemetry []*item // stored
	incidents []string
	gateway   bool       // its state or devices changed
	boots     []org.Boot // learned
	failed    *item      // could not be applied; what is behind it was not tried
	why       error
}

func (s *Service) batch(ctx context.Context, gateway string, stream uint32, payload []byte) ([]Reply, error) {
	var b wire.Batch
	if err := proto.Unmarshal(payload, &b); err != nil {
		return s.refuse(gateway, "malformed", err)
	}
	if b.GetStream() != stream || b.GetFirst() == 0 || len(b.GetRecords()) == 0 || b.GetFirst() > math.MaxInt64-uint64(len(b.GetRecords())) {
		return s.refuse(gateway, "malformed", fmt.Errorf("stream %d, %d records from %d", b.GetStream(), len(b.GetRecords()), b.GetFirst()))
	}
	contact, known, err := org.ContactOf(ctx, s.cfg.DB.Reader(), gateway)
	if err != nil {
		return nil, err
	}
	ack := &wire.Ack{Session: b.GetSession(), Stream: stream, Epoch: b.GetEpoch(), Cum: b.GetFirst() - 1}
	if !known || contact.Session != b.GetSession() {
		return s.fence(ctx, gateway, contact, b.GetSession(), ack)
	}
	c := inbox.Cursor{Gateway: gateway, Stream: stream, Epoch: b.GetEpoch()}
	var full *fullError
	switch known, err := s.careful(ctx, c, &b, ack); {
	case errors.As(err, &full):
		return s.restEvidence(ctx, c, ack, err)
	case err != nil:
		return nil, err
	case !known:
		return s.refuse(gateway, "epoch", fmt.Errorf("epoch %x was not in the hello", b.GetEpoch()))
	}
	if err := s.ticked(ctx, gateway, &b, s.cfg.Now()); err != nil {
		return nil, err
	}
	replies, err := s.replies(ctx, gateway, contact.Watched, ack)
	if err != nil {
		return nil, err
	}
	return replies, s.remember(gateway, ack)
}

// store takes what can be taken of a batch. more is true when a record was parked and those behind it can be taken now.
func (s *Service) store(ctx context.Context, c inbox.Cursor, items []*item) (out outcome, more bool, err error) {
	err = s.update(ctx, c.Gateway, len(items), func(ctx context.Context, tx *sql.Tx) error {
		out = outcome{}
		return s.take(ctx, tx, c, items, &out)
	})
	if bad, ok := poisoned(err); ok { // it broke the whole transaction
		first := items[0].seq
		out = outcome{known: true, failed: items[bad.seq-first], why: bad.cause}
		var cum uint64
		if cum, err = inbox.Cum(ctx, s.cfg.DB.Reader(), c); err != nil {
			return out, false, err
		}
		out.cum = cum
		if cum+1 < bad.seq && bad.seq > first { // those before it are taken alone, so that it is the next one
			if out, _, err = s.store(ctx, c, items[:bad.seq-first]); err != nil || out.failed != nil || !out.known {
				return out, false, err
			}
			out.failed, out.why = items[bad.seq-first], bad.cause
		}
	}
	if err != nil || out.failed == nil {
		return out, false, err
	}
	more, err = s.tried(ctx, c, out.failed, out.why)
	if more {
		out.cum = out.failed.seq
		more = out.cum < items[len(items)-1].seq
	}
	return out, more, err
}

// check decodes every record. One that is wrong is refused alone; the others are taken.
func (s *Service) check(ctx context.Context, gateway string, b *wire.Batch) ([]*item, error) {
	items := make([]*item, len(b.GetRecords()))
	for i, r := range b.GetRecords() {
		it := &item{seq: b.GetFirst() + uint64(i), record: r, late: b.GetLate(), wallMs: r.GetWallMs()}
		it.broken = s.checkOne(b.GetStream(), it)
		items[i] = it
		if err := s.keep(ctx, gateway, it); err != nil {
			return nil, err
		}
	}
	return items, s.retime(ctx, s.cfg.DB.Reader(), gateway, items)
}

// Codes of refused records.
const (
	codeCorrupt = "corrupt"
	codeLarge   = "too_large"
	codeType    = "unknown_type"
)

// checkOne decodes one record, or says why it is refused. An error is a mistake of ours.
func (s *Service) checkOne(stream uint32, it *item) error {
	return guarded(func() error {
		it.wallMs = it.record.GetWallMs()
		it.code = s.decode(stream, it)
		return nil
	})
}

func (s *Service) decode(stream uint32, it *item) string {
	r := it.record
	switch {
	case len(r.GetPayload()) > wire.MaxPayload:
		return codeLarge
	case wire.Checksum(r.GetPayload()) != r.GetCrc():
		return codeCorrupt
	case stream == wire.StreamTelemetry && r.GetType() == wire.TypeReadings:
		var err error
		if it.span, it.origin, err = s.scan(r.GetPayload()); err != nil {
			return refusal(err)
		}
	case stream == wire.StreamEvents && r.GetType() == wire.TypeEvent:
		var e wire.Event
		if err := proto.Unmarshal(r.GetPayload(), &e); err != nil || !sound(&e) {
			return codeCorrupt
		}
		it.event = &e
	case stream == wire.StreamEvidence && r.GetType() == wire.TypeChunk && s.cfg.Evidence != nil:
		var c wire.Chunk
		if err := proto.Unmarshal(r.GetPayload(), &c); err != nil {
			return codeCorrupt
		}
		it.chunk = &c
	default:
		return codeType
	}
	return ""
}

// sound refuses events that nothing could be made of. An event of a kind that is not known yet is kept.
func sound(e *wire.Event) bool {
	a := e.GetAlert()
	if a == nil {
		return true
	}
	switch rules.Severity(a.GetSeverity()) {
	case rules.SeverityA, rules.SeverityB, rules.SeverityC:
		return a.GetAlert() != "" && a.GetSubject() != ""
	}
	return false
}

// take moves the cursor over the batch inside a transaction.
func (s *Service) take(ctx context.Context, tx *sql.Tx, c inbox.Cursor, items []*item, out *outcome) error {
	c, known, err := inbox.Find(ctx, tx, c)
	if err != nil || !known {
		return err
	}
	out.known = true
	if out.gateway, err = org.Seen(ctx, tx, c.Gateway, s.cfg.Now()); err != nil {
		return err
	}
	if items[0].seq > c.Cum+1 {
		// Only a gap that the gateway has told of lets the cursor pass. Without one the answer is the cursor: the gateway
		// goes back to it, and if it has nothing there, says so in a hello.
		if c, err = inbox.SkipGaps(ctx, tx, c); err != nil {
			return err
		}
	}
	if before := c.Cum; items[0].seq <= before+1 {
		if err := s.accept(ctx, tx, &c, items, out); err != nil {
			return err
		}
		if err := s.ran(ctx, tx, before, c, items); err != nil {
			return err
		}
	}
	out.cum = c.Cum
	if err := s.ended(ctx, tx, c); err != nil {
		return err
	}
	return inbox.Save(ctx, tx, c)
}

func gapOf(g *wire.Gap) inbox.Gap {
	last := min(g.GetLast(), math.MaxInt64)
	return inbox.Gap{First: min(g.GetFirst(), last), Last: last, Reason: g.GetReason()}
}

// accept stores the records behind the cursor, up to the first that cannot be applied.
func (s *Service) accept(ctx context.Context, tx *sql.Tx, c *inbox.Cursor, items []*item, out *outcome) error {
	ended := false
	for _, it := range items {
		if it.seq <= c.Cum {
			continue
		}
		before, sofar := *c, *out
		one := func() error {
			if it.broken != nil {
				return it.broken
			}
			if !ended {
				if err := inbox.EndGaps(ctx, tx, *c, it.wallMs); err != nil {
					return err
				}
			}
			return s.acceptAny(ctx, tx, c, it, out)
		}
		if len(items) == 1 || c.Stream == wire.StreamTelemetry { // the usual case: what is taken back is the whole message
			if err := guarded(one); err != nil {
				return &recordError{it.seq, err}
			}
			ended = true
			continue
		}
		why, fatal := within(ctx, tx, "record", one)
		if fatal != nil {
			return &recordError{it.seq, fatal}
		}
		if why != nil {
			*c, *out = before, sofar
			out.failed, out.why = it, why
			return nil
		}
		ended = true
	}
	return nil
}

// acceptAny stores one record or notes why it is refused.
func (s *Service) acceptAny(ctx context.Context, tx *sql.Tx, c *inbox.Cursor, it *item, out *outcome) error {
	c.Cum = it.seq
	if it.code != "" {
		// Noted here too: the answer may be lost on its way, and a record behind the cursor is never refused again.
		if err := inbox.AddGap(ctx, tx, *c, inbox.Gap{First: it.seq, Last: it.seq, Reason: "rejected"}); err != nil {
			return err
		}
		out.reject(it)
		return nil
	}
	c.WallMs = it.wallMs
	if err := s.acceptOne(ctx, tx, c, it, out); err != nil {
		return err
	}
	out.taken++
	return nil
}

func (o *outcome) reject(it *item) {
	if n := len(o.rejects); n > 0 && o.rejects[n-1].GetLast()+1 == it.seq && o.rejects[n-1].GetCode() == it.code {
		o.rejects[n-1].Last = it.seq
		return
	}
	o.rejects = append(o.rejects, &wire.Reject{First: it.seq, Last: it.seq, Code: it.code})
}

func (s *Service) acceptOne(ctx context.Context, tx *sql.Tx, c *inbox.Cursor, it *item, out *outcome) error {
	for _, b := range it.teaches {
		if err := org.Booted(ctx, tx, b); err != nil {
			return err
		}
		out.boots = append(out.boots, b)
	}
	if c.Stream == wire.StreamTelemetry {
		if it.astray {
			if err := org.Untimed(ctx, tx, c.Gateway, it.taken().boot, 1); err != nil {
				return err
			}
		}
		out.telemetry = append(out.telemetry, it)
		return inbox.PutReadings(ctx, tx, *c, it.stored())
	}
	if it.chunk != nil {
		return out.incident(s.cfg.Evidence.Chunk(ctx, tx, c.Gateway, it.chunk))
	}
	fresh, err := inbox.PutEvent(ctx, tx, *c, it.record.GetPayload())
	if err != nil || !fresh {
		return err
	}
	if err := s.apply(ctx, tx, c, it, out); err != nil {
		return err
	}
	if it.astray && it.event.GetBoot() != nil {
		return nil // nobody knows when it was
	}
	return ledger.Note(ctx, tx, c.Gateway, it.wallMs, it.event)
}

// tell passes on what a committed batch changed.
func (s *Service) tell(gateway string, stream uint32, out outcome) {
	s.metrics.records.WithLabelValues(wire.StreamName(stream)).Add(float64(out.taken))
	for _, r := range out.rejects {
		s.metrics.rejected.WithLabelValues(r.GetCode()).Add(float64(r.GetLast() - r.GetFirst() + 1))
	}
	if len(out.boots) > 0 {
		s.mu.Lock()
		s.taught[gateway] = out.boots[len(out.boots)-1].Boot
		s.mu.Unlock()
	}
	if len(out.telemetry) > 0 {
		s.pressure.put(gateway, out.taken)
		s.cfg.Stored()
		s.sighted(gateway, out.telemetry)
		s.show(gateway, out.telemetry)
	}
	if stream == wire.StreamEvidence && out.taken > 0 {
		s.cfg.Evidence.Stored()
	}
	for _, id := range out.incidents {
		s.cfg.Observer.Incident(id)
	}
	switch {
	case out.gateway:
		s.changed(gateway)
	case len(out.incidents) > 0: // its site has others open
		s.cfg.Observer.Gateway(gateway)
	}
}

// changed tells that the state or the devices of a gateway changed.
func (s *Service) changed(gateway string) {
	s.cfg.Observer.Gateway(gateway)
	if s.cfg.Health != nil {
		s.cfg.Health.Gateway(gateway)
	}
}
