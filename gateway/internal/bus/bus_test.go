package bus_test

import (
	"testing"
	"testing/synctest"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/bus"
)

func TestWhoMayLoseLosesAndCountsAndTheOthersDoNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New()
		sure, loose := b.Subscribe(1, false), b.Subscribe(2, true)
		source := make(chan []device.Reading)
		go b.Run(source)
		got := make(chan int)
		go func() {
			n := 0
			for rs := range sure.C {
				n += len(rs)
			}
			got <- n
		}()
		for range 10 {
			source <- make([]device.Reading, 3)
		}
		close(source)
		if n := <-got; n != 30 {
			t.Errorf("the sure subscriber got %d of 30", n)
		}
		n := 0
		for rs := range loose.C {
			n += len(rs)
		}
		if n != 6 || loose.Lost() != 24 || sure.Lost() != 0 {
			t.Errorf("the loose subscriber got %d, lost %d; the sure one lost %d", n, loose.Lost(), sure.Lost())
		}
	})
}

func TestASureSubscriberBlocksTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New()
		sure := b.Subscribe(1, false)
		source := make(chan []device.Reading)
		go b.Run(source)
		sent := 0
		go func() {
			for range 5 {
				source <- make([]device.Reading, 1)
				sent++
			}
			close(source)
		}()
		synctest.Wait()
		if sent != 2 { // one in its room, one in the bus's hand
			t.Errorf("%d were taken though nobody read", sent)
		}
		for range sure.C {
		}
		if sent != 5 {
			t.Errorf("%d were taken in the end", sent)
		}
	})
}
