// Package evidence takes what cameras see when an alert of class A or B comes, puts it together with the alert and the
// readings around it in signed bundles (cloud/wire/evidence), keeps them in bounded room and gives them to the evidence
// stream. Nobody waits for it: alerts are handed over through a queue, and what does not fit it is told and left out.
package evidence

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// What is taken around an alert's moment T0.
const (
	clipBefore = 10 * time.Second
	clipAfter  = 20 * time.Second
	stillLast  = 60 * time.Second
	readBefore = 9 * time.Minute // with stillLast ten minutes
)

const (
	queueMost = 64 // alerts that wait to be begun
	casesMost = 4  // cases that are worked on at once
	eyesMost  = 4  // cameras of one case
)

// A Camera is one that a place or a rule may name.
type Camera struct {
	ID, Name string
	Zones    []string // whose alerts it sees: its own and those that the site names
	Devices  []string
	Rules    []string
}

// Config is what a Collector needs.
type Config struct {
	Dir           string // of bundles
	Key           ed25519.PrivateKey
	Quota         int64
	Keep          time.Duration
	Gateway, Site string
	ConfigHash    string
	RulesHash     func() string // of the rules in force
	Cameras       []Camera
	Find          func(camera string) (device.Camera, bool) // its connection; false: it has none now
	Zone          func(device string) string
	Readings      func(from, to time.Time) iter.Seq2[device.Reading, error]
	Announce      func(head []byte) // told of every bundle, when it is on disk; must not block
	Stream        Log
	Now           func() time.Time
	Wall          func(stamp time.Time) time.Time // the system's time, which cameras know, at a moment of Now. Nil: both are the same
	Clock         func() uint32
	Log           *slog.Logger
}

// A Collector makes bundles.
type Collector struct {
	cfg   Config
	store *Store
	queue chan rules.AlertEvent
	wake  chan struct{}
}

// New opens what is kept. Run starts the work.
func New(cfg Config) (*Collector, error) {
	if cfg.Wall == nil {
		cfg.Wall = func(stamp time.Time) time.Time { return stamp }
	}
	store, err := Open(cfg.Dir, cfg.Key, cfg.Quota, cfg.Keep)
	if err != nil {
		return nil, err
	}
	return &Collector{cfg: cfg, store: store, queue: make(chan rules.AlertEvent, queueMost), wake: make(chan struct{}, 1)}, nil
}

// Alert takes an alert event. It never blocks.
func (c *Collector) Alert(e rules.AlertEvent) {
	begins := e.State == rules.Firing && e.Level == 0 && !e.Shadow && !e.Shelved && (e.Severity == rules.SeverityA || e.Severity == rules.SeverityB) && len(c.eyes(e)) > 0
	if !begins && e.State != rules.Resolved {
		return
	}
	select {
	case c.queue <- e:
	default:
		if begins {
			c.cfg.Log.Error("no evidence of an alert: too many came at once", "alert", e.Alert)
		}
	}
}

// eyes are the cameras that see an alert.
func (c *Collector) eyes(e rules.AlertEvent) (seen []Camera) {
	for _, cam := range c.cfg.Cameras {
		if cam.ID == e.Subject { // what is wrong with a camera itself it does not show
			continue
		}
		if e.Zone != "" && slices.Contains(cam.Zones, e.Zone) || slices.Contains(cam.Devices, e.Subject) || slices.Contains(cam.Rules, e.Rule) {
			seen = append(seen, cam)
		}
	}
	return seen[:min(len(seen), eyesMost)]
}

// Lost says that records of the evidence stream are gone before the cloud had them, or were refused by it.
func (c *Collector) Lost(epoch, first, last uint64, refused bool) {
	if err := c.store.Lost(epoch, first, last, refused); err != nil {
		c.cfg.Log.Error("note lost evidence", "error", err)
	}
	c.nudge()
}

func (c *Collector) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends. What was under way then is finished at the next start, as far as it came.
func (c *Collector) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { c.feed(ctx) })
	c.recover()
	room := make(chan struct{}, casesMost)
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-c.queue:
			if e.State == rules.Resolved {
				c.ended(e.Alert)
				continue
			}
			select {
			case room <- struct{}{}:
			case <-ctx.Done():
				return nil
			}
			work.Go(func() {
				defer func() { <-room }()
				if err := c.survive(func() error { return c.collect(ctx, e) }); err != nil && ctx.Err() == nil {
					c.cfg.Log.Error("evidence of an alert is not complete", "alert", e.Alert, "error", err)
				}
			})
		}
	}
}

func (c *Collector) ended(alert string) {
	if err := c.store.Ended(alert); err != nil {
		c.cfg.Log.Error("note end of alert", "error", err)
	}
}

// survive answers a panic as an error: what evidence does wrong must end nothing else.
func (c *Collector) survive(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return fn()
}

func (c *Collector) work() string { return filepath.Join(c.cfg.Dir, workDir) }

// until waits for a moment of the system's clock; false when ctx ends first. That clock may be set: so it is looked at often.
func (c *Collector) until(ctx context.Context, at time.Time) bool {
	for {
		left := time.Until(at.Round(0))
		if left <= 0 {
			return true
		}
		t := time.NewTimer(min(left, lookEvery))
		select {
		case <-ctx.Done():
			t.Stop()
			return false
		case <-t.C:
		}
	}
}

const lookEvery = 250 * time.Millisecond
