package rules

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

const (
	maxCards   = 6         // per socket: of a seventh card the one not seen for longest is forgotten
	maxLessons = 30        // sessions that a baseline looks back on
	minLessons = 5         // fewer are no baseline
	maxUnseen  = 10 * 60e3 // ms of holes in a session that still teaches
	lessonSize = 6         // bytes
)

// A profile is what the charges of one card at one socket have been like, or of the socket where there are no cards.
type profile struct {
	Card    float64 `json:"card,omitzero"`
	Used    int64   `json:"used"` // ms: when it last learned
	Lessons lessons `json:"lessons"`

	usual usual
}

// lessons are the last sessions, oldest first. As text they are 6 bytes each in base64: thousands of sockets have to fit
// into a snapshot.
type lessons struct {
	n  int
	of [maxLessons]lesson
}

// A lesson is one completed session.
type lesson struct {
	energy   uint16 // Wh
	peak     uint16 // 0.1 W
	duration uint16 // 10 s
}

// usual is what a profile says.
type usual struct{ energy, energyMAD, energyP90, peak, peakMAD, duration float64 }

// MarshalText packs the lessons.
func (l lessons) MarshalText() ([]byte, error) {
	raw := make([]byte, 0, maxLessons*lessonSize)
	for _, x := range l.of[:l.n] {
		for _, v := range []uint16{x.energy, x.peak, x.duration} {
			raw = binary.BigEndian.AppendUint16(raw, v)
		}
	}
	return base64.RawStdEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText unpacks them; text that is none is an error.
func (l *lessons) UnmarshalText(text []byte) error {
	raw, err := base64.RawStdEncoding.AppendDecode(nil, text)
	if err != nil || len(raw)%lessonSize != 0 || len(raw) > maxLessons*lessonSize {
		return errors.New("learned sessions are damaged")
	}
	l.n = len(raw) / lessonSize
	for i := range l.n {
		at := raw[i*lessonSize:]
		l.of[i] = lesson{binary.BigEndian.Uint16(at), binary.BigEndian.Uint16(at[2:]), binary.BigEndian.Uint16(at[4:])}
	}
	return nil
}

func (l *lessons) add(x lesson) {
	if l.n == maxLessons {
		copy(l.of[:], l.of[1:])
		l.n--
	}
	l.of[l.n] = x
	l.n++
}

// packed is a measure in 16 bits.
func packed(v float64) uint16 { return uint16(min(max(math.Round(v), 0), math.MaxUint16)) }

// teach adds the session that ends to the profile of its card.
func (s *session) teach() {
	p := s.profile()
	if p == nil {
		p = &profile{Card: s.Card}
		if len(s.Learned) >= maxCards {
			oldest := slices.IndexFunc(s.Learned, func(q *profile) bool {
				return !slices.ContainsFunc(s.Learned, func(r *profile) bool { return r.Used < q.Used })
			})
			s.Learned = slices.Delete(s.Learned, oldest, oldest+1)
		}
		s.Learned = append(s.Learned, p)
	}
	end := s.Last
	if s.Paused != 0 {
		end = s.Paused
	}
	p.Used = s.Last
	p.Lessons.add(lesson{packed(s.Energy.kWh() * 1000), packed(s.Peak * 10), packed(float64(end-s.Begin) / 10e3)})
	p.sum()
}

// profile is what is known of the card; nil when nothing is.
func (s *session) profile() *profile {
	for _, p := range s.Learned {
		if p.Card == s.Card {
			return p
		}
	}
	return nil
}

// sum works out what the lessons say.
func (p *profile) sum() {
	measure := func(of func(lesson) uint16, unit float64) (median, mad, p90 float64) {
		var all [maxLessons]float64
		v := all[:p.Lessons.n]
		for i := range v {
			v[i] = float64(of(p.Lessons.of[i])) * unit
		}
		slices.Sort(v)
		median, p90 = middle(v), v[(len(v)*9+9)/10-1]
		for i := range v {
			v[i] = math.Abs(v[i] - median)
		}
		slices.Sort(v)
		return median, middle(v), p90
	}
	p.usual = usual{}
	if p.Lessons.n == 0 {
		return
	}
	u := &p.usual
	u.energy, u.energyMAD, u.energyP90 = measure(func(l lesson) uint16 { return l.energy }, 0.001)
	u.peak, u.peakMAD, _ = measure(func(l lesson) uint16 { return l.peak }, 0.1)
	u.duration, _, _ = measure(func(l lesson) uint16 { return l.duration }, 10)
}

// middle is the median of sorted values.
func middle(v []float64) float64 { return (v[len(v)/2] + v[(len(v)-1)/2]) / 2 }

// baselineValues are the words of baseline.*: what earlier sessions of the same card at the same port were like, or of the
// port where there is no card. All but the count are unknown before there were 5 of them, and while the shape of this one is uncertain.
func baselineValues() []sessionValue {
	of := func(get func(u *usual) float64) numFn {
		return func(f *frame) float64 {
			p := f.sess.profile()
			if p == nil || p.Lessons.n < minLessons || f.sess.Active && f.sess.uncertain(f.now) {
				return math.NaN()
			}
			return get(&p.usual)
		}
	}
	length, power, energy := typ{class: duration}, typ{unit: "W"}, typ{unit: "kWh"}
	return []sessionValue{
		{name: "baseline.sessions", get: func(f *frame) float64 {
			if p := f.sess.profile(); p != nil {
				return float64(p.Lessons.n)
			}
			return 0
		}},
		{name: "baseline.energy", typ: energy, get: of(func(u *usual) float64 { return u.energy })},
		{name: "baseline.energy_mad", typ: energy, get: of(func(u *usual) float64 { return u.energyMAD })},
		{name: "baseline.energy_p90", typ: energy, get: of(func(u *usual) float64 { return u.energyP90 })},
		{name: "baseline.peak", typ: power, get: of(func(u *usual) float64 { return u.peak })},
		{name: "baseline.peak_mad", typ: power, get: of(func(u *usual) float64 { return u.peakMAD })},
		{name: "baseline.duration", typ: length, get: of(func(u *usual) float64 { return u.duration })},
	}
}

// judgesEnergy says that a condition is about how much a battery takes: while it is true, the charge is no example to learn from.
func (p program) judgesEnergy() bool { return slices.Contains(p.uses.session, "session.energy") }

// intact refuses a session whose restored numbers would lead outside of its arrays, and works out what is not stored.
func (s *session) intact() bool {
	if s == nil || s.Flat.N < 0 || s.Flat.N > len(s.Flat.Steps) || s.Known < 0 || s.Known > len(s.Levels) || s.Count < 0 || len(s.Learned) > maxCards {
		return false
	}
	for _, p := range s.Learned {
		if p == nil {
			return false
		}
		p.sum()
	}
	return true
}
