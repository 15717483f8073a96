package ingest

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

type fence struct {
	gateway string
	session uint64
}

// item is one record, checked before the transaction begins.
type item struct {
	seq      uint64
	record   *wire.Record
	event    *wire.Event
	readings []device.Reading
	code     string // why it is refused for good; empty: it is taken
}

// outcome is what a batch changed.
type outcome struct {
	cum       uint64
	known     bool // the epoch
	taken     int
	rejects   []*wire.Reject
	readings  []device.Reading
	incidents []string
	gateway   bool // its state or devices changed
}

func (s *Service) batch(ctx context.Context, gateway string, stream uint32, payload []byte) ([]Reply, error) {
	var b wire.Batch
	if err := proto.Unmarshal(payload, &b); err != nil {
		return s.refuse(gateway, "malformed", err)
	}
	if b.GetStream() != stream || b.GetFirst() == 0 || len(b.GetRecords()) == 0 || b.GetFirst() > math.MaxInt64-uint64(len(b.GetRecords())) {
		return s.refuse(gateway, "malformed", fmt.Errorf("stream %d, %d records from %d", b.GetStream(), len(b.GetRecords()), b.GetFirst()))
	}
	session, _, err := org.Session(ctx, s.cfg.DB.Reader(), gateway)
	if err != nil {
		return nil, err
	}
	if session != b.GetSession() {
		return s.fence(ctx, gateway, b.GetSession())
	}
	items := s.check(&b)
	var out outcome
	err = s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		out = outcome{}
		return s.take(ctx, tx, inbox.Cursor{Gateway: gateway, Stream: stream, Epoch: b.GetEpoch()}, items, &out)
	})
	if err != nil {
		return nil, err
	}
	if !out.known {
		return s.refuse(gateway, "epoch", fmt.Errorf("epoch %x was not in the hello", b.GetEpoch()))
	}
	s.tell(gateway, stream, out)
	return s.replies(ctx, gateway, &wire.Ack{Session: b.GetSession(), Stream: stream, Epoch: b.GetEpoch(), Cum: out.cum, Rejects: out.rejects})
}

// grace is how long after a hello batches of the session before may still arrive: they were under way.
const grace = 10 * time.Second

// fence refuses a batch of a session that is not the newest one: an old connection, or, when it still speaks after the
// grace, a second gateway with the name.
func (s *Service) fence(ctx context.Context, gateway string, session uint64) ([]Reply, error) {
	s.mu.Lock()
	told := s.fenced[fence{gateway, session}] || s.cfg.Now().Sub(s.met[gateway]) <= grace
	if len(s.fenced) > 10_000 {
		clear(s.fenced)
	}
	if !told {
		s.fenced[fence{gateway, session}] = true
	}
	s.mu.Unlock()
	if !told {
		err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
			return org.Note(ctx, tx, org.Entry{At: s.cfg.Now(), Gateway: gateway, Kind: org.SecondTwin, Text: rules.Text{
				ZH: "收到旧会话的数据,已拒收:可能有两台网关使用同一身份",
				EN: "data of an older session was refused: two gateways may share this identity"}})
		})
		if err != nil {
			return nil, err
		}
		s.cfg.Log.Warn("batch of an older session refused", "gateway", gateway, "session", fmt.Sprintf("%x", session))
	}
	return s.refuse(gateway, "fenced", fmt.Errorf("session %x", session))
}

// check decodes every record. One that is wrong is refused alone; the others are taken.
func (s *Service) check(b *wire.Batch) []item {
	items := make([]item, len(b.GetRecords()))
	for i, r := range b.GetRecords() {
		items[i] = item{seq: b.GetFirst() + uint64(i), record: r}
		items[i].code = s.checkOne(b.GetStream(), &items[i])
	}
	return items
}

// Codes of refused records.
const (
	codeCorrupt = "corrupt"
	codeLarge   = "too_large"
	codeType    = "unknown_type"
)

