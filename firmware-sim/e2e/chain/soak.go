package chain

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
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

// What may be more at the end than in the second quarter: a connection under way, memory that the collector has not yet
// given back.
const (
	mayGoroutines = 10
	mayFiles      = 6
	mayMemory     = 1.25
	mayMemoryMiB  = 15
)

// sample is what one program holds at one time.
type sample struct {
	goroutines, files, memory int
}

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
	held := map[string][]sample{}
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
			if now, err := s.measure(p); err == nil { // a page that is busy is asked again
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

// measure reads a program's own metrics.
func (s *site) measure(p *part) (sample, error) {
	response, err := http.Get(s.url(p.name) + "/metrics")
	if err != nil {
		return sample{}, err
	}
	defer response.Body.Close()
	var now sample
	want := map[string]*int{"go_goroutines": &now.goroutines, "process_open_fds": &now.files, "process_resident_memory_bytes": &now.memory}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if to := want[name]; to != nil {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return sample{}, fmt.Errorf("read metric %s: %w", name, err)
			}
			*to = int(value)
		}
	}
	if now.goroutines == 0 || now.files == 0 || now.memory == 0 {
		return sample{}, fmt.Errorf("metrics of %s say nothing of the process: %s", p.name, response.Status)
	}
	now.memory >>= 20
	return now, lines.Err()
}

// judge compares the second quarter with the last one.
func (r *SoakResult) judge(name string, samples []sample) {
	if len(samples) < 8 {
		r.fail("%s was measured only %d times", name, len(samples))
		return
	}
	quarter := len(samples) / 4
	before, after := most(samples[quarter:2*quarter]), most(samples[len(samples)-quarter:])
	r.worse(&r.Goroutines, before.goroutines, after.goroutines)
	r.worse(&r.Files, before.files, after.files)
	r.worse(&r.MemoryMiB, before.memory, after.memory)
	if after.goroutines > before.goroutines+mayGoroutines || after.files > before.files+mayFiles ||
		float64(after.memory) > float64(before.memory)*mayMemory+mayMemoryMiB {
		r.fail("%s grew: %+v, then %+v", name, before, after)
	}
}

func (r *SoakResult) worse(shown *[2]int, before, after int) {
	if shown[1] == 0 || after-before > shown[1]-shown[0] {
		*shown = [2]int{before, after}
	}
}

func most(samples []sample) (m sample) {
	for _, s := range samples {
		m = sample{max(m.goroutines, s.goroutines), max(m.files, s.files), max(m.memory, s.memory)}
	}
	return m
}
