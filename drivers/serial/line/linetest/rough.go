package linetest

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// Devices are what hangs on a Rough line. They share no code with the drivers.
type Devices interface {
	// Answer is what all devices together send for a request as it arrived; nil is silence.
	Answer(request []byte) []byte
	// Lie is something with right check bytes that is no answer to the request: of another device, function, length,
	// identifier; or a refusal. With no request it is of a device that nobody asks.
	Lie(r *rand.Rand, request, answer []byte) []byte
	// Frames are all runs of bytes that pass for a whole frame.
	Frames(got []byte) [][]byte
}

// Rough is a line on which all that happens on lines happens to a third of the exchanges. It lives in the time of a
// testing/synctest bubble. One master uses it at a time; after a hang-up it is plugged in again by Plug.
type Rough struct {
	*rand.Rand
	Devices Devices       // nil: all that comes is what Play plays
	Timeout time.Duration // of the master: from the request's last byte
	Char    time.Duration // of one character
	Latest  time.Duration // of late answers, from the request; 0: twice the time-out
	Sound   bool          // bits never flip and bytes neither come nor go, as on TCP
	Echoing bool          // the adapter hears itself, always

	mu        sync.Mutex
	queue     []piece
	gone      bool
	life      int // counts connections
	arriving  int // the answer of which something arrived last
	news      chan struct{}
	said      []string
	delivered []byte
	carried   int
	faults    [numberOfFaults]int
	story     []string
}

// tell keeps the last lines of what happened.
func (r *Rough) tell(format string, args ...any) {
	if len(r.story) >= 24 {
		r.story = append(r.story[:0], r.story[12:]...)
	}
	r.story = append(r.story, fmt.Sprintf(format, args...))
}

// Story is what happened last, for people.
func (r *Rough) Story() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return "\n" + strings.Join(r.story, "\n")
}

// A piece is what arrives at once.
type piece struct {
	at     time.Time
	bytes  []byte
	answer int // which one it is part of
}

// Plug connects a master anew: what was on its way is lost.
func (r *Rough) Plug() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = nil
	r.plugged()
}

// plugged begins another connection. Who still waits on the one before shares its channel.
func (r *Rough) plugged() {
	if r.news == nil {
		r.news = make(chan struct{}, 1)
	}
	r.gone, r.life = false, r.life+1
}

// Play lets bytes arrive after a time, whatever is asked.
func (r *Rough) Play(after time.Duration, b string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, piece{at: time.Now().Add(after), bytes: []byte(b)})
	slices.SortStableFunc(r.queue, func(a, b piece) int { return a.at.Compare(b.at) })
	r.wake()
}

// Read waits for bytes, for the given time at most; then it answers 0. io.EOF means that the line is gone.
func (r *Rough) Read(buf []byte, wait time.Duration) (int, error) {
	end := time.Now().Add(wait)
	for {
		n, until, err := r.take(buf, end, r.life)
		if n > 0 || err != nil || !time.Now().Before(end) {
			return n, err
		}
		r.wait(until, nil)
	}
}

// wait ends at a time, when there is something new, or when the other channel is closed.
func (r *Rough) wait(until time.Time, changed <-chan struct{}) {
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.news:
	case <-changed:
	}
}

// take is what has arrived by now, or until when to wait for more.
func (r *Rough) take(buf []byte, end time.Time, life int) (n int, until time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if end.IsZero() {
		end = time.Now().Add(time.Hour)
	}
	switch {
	case r.gone || life != r.life:
		return 0, end, io.EOF
	case len(r.queue) == 0 || r.queue[0].at.After(end):
		return 0, end, nil
	case r.queue[0].at.After(time.Now()):
		return 0, r.queue[0].at, nil
	}
	p := &r.queue[0]
	n, r.arriving = copy(buf, p.bytes), p.answer
	r.delivered = append(r.delivered, p.bytes[:n]...)
	r.tell("%s in  % x", time.Now().Format("05.000"), p.bytes[:n])
	if p.bytes = p.bytes[n:]; len(p.bytes) == 0 {
		r.queue = r.queue[1:]
	}
	return n, end, nil
}

// Unplug ends the line; a Read that waits ends.
func (r *Rough) Unplug() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = true
	r.wake()
}

func (r *Rough) wake() {
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// Mark begins a new account of what is delivered.
func (r *Rough) Mark() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delivered = r.delivered[max(0, len(r.delivered)-deliveredAtMost):][:0]
}

// Forged says whether damage made a frame, since Mark, that no device has said: its check bytes cannot tell.
func (r *Rough) Forged() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.Devices.Frames(r.delivered), func(f []byte) bool { return !slices.Contains(r.said, string(f)) })
}

// Carried is how many requests were made.
func (r *Rough) Carried() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.carried
}

// Faults says how often each was played.
func (r *Rough) Faults() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]int{}
	for f, n := range r.faults {
		out[Fault(f).String()] = n
	}
	return out
}

