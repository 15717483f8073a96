// Package replay turns what a gateway recorded, or a CSV file, into the steps that rules.Replay judges: reads of devices in
// the order of their times, with the holes between them. It reads the logs' folders and changes nothing, whether the gateway runs
// or not. `gateway rules replay` uses it.
//
// It promises: no reading is left out without being told as a hole or a mistake, and none is made up here.
package replay

import (
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// A Sheet is some hundreds to thousands of steps, as many as one record gives.
type Sheet struct {
	steps    []rules.ReplayStep
	readings []device.Reading
	left     atomic.Int32 // players that have not done with it
}

// Steps of the sheet, valid until it is given back.
func (s *Sheet) Steps() []rules.ReplayStep { return s.steps }

func (s *Sheet) add(step rules.ReplayStep) { s.steps = append(s.steps, step) }

// A Source gives sheets in the order of their times. An error is its last word.
type Source interface {
	Sheets(fresh func() *Sheet) iter.Seq2[*Sheet, error]
}

// ahead is how many sheets the source may be ahead of the slowest player.
const ahead = 4

// Play gives everything of a source to each of the players, who run in goroutines of their own beside the source's, and waits for
// all of them. A player that returns early is not waited for with more. The error is the source's.
func Play(src Source, players ...func(iter.Seq[rules.ReplayStep])) error {
	pool := sync.Pool{New: func() any { return new(Sheet) }}
	fresh := func() *Sheet {
		s, _ := pool.Get().(*Sheet)
		s.steps, s.readings = s.steps[:0], s.readings[:0]
		return s
	}
	var all sync.WaitGroup
	feeds := make([]chan *Sheet, len(players))
	gone := make([]chan struct{}, len(players))
	for i, player := range players {
		feeds[i], gone[i] = make(chan *Sheet, ahead), make(chan struct{})
		all.Go(func() {
			defer close(gone[i])
			player(func(yield func(rules.ReplayStep) bool) {
				for s := range feeds[i] {
					for _, step := range s.steps {
						if !yield(step) {
							return
						}
					}
					if s.left.Add(-1) == 0 {
						pool.Put(s)
					}
				}
			})
		})
	}
	var failed error
	for s, err := range src.Sheets(fresh) {
		if failed = err; err != nil {
			break
		}
		s.left.Store(int32(len(players)))
		for i := range feeds {
			select {
			case feeds[i] <- s:
			case <-gone[i]:
			}
		}
	}
	for _, feed := range feeds {
		close(feed)
	}
	all.Wait()
	return failed
}

// Stats say what a source gave.
type Stats struct {
	Points  int    // of which there is a reading
	Samples uint64 // readings, as recorded
	Records uint64 // of the log; lines of a CSV file
	Bytes   int64  // of their payloads
}

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
