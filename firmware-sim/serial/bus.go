package serial

import (
	"errors"
	"math/rand/v2"
	"os"
	"time"
)

// A Slave is one device on a Bus.
type Slave struct {
	Setting                             // it hears nothing that is spoken otherwise; Baud 0: it hears everything
	Answer  func(request []byte) []byte // nil: it was not meant
	Delay   time.Duration               // from the end of the request to the answer; 0: turnaround
	Far     bool                        // at the end of a long line without termination: what is long arrives damaged
}

// A Setting is how one speaks on a line.
type Setting struct {
	Baud   int
	Parity string // none, even, odd
	Stop   int    // 1 or 2
}

// hears says whether who has set s hears one who has set o. Pseudo-terminals do not keep that there is a parity, only which one it
// would be: none and even are the same to them.
func (s Setting) hears(o Setting) bool {
	return s.Baud == o.Baud && s.Stop == o.Stop && (s.Parity == "odd") == (o.Parity == "odd")
}

// char is how long a character takes.
func (s Setting) char() time.Duration {
	bits := 9 + max(s.Stop, 1)
	if s.Parity == "even" || s.Parity == "odd" {
		bits++
	}
	return time.Duration(bits) * time.Second / time.Duration(max(s.Baud, 1))
}

// BusConfig describes a bus with everything that goes wrong on real ones.
type BusConfig struct {
	Slaves []Slave
	Echo   bool    // the adapter hears itself
	Noise  float64 // probability that an answer arrives with stray bytes before it and a wrong bit in it
	Seed   uint64
}

const (
	turnaround = 12 * time.Millisecond // of a slave that says nothing else
	busGap     = 4 * time.Millisecond  // silence that ends a request
	farBytes   = 16                    // the longest answer that survives a line without termination
)

// TalkBus answers on an open port for the slaves on its line, at the speed that the master has set, until the port is gone. Slaves
// that answer at once destroy each other's answers, as on copper.
func TalkBus(p Port, cfg BusConfig) {
	b := bus{BusConfig: cfg, port: p, rnd: rand.New(rand.NewPCG(cfg.Seed, 485))}
	for b.turn() == nil {
	}
}

type bus struct {
	BusConfig
	port Port
	rnd  *rand.Rand
	buf  [512]byte
}

// turn hears one request and answers it.
func (b *bus) turn() error {
	request, err := b.request()
	if err != nil {
		return err
	}
	now := b.port.Setting()
	char := now.char()
	b.port.Wait(time.Duration(len(request)) * char)
	if b.Echo {
		if _, err := b.port.Write(request); err != nil {
			return err
		}
	}
	var answer []byte
	wait := turnaround
	for _, s := range b.Slaves {
		if s.Baud != 0 && !s.hears(now) {
			continue
		}
		a := s.Answer(request)
		if a == nil {
			continue
		}
		if s.Delay > 0 {
			wait = s.Delay
		}
		if s.Far && len(a) > farBytes {
			b.damage(a[farBytes-4:])
		}
		answer = collide(answer, a)
	}
	if answer == nil {
		return nil
	}
	if b.Noise > 0 && b.rnd.Float64() < b.Noise {
		b.damage(answer)
		answer = append([]byte{0xFF, 0x00}, answer...)
	}
	b.port.Wait(wait + time.Duration(len(answer))*char)
	_, err = b.port.Write(answer)
	return err
}

// request reads what the master sends until it falls silent.
func (b *bus) request() ([]byte, error) {
	n := 0
	for {
		deadline := time.Time{}
		if n > 0 {
			deadline = time.Now().Add(busGap)
		}
		if err := b.port.SetReadDeadline(deadline); err != nil {
			return nil, err
		}
		k, err := b.port.Read(b.buf[n:])
		n += k
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded), n == len(b.buf):
			return b.buf[:n], nil
		case err != nil:
			return nil, err
		}
	}
}

func (b *bus) damage(frame []byte) { frame[b.rnd.IntN(len(frame))] ^= 1 << b.rnd.IntN(8) }

// collide is what arrives when two speak at once: where they differ the line is pulled both ways, and the later one's end stands out.
func collide(a, b []byte) []byte {
	if a == nil {
		return b
	}
	long, short := a, b
	if len(b) > len(a) {
		long, short = b, a
	}
	mixed := append([]byte(nil), long...)
	for i := range short {
		mixed[i] = a[i] & b[max(0, i-1)] // the second is a little late
	}
	return mixed
}
