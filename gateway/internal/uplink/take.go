package uplink

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

// take handles a message of the cloud's.
func (c *conversation) take(m message, now time.Time) {
	switch m.topic {
	case c.topic(wire.DownAck):
		var a wire.Ack
		if err := proto.Unmarshal(m.payload, &a); err != nil {
			c.ignore("malformed")
			return
		}
		c.takeAck(&a, now)
	case c.topic(wire.StatusLeaf):
		var st wire.Status
		if proto.Unmarshal(m.payload, &st) == nil && c.twins.stated(st.Session, now) {
			c.end = errFenced
		}
	case c.topic(wire.DownCommand):
		if c.cfg.OnCommand != nil {
			c.cfg.OnCommand(c.nonce, m.payload)
		}
	}
}

func (c *conversation) ignore(reason verdict) {
	c.cfg.Metrics.IgnoredAck.WithLabelValues(string(reason)).Inc()
}

func (c *conversation) takeAck(a *wire.Ack, now time.Time) {
	w, v := c.find(a)
	if v == ackSession && c.twins.acked(a.Session, a.TimeMs) {
		c.end = errFenced
	}
	if v != ackTaken {
		c.ignore(v)
		return
	}
	c.twins.answered(a.TimeMs)
	c.takeLinger(time.Duration(a.LingerMs) * time.Millisecond)
	if rest := time.Duration(a.RetryAfterMs) * time.Millisecond; a.Credit == 0 && rest >= fenceAsked && w.began { // before that, the cloud has too many at its door
		c.stay(rest, now)
		return
	}
	feed := c.feed(w.stream)
	_, _, next := feed.Stream.State()
	before, known, stuck := w.cum, w.began, w.stuck()
	switch v = w.ack(a, now, next, func(from, to uint64) bool { return none(feed.Stream, from, to) }); v {
	case ackTaken:
	case ackRestored:
		c.cfg.Log.Error("the cloud knows records that this outbox never had: it was restored from a copy",
			"stream", wire.StreamName(w.stream), "cloud", a.Cum, "next", next)
	default:
		c.ignore(v)
		if v == ackBeyond && !w.answered {
			c.ask(now)
		}
		if v == ackOld && w.stuck() {
			c.end = errForgot
		}
		return
	}
	if stuck && !w.stuck() {
		c.began = now // the cloud was away although the connection stayed: what waited since then is history too
	}
	if c.cfg.Newest != nil && w.stream == wire.StreamTelemetry && c.live.IsZero() && (!known || w.limit == 0) {
		c.live = now
	}
	c.answered = true
	c.lastAck.Store(time.Now().UnixMilli())
	if a.RetryAfterMs > 0 {
		c.notBefore = w.hold
		if w.limit == 0 && w.hold.Before(c.hello) {
			c.hello = w.hold // it said when to ask again
		}
	}
	if !known && v == ackTaken {
		c.foreign(w, feed.Stream)
	}
	feed.Stream.Ack(w.cum)
	c.mark(w)
	name := wire.StreamName(w.stream)
	if known && w.cum > before {
		c.cfg.Metrics.Acked.WithLabelValues(name).Add(float64(w.cum - before))
	}
	for _, r := range a.Rejects {
		c.takeReject(w, r)
	}
	c.cfg.Metrics.InFlight.WithLabelValues(name).Set(float64(len(w.inflight)))
}

// takeLinger hears how long readings may wait. A second or so means that somebody looks.
func (c *conversation) takeLinger(d time.Duration) {
	c.looked = d > 0 && d < liveEvery
	if c.cfg.OnLinger != nil {
		c.cfg.OnLinger(d)
	}
}

// stay rests in every stream because the cloud says that a newer session has our name. The connection stays, and the hello at
// the end lets the cloud decide anew. What it acknowledges to a fenced session is not believed.
func (c *conversation) stay(rest time.Duration, now time.Time) {
	until := now.Add(rest + jitter(rest))
	for _, w := range c.windows {
		w.goBack()
		w.limit, w.hold = 0, until
	}
	c.notBefore, c.hello, c.live = until, until, time.Time{}
	c.cfg.Log.Error("the cloud says that another gateway uses this one's identity; this one rests", "for", until.Sub(now).Round(time.Second))
	c.tellFenced()
}

// foreign reports records that the cloud says it has and that nobody can have brought there but another gateway with our
// identity: they were made since the start of this process, and never sent. The cloud keeps the other's under their numbers.
func (c *conversation) foreign(w *window, s Stream) {
	m := c.marks[w.stream]
	if m == nil || m.epoch != w.epoch || w.cum < m.next || none(s, m.next, w.cum) {
		return
	}
	gap := outbox.Gap{Stream: w.stream, Epoch: w.epoch, First: m.next, Last: w.cum, Reason: outbox.ReasonRestored}
	c.cfg.Log.Error("the cloud has records under numbers that were never sent from here: is there a copy of this gateway?",
		"stream", wire.StreamName(w.stream), "first", gap.First, "last", gap.Last)
	c.cfg.Metrics.Foreign.WithLabelValues(wire.StreamName(w.stream)).Add(float64(gap.Last - gap.First + 1))
	if c.cfg.OnGap != nil {
		c.cfg.OnGap(gap)
	}
}

func (c *conversation) feed(stream uint32) Feed {
	for _, f := range c.cfg.Streams {
		if f.ID == stream {
			return f
		}
	}
	return Feed{}
}

// none says that a stream has no record from..to, both included, although it gave out these numbers.
func none(s Stream, from, to uint64) bool {
	_, _, next := s.State()
	if to >= next {
		return false
	}
	records, err := s.Read(from, 1)
	return err == nil && (len(records) == 0 || records[0].Seq > to)
}

// takeReject sets records aside that the cloud will never take.
func (c *conversation) takeReject(w *window, r *wire.Reject) {
	if !w.reject(span{r.First, r.Last}) {
		c.ignore("reject")
		return
	}
	gap := outbox.Gap{Stream: w.stream, Epoch: w.epoch, First: r.First, Last: r.Last, Reason: "rejected"}
	name := wire.StreamName(w.stream)
	c.cfg.Log.Error("the cloud refuses records", "stream", name, "first", r.First, "last", r.Last, "code", r.Code)
	c.cfg.Metrics.Rejected.WithLabelValues(name).Add(float64(r.Last - r.First + 1))
	for from := r.First; from <= r.Last; {
		records, err := c.feed(w.stream).Stream.Read(from, wire.MaxMessage)
		if err != nil || len(records) == 0 {
			break // what cannot be read cannot be set aside; the gap tells of it
		}
		from = records[len(records)-1].Seq + 1
		for len(records) > 0 && records[len(records)-1].Seq > r.Last {
			records = records[:len(records)-1]
		}
		if err := c.dead.add(gap, r.Code, records); err != nil {
			c.cfg.Log.Error("rejected records are not kept", "err", err)
			break
		}
	}
	if c.cfg.OnGap != nil {
		c.cfg.OnGap(gap)
	}
}
