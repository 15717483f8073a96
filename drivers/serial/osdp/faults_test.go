package osdp_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
	"github.com/linshao/linshao/drivers/serial/osdp"
)

// A rough wire carries questions to devices, and everything that can happen on a line happens to a third of them. It has no time:
// what is late is late by a question.
type rough struct {
	*rand.Rand
	pds     []*pd
	forged  bool     // what is changed gets right check bytes, and anything old may come again
	late    []byte   // arrives with the next answer
	heard   [][]byte // answers of before
	carried int
}

func (*rough) Close() error { return nil }

// Exchange implements the driver's wire.
func (r *rough) Exchange(_ context.Context, req line.Request, s line.Scanner) ([]byte, error) {
	r.carried++
	got, command := r.late, bytes.Clone(req.Frame[1:])
	r.late = nil
	var answer []byte
	fault := r.IntN(30)
	if fault == 0 { // the command gets lost, or arrives as another
		command[r.IntN(len(command))] ^= 1 << r.IntN(8)
	}
	for _, p := range r.pds {
		if fault == 1 && r.IntN(20) == 0 {
			p.set(func() { p.started, p.secure, p.last = false, false, nil }) // switched off and on
		}
		if fault == 2 && command[1] == p.addr {
			p.set(func() { p.busy = 1 + r.IntN(4) })
		}
		if len(command) >= 4 && int(command[2]) == len(command) && command[3] == 0 {
			answer = append(answer, p.hear(command)...)
		}
	}
	got = append(got, r.spoil(fault, req.Frame, answer)...)
	if len(answer) > 0 {
		r.heard = append(r.heard, answer)
	}
	for n := 1 + r.IntN(8); n < len(got); n += 1 + r.IntN(12) {
		if a, err := s.Scan(got[:n], false); a != nil || err != nil {
			return a, err
		}
	}
	for _, over := range [...]bool{false, true} {
		if a, err := s.Scan(got, over); a != nil || err != nil {
			return a, err
		}
	}
	return nil, &line.Fault{Reason: device.Timeout, Detail: "no answer"}
}

// spoil is what arrives of an answer.
func (r *rough) spoil(fault int, request, answer []byte) []byte {
	if len(answer) == 0 {
		return nil
	}
	switch out := bytes.Clone(answer); fault {
	case 3:
		return nil
	case 4:
		out[r.IntN(len(out))] ^= 1 << r.IntN(8)
		if r.forged && answer[4]&4 != 0 {
			return r.pds[0].check(out[:len(out)-2])
		}
		return out
	case 5:
		return out[:r.IntN(len(out))]
	case 6:
		return append(noise(r.Rand), out...)
	case 7:
		r.late = out
		return nil
	case 8:
		r.late = out
		return out
	case 9:
		return append(bytes.Clone(request), out...)
	case 10, 11:
		return append(r.again(), out...)
	case 12:
		return r.again()
	case 13:
		if r.forged { // the right number, in the clear
			return r.pds[0].check([]byte{0x53, answer[1], 11, 0, answer[4]&3 | 4, 0x49, 7, 7, 7})
		}
	}
	return answer
}

// again is an answer of before: of any time where messages are signed, else of the last two questions, which have other numbers.
func (r *rough) again() []byte {
	n := len(r.heard)
	switch {
	case n < 2:
		return nil
	case r.forged:
		return r.heard[r.IntN(n)]
	}
	return r.heard[n-1-r.IntN(2)]
}

func noise(r *rand.Rand) []byte {
	b := make([]byte, r.IntN(12))
	for i := range b {
		if b[i] = byte(r.Uint32()); r.IntN(6) == 0 {
			b[i] = 0x53
		}
	}
	return b
}

// Whatever happens on the line, a good value is the device's own of this moment, and a card is one that was there, in its turn.
func TestNeverAnothersValue(t *testing.T) {
	for name, secure := range map[string]bool{"clear": false, "secure": true} {
		t.Run(name, func(t *testing.T) {
			seed := uint64(time.Now().UnixNano())
			r := &rough{Rand: rand.New(rand.NewPCG(seed, 1)), forged: secure}
			var trials []*trial
			for addr := byte(5); addr < 8; addr++ {
				p := newPD(addr)
				p.counting = true
				a := osdp.Address{Number: addr, CardKey: siteKey}
				if secure {
					p.scbk, a.Key = []byte(ownKey), keyOf(ownKey)
				}
				r.pds = append(r.pds, p)
				trials = append(trials, &trial{pd: p, cards: map[float64]int{0: 0}, points: []device.Point{at(t, a, "input 0", ""), at(t, a, "input 1", ""),
					at(t, a, "input 2", ""), at(t, a, "card 0", ""), at(t, a, "serial", ""), at(t, a, "tamper", "")}})
			}
			now := time.Now()
			c := osdp.Driver{Now: func() time.Time { now = now.Add(20 * time.Millisecond); return now }}.OnWire(r)
			good, reads := 0, 0
			for r.carried < carry {
				x := trials[r.IntN(len(trials))]
				if r.IntN(3) == 0 {
					x.present()
				}
				rs := read(t, c, x.points...)
				reads++
				if rs[0].Quality == device.Good {
					good++
				}
				if !x.right(rs) {
					t.Fatalf("seed %d, question %d: device %d says %+v, generation %d", seed, r.carried, x.pd.addr, rs, x.pd.generation)
				}
				if len(r.heard) > 200 {
					r.heard = r.heard[100:]
				}
			}
			if good < reads/3 {
				t.Errorf("%d of %d reads were good", good, reads)
			}
			for _, x := range trials {
				if x.told < x.shown/2 {
					t.Errorf("device %d: %d of %d cards were told", x.pd.addr, x.told, x.shown)
				}
			}
			t.Logf("%d questions, %d reads, %d good; of device 5, %d of %d cards", r.carried, reads, good, trials[0].told, trials[0].shown)
		})
	}
}

// carry is how many questions the line of each of the two tests carries.
const carry = 50_000

// A trial is what is known of one device.
type trial struct {
	pd     *pd
	points []device.Point
	cards  map[float64]int // by the number that stands for it: which one it was
	shown  int             // so many cards were held to the reader
	seen   int             // the last one that was told
	told   int             // so many were told
}

// present holds a card to the reader.
func (x *trial) present() {
	x.shown++
	bits := []byte{x.pd.addr, byte(x.shown >> 8), byte(x.shown), 0xC0}
	x.cards[float64(osdp.CardAlias(siteKey, 26, bits))] = x.shown
	x.pd.tell(0x50, append([]byte{0, 1, 26, 0}, bits...)...)
}

func (x *trial) right(rs []device.Reading) bool {
	want := []float64{float64(x.pd.addr), float64(x.pd.generation), float64(x.pd.addr ^ x.pd.generation), rs[3].Value, float64(0x22334400 | uint32(x.pd.addr)), 0}
	for i, r := range rs {
		if r.Quality == device.Good && r.Value != want[i] {
			return false
		}
	}
	if rs[3].Quality != device.Good {
		return true
	}
	n, known := x.cards[rs[3].Value]
	if !known || n < x.seen {
		return false
	}
	if n > x.seen {
		x.told++
	}
	x.seen = n
	return true
}
