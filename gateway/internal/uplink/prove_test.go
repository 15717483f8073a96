package uplink_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

// number is a number from the environment: how a proof is told its size and seed.
func number(t testing.TB, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%q is no number", name, text)
	}
	return n
}

// show prints the result of a proof in one line for the program that carries out all of them.
func show(t testing.TB, result any) {
	t.Helper()
	line, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("LINSHAO_PROOF_RUNS") != "" {
		fmt.Printf("\nproof: %s\n", line)
	} else {
		t.Logf("%s", line)
	}
}

// lying is the result of the proof of that name.
type lying struct {
	Name        string `json:"name"`
	Runs        uint64 `json:"runs"`
	Lost        int    `json:"lost"`
	Doubled     int    `json:"doubled"`
	Failed      int    `json:"failed"`
	Seed        uint64 `json:"seed"`
	Records     uint64 `json:"records"`
	Connections int    `json:"connections"`
	Repeats     int    `json:"repeats"`
	SlowestS    int    `json:"slowest_s"` // from the last record to the last delivery
}

// TestLyingBroker is the proof lying_broker: a broker that confirms and drops, repeats, lets messages overtake each other,
// cuts, refuses and replays old answers, each more or less by the seed, while records come, some numbers are given up, and the
// gateway is restarted with its logs opened anew. The real uplink over real logs, in a bubble's time; the cloud keeps the rules
// of the wire. LINSHAO_PROOF_RUNS and LINSHAO_PROOF_SEED say how many schedules and from which seed on.
func TestLyingBroker(t *testing.T) {
	result := lying{Name: "lying_broker", Runs: number(t, "LINSHAO_PROOF_RUNS", 100), Seed: number(t, "LINSHAO_PROOF_SEED", 1)}
	for n := range result.Runs {
		seed := result.Seed + n
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { result.schedule(t, seed) })
		}) {
			result.Failed++
		}
	}
	show(t, result)
}

func (r *lying) schedule(t *testing.T, seed uint64) {
	s, c := newSite(t), newCloud()
	e := newEther(c, seed)
	e.drop, e.repeat, e.cut, e.refuse = e.rand.IntN(300), e.rand.IntN(300), e.rand.IntN(80), e.rand.IntN(500)
	e.replay, e.garbage, e.silent, e.delay = e.rand.IntN(400), 50, e.rand.IntN(10), time.Duration(e.rand.IntN(4000))*time.Millisecond
	c.credit = 1 + e.rand.Uint32N(8)
	gone, restarts := e.chance(333), e.rand.IntN(4)
	s.cfg.Newest = func() []byte { return []byte("newest") }
	s.append(t, 30, 300)
	_, stop := s.run(t, e)
	for round := range 10 {
		pass(5 * time.Second)
		if gone && round%3 == 1 {
			s.drop(s.telemetry, wire.StreamTelemetry, uint64(round))
			s.drop(s.events, wire.StreamEvents, 1)
		}
		if round%3 == 2 && restarts > 0 {
			restarts--
			stop()
			s.reopen(t)
			_, stop = s.run(t, e)
		}
		s.append(t, 3, 40)
	}
	begin := time.Now()
	for time.Since(begin) < 24*time.Hour {
		if s.drained(c) {
			break
		}
		pass(time.Second)
	}
	r.SlowestS = max(r.SlowestS, int(time.Since(begin).Seconds()))
	stop()
	r.count(t, s, c)
	r.Connections, r.Repeats = r.Connections+e.dials, r.Repeats+c.repeats
	s.close(t)
}

// reopen closes the logs and opens them again, as a restart does.
func (s *site) reopen(t *testing.T) {
	s.close(t)
	for i, l := range []**outbox.Log{&s.events, &s.telemetry} {
		var err error
		if *l, err = outbox.Open(outbox.Config{Dir: s.dirs[i], Stream: uint32(i + 1), Quota: 64 << 20, Sync: time.Hour}); err != nil {
			t.Fatal(err)
		}
		s.cfg.Streams[i].Stream = *l
	}
}

// drained says whether the cloud has everything and the gateway knows it.
func (s *site) drained(c *cloud) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return s.delivered(c) && s.events.Stats().Backlog+s.telemetry.Stats().Backlog == 0
}

// count compares what the cloud stored with what was appended.
func (r *lying) count(t *testing.T, s *site, c *cloud) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range s.cfg.Streams {
		epoch, _, next := f.Stream.State()
		p := c.place(f.ID, epoch)
		for seq := uint64(1); seq < next; seq++ {
			if s.gone[f.ID][seq] {
				continue
			}
			r.Records++
			if !bytes.Equal(p.got[seq], content(f.ID, seq)) {
				r.Lost++
				t.Errorf("stream %d record %d: got %q", f.ID, seq, p.got[seq])
			}
		}
		stored := map[uint64]bool{}
		for _, seq := range p.rows {
			if stored[seq] {
				r.Doubled++
				t.Errorf("stream %d record %d was stored twice", f.ID, seq)
			}
			stored[seq] = true
		}
		if n := f.Stream.(*outbox.Log).Stats().Backlog; n != 0 {
			t.Errorf("stream %d: %d records wait for ever", f.ID, n)
		}
	}
	for _, w := range c.wrong {
		t.Error(w)
	}
}
