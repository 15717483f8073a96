package poll_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/poll"
)

// What was read is judged by what came before, in order, before anybody else sees it; what was not read is not.
func TestReadingsAreDoubtedBeforeTheyLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{writes: map[device.Key]float64{}}
		seen := 0
		p, err := poll.New(poll.Config{Channel: device.Channel{ID: "c"}, Driver: l, Devices: []device.Device{dev("A", "3", time.Second)},
			Doubt: func(points []device.Point) func([]device.Reading) {
				return func(rs []device.Reading) {
					if len(rs) != len(points) || rs[0].Key() != points[0].Key() {
						t.Errorf("%d readings, the first of %v", len(rs), rs[0].Key())
					}
					seen++
					rs[0].Quality, rs[0].Reason = device.Uncertain, device.Stuck
				}
			}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		out := make(chan []device.Reading, 100)
		done := make(chan error)
		go func() { done <- p.Run(ctx, out) }()
		pass(5500 * time.Millisecond)
		l.set(func() { l.gone = true })
		pass(3 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		close(out)
		doubted := 0
		for rs := range out {
			if rs[0].Reason == device.Stuck {
				doubted++
			} else if rs[0].Quality != device.Bad {
				t.Errorf("a reading went past: %+v", rs[0])
			}
		}
		if doubted < 5 || doubted != seen {
			t.Errorf("%d doubted, %d judged", doubted, seen)
		}
	})
}
