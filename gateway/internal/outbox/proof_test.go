package outbox

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proofRun is how much of a proof is to be done: a few seconds of it in an ordinary test, what the environment says in
// firmware-sim/e2e/prove.
type proofRun struct {
	runs int
	seed uint64
	all  bool // asked for by prove
}

// proofOf reads LINSHAO_PROOF_RUNS and LINSHAO_PROOF_SEED.
func proofOf(t *testing.T, few int) proofRun {
	t.Helper()
	p := proofRun{runs: few, seed: uint64(time.Now().UnixNano())}
	if raceEnabled {
		p.runs = max(1, few/10)
	}
	if text := os.Getenv("LINSHAO_PROOF_RUNS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("LINSHAO_PROOF_RUNS: %v", err)
		}
		p.runs, p.all = n, true
	}
	if text := os.Getenv("LINSHAO_PROOF_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("LINSHAO_PROOF_SEED: %v", err)
		}
		p.seed = n
	}
	return p
}

// proofLine is printed for prove, which looks for the prefix.
func proofLine(t *testing.T, result any) {
	t.Helper()
	b, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("LINSHAO_PROOF_RUNS") != "" {
		fmt.Printf("\nproof: %s\n", b)
	} else {
		t.Logf("%s", b)
	}
}

// storyResult is that of power_cut and of the disk errors in it.
type storyResult struct {
	Name      string  `json:"name"`
	Runs      int     `json:"runs"`
	Broken    int     `json:"broken"` // seeds with a violation; the search ends soon after the first
	FirstSeed int     `json:"first,omitempty"`
	What      string  `json:"what,omitempty"`
	Cuts      int64   `json:"power_cuts"`
	Kills     int64   `json:"kills"`
	Opens     int64   `json:"opens"`
	Appends   int64   `json:"appends"`
	PerSecond float64 `json:"runs_per_second"`
	Seed      uint64  `json:"seed"`
}

// stories runs the seeds on all cores and ends at the first violation, of which it tells the smallest index.
func stories(t *testing.T, p proofRun) storyResult {
	t.Helper()
	res := storyResult{Name: "power_cut", Seed: p.seed, FirstSeed: -1}
	var mu sync.Mutex
	var next, done, cuts, kills, opens, appends atomic.Int64
	var all sync.WaitGroup
	var over atomic.Bool
	began := time.Now()
	for range runtime.GOMAXPROCS(0) {
		dir := t.TempDir()
		all.Go(func() {
			for !over.Load() {
				i := int(next.Add(1) - 1)
				if i >= p.runs {
					return
				}
				s, err := tell(dir, p.seed, uint64(i), storyKind{faults: i%2 == 1})
				done.Add(1)
				cuts.Add(int64(s.cuts))
				kills.Add(int64(s.kills))
				opens.Add(int64(s.opens))
				appends.Add(int64(s.appends))
				if err != nil {
					over.Store(true)
					mu.Lock()
					res.Broken++
					if res.FirstSeed < 0 || i < res.FirstSeed {
						res.FirstSeed, res.What = i, err.Error()
					}
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	res.Runs, res.Cuts, res.Kills, res.Opens, res.Appends = int(done.Load()), cuts.Load(), kills.Load(), opens.Load(), appends.Load()
	res.PerSecond = float64(int(float64(res.Runs) / time.Since(began).Seconds()))
	return res
}

// TestPowerCut is the proof power_cut. LINSHAO_PROOF_ONLY repeats one of its stories.
func TestPowerCut(t *testing.T) {
	p := proofOf(t, 2000)
	if text := os.Getenv("LINSHAO_PROOF_ONLY"); text != "" {
		i, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tell(t.TempDir(), p.seed, uint64(i), storyKind{faults: i%2 == 1, trace: t.Logf}); err != nil {
			t.Fatal(err)
		}
		return
	}
	res := stories(t, p)
	proofLine(t, res)
	if res.Broken > 0 {
		t.Errorf("%s\nagain: LINSHAO_PROOF_SEED=%d LINSHAO_PROOF_ONLY=%d go test ./gateway/internal/outbox -run TestPowerCut", res.What, res.Seed, res.FirstSeed)
	}
}
