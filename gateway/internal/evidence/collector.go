// Package evidence takes what cameras see when an alert of class A or B comes, puts it together with the alert and the
// readings around it in signed bundles (cloud/wire/evidence), keeps them in bounded room and gives them to the evidence
// stream. Nobody waits for it: alerts are handed over through a queue, and what does not fit it is told and left out.
package evidence

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/state"
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
	queueMost = 64 // words of alerts that wait to be heard
	casesMost = 32 // cases of one class that are worked on at once: each takes a minute
	filmsMost = 8  // clips of one class that are written at once; a camera's own ring gives the others time
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
	Announce      func(head []byte) // told of every bundle, when it is on disk, by several goroutines; must not block
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
	rooms map[rules.Severity]room // class A never waits for class B
}

// A room bounds what is worked on at once.
type room struct{ cases, films chan struct{} }

func newRoom() room { return room{make(chan struct{}, casesMost), make(chan struct{}, filmsMost)} }

// New opens what is kept. Run starts the work.
func New(cfg Config) (*Collector, error) {
	if cfg.Wall == nil {
		cfg.Wall = func(stamp time.Time) time.Time { return stamp }
	}
	store, err := Open(cfg.Dir, cfg.Key, cfg.Quota, cfg.Keep)
	if err != nil {
		return nil, err
	}
	return &Collector{cfg: cfg, store: store, queue: make(chan rules.AlertEvent, queueMost), wake: make(chan struct{}, 1),
		rooms: map[rules.Severity]room{rules.SeverityA: newRoom(), rules.SeverityB: newRoom()}}, nil
}

// Alert takes an alert event. It never blocks. An alert is taken when it comes to class B or A, on whichever rung that is.
func (c *Collector) Alert(e rules.AlertEvent) {
	_, grave := c.rooms[e.Severity]
	begins := e.State == rules.Firing && grave && !e.Shadow && !e.Shelved
	if !begins && e.State != rules.Resolved || len(c.eyes(e)) == 0 {
		return
	}
	select {
	case c.queue <- e:
	default:
		c.cfg.Log.Error("evidence: too many alerts came at once, one is passed over", "alert", e.Alert, "state", e.State)
	}
}

// eyes are the cameras that see an alert: those that its rule names, then those that its device, then those that its zone does.
func (c *Collector) eyes(e rules.AlertEvent) (seen []Camera) {
	rank := func(cam Camera) int {
		switch {
		case slices.Contains(cam.Rules, e.Rule):
			return 0
		case slices.Contains(cam.Devices, e.Subject):
			return 1
		}
		return 2
	}
	for _, cam := range c.cfg.Cameras {
		if cam.ID == e.Subject { // what is wrong with a camera itself it does not show
			continue
		}
		if e.Zone != "" && slices.Contains(cam.Zones, e.Zone) || slices.Contains(cam.Devices, e.Subject) || slices.Contains(cam.Rules, e.Rule) {
			seen = append(seen, cam)
		}
	}
	slices.SortStableFunc(seen, func(a, b Camera) int { return rank(a) - rank(b) })
	return seen
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
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-c.queue:
			if e.State == rules.Resolved {
				c.ended(e.Alert)
				continue
			}
			cases := c.rooms[e.Severity].cases
			select {
			case cases <- struct{}{}:
			default:
				c.cfg.Log.Error("no evidence of an alert: too many are being worked on", "alert", e.Alert, "at_once", casesMost)
				continue
			}
			work.Go(func() {
				defer func() { <-cases }()
				if err := c.survive(func() error { return c.collect(ctx, e) }); err != nil && ctx.Err() == nil {
					c.cfg.Log.Error("evidence of an alert is not complete", "alert", e.Alert, "error", err)
				}
			})
		}
	}
}

// ended notes that an alert is over, also while its evidence is still being taken.
func (c *Collector) ended(alert string) {
	var err error
	if dir := c.dir(alert); exists(dir) {
		err = state.Save(filepath.Join(dir, endedFile), nil)
	}
	if err = errors.Join(err, c.store.Ended(alert)); err != nil {
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

// dir is where an alert's evidence is taken.
func (c *Collector) dir(alert string) string {
	sum := sha256.Sum256([]byte(alert))
	return filepath.Join(c.work(), hex.EncodeToString(sum[:8]))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

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
