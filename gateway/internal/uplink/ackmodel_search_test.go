package uplink

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
	"unsafe"
)

// found is the result of a search.
type found struct {
	states, depth int
	whole         bool   // every state within the limits was seen
	broken        string // the first invariant that did not hold
}

// search visits states breadth first, up to a number of them.
func search(l limits, bug planted, most int) (f found) {
	seen := map[world]struct{}{origin(): {}}
	now, later := []world{origin()}, []world(nil)
	for ; len(now) > 0; f.depth++ {
		later = later[:0]
		for _, w := range now {
			if f.broken = w.broken(); f.broken != "" || len(seen) >= most {
				f.states = len(seen)
				return f
			}
			w.moves(l, bug, func(n world) {
				if _, ok := seen[n]; !ok {
					seen[n] = struct{}{}
					later = append(later, n)
				}
			})
		}
		now, later = later, now
	}
	f.states, f.whole = len(seen), true
	return f
}

func TestHelloIndex(t *testing.T) {
	for next := uint8(1); next <= 7; next++ {
		for oldest := uint8(1); oldest <= next; oldest++ {
			if o, n := helloOf(helloIndex(oldest, next)); o != oldest || n != next {
				t.Fatalf("%d/%d became %d/%d", oldest, next, o, n)
			}
		}
	}
}

// modelled is the result of the proof ack_model: runs are the states of the larger world.
type modelled struct {
	Name        string `json:"name"`
	Runs        int    `json:"runs"`
	Depth       int    `json:"depth"`
	WholeStates int    `json:"whole_states"` // of the small world
	WholeDepth  int    `json:"whole_depth"`
	Whole       bool   `json:"whole"` // the small world was explored to its end
	Failed      int    `json:"failed"`
	Violation   string `json:"violation,omitempty"`
	Seconds     int    `json:"seconds"`
}

// TestAckModel is the proof ack_model: the protocol explored breadth first, with two epochs, eviction, kill, power cut, fencing
// by session, a network that drops, repeats, reorders and replays, and a cloud that dies between commit and answer.
// A small world is explored to its end, a larger one up to LINSHAO_PROOF_RUNS states.
func TestAckModel(t *testing.T) {
	most := 100_000 // the proof's number costs a race detector minutes
	if text := os.Getenv("LINSHAO_PROOF_RUNS"); text != "" {
		var err error
		if most, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	small := search(limits{records: 2, sessions: 1, credit: 2}, bugNone, most/2) // 428,355 states are all there are
	f := search(limits{records: 3, sessions: 3, credit: 2, wipe: true}, bugNone, most)
	if f.broken == "" {
		f.broken = small.broken
	}
	line, err := json.Marshal(modelled{Name: "ack_model", Runs: f.states, Depth: f.depth, WholeStates: small.states, WholeDepth: small.depth, Whole: small.whole,
		Failed: map[bool]int{true: 1}[f.broken != ""], Violation: f.broken, Seconds: int(time.Since(begin).Seconds())})
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("LINSHAO_PROOF_RUNS") != "" {
		fmt.Printf("\nproof: %s\n", line)
	}
	t.Logf("%s, %d bytes a state", line, unsafe.Sizeof(world{}))
	if f.broken != "" || f.states < min(most, 1_000_000) || most >= 1_000_000 && !small.whole {
		t.Errorf("%d states, depth %d: %s", f.states, f.depth, f.broken)
	}
}

// TestAckModelFindsPlantedBugs: a search that finds nothing proves something only when it finds what is there.
func TestAckModelFindsPlantedBugs(t *testing.T) {
	for _, bug := range []planted{bugAckHigher, bugOldEpoch, bugPuback, bugSilentGap, bugReuse, bugUnordered, bugEarlyAck, bugNoDedupe, bugEvents} {
		f := search(limits{records: 3, sessions: 2, credit: 2, wipe: bug == bugOldEpoch}, bug, 600_000)
		t.Logf("%s: %s after %d states, depth %d", bug, f.broken, f.states, f.depth)
		if f.broken == "" {
			t.Errorf("not found: %s (%d states, depth %d)", bug, f.states, f.depth)
		}
	}
}
