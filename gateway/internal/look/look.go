// Package look shows people of the street what a camera sees now, for a minute at most. It is a guest on the uplink: what it
// has waits in a small queue until the uplink has nothing more important, and the camera's connection leaves out pictures up to
// the next key frame while that is full. It ends by the gateway's own clock, and when the cloud says nothing for some seconds.
// Who looks is told to Looking, for the gateway's own page.
package look

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

const (
	pause      = 2 * time.Second // between two looks
	remembered = 64              // ids of looks that are over
	unitMost   = 8 << 20         // bytes of the beginning of a file, or of a fragment
)

// Why a look is over, in Glimpse.why.
const (
	whyTime    = "time"
	whyStopped = "stopped"
	whyUnknown = "unknown_camera"
	whyStrange = "unknown" // question
	whyBusy    = "busy"
	whyFailed  = "failed"
)

// ErrUnknown is what Answer says of a question that it does not know.
var ErrUnknown = errors.New("unknown question")

// Config is what a Desk needs.
type Config struct {
	Boot    uint32    // and when it began: the origin of a look's time
	Started time.Time // its monotonic reading counts
	Find    func(camera string) (device.Camera, bool)
	// Answer makes the desk one of questions instead of cameras: it answers one that the cloud has asked about a device.
	Answer   func(ctx context.Context, device string, a *wire.Ask) (*wire.Answer, error)
	Now      func() time.Time // for people
	Log      *slog.Logger
	Registry prometheus.Registerer // nil: counted for nobody
}

// A Desk shows one camera at a time. Everything but Run may be used by any goroutine and never blocks.
type Desk struct {
	cfg   Config
	begun chan *view
	count *prometheus.CounterVec
	bytes prometheus.Counter

	mu      sync.Mutex
	now     *view
	rest    time.Time // until when nobody looks
	over    []string  // ids
	out     []piece   // for the uplink
	changed chan struct{}
}

// piece is an encoded Glimpse of a look.
type piece struct {
	look    string
	payload []byte
}

// A Looking is somebody who looks now.
type Looking struct {
	Camera, Who, Reason string
	Since               time.Time // of Config.Now
}

// New makes a desk.
func New(cfg Config) *Desk {
	d := &Desk{cfg: cfg, begun: make(chan *view, 1), changed: make(chan struct{}),
		count: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "linshao_looks_total", Help: "Looks at cameras from afar, by how they ended."}, []string{"why"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{Name: "linshao_look_bytes_total", Help: "Bytes of live pictures given to the uplink."})}
	if cfg.Answer != nil {
		d.count = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "linshao_asks_total", Help: "Questions of people from afar, by how they ended."}, []string{"why"})
		d.bytes = prometheus.NewCounter(prometheus.CounterOpts{Name: "linshao_ask_bytes_total", Help: "Bytes of answers given to the uplink."})
	}
	if cfg.Registry != nil {
		cfg.Registry.MustRegister(d.count, d.bytes)
	}
	return d
}

// Ask takes what the cloud says, signed and for this gateway, and the session in which it came.
func (d *Desk) Ask(session uint64, l *wire.Look) {
	text := func(s string, most int) bool { return len(s) > 0 && len(s) <= most }
	if l.GetSession() != session || l.GetBoot() != d.cfg.Boot || !text(l.GetId(), 64) || !text(l.GetDevice(), 100) || !text(l.GetWho(), 200) || len(l.GetReason()) > 1000 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if v := d.now; v != nil && v.id == l.GetId() {
		v.heard(l)
		return
	}
	left := time.Duration(min(l.GetUntilMs(), 1<<42))*time.Millisecond - time.Since(d.cfg.Started)
	if l.GetOver() || left <= 0 || left > wire.LookTime || slices.Contains(d.over, l.GetId()) {
		return
	}
	v := newView(l, left, d.cfg.Now())
	if d.now != nil && (d.cfg.Answer == nil || !d.now.isOver()) || time.Now().Before(d.rest) {
		d.end(v, whyBusy)
		return
	}
	select {
	case d.begun <- v:
		d.now = v // after one that is just about to end
	default:
		d.end(v, whyBusy)
	}
}

// Run shows until ctx ends.
func (d *Desk) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case v := <-d.begun:
			why := d.show(ctx, v)
			d.mu.Lock()
			if d.now == v {
				d.now = nil
			}
			d.out = slices.DeleteFunc(d.out, func(p piece) bool { return p.look == v.id })
			if d.cfg.Answer == nil {
				d.rest = time.Now().Add(pause)
			}
			d.end(v, why)
			d.mu.Unlock()
		}
	}
}

// end tells the cloud that nothing more comes.
func (d *Desk) end(v *view, why string) {
	if d.over = append(d.over, v.id); len(d.over) > remembered {
		d.over = d.over[1:]
	}
	d.count.WithLabelValues(why).Inc()
	d.cfg.Log.Info("look is over", "of", v.device, "who", v.who, "why", why, "bytes", v.bytes)
	d.put(&wire.Glimpse{Session: v.session, Look: v.id, Number: v.number + 1, Over: true, Why: why})
}

