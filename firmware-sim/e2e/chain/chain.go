// Package chain proves the first promise for the whole product: real gateways, mosquitto, two clouds on PostgreSQL and
// VictoriaMetrics run under load while one of them after the other is killed with -9. Afterwards every value that the
// simulated devices served is looked for in the store: there once, or explained by the kill that took the second which
// a gateway holds in memory; and every event that a gateway wrote into its log is looked for in the cloud's database.
package chain

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
)

// Options of a proof.
type Options struct {
	Bin    string // folder of the programs
	Dir    string // an empty folder
	Kills  int
	Values int // served at least so many, however few kills there are
	Seed   uint64
}

// A Result is what the proof found. Lost, Doubled, Phantom, Failed and the event counts of them are 0 when the promise
// is kept.
type Result struct {
	Name      string         `json:"name"`
	Runs      int            `json:"runs"`      // kills
	Kills     map[string]int `json:"kills"`     // by program
	Served    int            `json:"served"`    // values that the simulator answered
	Stored    int            `json:"stored"`    // values that the store has
	Explained int            `json:"explained"` // not stored: in the memory of a gateway that was killed
	Lost      int            `json:"lost"`      // not stored, and no kill explains it
	Doubled   int            `json:"doubled"`   // stored more than once
	Phantom   int            `json:"phantom"`   // stored, never served
	OldestMs  int64          `json:"oldest_explained_ms"`
	Events    int            `json:"events"` // records of the gateways' events logs
	EventsBad int            `json:"events_lost_or_doubled"`
	Failed    int            `json:"failed"` // starts that did not succeed, and what did not settle
	Seconds   int            `json:"seconds"`
	Seed      uint64         `json:"seed"`

	Examples []string `json:"examples,omitempty"` // of what is wrong, a few
}

// Broken says whether the promise is.
func (r *Result) Broken() bool {
	return r.Lost+r.Doubled+r.Phantom+r.EventsBad+r.Failed > 0 || r.Stored == 0 || r.Events == 0
}

func (r *Result) wrong(count *int, format string, args ...any) {
	*count++
	if len(r.Examples) < 12 {
		r.Examples = append(r.Examples, fmt.Sprintf(format, args...))
	}
}

// Run carries out the proof.
func Run(ctx context.Context, o Options) (*Result, error) {
	r := &Result{Name: "chain_kill", Runs: o.Kills, Kills: map[string]int{}, Seed: o.Seed}
	began := time.Now()
	s, err := open(ctx, o)
	if err != nil {
		return r, err
	}
	defer s.close()
	random := rand.New(rand.NewPCG(o.Seed, 5))
	for range o.Kills {
		process.Pause(ctx, time.Duration(200+random.IntN(1800))*time.Millisecond)
		if err := s.flap(random.IntN(devices)); err != nil {
			return r, err
		}
		victim := s.parts[random.IntN(len(s.parts))]
		r.Kills[victim.name]++
		if err := victim.restart(ctx, time.Duration(random.IntN(1000))*time.Millisecond); err != nil {
			r.wrong(&r.Failed, "%s after a kill: %v", victim.name, err)
			return r, nil
		}
	}
	if err := s.mend(); err != nil {
		return r, err
	}
	if err := s.serve(ctx, o.Values); err != nil {
		return r, err
	}
	if err := s.settle(ctx); err != nil {
		r.wrong(&r.Failed, "%v", err)
	}
	if err := s.compare(ctx, r); err != nil {
		return r, err
	}
	r.Seconds = int(time.Since(began).Seconds())
	return r, nil
}

// serve waits until the simulator has answered so many values, judged by the size of its journal.
func (s *site) serve(ctx context.Context, values int) error {
	const perByte = 6 // bytes of a value in a line of the journal, roughly: more are served, not fewer
	return process.Until(ctx, 30*time.Minute, func() error {
		info, err := os.Stat(s.journal())
		if err != nil {
			return fmt.Errorf("read journal: %w", err)
		}
		if got := int(info.Size()) / perByte; got < values {
			return fmt.Errorf("%d of %d values served", got, values)
		}
		return nil
	})
}
