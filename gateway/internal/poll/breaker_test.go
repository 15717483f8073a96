package poll_test

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// cycle is the interval of a device that lives among thirty on a line that they fill, its median and 95 % quantile over some
// minutes, and the share of the line's time that was silence. Two minutes before, all answer.
func cycle(t *testing.T, takes time.Duration, minutes int, silent func(string) bool) (median, p95 time.Duration, share float64) {
	known := time.Now().Add(2 * time.Minute)
	b := &bus{timeout: 500 * time.Millisecond, per: 8, takes: always(takes), quick: 200 * time.Millisecond,
		silent: func(a string) bool { return silent != nil && time.Now().After(known) && silent(a) }}
	var devices []device.Device
	for i := range 30 {
		devices = append(devices, of("meter", fmt.Sprintf("m%d", i), 2*time.Second, 8))
	}
	p := b.play(t, devices, nil)
	<-time.After(time.Until(known))
	b.mu.Lock()
	b.asked, b.quiet = nil, 0
	b.mu.Unlock()
	pass(time.Duration(minutes) * time.Minute)
	p.stop()
	gaps := b.gaps("m7")
	return gaps[len(gaps)/2], gaps[len(gaps)*95/100], b.quiet.Minutes() / float64(minutes)
}

// TestADeadAndAFlappingDeviceMoveNobody prints the figure of the bench.
func TestADeadAndAFlappingDeviceMoveNobody(t *testing.T) {
	minutes := 8
	if os.Getenv("LONG") == "1" {
		minutes = 60
	}
	synctest.Test(t, func(t *testing.T) {
		median, p95, _ := cycle(t, 70*time.Millisecond, minutes, nil)
		with, with95, share := cycle(t, 70*time.Millisecond, minutes, func(a string) bool {
			return a == "m3" || a == "m20" && time.Now().Unix()/7%2 == 0
		})
		ratio := max(with95.Seconds()/p95.Seconds(), with.Seconds()/median.Seconds())
		t.Logf("median %v → %v, p95 %v → %v, silence %.1f %%", median, with, p95, with95, 100*share)
		t.Logf(`{"name":"bus_jitter_with_dead_device","value":%.3f}`, ratio)
		if ratio > 1.1 {
			t.Error("the others' interval has moved")
		}
	})
}

func TestSilenceHasItsShareHoweverManyAreDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		median, p95, _ := cycle(t, 120*time.Millisecond, 8, nil)
		with, with95, share := cycle(t, 120*time.Millisecond, 8, func(a string) bool { return a[1] == '1' }) // 11 of 30; the others fill the line
		t.Logf("median %v → %v, p95 %v → %v, silence %.1f %%", median, with, p95, with95, 100*share)
		if with > median || with95 > p95 || share > 0.075 {
			t.Error("the dead cost more than their share")
		}
	})
}

func TestAProbeAsksForOnePart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dead atomic.Bool
		b := &bus{timeout: 500 * time.Millisecond, per: 2, takes: always(30 * time.Millisecond), silent: func(string) bool { return dead.Load() }}
		p := b.play(t, []device.Device{of("meter", "m", 5*time.Second, 8)}, nil)
		pass(time.Minute)
		dead.Store(true)
		pass(2 * time.Minute)
		before := len(b.served("m"))
		pass(2 * time.Minute)
		if n := len(b.served("m")) - before; n < 4 || n > 8 {
			t.Errorf("%d requests in 2 min for a dead device", n)
		}
		dead.Store(false)
		p.take()
		pass(25 * time.Second)
		p.stop()
		if len(p.changes) != 3 || !p.changes[2].Online {
			t.Errorf("changes %+v", p.changes)
		}
		whole := 0
		for _, rs := range p.take() {
			if len(rs) == 8 && rs[7].Quality == device.Good {
				whole++
			}
		}
		if whole == 0 {
			t.Error("it is back, and nothing was read of it")
		}
	})
}

func TestAFlappingDeviceIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bus{timeout: 500 * time.Millisecond, per: 8, takes: always(30 * time.Millisecond),
			silent: func(a string) bool { return a == "f" && time.Now().Unix()/6%2 == 0 }}
		p := b.play(t, []device.Device{of("meter", "f", time.Second, 4), of("meter", "m", time.Second, 4)}, nil)
		pass(30 * time.Minute)
		p.stop()
		told := 0
		for _, c := range p.changes {
			if c.Device == "f" {
				told++
			}
		}
		if told > 8 { // five times it comes back, until 32 good answers in a row are wanted
			t.Errorf("%d changes of a device that flapped 150 times", told)
		}
	})
}

func TestOneLostAnswerIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		b := &bus{timeout: 500 * time.Millisecond, per: 2, takes: always(30 * time.Millisecond)}
		b.silent = func(string) bool { n++; return n%10 == 0 }
		p := b.play(t, []device.Device{of("meter", "m", 10*time.Second, 8)}, nil)
		pass(10 * time.Minute)
		p.stop()
		for _, rs := range p.take() {
			for _, r := range rs {
				if r.Quality != device.Good {
					t.Fatalf("told %+v", r)
				}
			}
		}
	})
}

func TestARegisterThatIsMetWithSilenceCostsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bus{timeout: 500 * time.Millisecond, per: 2, takes: always(30 * time.Millisecond)}
		d := of("meter", "m", 2*time.Second, 8)
		p := startOn(t, pollConfig(b, mutes{b}, d))
		pass(20 * time.Minute)
		p.stop()
		if len(p.changes) != 1 || b.quiet > 40*time.Second {
			t.Errorf("changes %+v, %v of silence in 20 min", p.changes, b.quiet)
		}
		for _, rs := range p.take() {
			if rs[0].Quality != device.Good || rs[5].Quality == device.Good {
				t.Fatalf("told %+v", rs)
			}
		}
	})
}
