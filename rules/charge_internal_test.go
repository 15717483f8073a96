package rules

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// A charge curve of our own, after the figures of configs/rules/SOURCES.md: six seconds of inrush, three minutes to settle,
// a rise to the peak, a knee, a taper, and what remains.
type battery struct {
	peak  float64       // W
	first float64       // share of the peak at the beginning
	rise  time.Duration // to the knee
	decay time.Duration // of the taper
	cut   float64       // share of the peak at which the charger stops
	rest  float64       // W after that
}

// shimano is the one recorded curve: 65.7 W after 6 s, 69.7 to 83.9 W in 7 h 26 min, and a taper down to 18 W in 2 h.
func shimano() battery {
	return battery{83.9, 69.7 / 83.9, 7*time.Hour + 26*time.Minute, 78 * time.Minute, 0.21, 1.8}
}

// lead is a battery of 48 V 20 Ah: knee, tail, float.
func lead() battery { return battery{200, 0.83, 6 * time.Hour, 50 * time.Minute, 0.1, 7} }

// drawn is any preset with any charger, at any state of charge.
func drawn(r *rand.Rand) battery {
	between := func(a, b float64) float64 { return a + (b-a)*r.Float64() }
	all := presets()
	p := all[r.IntN(len(all))]
	b := battery{peak: between(p.low, p.high), first: between(0.78, 0.9), decay: time.Duration(between(18, 80) * float64(time.Minute)), cut: between(0.05, 0.15)}
	b.rise = time.Duration(p.full * 1000 / b.peak * between(0.55, 0.95) * float64(time.Hour))
	if p.battery == "li" {
		b.rest = between(1, 3.5)
	} else {
		b.rest = between(3, 10)
	}
	part := between(0, 0.8) // plugged in half full
	b.first += part * (1 - b.first)
	b.rise = time.Duration(float64(b.rise) * (1 - part))
	return b
}

// full is how long it takes.
func (b battery) full() time.Duration {
	return b.rise + time.Duration(float64(b.decay)*math.Log(1/b.cut))
}

// at is the power so long after the plug.
func (b battery) at(t time.Duration) float64 {
	switch s := t.Seconds(); {
	case t < 0:
		return 0
	case s < 6:
		return b.peak * b.first * (0.01 + 0.93*s/6)
	case s < 180:
		return b.peak * b.first * (0.94 + 0.06*(s-6)/174)
	case t < b.rise:
		return b.peak * (b.first + (1-b.first)*float64(t)/float64(b.rise))
	case t < b.full():
		return b.peak * math.Exp(-float64(t-b.rise)/float64(b.decay))
	}
	return b.rest
}

// A watch samples what flows into a session: every so often, with noise, and not while it is blind.
type watch struct {
	s     *session
	f     *frame
	t     time.Duration
	every time.Duration
	noise float64 // W
	rand  *rand.Rand
	blind [2]time.Duration
	in    sessionInput // what the other points say
	words map[string]numFn
}

const watchStart = 1_700_000_000_000

func newWatch(every time.Duration) *watch {
	w := &watch{s: &session{}, every: every, words: map[string]numFn{}, rand: rand.New(rand.NewPCG(7, uint64(every)))}
	w.in = sessionInput{energy: math.NaN(), relay: math.NaN(), plugged: math.NaN(), card: math.NaN(), temperature: math.NaN()}
	w.f = &frame{slots: make([]slot, len(socketSlots())), sess: w.s, maxAge: math.MaxInt64}
	for _, v := range sessionValues() {
		w.words[v.name] = v.get
	}
	for i := range w.f.slots {
		w.f.slots[i].val = math.NaN()
	}
	return w
}

// run plays power for so long; its time begins at 0. Each is called after every sample.
func (w *watch) run(d time.Duration, power func(t time.Duration) float64, each func()) *watch {
	from := w.t
	for ; w.t < from+d; w.t += w.every {
		if w.t >= w.blind[0] && w.t < w.blind[1] {
			continue
		}
		p := power(w.t - from)
		w.in.power = max(0, p*(1+0.002*w.rand.NormFloat64())+w.noise*w.rand.NormFloat64())
		w.f.now, w.f.slots[socketPower].val = watchStart+w.t.Milliseconds(), w.in.power
		w.s.update(w.f.now, w.in)
		if each != nil {
			each()
		}
	}
	return w
}

// idle plays an empty socket.
func (w *watch) idle(d time.Duration) *watch {
	return w.run(d, func(time.Duration) float64 { return 0 }, nil)
}

// word is the present value of a word.
func (w *watch) word(name string) float64 { return w.words[name](w.f) }

// Relay and power may come by polls of their own: a relay that lies does not end a charge whose power was read just before.
func TestARelayReadAloneDoesNotEndACharge(t *testing.T) {
	s, in := &session{}, newWatch(time.Second).in
	for i := range int64(60) {
		alone, both := in, in
		alone.power, alone.relay = math.NaN(), 0
		both.power, both.relay = 200, math.NaN()
		s.update(watchStart+i*5000, both)
		s.update(watchStart+i*5000+100, alone)
	}
	if !s.Active {
		t.Error("current flows, whatever the relay says")
	}
	in.power, in.relay = math.NaN(), 0
	s.update(watchStart+2*3600e3, in)
	if s.Active {
		t.Error("power has not been read for hours, and the relay is off")
	}
}
