// Package app builds and connects the simulator: a scenario becomes a site, a site gets ports and lines, and both run
// until they are stopped. It is the only package that knows all the others; main and the tests use it.
package app

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/linshao/linshao/firmware-sim/modbus"
)

// PlayConfig says how a scenario is played.
type PlayConfig struct {
	Scenario string           // file
	Dir      string           // serial lines are linked here
	T0       time.Time        // origin of the simulated clock
	Ready    string           // file to write when everything is open; empty: none
	Control  string           // "127.0.0.1:0"; empty: no control port
	Journal  string           // file for served Modbus values; empty: none
	Lang     string           // zh or en
	Out      io.Writer        // one line per interesting event
	Now      func() time.Time // real time
}

// A Play is a scenario with its ports open.
type Play struct {
	cfg     PlayConfig
	site    *Site
	field   *field
	control net.Listener // nil without one
	journal *modbus.Journal
	ready   Ready
}

// NewPlay loads the scenario and opens everything; Run plays.
func NewPlay(cfg PlayConfig) (*Play, error) {
	s, err := LoadScenario(cfg.Scenario)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", cfg.Dir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	p := &Play{cfg: cfg}
	if cfg.Journal != "" {
		if p.journal, err = modbus.OpenJournal(cfg.Journal); err != nil {
			return nil, err
		}
	}
	clock := NewClock(cfg.T0, time.Duration(s.Begin), s.Warp)
	p.site = NewSite(s, Stage{Clock: clock, Now: cfg.Now, Out: cfg.Out, Lang: cfg.Lang})
	if p.field, err = openField(s, p.site, dir, p.journal); err != nil {
		return nil, p.abandon(err)
	}
	p.ready = Ready{
		T0: cfg.T0.UnixMilli(), BeginMs: time.Duration(s.Begin).Milliseconds(), Warp: s.Warp, Present: clock.Present().UnixMilli(),
		Endpoints: p.field.endpoints,
	}
	if cfg.Control != "" {
		if p.control, err = listenLoopback(cfg.Control); err != nil {
			p.field.close()
			return nil, p.abandon(err)
		}
		p.ready.Control = "http://" + p.control.Addr().String()
	}
	return p, nil
}

// abandon closes the journal of a play that does not begin.
func (p *Play) abandon(err error) error {
	if p.journal != nil {
		_ = p.journal.Close()
	}
	return err
}

// beat is how often the site lives without being asked: with a warp of 600, 30 s of simulated time.
const beat = 50 * time.Millisecond

// Run plays until ctx ends, then closes everything.
func (p *Play) Run(ctx context.Context) error {
	p.site.welcome(p.ready)
	g, ctx := errgroup.WithContext(ctx)
	for _, run := range p.field.run {
		g.Go(func() error { return run(ctx) })
	}
	if p.control != nil {
		g.Go(func() error { return serveControl(ctx, p.control, p.site) })
	}
	g.Go(func() error { return p.live(ctx) })
	g.Go(func() error { return p.ready.write(p.cfg.Ready) })
	err := g.Wait()
	if p.journal != nil {
		if e := p.journal.Close(); err == nil {
			err = e
		}
	}
	return err
}

// live keeps the site going while nobody asks it anything.
func (p *Play) live(ctx context.Context) error {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for n := 0; ; n++ {
		p.site.Advance()
		if p.journal != nil && n%10 == 0 {
			if err := p.journal.Flush(); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
