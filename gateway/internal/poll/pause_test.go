package poll_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// resting gives a device a model that needs a pause.
func resting(d device.Device, pause time.Duration) device.Device {
	for i := range d.Points {
		d.Points[i].Register.Rest = pause
	}
	return d
}

// crowding are the requests that came sooner after the one before than the device's pause allows, of all devices.
func (b *bus) crowding(devices []device.Device) (n int, first string) {
	for _, d := range devices {
		all := b.served(d.ID)
		for i := 1; i < len(all); i++ {
			if gap := all[i].at.Sub(all[i-1].at) - all[i-1].took; gap < d.Points[0].Register.Rest && !all[i].write {
				if n++; n == 1 {
					first = fmt.Sprintf("%s after %v of %v, %+v", d.ID, gap, d.Points[0].Register.Rest, all[i])
				}
			}
		}
	}
	return n, first
}

// Six detectors that rest for 200 ms leave a line of 9600 baud to the others: 41 ms each, as planned.
func TestTheLineServesOthersWhileADeviceRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bus{timeout: 300 * time.Millisecond, per: 2, takes: always(41 * time.Millisecond)}
		var devices []device.Device
		for i := range 6 {
			devices = append(devices, resting(of("gas", fmt.Sprintf("gas%d", i), time.Second, 2), 200*time.Millisecond))
		}
		for i := range 10 {
			devices = append(devices, of("socket", fmt.Sprintf("s%d", i), time.Second, 2))
		}
		devices = append(devices, resting(of("meter", "m", 5*time.Second, 10), 500*time.Millisecond)) // five requests, 2.2 s of rests
		p := b.play(t, devices, nil)
		pass(5 * time.Minute)
		p.stop()
		if n, first := b.crowding(devices); n > 0 {
			t.Errorf("%d requests too early: %s", n, first)
		}
		for _, u := range p.Stats().Units {
			if u.Stretch > 1.02 {
				t.Errorf("%v is stretched to %.2f", u.Devices, u.Stretch)
			}
		}
		if busy := b.busy.Seconds() / 300; busy > 0.72 {
			t.Errorf("the line was used for %.2f of the time", busy)
		}
	})
}

// A device whose pause leaves no room for its interval is read as often as it can be, and all of it.
func TestADeviceThatRestsTooLongIsReadWholly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bus{timeout: 300 * time.Millisecond, per: 1, takes: always(50 * time.Millisecond)}
		devices := []device.Device{resting(of("meter", "m", time.Second, 4), 450*time.Millisecond), of("gas", "g", time.Second, 1)}
		p := b.play(t, devices, nil)
		pass(time.Minute)
		p.stop()
		if n, first := b.crowding(devices); n > 0 {
			t.Errorf("%d requests too early: %s", n, first)
		}
		whole := 0
		for _, rs := range p.take() {
			if rs[0].Device == "m" {
				whole++
				for _, r := range rs {
					if r.Quality != device.Good {
						t.Fatalf("got %+v", r)
					}
				}
			}
		}
		if whole < 25 {
			t.Errorf("it was told %d times in a minute, each read takes 2 s", whole)
		}
		if gaps := b.gaps("g"); gaps[len(gaps)-1] > 1100*time.Millisecond {
			t.Errorf("its neighbour waited %v", gaps[len(gaps)-1])
		}
	})
}

// TestNobodyIsAskedTooSoon draws devices, pauses, deaths and writes by chance. Polls, repeated requests and probes keep each
// device's pause; those without one are read as if there were none.
func TestNobodyIsAskedTooSoon(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { pauses(t, seed) }) })
	}
}

func pauses(t *testing.T, seed uint64) {
	draw := rand.New(rand.NewPCG(seed, 7))
	began := time.Now()
	b := &bus{timeout: 300 * time.Millisecond, per: 1 + draw.IntN(3), takes: always(10 * time.Millisecond)}
	var devices []device.Device
	ill := map[string]bool{}
	for i := range 3 + draw.IntN(10) {
		kind := []string{"gas", "socket", "meter"}[draw.IntN(3)]
		d := of(kind, fmt.Sprintf("%s%d", kind, i), time.Duration(1+draw.IntN(4))*time.Second, 1+draw.IntN(4))
		if draw.IntN(2) == 0 {
			d = resting(d, time.Duration(draw.IntN(1500))*time.Millisecond)
		}
		ill[d.ID] = draw.IntN(6) == 0
		devices = append(devices, d)
	}
	b.silent = func(a string) bool { return ill[a] && time.Since(began)/(20*time.Second)%2 == 1 }
	p := b.play(t, devices, nil)
	for range 60 {
		pass(time.Duration(draw.IntN(2000)) * time.Millisecond)
		if d := devices[draw.IntN(len(devices))]; !ill[d.ID] {
			if err := p.Write(t.Context(), device.Key{Device: d.ID, Point: "pa"}, 1); err != nil {
				t.Error(err)
			}
		}
	}
	p.stop()
	if n, first := b.crowding(devices); n > 0 {
		t.Errorf("%d requests too early: %s", n, first)
	}
	for _, u := range p.Stats().Units {
		for _, d := range devices {
			if d.ID == u.Devices[0] && d.Points[0].Register.Rest == 0 && !ill[d.ID] && u.Stretch > 1.2 {
				t.Errorf("%s has no pause and is stretched to %.2f", d.ID, u.Stretch)
			}
		}
	}
}
