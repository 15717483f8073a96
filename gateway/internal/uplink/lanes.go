package uplink

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

const (
	faultPause = time.Second      // after a failed read of the outbox
	lateAfter  = 60 * time.Second // a record held back for longer is history
	liveEvery  = 5 * time.Second  // between live values
	liveLooked = 2 * time.Second  // the same while somebody looks
)

// sendOne sends one message of the first lane that has one: events, then the newest values, then telemetry, then evidence. What
// a camera shows now takes turns with the last two.
func (c *conversation) sendOne(now time.Time) (sent bool, err error) {
	for i, w := range c.windows {
		if w.stream == wire.StreamTelemetry && c.liveDue(w, now) {
			if sent, err := c.sendLive(now); sent || err != nil {
				return sent, err
			}
		}
		if w.stream == wire.StreamTelemetry && !c.glimpsed && c.sendGlimpse(now) {
			return true, nil
		}
		room := w.room(now)
		if room == 0 {
			continue
		}
		allowed := c.pace.allow()
		records := c.next(i, min(room, allowed), now)
		if len(records) == 0 {
			continue
		}
		if records[0].Seq > w.sent {
			if w.hole(records[0].Seq, now) {
				c.ask(now)
				return true, nil
			}
			continue
		}
		if len(c.waiting) > 0 && len(records[0].Payload) > allowed {
			return false, nil // it is this lane's turn as soon as there is room
		}
		if w.stream == wire.StreamTelemetry && c.cfg.Newest != nil && c.live.IsZero() && c.older(records[0], now, now) {
			c.live = now // what goes up is old: people shall see more than that
		}
		c.glimpsed = false
		return true, c.send(w, records, now)
	}
	return c.sendGlimpse(now), nil
}

// sendGlimpse publishes a piece of what a camera shows now, unless events wait. The broker confirms it, because that tells how wide
// the line is: without it the connection would take all of them at once, and an alert would stand behind them.
func (c *conversation) sendGlimpse(now time.Time) bool {
	if len(c.cfg.Looks) == 0 {
		return false
	}
	for i, w := range c.windows {
		if _, _, next := c.cfg.Streams[i].Stream.State(); w.stream == wire.StreamEvents && (!w.answered || w.cum+1 < next) {
			return false
		}
	}
	most := wire.MaxMessage
	if len(c.waiting) > 0 {
		most = c.pace.allow()
	}
	for _, l := range c.cfg.Looks {
		if payload := l.Next(most); payload != nil {
			c.glimpsed = true
			c.publish(pending{}, wire.UpLook, false, payload, now)
			return true
		}
	}
	return false
}

// next reads what follows in a stream, without what the cloud refused, and not history and news in one.
func (c *conversation) next(i, room int, now time.Time) []outbox.Record {
	w, feed := c.windows[i], c.cfg.Streams[i]
	records, err := feed.Stream.Read(w.after(w.sent), room)
	for err == nil && len(records) > 0 && w.rejected(records[0].Seq) { // behind a hole
		records, err = feed.Stream.Read(w.after(records[0].Seq), room)
	}
	if err != nil {
		c.cfg.Log.Error("read outbox", "stream", wire.StreamName(w.stream), "err", err)
		w.hold = now.Add(faultPause)
		return nil
	}
	for n, r := range records {
		if w.rejected(r.Seq) || n > 0 && c.older(r, c.began, now) != c.older(records[0], c.began, now) {
			return records[:n]
		}
	}
	return records
}

// older says whether a record was made more than a minute before a time. One of an earlier start has only its wall clock to
// tell, and is old if that is not to be trusted.
func (c *conversation) older(r outbox.Record, than, now time.Time) bool {
	than = than.Add(-lateAfter)
	if r.Boot == c.cfg.Boot {
		return c.cfg.Started.Add(time.Duration(r.MonoMs) * time.Millisecond).Before(than)
	}
	if r.Clock == wire.ClockUnknown || c.cfg.Clock() == wire.ClockUnknown {
		return true
	}
	return time.UnixMilli(r.WallMs).Before(c.cfg.Now().Add(-now.Sub(than)))
}

// send publishes as many of the records as one message holds.
func (c *conversation) send(w *window, records []outbox.Record, now time.Time) error {
	batch := &wire.Batch{Session: c.nonce, Stream: w.stream, Epoch: w.epoch, First: records[0].Seq, Late: c.older(records[0], c.began, now)}
	size := proto.Size(batch)
	for _, r := range records {
		rec := &wire.Record{Type: r.Type, Boot: r.Boot, Clock: r.Clock, WallMs: r.WallMs, MonoMs: r.MonoMs, Payload: r.Payload, Crc: wire.Checksum(r.Payload)}
		n := proto.Size(rec)
		if size += n + 4; size > wire.MaxMessage && len(batch.Records) > 0 { // 4: tag and length, at most
			break
		}
		batch.Records = append(batch.Records, rec)
	}
	payload, err := proto.Marshal(batch)
	if err != nil {
		return fmt.Errorf("encode batch: %w", err)
	}
	n := len(batch.Records)
	last := batch.First + uint64(n) - 1
	c.publish(pending{w: w, last: last}, wire.UpLeaf(w.stream), false, payload, now)
	w.took(sentBatch{span: span{batch.First, last}, bytes: len(payload)})
	c.mark(w)
	name := wire.StreamName(w.stream)
	c.cfg.Metrics.Batches.WithLabelValues(name).Inc()
	c.cfg.Metrics.Records.WithLabelValues(name).Add(float64(n))
	c.cfg.Metrics.Bytes.WithLabelValues(name).Add(float64(len(payload)))
	c.cfg.Metrics.InFlight.WithLabelValues(name).Set(float64(len(w.inflight)))
	return nil
}

// liveDue says whether live values are to be sent now: while what the cloud does not have goes back for more than a minute.
func (c *conversation) liveDue(w *window, now time.Time) bool {
	if c.cfg.Newest == nil || c.live.IsZero() || now.Before(c.live) || !w.answered {
		return false
	}
	records, err := c.feed(w.stream).Stream.Read(max(w.cum+1, w.floor), 1)
	if err != nil || len(records) == 0 || !c.older(records[0], now, now) {
		c.live = time.Time{}
		return false
	}
	return true
}

// sendLive publishes the newest values. They take at most a third of a slow line.
func (c *conversation) sendLive(now time.Time) (sent bool, err error) {
	if c.live = now.Add(liveEvery); c.looked {
		c.live = now.Add(liveLooked)
	}
	readings := c.cfg.Newest()
	if len(readings) == 0 {
		return false, nil
	}
	payload, err := proto.Marshal(&wire.Live{Session: c.nonce, Readings: readings})
	if err != nil {
		return false, fmt.Errorf("encode live values: %w", err)
	}
	if len(payload) > wire.MaxMessage {
		c.cfg.Log.Warn("live values do not fit a message", "bytes", len(payload))
		return false, nil
	}
	c.publish(pending{qos0: true}, wire.UpLive, false, payload, now)
	if slow := now.Add(3 * c.pace.transit()); slow.After(c.live) {
		c.live = slow
	}
	c.cfg.Metrics.Live.Inc()
	return true, nil
}
