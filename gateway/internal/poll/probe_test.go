package poll_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// Where many are dead on a line without rest, the probes go round: whoever comes back is found, wherever it stands.
func TestEveryDeadDeviceHasItsTurnToBeProbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var back, dead atomic.Bool
		b := &bus{timeout: 500 * time.Millisecond, per: 8, takes: always(100 * time.Millisecond), silent: func(a string) bool {
			return a[0] == 'd' && dead.Load() || a == "last" && dead.Load() && !back.Load()
		}}
		var devices []device.Device
		for i := range 8 {
			devices = append(devices, of("meter", fmt.Sprintf("d%d", i), 2*time.Second, 4))
		}
		for i := range 24 {
			devices = append(devices, of("meter", fmt.Sprintf("m%d", i), 2*time.Second, 4))
		}
		devices = append(devices, of("gas", "last", 2*time.Second, 4))
		p := b.play(t, devices, nil)
		pass(time.Minute)
		dead.Store(true)
		pass(20 * time.Minute)
		back.Store(true)
		before := len(b.served("last"))
		pass(2 * time.Minute)
		probes := map[string]int{}
		for _, r := range b.served("last")[before:] {
			probes[fmt.Sprint(r.good)]++
		}
		if p.stop(); probes["true"] < 10 {
			t.Errorf("a gas detector that is back for 2 min was asked %v", probes)
		}
		least, most := 1000, 0
		for i := range 8 {
			n := len(b.served(fmt.Sprintf("d%d", i)))
			least, most = min(least, n), max(most, n)
		}
		if most > 2*least {
			t.Errorf("dead devices were asked from %d to %d times", least, most)
		}
	})
}

// While a device must prove itself, all of it is seen, not one part over and over.
func TestProbesGoThroughTheParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var steady atomic.Bool
		b := &bus{timeout: 500 * time.Millisecond, per: 2, takes: always(30 * time.Millisecond),
			silent: func(string) bool { return !steady.Load() && time.Now().Unix()/20%2 == 0 }}
		p := b.play(t, []device.Device{of("gas", "g", time.Second, 8)}, nil)
		pass(30*time.Minute + 10*time.Second) // many good answers are wanted of it by now
		p.take()
		steady.Store(true)
		pass(30 * time.Second)
		p.stop()
		good := map[string]int{}
		for _, rs := range p.take() {
			for _, r := range rs {
				if r.Quality == device.Good {
					good[r.Point]++
				}
			}
		}
		for _, point := range []string{"pa", "pc", "pe", "pg"} {
			if good[point] < 2 {
				t.Errorf("30 s of a detector that has flapped: %v", good)
				break
			}
		}
	})
}
