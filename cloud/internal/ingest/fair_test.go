package ingest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/wire"
)

// History of many gateways meets a series store that takes nothing: what is live is taken as if it were alone, and the
// history waits at its gateways.
func TestHistoryDoesNotStarveLive(t *testing.T) {
	for _, drainers := range []int{3, 100} {
		t.Run(fmt.Sprint(drainers, "of200"), func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, place *dbtest.Place) { testHistoryDoesNotStarveLive(t, place, drainers) })
		})
	}
}

func testHistoryDoesNotStarveLive(t *testing.T, place *dbtest.Place, drainers int) {
	const gateways, share = 200, 2000
	enough := drainers // that were held up
	if drainers > 10 { // on a slow machine the inbox is not full in time; then they all go on sending, which is the harder case
		enough = 0
	}
	c := start(t, place)
	defer c.stop()
	f := newFleet(t, c, gateways)
	r := minute(t, 1)
	history := make([]*wire.Record, 200)
	for i := range history {
		history[i] = r
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	var mu sync.Mutex
	var live []time.Duration
	held := 0
	f.each(func(g *member) error {
		seq := uint64(1)
		for ctx.Err() == nil {
			rs, pause := history, time.Duration(0)
			if g.n >= drainers {
				rs, pause = []*wire.Record{r}, time.Second/2+rand.N(time.Second)
			}
			began := time.Now()
			acks, err := g.send(wire.UpTelemetry, batch(g.session, 2, g.epoch, seq, rs...))
			if err != nil {
				return err
			}
			a := acks[0]
			seq = a.Cum + 1
			mu.Lock()
			if g.n >= drainers {
				live = append(live, time.Since(began))
				if a.RetryAfterMs > 0 || a.Credit == 0 {
					t.Errorf("%s sends what is live and is held up: %v", g.id, a)
				}
			} else if a.RetryAfterMs > 0 {
				held++
				pause = time.Duration(a.RetryAfterMs) * time.Millisecond
			}
			if held >= enough && len(live) >= 2*gateways {
				stop()
			}
			mu.Unlock()
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
		return nil
	})
	waiting, err := inbox.Waiting(t.Context(), c.db.Reader())
	if err != nil {
		t.Fatal(err)
	}
	for gateway, n := range waiting {
		if n > share+8*int64(len(history)) {
			t.Errorf("%s has %d records waiting", gateway, n)
		}
	}
	slices.Sort(live)
	if len(live) < drainers {
		t.Fatalf("%d live batches", len(live))
	}
	median, worst := live[len(live)/2], live[len(live)-1]
	t.Logf("%d live batches: median %v, slowest %v; history held up %d times", len(live), median, worst, held)
	if held < min(enough, 1) {
		t.Error("nobody was held up: this test has tested nothing")
	}
	if worst > 30*time.Second { // starved would be minutes; usually it is a third of a second, and seconds on a machine that does much else
		t.Errorf("a live batch took %v", worst)
	}
}
