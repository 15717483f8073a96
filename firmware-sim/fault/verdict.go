package fault

import (
	"io"
	"sync"
	"time"
)

// A Verdict is what happens to one answer.
type Verdict struct {
	Drop      bool
	Garble    bool
	WrongUnit bool
	Delay     time.Duration
	bit       int
}

// Judge decides about the next answer.
func (s *Switches) Judge() Verdict {
	if s == nil {
		return Verdict{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var v Verdict
	if len(s.on) == 0 {
		return v
	}
	_, v.Drop = s.on[Silent]
	_, v.WrongUnit = s.on[WrongUnit]
	if how, on := s.on[Noise]; on {
		v.Garble = how.Probability <= 0 || s.rnd.Float64() < how.Probability
		if v.Garble {
			v.bit = s.rnd.IntN(1 << 16)
		}
	}
	if how, on := s.on[Late]; on {
		if v.Delay = how.Delay; v.Delay <= 0 {
			v.Delay = time.Second
		}
	}
	return v
}

// Judge decides about an answer that all of these have a say in: the first fault that does anything wins.
func Judge(all []*Switches) Verdict {
	for _, s := range all {
		if v := s.Judge(); v != (Verdict{}) {
			return v
		}
	}
	return Verdict{}
}

// Damage flips one bit of the frame when the verdict says so.
func (v Verdict) Damage(frame []byte) {
	if v.Garble && len(frame) > 0 {
		at := v.bit % (len(frame) * 8)
		frame[at/8] ^= 1 << (at % 8)
	}
}

// A Courier brings answers to the line, at once or late, one at a time.
type Courier struct {
	w      io.Writer
	mu     sync.Mutex
	late   sync.WaitGroup
	closed chan struct{}
}

// NewCourier makes a courier to w.
func NewCourier(w io.Writer) *Courier { return &Courier{w: w, closed: make(chan struct{})} }

// Send writes the frame after the delay. A late one is copied, and its error is nobody's: the master has given up already.
func (c *Courier) Send(frame []byte, delay time.Duration) error {
	if delay <= 0 {
		return c.write(frame)
	}
	kept := append([]byte(nil), frame...)
	c.late.Go(func() {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-c.closed:
		case <-timer.C:
			_ = c.write(kept)
		}
	})
	return nil
}

func (c *Courier) write(frame []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.w.Write(frame)
	return err
}

// Close forgets what is still on its way and waits for the rest. The writer should be closed before.
func (c *Courier) Close() {
	close(c.closed)
	c.late.Wait()
}