// put encodes a piece for the uplink.
func (d *Desk) put(g *wire.Glimpse) {
	payload, err := proto.Marshal(g)
	if err != nil {
		d.cfg.Log.Error("encode glimpse", "error", err)
		return
	}
	d.out = append(d.out, piece{g.GetLook(), payload})
	d.bytes.Add(float64(len(g.GetData())))
	close(d.changed)
	d.changed = make(chan struct{})
}

// Next is the oldest piece that waits for the uplink; nil: there is none, or it has more bytes than may be sent now.
func (d *Desk) Next(most int) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.out) == 0 || len(d.out[0].payload) > most {
		return nil
	}
	b := d.out[0].payload
	d.out = d.out[1:]
	return b
}

// Changed is closed when there is more. Fetch it before asking Next.
func (d *Desk) Changed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

// Looking is who looks now.
func (d *Desk) Looking() (Looking, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now == nil {
		return Looking{}, false
	}
	return Looking{d.now.device, d.now.who, d.now.reason, d.now.since}, true
}

// show takes the camera's pictures until the look is over, and says why it is.
func (d *Desk) show(ctx context.Context, v *view) (why string) {
	defer func() {
		if p := recover(); p != nil {
			d.cfg.Log.Error("panic while a camera is shown", "panic", p)
			why = whyFailed
		}
	}()
	var watch sync.WaitGroup
	defer watch.Wait()
	ctx, stop := context.WithTimeout(ctx, v.left)
	defer stop()
	watch.Go(func() { v.watch(ctx, stop) })
	give, err := d.source(ctx, v)
	for ; ; err = give(ctx) {
		switch {
		case v.isOver():
			return whyStopped
		case ctx.Err() != nil:
			return whyTime
		case err == nil, errors.Is(err, errAgain):
		case errors.Is(err, errNoCamera):
			return whyUnknown
		case errors.Is(err, ErrUnknown):
			return whyStrange
		default:
			d.cfg.Log.Warn("nothing can be shown", "of", v.device, "error", err)
			return whyFailed
		}
	}
}

var errNoCamera = errors.New("no such camera")

// source finds what a look shows: give shows it once, from its beginning.
func (d *Desk) source(ctx context.Context, v *view) (give func(context.Context) error, err error) {
	d.cfg.Log.Info("somebody looks", "at", v.device, "who", v.who, "reason", v.reason)
	if d.cfg.Answer != nil {
		answer, err := d.cfg.Answer(ctx, v.device, v.ask)
		if err != nil {
			return nil, fmt.Errorf("answer about %s: %w", v.device, err)
		}
		data, err := proto.Marshal(answer)
		if err != nil || len(data) > wire.MaxAnswer {
			return nil, fmt.Errorf("an answer of %d bytes about %s: %w", len(data), v.device, errors.Join(err, errors.ErrUnsupported))
		}
		return func(ctx context.Context) error { return d.send(ctx, v, data) }, nil
	}
	eye, ok := d.cfg.Find(v.device)
	if !ok {
		return nil, errNoCamera
	}
	return func(ctx context.Context) error { return d.film(ctx, v, eye) }, nil
}

// send gives an answer, which the cloud ends as soon as it has all of it, until then.
func (d *Desk) send(ctx context.Context, v *view, data []byte) error {
	part, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	v.begin(cancel)
	if err := d.offer(part, v, unit{true, data}); err == nil {
		<-part.Done()
	}
	return context.Cause(part)
}

// film passes on the camera's pictures from a beginning until the look is over or the cloud wants another beginning.
func (d *Desk) film(ctx context.Context, v *view, eye device.Camera) error {
	part, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	v.begin(cancel)
	cut := &cutter{}
	err := eye.Live(part, v.device, func(b []byte) error {
		units, err := cut.add(b)
		for _, u := range units {
			if err := d.offer(part, v, u); err != nil {
				return err
			}
		}
		return err
	})
	if cause := context.Cause(part); errors.Is(cause, errAgain) {
		return cause
	}
	if err == nil {
		err = errors.New("the camera ended")
	}
	return fmt.Errorf("show %s: %w", v.device, err)
}

// offer queues a unit, as there is room. While it waits the camera's connection holds back what follows.
func (d *Desk) offer(ctx context.Context, v *view, u unit) error {
	for at := 0; at < len(u.data); {
		n := min(wire.LookPiece, len(u.data)-at)
		if err := v.room(ctx, n); err != nil {
			return err
		}
		d.mu.Lock()
		v.number++
		d.put(&wire.Glimpse{Session: v.session, Look: v.id, Number: v.number, Data: u.data[at : at+n], Begins: u.begins, Last: at+n == len(u.data)})
		d.mu.Unlock()
		at += n
	}
	return nil
}
