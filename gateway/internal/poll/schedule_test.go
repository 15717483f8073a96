package poll_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/poll"
)

func TestALongReadKeepsNobodyWaitingForMoreThanOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const request = 300 * time.Millisecond
		b := &bus{timeout: time.Second, per: 1, takes: always(request)}
		p := b.play(t, []device.Device{of("meter", "m", 8*time.Second, 20), of("gas", "g", time.Second, 1)}, nil)
		pass(20 * time.Second)
		for range 20 { // somewhere within the meter's 6 s
			pass(470 * time.Millisecond)
			began := time.Now()
			if err := p.Write(t.Context(), device.Key{Device: "m", Point: "pa"}, 1); err != nil || time.Since(began) > 2*request {
				t.Errorf("a write took %v: %v", time.Since(began), err)
			}
		}
		b.mu.Lock()
		b.asked = nil
		b.mu.Unlock()
		pass(time.Minute)
		p.stop()
		if gaps := b.gaps("g"); len(gaps) < 55 || gaps[len(gaps)-1] > time.Second+request {
			t.Errorf("the gas detector was asked %d times, the longest gap %v", len(gaps), gaps[len(gaps)-1])
		}
		if got := count1(p.take(), "m"); got < 6 {
			t.Errorf("the meter was told %d times in a minute", got)
		}
	})
}

// count1 is how many slices of readings of a device came.
func count1(batches [][]device.Reading, id string) (n int) {
	for _, rs := range batches {
		if rs[0].Device == id {
			n++
		}
	}
	return n
}

func TestAnOverloadedLineIsSharedEvenlyAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		b := &bus{timeout: time.Second, per: 8, takes: func(string) time.Duration {
			if time.Since(began) < 5*time.Minute {
				return 100 * time.Millisecond
			}
			return 20 * time.Millisecond
		}}
		devices := []device.Device{of("gas", "gas", time.Second, 8), of("socket", "socket", time.Second, 8), of("meter", "eater", 2*time.Second, 40)}
		for i := range 16 {
			devices = append(devices, of("meter", fmt.Sprintf("m%d", i), time.Second, 8))
		}
		var mu sync.Mutex
		var told []poll.Overload
		p := b.play(t, devices, func(o poll.Overload) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, o)
		})
		pass(5*time.Minute - time.Second)
		synctest.Wait()
		if gaps := b.gaps("gas"); gaps[len(gaps)*99/100] > 1150*time.Millisecond {
			t.Errorf("the gas detector waited %v", gaps[len(gaps)*99/100])
		}
		least, most := 100.0, 0.0
		for _, u := range p.Stats().Units {
			if u.Devices[0] != "gas" && u.Devices[0] != "socket" {
				least, most = min(least, u.Stretch), max(most, u.Stretch)
			}
		}
		if least < 1.7 || most > 1.25*least {
			t.Errorf("the others are stretched from %.2f to %.2f", least, most)
		}
		mu.Lock()
		if len(told) != 1 || !told[0].Over || told[0].Stretch < 1.7 || told[0].Eaters[0].Devices[0] != "eater" || told[0].Eaters[0].Share < 0.05 {
			t.Errorf("told %+v", told)
		}
		mu.Unlock()
		pass(7 * time.Minute)
		p.stop()
		if len(told) != 2 || told[1].Over {
			t.Errorf("told %+v", told)
		}
	})
}

func TestLifeAloneMayFillALineAndTheOthersStillGetTheirTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bus{timeout: time.Second, per: 1, takes: always(100 * time.Millisecond)}
		devices := []device.Device{of("meter", "m", 10*time.Second, 4)}
		for i := range 20 {
			devices = append(devices, of("gas", fmt.Sprintf("g%d", i), time.Second, 1))
		}
		p := b.play(t, devices, nil)
		pass(5 * time.Minute)
		p.stop()
		if gaps := b.gaps("m"); len(gaps) < 100 {
			t.Errorf("the meter was asked %d times", len(gaps))
		}
		if got := count1(p.take(), "m"); got < 25 {
			t.Errorf("the meter was told %d times in 5 min", got)
		}
	})
}

// TestNobodyIsLate draws lines, devices and deaths by chance. Whatever happens: a detector that answers is asked within its
// interval and what one request, all other detectors once and those that fall silent may take; everybody is told in each
// interval, stretched by how much the line has to do.
func TestNobodyIsLate(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { chance(t, seed) }) })
	}
}

func chance(t *testing.T, seed uint64) {
	draw := rand.New(rand.NewPCG(seed, 1))
	const minutes = 3
	b := &bus{timeout: time.Duration(200+draw.IntN(800)) * time.Millisecond, per: 1 + draw.IntN(4)}
	took := map[string]time.Duration{}
	dies, back := map[string]time.Time{}, map[string]time.Time{}
	began := time.Now()
	var devices []device.Device
	var life, work, longest, deaths time.Duration
	gas := 0
	for i := range 5 + draw.IntN(25) {
		kind := []string{"gas", "socket", "meter", "meter", "sensor"}[draw.IntN(5)]
		every := time.Duration(1+draw.IntN(10)) * time.Second
		d := of(kind, fmt.Sprintf("%s%d", kind, i), every, 1+draw.IntN(8))
		if kind == "gas" {
			d.Poll, d.Points = 2*time.Second, d.Points[:1]
		}
		took[d.ID] = time.Duration(10+draw.IntN(60)) * time.Millisecond
		requests := (len(d.Points) + b.per - 1) / b.per
		if kind == "gas" {
			life += took[d.ID]
			gas++
		}
		longest = max(longest, took[d.ID])
		work += time.Duration(float64(requests) * float64(took[d.ID]) * float64(time.Minute) / float64(d.Poll))
		if draw.IntN(5) == 0 {
			dies[d.ID] = began.Add(time.Duration(draw.IntN(minutes*60)) * time.Second)
			back[d.ID] = dies[d.ID].Add(time.Duration(draw.IntN(120)) * time.Second)
			if kind == "gas" {
				deaths += 4 * b.timeout
			}
		}
		devices = append(devices, d)
	}
	b.takes = func(a string) time.Duration { return took[a] }
	b.silent = func(a string) bool {
		at, dead := dies[a]
		return dead && !time.Now().Before(at) && time.Now().Before(back[a])
	}
	p := b.play(t, devices, nil)
	pass(minutes * time.Minute)
	p.stop()
	stretch := max(1, float64(work)/float64(time.Minute))
	for _, d := range devices {
		if _, dead := dies[d.ID]; dead {
			continue
		}
		if gaps := b.gaps(d.ID); d.Kind == "gas" && gaps[len(gaps)-1] > d.Poll+time.Duration(1+gas/7)*max(longest, b.timeout)+life+deaths {
			t.Errorf("%s: %v between two requests, at a load of %.2f", d.ID, gaps[len(gaps)-1], stretch)
		}
	}
	got := p.take()
	for _, d := range devices {
		least := 0.65 * minutes * 60 / (d.Poll.Seconds() * stretch)
		if n := count1(got, d.ID); float64(n) < least {
			t.Errorf("%s (dies %v): told %d times, at least %.0f wanted at a load of %.2f", d.ID, dies[d.ID], n, least, stretch)
		}
	}
}
