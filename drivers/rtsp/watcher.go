package rtsp

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/linshao/linshao/drivers/device"
)

// How a watcher deals with time. A camera that behaves again is seen again within five seconds: the longest wait together with
// the longest attempt on one that is not there (connectLimit) or says nothing (answerLimit) is shorter, and so is the silence
// that ends a session when the other side has gone without a word. Who answers, but slowly, has more time for all of it.
const (
	connectLimit = 2 * time.Second // for TCP; its first repetition comes after one
	answerLimit  = 3 * time.Second // for each answer of a camera
	dialLimit    = 8 * time.Second // for a library, or for both one after the other
	silence      = 4 * time.Second // without a whole picture is the end of a session
	shortestWait = 300 * time.Millisecond
	longestWait  = 1500 * time.Millisecond
	// A wrong password is not tried often: cameras lock the account after a handful of attempts.
	firstAuthWait = 30 * time.Second
	authWait      = 5 * time.Minute
)

// phase of a watcher.
type phase uint8

const (
	starting phase = iota // no attempt has ended yet
	down
	up    // video arrives
	blind // the camera plays what we cannot keep
)

// transport that an address asks for.
type transport uint8

const (
	transportAny transport = iota // TCP, and UDP when the camera refuses that
	transportTCP
	transportUDP
)

// watcher keeps one camera's stream open, keeps what comes and measures it.
type watcher struct {
	url       string
	who       string // user and password; "": none
	device    string
	still     time.Duration
	hour      time.Duration
	log       *slog.Logger
	clock     clock
	gate      *gate
	ring      *ring
	transport transport
	udp       bool // what worked or is to be tried next
	suspect   bool // it has made the given package panic
	hung      bool // its last attempt was not answered in time

	late sync.WaitGroup // dials that were given up
	left chan struct{}  // closed when its device has another address; guarded by the conn's lock

	mu     sync.Mutex
	phase  phase
	why    device.Reason // while down
	health health
	dog    *time.Timer // of the session; ends it unless a picture comes
	unpack *unpacker
	line   timeline
}

func newWatcher(url, dev string, c *conn) *watcher {
	d := c.driver
	t := transportOf(url)
	host, who := hostOf(url)
	w := &watcher{
		url: url, who: who, device: dev, still: d.FrozenAfter, hour: d.Hour, log: d.Log.With("camera", Redact(url), "device", dev),
		clock: c.clock, gate: c.gate(host), ring: newRing(d.Keep, d.KeepBytes), transport: t, udp: t == transportUDP,
		suspect: d.suspects(dev), left: make(chan struct{}),
	}
	if r, ok := c.memory.of(dev); ok {
		w.health.usual.restore(r, w.clock.now())
	}
	return w
}

func hostOf(raw string) (host, who string) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", ""
	}
	return u.Hostname(), u.User.String()
}

// run watches until ctx ends. The given package's panics in Dial are caught; those in its goroutines end the process, which
// is why it is a child.
func (w *watcher) run(ctx context.Context) {
	defer w.late.Wait()
	wait, refused := shortestWait, firstAuthWait
	for ctx.Err() == nil {
		played, why, held := w.session(ctx)
		if ctx.Err() != nil {
			return
		}
		w.fail(why)
		if played {
			wait = shortestWait
		}
		pause := wait/2 + rand.N(wait/2) // not all cameras of a recorder at once
		switch {
		case held > 0:
			pause += held
		case why == device.AuthFailed:
			pause, refused = refused, authWait
		default:
			refused = firstAuthWait
		}
		wait = min(wait*2, longestWait)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (w *watcher) fail(why device.Reason) {
	w.ring.down()
	w.mu.Lock()
	changed := w.phase != down || w.why != why
	w.phase, w.why = down, why
	w.mu.Unlock()
	if changed {
		w.log.Warn("camera lost", "reason", why.String())
	}
}

// session is one connection from dial to loss; played says whether video arrived, held how long the host lets nobody log in.
func (w *watcher) session(ctx context.Context) (played bool, why device.Reason, held time.Duration) {
	if held := w.gate.ask(ctx, w.who); held > 0 {
		return false, device.AuthFailed, held
	}
	leave, ok := w.gate.enter(ctx, w.hung)
	if !ok {
		w.gate.answer(w.who, false, false)
		return false, device.Timeout, 0
	}
	began := w.clock.now()
	s, why := preflight(ctx, w.url)
	var opened session
	if why == device.ReasonNone {
		opened, why = w.dial(ctx, s)
	}
	leave()
	w.hung = why == device.Timeout
	held = w.gate.answer(w.who, why == device.ReasonNone, why == device.AuthFailed)
	if why != device.ReasonNone {
		return false, why, held
	}
	defer w.gate.end(w.who)
	ctx, end := context.WithCancel(ctx)
	defer end()
	w.begin(s, began, end)
	why = opened.play(ctx, w)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dog.Stop()
	return w.health.meter.begun, cmp.Or(why, device.Timeout), 0
}

// begin makes all new that belongs to a session. Neither library knows whether pictures come: one takes any packet for life,
// the other any byte, as of a camera whose encoder has died and which goes on to report its clock. So the watcher looks itself.
func (w *watcher) begin(s stream, began time.Duration, end context.CancelFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dog = time.AfterFunc(silence, end)
	w.unpack = newUnpacker(s)
	w.line.session()
	w.health.session(began, w.clock.now(), w.still)
	if s.codec == otherVideo {
		w.phase, w.unpack = blind, nil
	}
}

// packet implements receiver.
func (w *watcher) packet(p *rtp.Packet) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.unpack == nil {
		w.dog.Reset(silence) // we do not know where its pictures end
		return
	}
	u, complete := w.unpack.take(p)
	if !complete {
		return
	}
	w.dog.Reset(silence)
	now := w.clock.now()
	if w.phase != up {
		w.log.Info("camera connected")
		w.phase = up
	}
	at := w.line.place(now, u.dts)
	w.health.frame(now, &u, w.hour)
	if u.set == nil {
		return // its parameter sets come in the stream
	}
	w.ring.add(&frame{at: at, pts: u.pts, cts: int32(u.pts - u.dts), key: u.key, lead: u.lead, segment: w.line.segment, lost: u.lost, set: u.set, data: u.data})
}

// report implements receiver: the camera says what time it has.
func (w *watcher) report(p rtcp.Packet) {
	sr, ok := p.(*rtcp.SenderReport)
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	at, sane := ntpTime(sr.NTPTime)
	if !sane || w.unpack == nil || !w.unpack.begun {
		return
	}
	w.health.report(at, time.Now())
	pts := w.unpack.pts + int64(int32(sr.RTPTime-w.unpack.stamp))
	w.ring.report(cameraClock{known: true, segment: w.line.segment, pts: pts, time: at})
}

// ntpTime is a camera's time of day; insane is one before 2010, as of a camera that counts from its start.
func ntpTime(ntp uint64) (time.Time, bool) {
	const era = 2208988800 // seconds from 1900 to 1970
	sec := int64(ntp>>32) - era
	nano := int64(ntp&0xffffffff) * int64(time.Second) >> 32
	return time.Unix(sec, nano), sec > 1262304000
}
