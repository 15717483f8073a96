package uplink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

const (
	pubackTime = 10 * time.Second // a publish not confirmed by then ends the connection
	faultPause = time.Second      // after a failed read of the outbox
)

// errPuback: the broker is there and does not answer.
var errPuback = errors.New("the broker did not confirm a message in time")

// errForgot: what the cloud had in this session it has no longer.
var errForgot = errors.New("the cloud stands behind what it had acknowledged: was its database restored?")

// conversation is one session on one connection. One goroutine runs it.
type conversation struct {
	*Uplink
	session
	link     link
	waiting  []pending // receipts in the order of publishing
	answered bool      // the cloud has spoken in this session
	forgot   bool      // it has gone back since: only a new session can begin where it stands
}

type pending struct {
	receipt
	due time.Time
}

// serve opens one connection and works until it ends. It returns whether the cloud answered in it.
func (u *Uplink) serve(ctx context.Context) (answered bool, err error) {
	nonce := newNonce()
	c := &conversation{Uplink: u, session: session{nonce: nonce}}
	will, err := proto.Marshal(&wire.Status{Session: nonce, TimeMs: u.cfg.Now().UnixMilli()})
	if err != nil {
		return false, fmt.Errorf("encode status: %w", err)
	}
	c.link, err = u.dialer.dial(ctx, address{
		gateway: u.cfg.Gateway, will: will, status: c.topic(wire.StatusLeaf),
		subscribe: []string{c.topic(wire.DownAck), c.topic(wire.DownCommand)},
	})
	if err != nil {
		u.cfg.Metrics.Connects.WithLabelValues("failed").Inc()
		return false, err
	}
	defer c.link.close()
	u.cfg.Metrics.Connects.WithLabelValues("ok").Inc()
	u.cfg.Metrics.Connected.Set(1)
	u.connected.Store(true)
	defer func() {
		u.connected.Store(false)
		u.cfg.Metrics.Connected.Set(0)
	}()
	for _, f := range u.cfg.Streams {
		epoch, oldest, _ := f.Stream.State()
		c.windows = append(c.windows, newWindow(f.ID, epoch, oldest))
	}
	wake, stop := u.watch(ctx)
	defer stop()
	err = c.talk(ctx, wake)
	return c.answered, err
}

// watch wakes the conversation whenever a stream has more.
func (u *Uplink) watch(ctx context.Context) (wake <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	signal := make(chan struct{}, 1)
	var all sync.WaitGroup
	for _, f := range u.cfg.Streams {
		all.Go(func() {
			for ctx.Err() == nil {
				changed := f.Stream.Changed()
				select {
				case signal <- struct{}{}:
				default:
				}
				select {
				case <-changed:
				case <-ctx.Done():
				}
			}
		})
	}
	return signal, func() { cancel(); all.Wait() }
}

