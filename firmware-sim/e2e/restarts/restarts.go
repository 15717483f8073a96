// Package restarts proves that a gateway may take up devices while it works: 50 meters are read every second, alerts come and go,
// and again and again a device is claimed or taken out, which starts the gateway anew in its process. Between a real broker, the
// cloud and simulated meters on TCP and on a serial line it is then counted what was lost, doubled, forgotten or told twice. The
// meters tell what was served; the gateway's logs tell what it knew, and from that follows which alert had to be raised when.
package restarts

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
)

// The times of the proof. The rules' own are in site.go.
const (
	poll   = time.Second
	hold   = 3 * time.Second         // of the rule
	late   = 1500 * time.Millisecond // an alert may be raised after the reading at which it was due: a tick, and a busy machine
	meters = 50
	cut    = 100 * time.Millisecond // an answer that was under way when the restart was ordered may be in no record
)

// Options of a proof.
type Options struct {
	Bin      string // folder of the programs
	Dir      string // an empty folder
	Restarts int
	Seed     uint64
}

// A Result is what the proof found. All counts from Lost to Failed are 0 when the promise is kept.
type Result struct {
	Name    string `json:"name"`
	Runs    int    `json:"runs"`        // restarts that took place
	Served  int    `json:"served"`      // values that the meters answered
	Kept    int    `json:"kept"`        // values in the gateway's logs
	Cut     int    `json:"cut"`         // served within a restart, and in no record
	Timers  int    `json:"timers"`      // times in which an alert had to be raised
	Hit     int    `json:"hit"`         // of these with a restart while the hold time ran
	Fired   int    `json:"fired"`       // alerts told while a restart was under way
	PauseMs int64  `json:"pause_ms"`    // the longest restart, from the order to the answer of the gateway that follows
	GapMs   int64  `json:"gap_ms"`      // the longest time between two values of a meter across a restart
	LateMs  int64  `json:"late_ms_max"` // of an alert after the reading at which it was due
	Lost    int    `json:"lost"`        // served outside a restart and in no record, or kept and not in the cloud
	Doubled int    `json:"doubled"`     // values kept or stored twice, alerts told twice or under two ids
	Phantom int    `json:"phantom"`     // values that were never served
	Missing int    `json:"missing"`     // hold times without an alert, or without its end
	Stray   int    `json:"stray"`       // alerts without a cause, too early, or of another beginning
	Late    int    `json:"late"`
	Gaps    int    `json:"gaps"`   // holes in the numbers of a log, gaps told, or another epoch
	Forgot  int    `json:"forgot"` // sessions, holds and found devices that a restart ended
	Failed  int    `json:"failed"` // what did not do as it should
	Broker  string `json:"broker"`
	Seed    uint64 `json:"seed"`

	Examples []string `json:"examples,omitempty"`
}

// Broken says whether the promise is.
func (r *Result) Broken() bool {
	return r.Lost+r.Doubled+r.Phantom+r.Missing+r.Stray+r.Late+r.Gaps+r.Forgot+r.Failed > 0 || r.Timers == 0 || r.Runs == 0
}

func (r *Result) wrong(count *int, format string, args ...any) {
	*count++
	if len(r.Examples) < 12 {
		r.Examples = append(r.Examples, fmt.Sprintf(format, args...))
	}
}

// A span is a restart, from before it was ordered until after the next gateway answered.
type span struct{ from, to time.Time }

// A proof is the site with everything that runs.
type proof struct {
	Options
	*field
	*programs
	random   *rand.Rand
	restarts []span
	asked    []span // a device may be read beside its turn, for the sheet: that is in no record
	result   *Result
}

// Run carries out the proof.
func Run(ctx context.Context, o Options) (*Result, error) {
	r := &Result{Name: "restarts", Seed: o.Seed}
	p := &proof{Options: o, random: rand.New(rand.NewPCG(o.Seed, 50)), result: r}
	var err error
	if p.field, err = newField(o.Dir, o.Seed); err != nil {
		return r, err
	}
	ctx, stop := context.WithCancel(ctx)
	ended := p.field.run(ctx)
	defer func() { stop(); ended.Wait() }()
	if p.programs, err = startPrograms(ctx, o, p.field.addr); err != nil {
		return r, err
	}
	defer p.programs.close()
	r.Broker = p.broker
	v, err := p.enter(ctx)
	if err != nil {
		return r, fmt.Errorf("before the first restart: %w", err)
	}
	p.asked = append(p.asked, span{p.began, time.Now()})
	moved := p.field.live(ctx)
	for n := range o.Restarts {
		process.Pause(ctx, time.Duration(300+p.random.IntN(1500))*time.Millisecond)
		if err := p.round(ctx, n, v); err != nil {
			return r, err
		}
	}
	moved()
	process.Pause(ctx, poll+late) // what was high is seen to be low, and told
	if err := p.gateway.Stop(); err != nil {
		return r, err
	}
	return r, p.judge(context.WithoutCancel(ctx))
}
