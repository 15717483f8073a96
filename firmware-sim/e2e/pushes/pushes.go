// Package pushes proves that a gateway goes by one whole configuration, whenever it is killed: the cloud pushes sets of a rule, a
// device and an override through a real broker, the gateway is killed with -9 at random moments while it takes them up, tries them
// or takes them back, and then rule, device and override have to be of one set: the one that the cloud wants or the last good one. What
// the cloud says of it, and why, has to be so.
package pushes

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
)

const (
	watch   = 30 * time.Second // of a trial: the shortest that there is
	decided = 3 * time.Minute  // within which a set is applied or taken back, after the last kill
	starts  = 4                // of the process, which end a trial
)

// Options of a proof.
type Options struct {
	Bin    string // folder of the programs
	Dir    string // an empty folder
	Pushes int    // sets that are pushed; every second one is killed until it is taken back
	Seed   uint64
}

// A Result is what the proof found. All counts from Mixed on are 0 when the promise is kept.
type Result struct {
	Name     string `json:"name"`
	Runs     int    `json:"runs"` // kills
	Pushes   int    `json:"pushes"`
	Looks    int    `json:"looks"` // at what a gateway went by between two kills
	Applied  int    `json:"applied"`
	Reverted int    `json:"reverted"`
	Mixed    int    `json:"mixed"`  // times in which a gateway went by parts of two sets
	Other    int    `json:"other"`  // by a set that was neither wanted nor the last good one
	Untrue   int    `json:"untrue"` // the cloud says something else than what is, or why
	Failed   int    `json:"failed"` // starts that did not succeed, sets that nobody decided on
	Broker   string `json:"broker"`
	Seed     uint64 `json:"seed"`

	Examples []string `json:"examples,omitempty"`
}

// Broken says whether the promise is.
func (r *Result) Broken() bool {
	return r.Mixed+r.Other+r.Untrue+r.Failed > 0 || r.Applied+r.Reverted == 0 || r.Runs == 0
}

func (r *Result) wrong(count *int, format string, args ...any) {
	*count++
	if len(r.Examples) < 8 {
		r.Examples = append(r.Examples, fmt.Sprintf(format, args...))
	}
}

// A proof is a site with its cloud.
type proof struct {
	*site
	random *rand.Rand
	good   int // the last set that was applied; 0: the site's own files
	result *Result
}

// Run carries out the proof.
func Run(ctx context.Context, o Options) (*Result, error) {
	r := &Result{Name: "config_kill9", Pushes: o.Pushes, Seed: o.Seed}
	s, err := open(ctx, o)
	if err != nil {
		return r, err
	}
	defer s.close()
	r.Broker = s.broker
	p := &proof{site: s, random: rand.New(rand.NewPCG(o.Seed, 23)), result: r}
	if err := p.start(); err != nil {
		return r, err
	}
	if err := process.Until(ctx, 30*time.Second, func() error { return p.connected(ctx) }); err != nil {
		return r, fmt.Errorf("start gateway: %w: gateway.log says why", err)
	}
	for n := 1; n <= o.Pushes; n++ {
		if err := p.round(ctx, n); err != nil {
			return r, err
		}
	}
	return r, nil
}

// round pushes a set, kills the gateway while it takes it up, and waits for what becomes of it.
func (p *proof) round(ctx context.Context, n int) error {
	if err := p.push(ctx, n); err != nil {
		return err
	}
	kills := 1 + p.random.IntN(2)
	if n%2 == 0 {
		kills = starts + 1 + p.random.IntN(3)
	}
	before := p.started
	for range kills {
		// From before it hears of the set, or has read its own files, to well within the trial.
		process.Pause(ctx, time.Duration(50+p.random.IntN(3500))*time.Millisecond)
		p.look(ctx, n)
		if !p.gateway.Kill() {
			p.result.wrong(&p.result.Failed, "set %d: the gateway had ended by itself", n)
		}
		p.result.Runs++
		if err := p.start(); err != nil {
			return err
		}
	}
	return p.judge(ctx, n, p.started-before)
}

// look takes a look at what the gateway goes by, if it answers.
func (p *proof) look(ctx context.Context, n int) {
	by, err := p.runs(ctx)
	if mix, ok := errors.AsType[*mixed](err); ok {
		p.result.wrong(&p.result.Mixed, "set %d: %v", n, mix)
	}
	if err != nil {
		return
	}
	p.result.Looks++
	if by != n && by != p.good {
		p.result.wrong(&p.result.Other, "set %d is wanted, %d is the last good one, and the gateway goes by %d", n, p.good, by)
	}
}

// judge waits until the cloud knows what became of a set, and holds that against what is.
func (p *proof) judge(ctx context.Context, n, lives int) error {
	var said standing
	err := process.Until(ctx, decided, func() (err error) {
		if said, err = p.says(ctx); err == nil && said.state != "applied" && said.state != "reverted" {
			err = fmt.Errorf("set %d: %s", n, said.text)
		}
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.result.wrong(&p.result.Failed, "nobody has decided: %v", err)
	}
	var by int
	if err := process.Until(ctx, 30*time.Second, func() (err error) { by, err = p.runs(ctx); return err }); err != nil {
		p.result.wrong(&p.result.Mixed, "set %d, %s: %v", n, said.state, err)
		return nil
	}
	p.result.Looks++
	switch {
	case said.revision != n:
		p.result.wrong(&p.result.Untrue, "set %d is wanted, the cloud says %s", n, said.text)
	case said.state == "applied" && by == n && said.inForce == n:
		p.result.Applied++
	case said.state == "reverted" && by == p.good && said.inForce == p.good && lives >= starts && strings.Contains(said.text, fmt.Sprintf("started %d times", starts)):
		p.result.Reverted++
	default:
		p.result.wrong(&p.result.Untrue, "the gateway goes by set %d, the last good one was %d, it lived %d times, and the cloud says %s", by, p.good, lives, said.text)
	}
	p.good = by
	return nil
}
