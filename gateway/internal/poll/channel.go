package poll

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// Pauses between two attempts to open a channel: full jitter over a span that doubles.
const (
	spanFirst = time.Second
	spanMost  = 30 * time.Second
)

// backoff says when a channel may be tried again.
type backoff struct {
	span time.Duration
	next time.Time
}

func (b *backoff) failed(now time.Time) {
	b.span = min(max(2*b.span, spanFirst), spanMost)
	b.next = now.Add(rand.N(b.span))
}

// failedBy takes the time of an error that says when an attempt can succeed: a driver's process that is held back, say.
func (b *backoff) failedBy(err error, now time.Time) {
	b.failed(now)
	var later interface{ RetryAt() time.Time }
	if errors.As(err, &later) && later.RetryAt().After(now) {
		b.next = later.RetryAt()
	}
}

// reasonOf is why a channel is down, for its readings: as the error says, if it does.
func reasonOf(err error) device.Reason {
	var known interface{ Reason() device.Reason }
	if errors.As(err, &known) {
		return known.Reason()
	}
	return device.ChannelDown
}

// connected opens the channel when it is time to, or at once for a request that must not wait for the back-off.
func (p *Poller) connected(ctx context.Context, now bool) bool {
	if p.conn != nil {
		return true
	}
	if !now && time.Now().Before(p.retry.next) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout(p.cfg.Channel))
	defer cancel()
	began := time.Now()
	conn, err := p.cfg.Driver.Open(ctx, p.cfg.Channel)
	p.meter.open(time.Since(began), err == nil)
	if err != nil {
		p.retry.failedBy(err, time.Now())
		p.down = reasonOf(err)
		p.cfg.Log.Warn("open channel", "channel", p.cfg.Channel.ID, "error", err, "retry_in", time.Until(p.retry.next).Round(time.Millisecond))
		return false
	}
	p.conn, p.retry = conn, backoff{}
	if camera, ok := conn.(device.Camera); ok {
		p.camera.Store(&camera)
	}
	for _, u := range p.units { // whatever kept them silent may have gone with the old connection
		u.restTo = time.Now()
	}
	return true
}

// openTimeout bounds an attempt to connect: a child process or a camera may need more than one answer's time.
func openTimeout(ch device.Channel) time.Duration { return max(ch.Timeout, 5*time.Second) }

// lost closes a channel that is gone. The first attempt to open it again comes soon, with jitter.
func (p *Poller) lost(err error) {
	p.cfg.Log.Warn("channel lost", "channel", p.cfg.Channel.ID, "error", err)
	p.close()
	p.meter.open(0, false)
	p.retry.failedBy(err, time.Now())
	p.down = reasonOf(err)
}

func (p *Poller) close() {
	if p.conn == nil {
		return
	}
	if err := p.conn.Close(); err != nil {
		p.cfg.Log.Debug("close channel", "channel", p.cfg.Channel.ID, "error", err)
	}
	p.conn = nil
	p.camera.Store(nil)
}

// Camera is the channel's connection, if it is one of cameras and open now. Unlike everything else of a connection it may be used
// beside the polling.
func (p *Poller) Camera() (device.Camera, bool) {
	c := p.camera.Load()
	if c == nil {
		return nil, false
	}
	return *c, true
}