// talk sends what may be sent and then waits for whatever comes first.
func (c *conversation) talk(ctx context.Context, wake <-chan struct{}) error {
	if err := c.status(true); err != nil {
		return err
	}
	for {
		if err := c.work(time.Now()); err != nil {
			return err
		}
		timer := c.timer(time.Now())
		select {
		case <-ctx.Done():
			timer.Stop()
			return c.goodbye()
		case err := <-c.link.lost():
			timer.Stop()
			return fmt.Errorf("connection lost: %w", err)
		case m := <-c.link.messages():
			if c.take(m, time.Now()); c.forgot {
				timer.Stop()
				return errForgot
			}
		case <-c.confirmed():
			if err := c.waiting[0].Error(); err != nil {
				timer.Stop()
				return fmt.Errorf("publish: %w", err)
			}
			c.waiting = c.waiting[1:]
		case <-wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// confirmed is done when the broker has the oldest message; nil when there is none.
func (c *conversation) confirmed() <-chan struct{} {
	if len(c.waiting) == 0 {
		return nil
	}
	return c.waiting[0].Done()
}

func (c *conversation) timer(now time.Time) *time.Timer {
	at := c.deadline(now)
	if len(c.waiting) > 0 && (at.IsZero() || c.waiting[0].due.Before(at)) {
		at = c.waiting[0].due
	}
	if at.IsZero() {
		at = now.Add(helloEvery)
	}
	return time.NewTimer(at.Sub(now))
}

// work does everything that is due now.
func (c *conversation) work(now time.Time) error {
	if len(c.waiting) > 0 && !now.Before(c.waiting[0].due) {
		select {
		case <-c.waiting[0].Done():
		default:
			return errPuback
		}
	}
	for _, w := range c.expire(now) {
		c.cfg.Metrics.Overdue.WithLabelValues(wire.StreamName(w.stream)).Inc()
		c.cfg.Log.Warn("the cloud does not answer, sending again", "stream", wire.StreamName(w.stream), "from", w.sent)
	}
	for {
		if c.helloDue(now) {
			if err := c.greet(now); err != nil {
				return err
			}
		}
		sent, err := c.sendOne(now)
		if err != nil || !sent {
			return err
		}
	}
}

// sendOne sends a batch of the first stream that has one and may send it.
func (c *conversation) sendOne(now time.Time) (sent bool, err error) {
	for i, w := range c.windows {
		room := w.room(now)
		if room == 0 {
			continue
		}
		records := c.next(i, room, now)
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
		return true, c.send(w, records, now)
	}
	return false, nil
}

// next reads what follows in a stream, without what the cloud refused.
func (c *conversation) next(i, room int, now time.Time) []outbox.Record {
	w, feed := c.windows[i], c.cfg.Streams[i]
	records, err := feed.Stream.Read(w.after(w.sent), room)
	if err != nil {
		c.cfg.Log.Error("read outbox", "stream", wire.StreamName(w.stream), "err", err)
		w.hold = now.Add(faultPause)
		return nil
	}
	for n, r := range records {
		if w.rejected(r.Seq) {
			return records[:n]
		}
	}
	return records
}

// send publishes as many of the records as one message holds.
func (c *conversation) send(w *window, records []outbox.Record, now time.Time) error {
	batch := &wire.Batch{Session: c.nonce, Stream: w.stream, Epoch: w.epoch, First: records[0].Seq}
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
	c.publish(c.topic(wire.UpLeaf(w.stream)), false, payload, now)
	n := len(batch.Records)
	w.took(sentBatch{span{batch.First, batch.First + uint64(n) - 1}, len(payload)}, now)
	name := wire.StreamName(w.stream)
	c.cfg.Metrics.Batches.WithLabelValues(name).Inc()
	c.cfg.Metrics.Records.WithLabelValues(name).Add(float64(n))
	c.cfg.Metrics.Bytes.WithLabelValues(name).Add(float64(len(payload)))
	c.cfg.Metrics.InFlight.WithLabelValues(name).Set(float64(len(w.inflight)))
	return nil
}

// greet says who we are and what we hold, and asks where the cloud stands.
func (c *conversation) greet(now time.Time) error {
	hello := &wire.Hello{Gateway: c.cfg.Gateway, Session: c.nonce, Boot: c.cfg.Boot, Version: c.cfg.Version, TimeMs: c.cfg.Now().UnixMilli()}
	for i, w := range c.windows {
		epoch, oldest, next := c.cfg.Streams[i].Stream.State()
		w.epoch = epoch
		hello.Streams = append(hello.Streams, &wire.StreamState{Stream: w.stream, Epoch: epoch, Oldest: max(oldest, w.floor), Next: next})
	}
	payload, err := proto.Marshal(hello)
	if err != nil {
		return fmt.Errorf("encode hello: %w", err)
	}
	c.publish(c.topic(wire.UpHello), false, payload, now)
	c.helloSent(now)
	return nil
}

func (c *conversation) status(online bool) error {
	payload, err := proto.Marshal(&wire.Status{Online: online, Session: c.nonce, TimeMs: c.cfg.Now().UnixMilli()})
	if err != nil {
		return fmt.Errorf("encode status: %w", err)
	}
	c.publish(c.topic(wire.StatusLeaf), true, payload, time.Now())
	return nil
}

// goodbye tells the cloud that this end is meant, so that nobody takes it for a failure, and waits a moment for it to go.
func (c *conversation) goodbye() error {
	if err := c.status(false); err != nil {
		return err
	}
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-c.waiting[len(c.waiting)-1].Done():
	case <-timer.C:
	}
	return nil
}

func (c *conversation) publish(topic string, retained bool, payload []byte, now time.Time) {
	c.waiting = append(c.waiting, pending{c.link.publish(topic, retained, payload), now.Add(pubackTime)})
}

func (c *conversation) topic(leaf string) string { return wire.Topic(c.cfg.Gateway, leaf) }