func (s *Service) checkOne(stream uint32, it *item) string {
	r := it.record
	switch {
	case len(r.GetPayload()) > wire.MaxPayload:
		return codeLarge
	case wire.Checksum(r.GetPayload()) != r.GetCrc():
		return codeCorrupt
	case stream == wire.StreamTelemetry && r.GetType() == wire.TypeReadings:
		rs, err := s.decoder.Readings(r.GetPayload())
		if err != nil {
			return codeCorrupt
		}
		it.readings = rs
	case stream == wire.StreamEvents && r.GetType() == wire.TypeEvent:
		var e wire.Event
		if err := proto.Unmarshal(r.GetPayload(), &e); err != nil || !sound(&e) {
			return codeCorrupt
		}
		it.event = &e
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
func (s *Service) take(ctx context.Context, tx *sql.Tx, c inbox.Cursor, items []item, out *outcome) error {
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
	if items[0].seq <= c.Cum+1 {
		if err := s.accept(ctx, tx, &c, items, out); err != nil {
			return err
		}
	}
	out.cum = c.Cum
	return inbox.Save(ctx, tx, c)
}

func gapOf(g *wire.Gap) inbox.Gap {
	last := min(g.GetLast(), math.MaxInt64)
	return inbox.Gap{First: min(g.GetFirst(), last), Last: last, Reason: g.GetReason()}
}

// accept stores the records behind the cursor.
func (s *Service) accept(ctx context.Context, tx *sql.Tx, c *inbox.Cursor, items []item, out *outcome) error {
	ended := false
	for _, it := range items {
		if it.seq <= c.Cum {
			continue
		}
		if !ended {
			ended = true
			if err := inbox.EndGaps(ctx, tx, *c, it.record.GetWallMs()); err != nil {
				return err
			}
		}
		c.Cum = it.seq
		if it.code != "" {
			// Noted here too: the answer may be lost on its way, and a record behind the cursor is never refused again.
			if err := inbox.AddGap(ctx, tx, *c, inbox.Gap{First: it.seq, Last: it.seq, Reason: "rejected"}); err != nil {
				return err
			}
			out.reject(it)
			s.metrics.rejected.WithLabelValues(it.code).Inc()
			continue
		}
		c.WallMs = it.record.GetWallMs()
		if err := s.acceptOne(ctx, tx, c, it, out); err != nil {
			return fmt.Errorf("record %d: %w", it.seq, err)
		}
		out.taken++
	}
	return nil
}

func (o *outcome) reject(it item) {
	if n := len(o.rejects); n > 0 && o.rejects[n-1].GetLast()+1 == it.seq && o.rejects[n-1].GetCode() == it.code {
		o.rejects[n-1].Last = it.seq
		return
	}
	o.rejects = append(o.rejects, &wire.Reject{First: it.seq, Last: it.seq, Code: it.code})
}

func (s *Service) acceptOne(ctx context.Context, tx *sql.Tx, c *inbox.Cursor, it item, out *outcome) error {
	if c.Stream == wire.StreamTelemetry {
		out.readings = append(out.readings, it.readings...)
		return inbox.PutReadings(ctx, tx, *c, it.record.GetPayload())
	}
	fresh, err := inbox.PutEvent(ctx, tx, *c, it.record.GetPayload())
	if err != nil || !fresh {
		return err
	}
	return s.apply(ctx, tx, c, it.event, out)
}

// tell passes on what a committed batch changed.
func (s *Service) tell(gateway string, stream uint32, out outcome) {
	s.hear(gateway, s.cfg.Now())
	s.metrics.records.WithLabelValues(wire.StreamName(stream)).Add(float64(out.taken))
	if len(out.readings) > 0 {
		s.cfg.Stored()
		s.cfg.Observer.Readings(gateway, out.readings)
	}
	for _, id := range out.incidents {
		s.cfg.Observer.Incident(id)
	}
	if out.gateway || len(out.incidents) > 0 {
		s.cfg.Observer.Gateway(gateway)
	}
}
