package outbox

import (
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

type errorsResult struct {
	Name    string  `json:"name"`
	Runs    int     `json:"runs"` // cases: operation × error × once or for good × sync × end
	Deepest int     `json:"operations"`
	Broken  int     `json:"broken"`
	What    string  `json:"what,omitempty"`
	Seconds float64 `json:"seconds"`
	Seed    uint64  `json:"seed"`
}

// diskErrors are the ways in which an operation fails; nil is a write that does a part.
var diskErrors = []error{syscall.EIO, syscall.ENOSPC, syscall.EROFS, nil}

// TestDiskErrors is the proof disk_errors: in one story, every operation fails in every way, once and for good. Append succeeds or
// says that it does not, and when the disk is well again everything accepted is there. LINSHAO_PROOF_RUNS repeats it with other
// records.
func TestDiskErrors(t *testing.T) {
	proof := proofOf(t, 1)
	began := time.Now()
	res := errorsResult{Name: "disk_errors", Seed: proof.seed}
	dir := t.TempDir()
	step := 13
	if proof.all {
		step = 1
	}
	for round := range proof.runs {
		for _, cause := range diskErrors {
			for form := range 12 {
				f := errorCase{seed: proof.seed + uint64(round), cause: cause, forGood: form&1 != 0, later: form&2 != 0, end: form / 4}
				for f.k = 1 + form%step; ; f.k += step {
					reached, err := f.tell(dir)
					res.Runs++
					res.Deepest = max(res.Deepest, f.k)
					if err != nil {
						res.Broken++
						res.What = fmt.Sprintf("%+v: %v", f, err)
						t.Error(res.What)
					}
					if !reached || err != nil {
						break
					}
				}
			}
		}
	}
	res.Seconds = float64(int(time.Since(began).Seconds()*10)) / 10
	proofLine(t, res)
}

type errorCase struct {
	seed    uint64
	k       int // which operation after the start
	cause   error
	forGood bool
	later   bool // Config.Sync above zero
	end     int  // 0 an orderly one, 1 a kill, 2 a power cut
}

// tell returns false when the story has fewer than k operations.
func (c errorCase) tell(dir string) (reached bool, err error) {
	rng := rand.New(rand.NewPCG(c.seed, 0))
	s := &story{rng: rng, d: newCrashDisk(rng, dir, dir+"/"+quarantineDir), given: map[uint64]*given{}, made: make([]made, 1)}
	s.d.onRemove = s.removed
	s.c = Config{Dir: dir, Stream: 2, Boot: 7, disk: s.d, kernel: 1, tiny: true, Segment: 600, Quota: 3000}
	if c.later {
		s.c.Sync = time.Hour
	}
	defer func() {
		s.leave()
		if r := recover(); r != nil {
			err = broken{fmt.Sprint(r)}
		}
	}()
	s.open()
	for range 12 {
		s.append(1)
	}
	s.close()
	s.leave()
	s.d.fault = fault{from: s.d.ops + c.k, until: s.d.ops + c.k + 1, err: c.cause, short: c.cause == nil, reads: !c.forGood}
	if c.forGood {
		s.d.fault.until = math.MaxInt
	}
	from := s.d.fault.from
	if s.open() {
		for i := range 24 {
			s.append(1 + i%2)
			if i%7 == 3 {
				s.sync()
			}
			s.note()
		}
		s.ack()
	}
	reached = s.d.ops >= from
	s.d.fault = fault{} // the disk is well again
	if s.l != nil {
		s.append(1)
		s.sync()
		s.audit()
		s.finish(c.end)
	}
	s.lastLife()
	return reached, nil
}

// finish ends the life.
func (s *story) finish(end int) {
	if end == 0 {
		s.close()
	}
	s.leave()
	if end < 2 {
		s.d.kill()
		return
	}
	s.c.kernel++
	s.lose()
	s.d.cut()
}
