package physics

import "math/rand/v2"

// A Class is a kind of thing that happens at a socket.
type Class string

// The classes of courses. In the healthy ones there is nothing to tell.
const (
	HealthyLithium  Class = "healthy-lithium"    // charged, cut off by its protection, fetched at some time
	HealthyLead     Class = "healthy-lead"       // charged, and fetched within 45 min
	Interrupted     Class = "interrupted"        // fetched before it is full
	TwoInARow       Class = "two-in-a-row"       // two batteries one after the other, together longer than one may take
	TwoAtOnce       Class = "two-at-once"        // two chargers on one socket, the second plugged in before the first is full
	MeterSwap       Class = "meter-swap"         // a healthy charge, while the counter is reset or exchanged
	LeftOnFloat     Class = "left-on-float"      // a full lead-acid battery that nobody fetches for hours
	Overcharge      Class = "overcharge"         // the charger never lets go
	EndlessTail     Class = "endless-tail"       // the tail never ends
	TooLong         Class = "too-long"           // a charge that ends, but after too many hours
	MoreThanLearned Class = "more-than-learned"  // the battery takes half as much again as it always did
	MoreThanAny     Class = "more-than-any"      // takes more than any battery known
	Cutting         Class = "square-wave"        // a protection cuts and restarts
	TailStep        Class = "tail-step"          // power steps up in the tail
	Overload        Class = "overload"           // more than a port may give
	HotSocket       Class = "hot-socket"         // a contact worsens while power stays as it is
	StuckRelay      Class = "stuck-relay"        // the relay is told to open, and power goes on
	Fridge          Class = "fridge"             // no charger: a load that a thermostat switches
	Lamp            Class = "lamp"               // no charger: a constant load, for more than a day
	NothingPlugged  Class = "nothing-plugged-in" // the socket is on, and no current flows
)

// Classes are all classes, the healthy ones first.
func Classes() []Class {
	return []Class{
		HealthyLithium, HealthyLead, Interrupted, TwoInARow, TwoAtOnce, MeterSwap,
		LeftOnFloat, Overcharge, EndlessTail, TooLong, MoreThanLearned, MoreThanAny, Cutting, TailStep, Overload, HotSocket,
		StuckRelay, Fridge, Lamp, NothingPlugged,
	}
}

// Healthy says whether everything in the class is as it should be.
func (c Class) Healthy() bool {
	switch c {
	case HealthyLithium, HealthyLead, Interrupted, TwoInARow, TwoAtOnce, MeterSwap:
		return true
	}
	return false
}

// DrawCourse plays one course of a class. The same seed gives the same course.
func DrawCourse(class Class, seed uint64) *Course {
	r := rand.New(rand.NewPCG(seed, 0x6C696E))
	b := DrawBattery(r, anyPack(r, class))
	s := newStand(r, class, b.Ambient)
	s.empty(s.minutes(6, 20))
	play := map[Class]func(*stand, Battery){
		HealthyLithium: healthy, HealthyLead: healthy, LeftOnFloat: leftOnFloat, Interrupted: interrupted, TwoInARow: twoInARow, TwoAtOnce: twoAtOnce,
		MeterSwap: meterSwap, Overcharge: overcharge, EndlessTail: endlessTail, TooLong: tooLong, MoreThanLearned: moreThanLearned,
		MoreThanAny: moreThanAny, Cutting: cutting, TailStep: tailStep, Overload: overload, HotSocket: hotSocket,
		StuckRelay: stuckRelay, Fridge: fridge, Lamp: lamp, NothingPlugged: nothingPlugged,
	}
	play[class](s, b)
	s.relay = true
	s.empty(s.minutes(12, 20))
	return s.course
}

// anyPack draws a pack that the class can happen to.
func anyPack(r *rand.Rand, class Class) Pack {
	packs := Packs()
	if class == MoreThanAny {
		return packs[5]
	}
	for {
		p := packs[r.IntN(len(packs))]
		switch class {
		case HealthyLithium:
			if p.Chemistry != Lithium {
				continue
			}
		case HealthyLead, LeftOnFloat:
			if p.Chemistry != LeadAcid {
				continue
			}
		}
		return p
	}
}

// charge is where most people come from: some way to go, rarely empty.
func (s *stand) charge() float64 { return between(s.rand, 0, 0.8) }

func healthy(s *stand, b Battery) {
	linger := s.minutes(0, 45)
	if b.Pack.Chemistry == Lithium {
		linger = s.minutes(0, 400)
	}
	c := s.begin(b, s.charge())
	s.whole(c, c, linger)
}

func leftOnFloat(s *stand, b Battery) {
	c := s.begin(b, s.charge())
	s.whole(c, c, s.minutes(150, 500))
}

func interrupted(s *stand, b Battery) {
	c := s.begin(b, s.charge())
	s.run(s.minutes(5, 240), c, func() bool { return c.Full })
}

