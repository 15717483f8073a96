// Package charging holds the rules against generated charges: what physics says happened at a socket, what a perfect
// observer of the same samples could know, and what the real engine with the shipped rules told. Command sessions prints
// its table, prove keeps its promise. Seeds 1 to 999 are for people who tune rules; tables are made from TableSeed on,
// and nothing may be tuned to those.
package charging

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/linshao/linshao/firmware-sim/physics"
	"github.com/linshao/linshao/rules"
)

// TableSeed is the first seed of tables. Those below 1000 are for tuning.
const TableSeed = 1_000_000

// Options of a run.
type Options struct {
	Rules    string          // folder of the rule files
	Sessions int             // how many courses, of all classes in turn
	Seed     uint64          // of the first course; the others count up
	Every    []time.Duration // sampling intervals, in turn
	Only     physics.Class   // "": all classes
	Workers  int             // 0: as many as there are cores
	AllRules bool            // also those that judge no socket: slower, and the same table
}

// Run plays the courses and answers the table.
func Run(ctx context.Context, o Options) (*Report, error) {
	set, err := load(o.Rules, o.AllRules)
	if err != nil {
		return nil, err
	}
	classes := physics.Classes()
	if o.Only != "" {
		classes = []physics.Class{o.Only}
	}
	began := time.Now()
	results := make([]result, o.Sessions)
	var wg sync.WaitGroup
	next := make(chan int)
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	for range o.Workers {
		wg.Go(func() {
			for i := range next {
				results[i] = playOne(set, classes[i%len(classes)], o.Every[i/len(classes)%len(o.Every)], o.Seed+uint64(i))
			}
		})
	}
	err = feed(ctx, next, o.Sessions)
	close(next)
	wg.Wait()
	report := &Report{Proof: "session_classes", Seed: o.Seed, Others: map[string]int{}}
	for _, r := range results {
		err = errors.Join(err, r.err)
		if r.play != nil {
			report.add(r)
		}
	}
	report.finish()
	report.Seconds = time.Since(began).Seconds()
	return report, err
}

func feed(ctx context.Context, next chan<- int, n int) error {
	for i := range n {
		select {
		case next <- i:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

type result struct {
	play     *play
	verdicts [keys]verdict
	others   []firing
	length   time.Duration
	err      error
}

func playOne(set *rules.Set, class physics.Class, every time.Duration, seed uint64) result {
	p := draw(class, every, seed)
	told, err := p.run(set)
	if err != nil {
		return result{err: fmt.Errorf("play %s %d: %w", class, seed, err)}
	}
	r := result{play: p}
	r.verdicts, r.others = p.judge(told)
	r.length = p.course.Length()
	p.course.Moments, p.samples = nil, nil // a table needs neither
	return r
}
