package timers

import (
	"slices"
	"sync"
	"time"

	"github.com/linshao/linshao/firmware-sim/modbus"
)

// What the simulated sockets draw, in watts.
const (
	idle    = 0
	steady  = 60  // a long charge: no rule minds
	charge  = 200 // a charge that the guard rule cuts when it has lasted
	surplus = 400 // more than the watch rule lets pass
)

// The registers of a socket.
const (
	regPower = iota
	regRelay
	registers
)

// A socket is a simulated one, and the record of what the gateway could know of it. Sockets of one kind draw too much from time to
// time within a long charge; those of the other begin a charge, which the gateway is to cut.
type socket struct {
	id   string
	cut  bool // of the second kind
	rest time.Duration

	mu     sync.Mutex
	power  uint16
	relay  uint16
	since  time.Time   // of the present phase
	reads  []time.Time // when the power was served in this phase
	cutAt  time.Time   // when the gateway switched the relay off in this phase
	truth  *truth      // nil while nothing is to be found
	ready  time.Time   // since when the gateway surely knows that a session runs; zero: it must find out
	charge []time.Time // readings since it had to
	past   []truth
}

// A truth is one time in which a rule's condition held for longer than its hold time.
type truth struct {
	Socket string
	Cut    bool
	Began  time.Time
	Due    time.Time // the first reading at which the gateway had to raise the alert, if it had not been killed soon after
	Ended  time.Time
	CutAt  time.Time
}

// ReadWords answers power and relay.
func (s *socket) ReadWords(_ modbus.Table, at uint16, dst []uint16) modbus.Exception {
	if int(at)+len(dst) > registers {
		return modbus.IllegalAddress
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := [registers]uint16{regPower: s.power, regRelay: s.relay}
	copy(dst, all[at:])
	if at == regPower {
		now := time.Now()
		s.reads = append(s.reads, now)
		if s.power > 10 && s.ready.IsZero() {
			s.charge = append(s.charge, now)
		}
	}
	return 0
}

// WriteWords lets the relay be opened.
func (s *socket) WriteWords(at uint16, v []uint16) modbus.Exception {
	if at != regRelay || len(v) != 1 || v[0] != 0 {
		return modbus.IllegalAddress
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cutAt.IsZero() {
		s.cutAt = time.Now()
	}
	s.relay, s.power = 0, idle
	return 0
}

// ReadBits refuses: a socket has none.
func (s *socket) ReadBits(modbus.Table, uint16, []bool) modbus.Exception {
	return modbus.IllegalAddress
}

// WriteBits refuses: a socket has none.
func (s *socket) WriteBits(uint16, []bool) modbus.Exception { return modbus.IllegalAddress }

// begin is the state before the first reading.
func (s *socket) begin(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since, s.relay, s.power = now, 1, idle
	if !s.cut {
		s.power = steady
	}
}

// step moves the socket on, as far as what the gateway was told and the kills allow.
func (s *socket) step(now time.Time, kills *killings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.know(now, kills)
	if s.truth == nil {
		if s.calm(now, kills) {
			s.rise(now)
		}
		return
	}
	switch q := s.due(now, kills); {
	case !s.cutAt.IsZero():
		s.truth.Due = q
		if q.IsZero() { // before it had to be
			s.truth.Due = s.cutAt
		}
		s.fall(now)
	case q.IsZero():
	case s.cut && now.After(q.Add(cutTime)), !s.cut && now.After(q.Add(late+margin)):
		s.truth.Due = q
		s.fall(now)
	}
}

// calm says whether the gateway has surely seen that nothing is the matter any more, and a while has passed.
func (s *socket) calm(now time.Time, kills *killings) bool {
	first := kills.survived(s.reads, guard, now)
	return !first.IsZero() && now.Sub(s.since) > s.rest && (s.cut || !s.ready.IsZero() && now.After(s.ready))
}

func (s *socket) rise(now time.Time) {
	s.truth = &truth{Socket: s.id, Cut: s.cut, Began: now}
	s.since, s.reads, s.cutAt = now, nil, time.Time{}
	s.relay, s.power = 1, surplus
	if s.cut {
		s.power, s.charge, s.ready = charge, nil, time.Time{}
	}
}

func (s *socket) fall(now time.Time) {
	s.truth.Ended, s.truth.CutAt = now, s.cutAt
	s.past = append(s.past, *s.truth)
	s.truth, s.since, s.reads = nil, now, nil
	s.power = steady
	if s.cut {
		s.power, s.relay, s.charge, s.ready = idle, 0, nil, time.Time{}
	}
}

// know works out since when the gateway surely knows that a charging session runs: as long as it takes after the first reading
// that a snapshot had the time to keep.
func (s *socket) know(now time.Time, kills *killings) {
	if !s.ready.IsZero() {
		return
	}
	if first := kills.survived(s.charge, kept, now); !first.IsZero() {
		s.ready = first.Add(sessionTime(s.cut))
	}
}

// forget tells that a snapshot was lost: the newest one, or all. A session that the log does not know of, by an alert that is
// pending, must be found out again; a long one is in the snapshot before too.
func (s *socket) forget(now time.Time, all bool, kills *killings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.cut && !all || s.truth != nil && !s.rose(now, kills).IsZero() {
		return
	}
	s.charge, s.ready = nil, time.Time{}
}

// rose is the reading at which the alert surely became pending; zero: not yet.
func (s *socket) rose(now time.Time, kills *killings) time.Time {
	if s.ready.IsZero() {
		return time.Time{}
	}
	from := slices.IndexFunc(s.reads, func(t time.Time) bool { return !t.Before(s.ready) })
	if from < 0 {
		return time.Time{}
	}
	return kills.survived(s.reads[from:], guard, now)
}

// due is the reading at which the alert must be raised; zero: not yet.
func (s *socket) due(now time.Time, kills *killings) time.Time {
	pending := s.rose(now, kills)
	if pending.IsZero() {
		return time.Time{}
	}
	from := slices.IndexFunc(s.reads, func(t time.Time) bool { return !t.Before(pending.Add(hold)) })
	if from < 0 {
		return time.Time{}
	}
	return kills.survived(s.reads[from:], guard, now)
}

// count is how many alerts the socket has shown.
func (s *socket) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.past)
}

// timing says whether a hold time runs: it began, and is not over.
func (s *socket) timing(now time.Time, kills *killings) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.truth != nil && !s.rose(now, kills).IsZero() && s.due(now, kills).IsZero()
}