func twoInARow(s *stand, b Battery) {
	c := s.begin(b, between(s.rand, 0, 0.3))
	s.whole(c, c, s.minutes(0, 30))
	s.empty(s.minutes(0.5, 10))
	b = DrawBattery(s.rand, anyPack(s.rand, TwoInARow))
	c = s.begin(b, between(s.rand, 0, 0.3))
	s.whole(c, c, s.minutes(0, 30))
}

func twoAtOnce(s *stand, b Battery) {
	first := s.begin(b, s.charge())
	second := s.begin(DrawBattery(s.rand, anyPack(s.rand, TwoAtOnce)), s.charge())
	from := s.now() + s.minutes(10, 200)
	both := &pair{first: first, second: second, ready: func() bool { return first.Full || first.Knee || s.now() >= from }}
	s.run(longest, both, func() bool { return first.Full && second.Full })
	s.run(s.minutes(0, 40), both, nil)
}

func meterSwap(s *stand, b Battery) {
	c := s.begin(b, s.charge())
	s.run(s.minutes(10, 180), c, func() bool { return c.Full })
	if s.counter = 0; s.rand.Float64() < 0.5 {
		s.counter = between(s.rand, 0, 9000)
	}
	s.whole(c, c, s.minutes(0, 40))
}

func overcharge(s *stand, b Battery) {
	c := s.begin(b, s.charge())
	c.Broken = true
	s.run(longest, c, func() bool { return c.Full })
	s.course.Over = s.now()
	s.run(s.minutes(180, 480), c, nil)
}

func endlessTail(s *stand, b Battery) {
	c := s.begin(b, s.charge())
	c.Rest = between(s.rand, 10, min(40, 0.35*b.Peak))
	s.whole(c, c, s.minutes(180, 480))
}

// tooLong is a battery too large for its charger: slow, but healthy otherwise.
func tooLong(s *stand, b Battery) {
	b.hours *= between(s.rand, 10.5, 15) / b.hours
	c := s.begin(b, between(s.rand, 0, 0.1))
	s.whole(c, c, s.minutes(0, 40))
}

func moreThanLearned(s *stand, b Battery) {
	usual := between(s.rand, 0.1, 0.4) // the same person, the same way to work
	for range 7 {
		c := s.begin(b, usual+between(s.rand, -0.08, 0.08))
		s.whole(c, c, s.minutes(5, 40))
		s.empty(s.minutes(20, 60))
	}
	s.course.Learned = s.now()
	b.hours *= between(s.rand, 1.6, 2.2)
	c := s.begin(b, usual)
	s.whole(c, c, s.minutes(5, 40))
}

func moreThanAny(s *stand, b Battery) {
	b.hours *= between(s.rand, 3800, 5000) / (b.hours * b.Peak * b.meanVolts())
	c := s.begin(b, 0)
	s.whole(c, c, s.minutes(0, 40))
}

func cutting(s *stand, b Battery) {
	c := s.begin(b, between(s.rand, 0, 0.5))
	period := between(s.rand, 3, 7) / 60
	g := &gated{load: c, from: between(s.rand, 0.1, 2), period: period, off: period * between(s.rand, 0.25, 0.5), low: between(s.rand, 0, 0.15) * b.Peak}
	s.run(hours(g.from)+s.minutes(45, 180), g, func() bool { return c.Knee })
}

func tailStep(s *stand, b Battery) {
	c := s.begin(b, s.charge())
	a := &added{charging: c, after: between(s.rand, 0.6, 2), length: between(s.rand, 0.15, 1.5), watts: between(s.rand, 35, 150)}
	s.run(longest, a, func() bool { return a.t > a.after+a.length })
	s.run(s.minutes(0, 15), a, nil)
}

func overload(s *stand, _ Battery) {
	s.run(s.minutes(3, 90), &cycling{on: 99, watts: between(s.rand, 1080, 2200)}, nil)
}

func hotSocket(s *stand, b Battery) {
	c := s.begin(b, between(s.rand, 0, 0.2))
	s.run(s.minutes(10, 40), c, nil)
	amps := s.course.Moments[len(s.course.Moments)-1].Power / voltAmperes
	s.worse = between(s.rand, 70, 180) / (amps * amps)
	s.run(longest, c, func() bool { return c.Knee || s.heat > 95 })
	s.worse = 0
	s.run(s.minutes(5, 30), c, nil)
}

func stuckRelay(s *stand, b Battery) {
	c := s.begin(b, between(s.rand, 0, 0.4))
	s.run(s.minutes(20, 150), c, func() bool { return c.Knee })
	s.relay = false
	s.run(s.minutes(20, 90), c, func() bool { return c.Full })
}

func fridge(s *stand, _ Battery) {
	s.run(s.minutes(1500, 2000), &cycling{on: between(s.rand, 8, 25) / 60, off: between(s.rand, 10, 40) / 60, watts: between(s.rand, 70, 180)}, nil)
}

func lamp(s *stand, _ Battery) {
	s.run(s.minutes(1500, 2000), &cycling{on: 99, watts: between(s.rand, 40, 800)}, nil)
}

func nothingPlugged(s *stand, _ Battery) {
	s.run(s.minutes(60, 200), &cycling{on: 99, watts: between(s.rand, 0, 1.2)}, nil)
}
