// Package street plays hundreds of light compounds over real MQTT, for whoever wants to see a whole street: each with its own
// connection, a charger, a gas detector and a door that behave as physics says. It speaks the contract of
// cloud/wire/DESIGN.md by an encoder of its own, so that the product is not tested by its own mistakes. With the same seed
// it is the same street. It promises to be cheap: one process, a report of each compound every five minutes.
package street

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// Config of a street.
type Config struct {
	Broker string // host:port
	Cloud  string // URL of the cloud, whose incidents of the street are taken and closed as people would; empty: nobody does
	Sites  int
	Seed   uint64
	Spread time.Duration // over which the connections are begun
	Now    func() time.Time
}

// A Street is some compounds.
type Street struct {
	cfg      Config
	begun    time.Time
	curves   []curve
	gateways []*gateway
	random   *rand.Rand
}

// What a day and a moment of a street look like: shares of its sites.
const (
	darkEvery  = 68 // one site of so many is offline
	pastEvery  = 8  // one had an alert within the last day
	openEvery  = 44 // one has an alert now
	changeRest = 7 * time.Second

	history = 2 * time.Hour // of readings: that long ago the compounds got their devices. More would be millions for a demo
)

// New lays the street out; nothing is connected yet.
func New(cfg Config) (*Street, error) {
	if cfg.Broker == "" || cfg.Sites < 1 || cfg.Sites > 5000 {
		return nil, errors.New("play a street: a broker and 1 to 5000 sites are needed")
	}
	s := &Street{cfg: cfg, begun: cfg.Now(), curves: curves(cfg.Seed), random: rand.New(rand.NewPCG(cfg.Seed, 0))}
	start := s.begun.Add(-25 * time.Hour)
	for _, p := range plan(cfg.Seed, cfg.Sites) {
		g := newGateway(p, start, cfg)
		since := s.begun.Add(-history).Truncate(pollEvery) // a device that was there before and told nothing would be a hole that nothing explains
		g.add(streamEvents, booted(start), record{kind: typeEvent, wallMs: since.UnixMilli(), payload: p.inventory()})
		for _, d := range p.devices {
			g.add(streamEvents, answers(d.id, since))
		}
		s.gateways = append(s.gateways, g)
	}
	s.past()
	s.present()
	return s, nil
}

// past are the alerts of the last 24 h, most of them by day; they come late, as after an outage.
func (s *Street) past() {
	for i, g := range s.gateways {
		if i%pastEvery != 3 {
			continue
		}
		r := rand.New(rand.NewPCG(s.cfg.Seed, uint64(g.site.number)<<8))
		ago := time.Duration(30+r.IntN(23*60)) * time.Minute
		if hour := s.begun.Add(-ago).UTC().Add(8 * time.Hour).Hour(); hour < 6 && r.IntN(3) > 0 {
			ago = (ago + 11*time.Hour) % (23 * time.Hour)
		}
		began := s.begun.Add(-ago)
		t := g.site.newTrouble(r, s.draw(r), began, began.Add(time.Duration(2+r.IntN(18))*time.Minute))
		for _, rec := range []record{t.event(true), t.event(false)} {
			rec.late = true
			g.logs[0].kept = append(g.logs[0].kept, rec)
		}
	}
}

// present is what is wrong when the street is first seen: one site of each gravest kind, more of the others.
func (s *Street) present() {
	all := kinds()
	n := 0
	for i, g := range s.gateways {
		if i%darkEvery == 29 {
			g.away = true
		}
		if i%openEvery != 11%openEvery {
			continue
		}
		k := all[min(n, len(all)-1)]
		if n >= len(all) {
			k = all[len(all)-1-n%3]
		}
		n++
		r := rand.New(rand.NewPCG(s.cfg.Seed, uint64(g.site.number)<<9))
		g.trouble(g.site.newTrouble(r, k, s.begun.Add(-time.Duration(20+r.IntN(150))*time.Second), time.Time{}), true)
	}
}

// draw picks a kind: the grave ones are rare.
func (s *Street) draw(r *rand.Rand) kind {
	all := kinds()
	switch n := r.IntN(40); {
	case n == 0:
		return all[0]
	case n < 6:
		return all[1]
	case n < 12:
		return all[2]
	case n < 18:
		return all[3]
	}
	return all[4]
}

// Run plays until ctx ends.
func (s *Street) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	for i, g := range s.gateways {
		delay := s.cfg.Spread * time.Duration(i) / time.Duration(len(s.gateways))
		parts.Go(func() { s.live(ctx, g, delay) })
	}
	parts.Go(func() { s.change(ctx) })
	if s.cfg.Cloud != "" {
		parts.Go(func() { newCrew(s.cfg).run(ctx) })
	}
	parts.Wait()
	return nil
}

// live connects a gateway and has it report. One that is off was there until a while ago: it tells its past and goes.
func (s *Street) live(ctx context.Context, g *gateway, delay time.Duration) {
	if !wait(ctx, delay) {
		return
	}
	now := s.cfg.Now().Truncate(pollEvery)
	var times []time.Time
	for at := now.Add(-history); !at.After(now); at = at.Add(pollEvery) {
		times = append(times, at)
	}
	g.report(s.curves, times...)
	var parts sync.WaitGroup
	if g.off() {
		g.switchOff(false)
		parts.Go(func() {
			for rest := 8 * time.Second; wait(ctx, rest); rest = time.Second {
				if !g.waiting() { // a busy cloud has not taken all of it yet
					g.switchOff(true)
					return
				}
			}
		})
	}
	parts.Go(func() { g.run(ctx) })
	phase := pollEvery * time.Duration(g.site.number) / time.Duration(len(s.gateways)+1)
	for rest := phase; wait(ctx, rest); rest = pollEvery {
		if !g.off() {
			g.report(s.curves, s.cfg.Now())
		}
	}
	parts.Wait()
}

// change lets something happen every few seconds: trouble that begins or ends, a gateway that goes and comes back.
func (s *Street) change(ctx context.Context) {
	type running struct {
		g *gateway
		t *trouble
	}
	var all []running
	var gone *gateway
	for wait(ctx, s.cfg.Spread); wait(ctx, changeRest); {
		now := s.cfg.Now()
		g := s.gateways[s.random.IntN(len(s.gateways))]
		switch n := s.random.IntN(10); {
		case n < 3 && len(all) < 6 && !g.off() && len(g.troubled()) == 0:
			t := g.site.newTrouble(s.random, s.draw(s.random), now, time.Time{})
			if t.kind.severity != "A" { // the gravest is what the person sees in the first compound
				g.trouble(t, true)
				all = append(all, running{g, t})
			}
		case n < 7 && len(all) > 0 && now.Sub(all[0].t.began) > time.Minute:
			all[0].t.ends = now
			all[0].g.trouble(all[0].t, false)
			all = all[1:]
		case n == 7 && gone == nil && !g.off():
			gone = g
			g.switchOff(true)
		case n == 8 && gone != nil:
			gone.switchOff(false)
			gone = nil
		case n == 9 && !g.off():
			g.report(s.curves, now)
		}
	}
}

func (g *gateway) troubled() []*trouble {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []*trouble
	for _, t := range g.state {
		out = append(out, t)
	}
	return out
}

// wait answers whether the time passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