// Write takes a request.
func (r *Rough) Write(request []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return io.EOF
	}
	r.carried++
	fault := None
	if r.Devices == nil {
		return nil
	}
	if r.IntN(spoiledOneOf) == 0 {
		fault = Fault(1 + r.IntN(int(numberOfFaults)-1))
		if f := fault; r.Sound && (f >= RequestDamaged && f <= NoiseThenLate && f != Late && f != RequestLost && f != AnswerLost || f == Echo) {
			fault = Late
		}
	}
	r.faults[fault]++
	r.tell("%s out % x (%s)", time.Now().Format("05.000"), request, fault)
	r.play(fault, request)
	slices.SortStableFunc(r.queue, func(a, b piece) int { return a.at.Compare(b.at) })
	if r.Sound {
		r.order()
	}
	r.wake()
	return nil
}

// order keeps the bytes of one answer together, as a connection does.
func (r *Rough) order() {
	begins := map[int]time.Time{}
	for _, p := range r.queue {
		if _, known := begins[p.answer]; !known {
			begins[p.answer] = p.at
		}
	}
	begins[r.arriving] = time.Time{}
	slices.SortStableFunc(r.queue, func(a, b piece) int { return begins[a.answer].Compare(begins[b.answer]) })
	for i := 1; i < len(r.queue); i++ {
		if r.queue[i].at.Before(r.queue[i-1].at) {
			r.queue[i].at = r.queue[i-1].at
		}
	}
}

func (r *Rough) play(fault Fault, request []byte) {
	left := time.Now().Add(time.Duration(len(request)) * r.Char)
	heard := request
	if r.Echoing || fault == Echo {
		r.say(request)
		r.send(left, request)
	}
	switch fault {
	case HangUp:
		r.gone = true
		return
	case RequestLost:
		return
	case RequestDamaged:
		heard = r.flip(request)
	}
	answer := r.Devices.Answer(heard)
	r.say(answer)
	at := left.Add(r.between(2*time.Millisecond, 40*time.Millisecond))
	if len(answer) > 0 && fault != RequestDamaged {
		r.spoil(fault, at, request, answer)
		return
	}
	r.send(at, answer)
}

// spoil sends what arrives of an answer.
func (r *Rough) spoil(fault Fault, at time.Time, request, answer []byte) {
	lie := func() []byte {
		l := r.Devices.Lie(r.Rand, request, answer)
		r.say(l)
		return l
	}
	switch fault {
	case AnswerLost:
	case AnswerDamaged:
		r.send(at, r.flip(answer))
	case AnswerCut:
		r.send(at, answer[:r.IntN(len(answer))])
	case NoiseBefore:
		r.send(at, append(r.noise(), answer...))
	case NoiseAfter:
		r.send(at, append(bytes.Clone(answer), r.noise()...))
	case NoiseAlone:
		r.send(at, r.noise())
	case NoiseThenLate:
		r.send(at, r.noise())
		r.late(answer)
	case Late:
		r.late(answer)
	case Twice:
		r.send(at, append(bytes.Clone(answer), answer...))
	case Split, Dripping:
		r.pieces(fault, at, answer)
	case LieAlone:
		r.send(at, lie())
	case LieBefore:
		r.send(at, append(lie(), answer...))
	case Unasked:
		r.send(at, answer)
		l := r.Devices.Lie(r.Rand, nil, nil)
		r.say(l)
		r.queue = append(r.queue, piece{at.Add(r.between(time.Millisecond, r.Timeout)), l, -r.carried})
	case HangUpInAnswer:
		r.send(at, answer[:r.IntN(len(answer))])
		r.gone = true
	default:
		r.send(at, answer)
	}
}

// late sends an answer whose last byte arrives after the time-out, not later than twice the time-out.
func (r *Rough) late(answer []byte) {
	longest := r.Latest - time.Millisecond
	if r.Latest == 0 {
		longest = 2*r.Timeout - time.Millisecond
	}
	r.queue = append(r.queue, piece{time.Now().Add(r.between(r.Timeout*9/10, longest)), bytes.Clone(answer), r.carried})
}

func (r *Rough) pieces(fault Fault, at time.Time, answer []byte) {
	for rest := answer; len(rest) > 0; {
		n := 1
		if fault == Split {
			n = 1 + r.IntN(len(rest))
			at = at.Add(r.between(0, 30*time.Millisecond))
		}
		r.send(at, rest[:n])
		at, rest = at.Add(time.Duration(n)*r.Char), rest[n:]
	}
}

// send puts bytes on the wire that begin at a time; they arrive when the last has.
func (r *Rough) send(at time.Time, b []byte) {
	if len(b) > 0 {
		r.queue = append(r.queue, piece{at.Add(time.Duration(len(b)) * r.Char), bytes.Clone(b), r.carried})
	}
}

// say remembers frames that are somebody's.
func (r *Rough) say(b []byte) {
	for _, f := range r.Devices.Frames(b) {
		r.said = append(r.said, string(f))
	}
	if len(r.said) > 2*memory {
		r.said = append(r.said[:0], r.said[len(r.said)-memory:]...)
	}
}

func (r *Rough) between(least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

func (r *Rough) flip(b []byte) []byte {
	out := bytes.Clone(b)
	for range 1 + r.IntN(3) {
		out[r.IntN(len(out))] ^= 1 << r.IntN(8)
	}
	return out
}

func (r *Rough) noise() []byte {
	out := make([]byte, 1+r.IntN(12))
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}
