// Package safety measures the promise that matters most: gas at a detector's register, and how long until the write that
// closes the valve is on the wire, through the real gateway program with the shipped rules, while processor and disk are
// busy and the uplink is down.
package safety

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
)

// Options of a proof.
type Options struct {
	Bin      string        // folder of the programs
	Dir      string        // an empty folder
	Runs     int           // leaks
	Kitchens int           // that leak beside each other
	Poll     time.Duration // how often a detector is read
	Seed     uint64
}

// A Result is what the proof found.
type Result struct {
	Name   string  `json:"name"`
	Runs   int     `json:"runs"`
	Misses int     `json:"misses"` // valves that were not closed within 10 s
	PollMs float64 `json:"poll_ms"`
	P50    float64 `json:"p50_ms"`
	P99    float64 `json:"p99_ms"`
	P999   float64 `json:"p999_ms"`
	Max    float64 `json:"max_ms"`
	Late   float64 `json:"promise_ms"`   // of p999 on a machine that wakes its programs in time: a poll and 200 ms
	Bound  float64 `json:"bound_ms"`     // of p999 here: the promise, and once wake_p999_ms
	Act999 float64 `json:"act_p999_ms"`  // of it, from the answer that shows the gas to the write: the gateway alone
	Wake   float64 `json:"wake_p999_ms"` // how late this machine wakes a program that sleeps, meanwhile: several of these are in every time above
	Cores  int     `json:"cores"`        // each with a program that computes without end, beside one that writes and syncs
	Seed   uint64  `json:"seed"`
	Note   string  `json:"note"`
}

// note says what the bound is.
const note = "p999_ms may be a poll and 200 ms (promise_ms), beyond what the machine itself was late in waking a sleeper meanwhile (wake_p999_ms); the times are as measured"

// patience is how long a valve may stay open before it counts as a miss.
const patience = 10 * time.Second

// slack is what may pass beside one poll.
const slack = 200 * time.Millisecond

// Broken says whether the promise is.
func (r Result) Broken() bool { return r.Misses > 0 || r.P999 > r.Bound }

// Run carries out the proof.
func Run(ctx context.Context, o Options) (Result, error) {
	r := Result{Name: "safety_latency", Runs: o.Runs, PollMs: ms(o.Poll), Late: ms(o.Poll + slack), Note: note, Cores: runtime.NumCPU(), Seed: o.Seed}
	s, err := newSite(o)
	if err != nil {
		return r, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for _, port := range s.ports {
		wg.Go(func() { _ = port.Run(ctx) }) // it ends with ctx; a port that fails is seen as misses
	}
	defer s.stop()
	if err := s.start(ctx, r.Cores); err != nil {
		return r, err
	}
	var late []time.Duration
	probing, enough := context.WithCancel(ctx)
	wg.Go(func() { late = probe(probing) })
	all, acts, err := s.leaks(ctx)
	enough()
	cancel()
	wg.Wait()
	if err != nil {
		return r, err
	}
	r.Misses = o.Runs - len(all)
	r.P50, r.P99, r.P999, r.Max = at(all, 0.5), at(all, 0.99), at(all, 0.999), at(all, 1)
	r.Act999, r.Wake = at(acts, 0.999), at(late, 0.999)
	r.Bound = r.Late + r.Wake
	return r, nil
}

// probe sleeps again and again and answers how late it woke.
func probe(ctx context.Context) (late []time.Duration) {
	const nap = 20 * time.Millisecond
	for ctx.Err() == nil {
		began := time.Now()
		process.Pause(ctx, nap)
		late = append(late, max(0, time.Since(began)-nap))
	}
	return late
}

// at is a percentile in ms; it sorts.
func at(times []time.Duration, share float64) float64 {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return ms(times[min(int(share*float64(len(times))), len(times)-1)])
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// leaks lets gas into all kitchens, each at its own pace, and answers how long each valve took, from the register and from
// the answer that showed it.
func (s *site) leaks(ctx context.Context) (all, acts []time.Duration, err error) {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	for i := range s.kitchens {
		runs := s.o.Runs / len(s.kitchens)
		if i < s.o.Runs%len(s.kitchens) {
			runs++
		}
		wg.Go(func() {
			r := rand.New(rand.NewPCG(s.o.Seed, uint64(i)))
			for range runs {
				took, act, err := s.leak(ctx, i, r)
				mu.Lock()
				if took > 0 {
					all, acts = append(all, took), append(acts, act)
				}
				errs = append(errs, err)
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return all, acts, errors.Join(errs...)
}

// leak is one leak, from well to closed and back to well; took is 0 when the valve was not closed.
func (s *site) leak(ctx context.Context, kitchen int, r *rand.Rand) (took, act time.Duration, err error) {
	k := s.kitchens[kitchen]
	process.Pause(ctx, 2*s.o.Poll+time.Duration(r.Int64N(int64(s.o.Poll)))) // anywhere between two polls
	began := k.leak()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case at := <-k.closed:
		took, act = at[1].Sub(began), at[1].Sub(at[0])
	case <-timer.C:
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	k.air()
	process.Pause(ctx, 2*s.o.Poll)
	if err := s.reset(ctx, kitchen); err != nil {
		return took, act, fmt.Errorf("kitchen %d: %w", kitchen, err)
	}
	select {
	case <-k.closed: // after a miss
	default:
	}
	k.reopen()
	return took, act, nil
}
