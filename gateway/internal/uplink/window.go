package uplink

import (
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

const (
	maxBatches  = 8                // unacknowledged batches of one stream
	maxInFlight = 256 << 10        // unacknowledged bytes of one stream
	minBatch    = 16 << 10         // room below which an answer is waited for
	rtoFirst    = 10 * time.Second // a third of the keep-alive
	rtoMost     = 5 * time.Minute
	helloEvery  = 30 * time.Second // between hellos as long as one is unanswered
	holePause   = 2 * time.Second  // between finding a hole and telling of it in a hello
)

// span is a run of numbers, both ends included.
type span struct{ first, last uint64 }

type sentBatch struct {
	span
	bytes     int
	confirmed bool // by the broker: the cloud can have it
}

// window is how far one stream has got in one session. It has no clock and no socket: times are arguments.
type window struct {
	stream   uint32
	epoch    uint64
	answered bool   // the cloud has said where it stands since the last hello that asked
	floor    uint64 // first number that exists behind a hole; goes into hello as oldest
	cum      uint64 // the cloud has everything up to here
	sent     uint64 // next number to send
	high     uint64 // one above the highest number sent or acknowledged in this session
	began    bool   // an answer was taken in this session
	inflight []sentBatch
	bytes    int // of inflight
	limit    int // batches that may be in flight
	hold     time.Time
	first    time.Duration // the time for an answer, as long as they come
	rto      time.Duration // the same, doubled with each time that none came
	due      time.Time     // when the batches in flight count as lost; zero: none has reached the broker
	behind   uint64        // first number behind a hole that was just found
	skip     []span        // rejected by the cloud: never sent again
}

func newWindow(stream uint32, epoch, oldest uint64) *window {
	return &window{stream: stream, epoch: epoch, floor: oldest, limit: maxBatches, first: rtoFirst, rto: rtoFirst}
}

// room is how many bytes the next batch may have; 0 when none may be sent now.
func (w *window) room(now time.Time) int {
	if !w.answered || len(w.inflight) >= w.limit || w.bytes > maxInFlight-minBatch || now.Before(w.hold) {
		return 0
	}
	return min(wire.MaxMessage, maxInFlight-w.bytes)
}

// took notes a batch that was just published.
func (w *window) took(b sentBatch) {
	w.inflight = append(w.inflight, b)
	w.bytes += b.bytes
	w.sent = b.last + 1
	w.high = max(w.high, w.sent)
}

// confirmed notes that the broker has everything up to a number. That proves nothing, but only from now on can the cloud
// answer: on a slow line a batch may be on its way for longer than any answer takes.
func (w *window) confirmed(last uint64, now time.Time) {
	for i := range w.inflight {
		w.inflight[i].confirmed = w.inflight[i].confirmed || w.inflight[i].last <= last
	}
	w.arm(now)
}

// arm starts the time for an answer when a batch has reached the broker and it does not run yet.
func (w *window) arm(now time.Time) {
	if w.due.IsZero() && len(w.inflight) > 0 && w.inflight[0].confirmed {
		w.due = now.Add(w.rto)
	}
}

// hole says that no record exists from sent up to before first. The cloud must hear of that in a hello, after it has
// answered everything before, and a little later, so that the gap event that says why arrives first. It returns true when
// that hello is due now.
func (w *window) hole(first uint64, now time.Time) bool {
	if len(w.inflight) > 0 {
		return false
	}
	if w.behind != first {
		w.behind, w.hold = first, now.Add(holePause)
		return false
	}
	w.floor, w.answered = first, false
	return true
}

// expire goes back to the first unacknowledged record when the time for an answer is over.
func (w *window) expire(now time.Time) bool {
	if w.due.IsZero() || now.Before(w.due) {
		return false
	}
	w.goBack()
	w.rto = min(2*w.rto, rtoMost)
	return true
}

// stuck says whether a time-out has passed since the cloud last took something. An answer from behind is then no straggler.
func (w *window) stuck() bool { return w.rto > w.first }

func (w *window) goBack() {
	w.inflight, w.bytes, w.due = nil, 0, time.Time{}
	w.sent = max(w.cum+1, w.floor)
}

// verdict is what became of an acknowledgement.
type verdict string

const (
	ackTaken    verdict = ""
	ackSession  verdict = "session"  // of another session
	ackStream   verdict = "stream"   // of a stream we do not have
	ackEpoch    verdict = "epoch"    // of another epoch
	ackOld      verdict = "old"      // behind an acknowledgement already seen
	ackBeyond   verdict = "beyond"   // of records never sent
	ackAbsurd   verdict = "absurd"   // of a number that no log can reach
	ackRestored verdict = "restored" // of numbers the log never gave out: taken, and the log goes on behind them
)

// ack takes the cloud's word. next is the log's next number; none tells whether no record exists from..to, which allows the
// cloud to pass a hole by itself. The answer to a hello is believed up to next; any other only up to what was sent.
func (w *window) ack(a *wire.Ack, now time.Time, next uint64, none func(from, to uint64) bool) verdict {
	switch {
	case a.Epoch != w.epoch:
		return ackEpoch
	case a.Cum < w.cum:
		return ackOld
	case a.Cum >= outbox.MaxSeq:
		return ackAbsurd
	case a.Cum >= next && w.began:
		return ackBeyond
	case a.Cum >= next:
		w.restart(a.Cum)
		w.allow(a, now)
		return ackRestored
	case w.answered && a.Cum >= max(w.high, w.floor) && !none(max(w.high, w.floor), a.Cum):
		w.answered = false // it may know records of an earlier session: ask where it stands
		return ackBeyond
	}
	progress := a.Cum > w.cum
	w.cum = a.Cum
	kept := w.inflight[:0]
	w.bytes = 0
	for _, b := range w.inflight {
		if b.last > w.cum {
			kept = append(kept, b)
			w.bytes += b.bytes
		}
	}
	w.inflight = kept
	if progress || len(kept) == 0 {
		w.due = time.Time{}
	}
	if progress {
		w.rto = w.first
	}
	w.arm(now)
	w.began = true
	w.sent, w.high = max(w.sent, w.cum+1), max(w.high, w.cum+1)
	if !w.answered {
		w.answered = true
		w.sent = max(w.sent, w.floor)
	}
	w.allow(a, now)
	return ackTaken
}

// restart goes on behind a number that the log never gave out.
func (w *window) restart(cum uint64) {
	w.cum, w.high, w.floor = cum, cum+1, 0
	w.answered, w.began = true, true
	w.goBack()
}

func (w *window) allow(a *wire.Ack, now time.Time) {
	w.limit = int(min(a.Credit, maxBatches))
	w.hold = now.Add(time.Duration(a.RetryAfterMs) * time.Millisecond)
}

// reject notes records that the cloud will never take, and goes on behind them. It returns false when they are none of ours
// or were rejected before.
func (w *window) reject(r span) bool {
	if r.first > r.last || r.last >= w.high {
		return false
	}
	for _, s := range w.skip {
		if s.first <= r.first && r.last <= s.last {
			return false
		}
	}
	if n := len(w.skip); n > 0 && w.skip[n-1].last+1 == r.first { // a cloud that refuses all must not fill the memory
		w.skip[n-1].last = r.last
	} else {
		w.skip = append(w.skip, r)
	}
	if w.cum < r.last {
		w.goBack()
	}
	return true
}

// after is the first number from seq on that was not rejected.
func (w *window) after(seq uint64) uint64 {
	for moved := true; moved; {
		moved = false
		for _, s := range w.skip {
			if s.first <= seq && seq <= s.last {
				seq, moved = s.last+1, true
			}
		}
	}
	return seq
}

// rejected says whether a record is one that the cloud will never take.
func (w *window) rejected(seq uint64) bool { return w.after(seq) != seq }
