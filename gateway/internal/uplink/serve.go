package uplink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
)

// errPuback: the broker is there and does not answer.
var errPuback = errors.New("the broker did not confirm a message in time")

// errForgot: what the cloud had in this session it has no longer.
var errForgot = errors.New("the cloud stands behind what it had acknowledged: was its database restored?")

// errFenced: another gateway has our identity.
var errFenced = errors.New("another gateway uses this one's identity: this one steps aside for a while")

// errRedial: somebody wants another connection, such as one with a new certificate.
var errRedial = errors.New("the connection is made anew")

// conversation is one session on one connection. One goroutine runs it.
type conversation struct {
	*Uplink
	session
	link     link
	began    time.Time // of the session, or when the cloud answered again after a silence
	waiting  []pending // receipts in the order of publishing
	live     time.Time // when to send live values next; zero: not now
	looked   bool      // somebody looks at the site
	glimpsed bool      // the last message of the slow lanes was a piece of live pictures
	answered bool      // the cloud has spoken in this session
	end      error     // why the session must end
}

// pending is a message that the broker has not confirmed yet.
type pending struct {
	receipt
	parcel
	w    *window // of a batch
	last uint64  // number of a batch
	due  time.Time
	qos0 bool // its receipt says only that it was written
}

// serve opens one connection and works until it ends. It returns whether the cloud answered in it.
func (u *Uplink) serve(ctx context.Context) (answered bool, err error) {
	nonce := newNonce()
	c := &conversation{Uplink: u, session: session{nonce: nonce}, began: time.Now()}
	will, err := proto.Marshal(&wire.Status{Session: nonce, TimeMs: u.cfg.Now().UnixMilli()})
	if err != nil {
		return false, fmt.Errorf("encode status: %w", err)
	}
	u.twins.began(nonce)
	c.link, err = u.dialer.dial(ctx, address{
		gateway: u.cfg.Gateway, will: will, status: c.topic(wire.StatusLeaf),
		subscribe: []string{c.topic(wire.DownAck), c.topic(wire.DownCommand)}, optional: []string{c.topic(wire.StatusLeaf)},
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
	u.pace.restart()
	for _, f := range u.cfg.Streams {
		epoch, oldest, _ := f.Stream.State()
		w := newWindow(f.ID, epoch, oldest)
		w.first, w.rto = u.answerTime(), u.answerTime()
		c.windows = append(c.windows, w)
	}
	wake, stop := u.watch(ctx)
	defer stop()
	err = c.talk(ctx, wake)
	return c.answered, err
}

// answerTime is how long the broker may take for a confirmation, and the cloud for an answer, besides the time on the wire.
func (u *Uplink) answerTime() time.Duration { return u.cfg.KeepAlive / 3 }

// watch wakes the conversation whenever a stream has more.
func (u *Uplink) watch(ctx context.Context) (wake <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	signal := make(chan struct{}, 1)
	var all sync.WaitGroup
	var changes []func() <-chan struct{}
	for _, f := range u.cfg.Streams {
		changes = append(changes, f.Stream.Changed)
	}
	for _, l := range u.cfg.Looks {
		changes = append(changes, l.Changed)
	}
	for _, change := range changes {
		all.Go(func() {
			for ctx.Err() == nil {
				changed := change()
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
		case <-c.cfg.Redial:
			timer.Stop()
			return errRedial
		case err := <-c.link.lost():
			timer.Stop()
			return fmt.Errorf("connection lost: %w", err)
		case m := <-c.link.messages():
			c.take(m, time.Now())
		case <-c.confirmed():
			c.confirm(time.Now())
		case <-wake:
		case <-timer.C:
		}
		timer.Stop()
		if c.end != nil {
			return c.end
		}
	}
}

// confirmed is done when the broker has the oldest message; nil when there is none.
func (c *conversation) confirmed() <-chan struct{} {
	if len(c.waiting) == 0 {
		return nil
	}
	return c.waiting[0].Done()
}

// confirm takes the broker's confirmation of the oldest message.
func (c *conversation) confirm(now time.Time) {
	p := c.waiting[0]
	if err := p.Error(); err != nil {
		c.end = fmt.Errorf("publish: %w", err)
		return
	}
	c.waiting = c.waiting[1:]
	if p.qos0 && len(c.waiting) > 0 {
		c.waiting[0].bytes += p.bytes // only the next confirmation tells that it has left
	} else if p.qos0 {
		c.pace.queued -= p.bytes
	} else {
		c.pace.confirmed(p.parcel, now)
	}
	if p.w != nil {
		p.w.confirmed(p.last, now)
	}
	c.link.busy(len(c.waiting) > 0)
}

func (c *conversation) timer(now time.Time) *time.Timer {
	at := c.deadline(now)
	sooner := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	if len(c.waiting) > 0 {
		if c.pace.allow() == 0 {
			at = time.Time{} // nothing can be handed over before a confirmation, and that wakes us
		}
		sooner(c.waiting[0].due)
	} else if c.live.After(now) {
		sooner(c.live)
	}
	if at.IsZero() {
		at = now.Add(helloEvery)
	}
	return time.NewTimer(at.Sub(now))
}

// work does everything that is due now and that the line has room for.
func (c *conversation) work(now time.Time) error {
	if len(c.waiting) > 0 && !now.Before(c.waiting[0].due) {
		select {
		case <-c.waiting[0].Done():
		default:
			c.pace.failed(now.Sub(c.waiting[0].at))
			return errPuback
		}
	}
	for _, w := range c.expire(now) {
		c.cfg.Metrics.Overdue.WithLabelValues(wire.StreamName(w.stream)).Inc()
		c.cfg.Log.Warn("the cloud does not answer, sending again", "stream", wire.StreamName(w.stream), "from", w.sent)
	}
	for c.pace.allow() > 0 {
		if c.helloDue(now) {
			if err := c.greet(now); err != nil {
				return err
			}
			continue
		}
		sent, err := c.sendOne(now)
		if err != nil || !sent {
			return err
		}
	}
	return nil
}

// greet says who we are and what we hold, and asks where the cloud stands.
func (c *conversation) greet(now time.Time) error {
	hello := &wire.Hello{Gateway: c.cfg.Gateway, Session: c.nonce, Boot: c.cfg.Boot, Version: c.cfg.Version, TimeMs: c.cfg.Now().UnixMilli(),
		EvidenceKey: c.cfg.EvidenceKey, Clock: c.cfg.Clock(), MonoMs: uint64(max(0, now.Sub(c.cfg.Started).Milliseconds()))}
	for i, w := range c.windows {
		epoch, oldest, next := c.cfg.Streams[i].Stream.State()
		w.epoch = epoch
		hello.Streams = append(hello.Streams, &wire.StreamState{Stream: w.stream, Epoch: epoch, Oldest: max(oldest, w.floor), Next: next})
	}
	payload, err := proto.Marshal(hello)
	if err != nil {
		return fmt.Errorf("encode hello: %w", err)
	}
	c.publish(pending{}, wire.UpHello, false, payload, now)
	c.helloSent(now)
	return nil
}

func (c *conversation) status(online bool) error {
	payload, err := proto.Marshal(&wire.Status{Online: online, Session: c.nonce, TimeMs: c.cfg.Now().UnixMilli()})
	if err != nil {
		return fmt.Errorf("encode status: %w", err)
	}
	c.publish(pending{}, wire.StatusLeaf, true, payload, time.Now())
	return nil
}

// goodbye tells the cloud that this end is meant, so that nobody takes it for a failure, and waits a moment for it to go.
func (c *conversation) goodbye() error {
	if len(c.waiting) > 0 && c.pace.allow() == 0 {
		return nil // the line is full: it would stand behind all that
	}
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

// publish hands a message over. It has as long as the broker usually takes, and twice what the line needs for the queue.
func (c *conversation) publish(p pending, leaf string, retained bool, payload []byte, now time.Time) {
	topic, qos := c.topic(leaf), byte(1)
	if p.qos0 {
		qos = 0
	}
	c.link.busy(true)
	p.parcel = c.pace.sent(len(topic)+len(payload)+8, now)
	p.receipt = c.link.publish(topic, qos, retained, payload)
	p.due = now.Add(c.answerTime() + 2*c.pace.transit())
	c.waiting = append(c.waiting, p)
}

func (c *conversation) topic(leaf string) string { return wire.Topic(c.cfg.Gateway, leaf) }
