// Package fault is what can be broken about a simulated device, and how an answer suffers from it. modbus, serial and
// rtsp ask it before every answer; the scenario's timeline and the control port set it. Safe for use from many goroutines;
// a nil *Switches is a healthy device.
package fault

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Kind names one way to break a device.
type Kind string

// The faults.
const (
	Silent    Kind = "silent"     // gets requests, never answers; a camera: connected, reports of its clock, no picture
	Noise     Kind = "noise"      // answers arrive damaged with a probability
	Late      Kind = "late"       // answers arrive after the master has given up
	WrongUnit Kind = "wrong_unit" // answers carry another device's address
	Cut       Kind = "cut"        // of a channel: connections closed and refused, the serial port gone
	Down      Kind = "down"       // of a camera: connections closed and refused
	Frozen    Kind = "frozen"     // of a camera: the same picture for ever
	Dark      Kind = "dark"       // of a camera: a black picture, as of a covered lens
	Thin      Kind = "thin"       // of a camera: a frame a second, and hardly anything in it
	Reboot    Kind = "reboot"     // of a camera: gone without a word, back after its delay (0: 2 s), and mended
	Password  Kind = "password"   // of a camera: its password is another one
	Clock     Kind = "clock"      // of a camera: its time of day and its stream's time are an hour ahead
	Torn      Kind = "torn"       // of a camera: packets come, but no picture is ever complete
	Vanish    Kind = "vanish"     // of a camera: it accepts and keeps connections and says nothing, back after its delay (0: 2 s), and mended
	Size      Kind = "size"       // of a camera: its picture is twice as wide and high
	Stuck     Kind = "stuck"      // of a relay, valve, siren or lock: writes are confirmed and do nothing
)

// Kinds are all faults.
func Kinds() []Kind {
	return []Kind{Silent, Noise, Late, WrongUnit, Cut, Down, Frozen, Dark, Thin, Reboot, Password, Clock, Stuck, Torn, Vanish, Size}
}

// A Setting says how bad a fault is.
type Setting struct {
	Probability float64       // of Noise, per answer; 0 means always
	Delay       time.Duration // of Late; 0 means 1 s
}

// Switches are the faults of one device or channel.
type Switches struct {
	mu      sync.Mutex
	on      map[Kind]Setting
	changed chan struct{}
	rnd     *rand.Rand
}

// New makes the switches of a healthy device; the seed decides which answers noise hits.
func New(seed uint64) *Switches {
	return &Switches{on: map[Kind]Setting{}, changed: make(chan struct{}), rnd: rand.New(rand.NewPCG(seed, 645))}
}

// Set breaks a device in one way.
func (s *Switches) Set(k Kind, how Setting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on[k] = how
	s.tell()
}

// Clear mends what Set broke.
func (s *Switches) Clear(k Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.on, k)
	s.tell()
}

func (s *Switches) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// On says whether a fault is set.
func (s *Switches) On(k Kind) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, on := s.on[k]
	return on
}

// Setting is how bad a fault is; zero when it is not set.
func (s *Switches) Setting(k Kind) Setting {
	if s == nil {
		return Setting{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.on[k]
}

// Active are the faults that are set.
func (s *Switches) Active() []Kind {
	s.mu.Lock()
	defer s.mu.Unlock()
	var active []Kind
	for _, k := range Kinds() {
		if _, on := s.on[k]; on {
			active = append(active, k)
		}
	}
	return active
}

// Changed is closed at the next Set or Clear. Take it before asking On, and nothing is missed.
func (s *Switches) Changed() <-chan struct{} {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}
