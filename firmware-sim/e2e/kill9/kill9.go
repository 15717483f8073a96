// Package kill9 proves the first promise: it kills a gateway with -9 again and again while readings flow through a real
// broker into the cloud, and then holds three things against each other: what the simulator served, what the gateway
// had acknowledged to itself (the records on its disk at each kill), and what the cloud has.
package kill9

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
)

// Options of a proof.
type Options struct {
	Bin   string // folder of the programs
	Dir   string // an empty folder
	Kills int
	Seed  uint64
}

// A Result is what the proof found. Lost, Doubled, Phantom and Failed are 0 when the promise is kept.
type Result struct {
	Name    string `json:"name"`
	Runs    int    `json:"runs"`    // kills
	Served  int    `json:"served"`  // values that the simulator answered
	Kept    int    `json:"kept"`    // values that the gateway had on its disk at some kill or at the end
	Stored  int    `json:"stored"`  // values that the cloud has
	Lost    int    `json:"lost"`    // kept, not stored
	Doubled int    `json:"doubled"` // stored more than once
	Phantom int    `json:"phantom"` // stored, never served
	Failed  int    `json:"failed"`  // starts after a kill that did not succeed
	Broker  string `json:"broker"`
	Seed    uint64 `json:"seed"`

	Examples []string `json:"examples,omitempty"` // of what is wrong, a few
}

// wrong counts a value that breaks the promise, and keeps the first few as examples.
func (r *Result) wrong(count *int, what string, v value) {
	*count++
	if len(r.Examples) < 8 {
		r.Examples = append(r.Examples, fmt.Sprintf("%s: %s.%s = %g", what, v.device, v.point, v.number))
	}
}

// Broken says whether the promise is.
func (r Result) Broken() bool { return r.Lost+r.Doubled+r.Phantom+r.Failed > 0 || r.Stored == 0 }

// A value is one answer of one counter: the simulator never gives a counter's value twice.
type value struct {
	device string
	point  string
	number float64
}

// Run carries out the proof.
func Run(ctx context.Context, o Options) (Result, error) {
	r := Result{Name: "gateway_kill9", Runs: o.Kills, Seed: o.Seed}
	c, err := open(ctx, o)
	if err != nil {
		return r, err
	}
	defer c.close()
	r.Broker = c.broker
	kept := map[value]bool{}
	random := rand.New(rand.NewPCG(o.Seed, 9))
	for range o.Kills {
		if err := c.startGateway(ctx); err != nil {
			return r, err
		}
		// From before it has opened its log to well after it has sent from it.
		process.Pause(ctx, time.Duration(50+random.IntN(1200))*time.Millisecond)
		if !c.gateway.Kill() {
			r.Failed++
		}
		if err := c.inspect(ctx, kept); err != nil {
			return r, err
		}
	}
	if err := c.startGateway(ctx); err != nil {
		return r, err
	}
	if err := c.drained(ctx); err != nil {
		r.Failed++
		return r, err
	}
	if err := c.stopGateway(); err != nil {
		return r, err
	}
	if err := c.inspect(ctx, kept); err != nil {
		return r, err
	}
	return c.compare(ctx, r, kept)
}

// compare holds what was kept against what the cloud has, and both against what was served.
func (c *chain) compare(ctx context.Context, r Result, kept map[value]bool) (Result, error) {
	if err := c.stopField(); err != nil {
		return r, fmt.Errorf("stop simulator: %w", err)
	}
	served, err := c.served()
	if err != nil {
		return r, err
	}
	var stored map[value]int
	// The last batches may still be on their way from inbox to store.
	err = process.Until(ctx, 2*time.Minute, func() error {
		if stored, err = c.stored(ctx, kept); err != nil {
			return err
		}
		if missing := lost(kept, stored); missing > 0 {
			return fmt.Errorf("%d values are not in the cloud", missing)
		}
		return nil
	})
	if err != nil && stored == nil {
		return r, err
	}
	r.Served, r.Kept, r.Stored = len(served), len(kept), len(stored)
	for v := range kept {
		if stored[v] == 0 {
			r.wrong(&r.Lost, "lost", v)
		}
	}
	for v, times := range stored {
		if times > 1 {
			r.wrong(&r.Doubled, "doubled", v)
		}
		if !served[v] {
			r.wrong(&r.Phantom, "phantom", v)
		}
	}
	return r, nil
}

func lost(kept map[value]bool, stored map[value]int) int {
	n := 0
	for v := range kept {
		if stored[v] == 0 {
			n++
		}
	}
	return n
}
