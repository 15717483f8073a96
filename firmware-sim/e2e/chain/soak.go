package chain

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
)

// A SoakResult is how the programs that live long stood the churn. Figures are of the worst of them.
type SoakResult struct {
	Name       string  `json:"name"`
	Runs       int     `json:"runs"` // disturbances
	Minutes    float64 `json:"minutes"`
	Goroutines [2]int  `json:"goroutines"` // most in the second quarter, and in the last: of the program that grew most
	Files      [2]int  `json:"descriptors"`
	MemoryMiB  [2]int  `json:"rss_mib"`
	Failed     int     `json:"failed"` // programs that ended, or grew
	Seed       uint64  `json:"seed"`

	Examples []string `json:"examples,omitempty"`
}

// Broken says whether something ended or grew.
func (r *SoakResult) Broken() bool { return r.Failed > 0 }

// Soak runs the chain for a while under churn: devices fall silent and come back, broker, database and store are killed
// and come back. Gateways and clouds must live through all of it and hold no more at the end.
func Soak(ctx context.Context, o Options, length time.Duration) (*SoakResult, error) {
	r := &SoakResult{Name: "soak", Seed: o.Seed, Minutes: length.Minutes()}
	s, err := open(ctx, o)
	if err != nil {
		return r, err
	}
	defer s.close()
	random := rand.New(rand.NewPCG(o.Seed, 6))
	held := map[string][]process.Held{}
	for end := time.Now().Add(length); time.Now().Before(end); r.Runs++ {
		if err := s.disturb(ctx, random, r.Runs); err != nil {
			return r, err
		}
		for _, p := range s.longLived() {
			select {
			case <-p.now.Done():
				r.fail("%s ended by itself", p.name)
				return r, nil
			default:
			}
			if now, err := process.Holds(s.url(p.name)); err == nil { // a page that is busy is asked again
				held[p.name] = append(held[p.name], now)
			}
		}
	}
	for name, samples := range held {
		r.judge(name, samples)
	}
	return r, nil
}

func (r *SoakResult) fail(format string, args ...any) {
	r.Failed++
	r.Examples = append(r.Examples, fmt.Sprintf(format, args...))
}

// disturb makes a device silent or not, every fifth time kills a server, and lets the others recover.
func (s *site) disturb(ctx context.Context, random *rand.Rand, n int) error {
	if err := s.flap(random.IntN(devices)); err != nil {
		return err
	}
	if n%5 == 4 {
		victim := s.parts[random.IntN(3)] // postgres, victoria, mosquitto
		if err := victim.restart(ctx, time.Duration(random.IntN(2000))*time.Millisecond); err != nil {
			return fmt.Errorf("restart %s: %w", victim.name, err)
		}
	}
	process.Pause(ctx, 2*time.Second)
	return ctx.Err()
}

func (s *site) longLived() []*part { return s.parts[3:] }

// judge compares the second quarter with the last one.
func (r *SoakResult) judge(name string, samples []process.Held) {
	before, after, grew, err := process.Growth(samples)
	if err != nil {
		r.fail("%s was %v", name, err)
		return
	}
	r.worse(&r.Goroutines, before.Goroutines, after.Goroutines)
	r.worse(&r.Files, before.Files, after.Files)
	r.worse(&r.MemoryMiB, before.MemoryMiB, after.MemoryMiB)
	if grew {
		r.fail("%s grew: %+v, then %+v", name, before, after)
	}
}

func (r *SoakResult) worse(shown *[2]int, before, after int) {
	if shown[1] == 0 || after-before > shown[1]-shown[0] {
		*shown = [2]int{before, after}
	}
}
