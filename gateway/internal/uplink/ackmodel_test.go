package uplink

import (
	"math/bits"
	"time"

	"github.com/linshao/linshao/cloud/wire"
)

// The acknowledgement protocol as a machine of small states, for TestAckModel. The gateway's side is the product's own window
// and session; the outbox and the cloud are the rules of their DESIGN.md in a few lines. The network is a set of messages:
// whatever was ever sent may arrive at any time, any number of times, in any order, or never; so dropping, repeating,
// reordering and replaying need no actions of their own. Numbers are below 8, sets of them are bits.

type numbers = uint8

func bit(n uint8) numbers { return 1 << n }

// upTo are the numbers 1 to n.
func upTo(n uint8) numbers { return bit(n+1) - 2 }

// A planted bug makes one rule wrong: the search must find each.
type planted string

const (
	bugNone      planted = ""
	bugAckHigher planted = "the cloud acknowledges what it has not stored"
	bugOldEpoch  planted = "acknowledgements of an old session and epoch count"
	bugPuback    planted = "a confirmation of the broker's counts as the cloud's"
	bugSilentGap planted = "records vanish and a hello jumps without a gap"
	bugReuse     planted = "a number is given again after a power cut"
	bugUnordered planted = "the cloud takes a batch that does not follow its cursor"
	bugEarlyAck  planted = "the cloud answers before it commits"
	bugNoDedupe  planted = "the cloud stores again what is behind its cursor"
	bugEvents    planted = "events are evicted before telemetry"
)

// limits bound the search.
type limits struct {
	records  uint8 // per epoch, power cuts' numbers included; at most 6
	sessions uint8 // at most 4
	credit   uint32
	wipe     bool // a second epoch
}

type messages struct {
	acks    uint64
	batches [4]uint32
	hellos  [4]uint64
}

// span8 is a batch in flight.
type span8 struct{ first, last uint8 }

// line is the gateway's side of a connection: a window in few bytes.
type line struct {
	session                        uint8 // 0: none
	answered, began, stuck, wanted bool
	floor, cum, sent, high         uint8
	flight                         [2]span8
}

// world is one state. Index 0 and 1 of arrays are the epochs.
type world struct {
	// the outbox
	epoch, next, synced, acked uint8
	have                       numbers // records held, acknowledged ones too
	made, twice, gaps          [2]numbers
	events                     uint8 // 0 none, 1 one held, 2 one evicted
	// connections
	line line
	used uint8 // sessions so far
	net  messages
	// the cloud
	session             uint8
	known               [2]bool
	cum                 [2]uint8
	stored, reported    [2]numbers
	doubled, disordered bool
	lied                bool // it acknowledged what it does not have
}

func origin() world { return world{next: 1, synced: 1} }

func ackBit(session, epoch, cum uint8) uint64 { return 1 << ((session-1)*16 + epoch*8 + cum) }
func batchBit(epoch, first, n uint8) uint32   { return 1 << (epoch*14 + (first-1)*2 + n - 1) }

func (w *world) hello(session, epoch, oldest, next uint8) (word *uint64, mask uint64) {
	return &w.net.hellos[session-1], 1 << (epoch*32 + helloIndex(oldest, next))
}

// helloIndex numbers the pairs oldest ≤ next ≤ 7, next ≥ 1, of which at most 28 occur: oldest 0 is written as next.
func helloIndex(oldest, next uint8) uint8 {
	if oldest == 0 {
		oldest = next
	}
	return next*(next-1)/2 + oldest - 1
}

func (w *world) oldest() uint8 {
	if w.have == 0 {
		return 0
	}
	return uint8(bits.TrailingZeros8(w.have))
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// window is the product's window in the state of the line.
func (w *world) window(l limits) *window {
	p := newWindow(wire.StreamTelemetry, uint64(w.epoch), uint64(w.line.floor))
	p.answered, p.began = w.line.answered, w.line.began
	p.cum, p.sent, p.high, p.limit = uint64(w.line.cum), uint64(w.line.sent), uint64(w.line.high), int(l.credit)
	if w.line.stuck {
		p.rto = 2 * p.first
	}
	for _, s := range w.line.flight {
		if s.first > 0 {
			p.took(sentBatch{span: span{uint64(s.first), uint64(s.last)}, bytes: 100})
		}
	}
	p.sent, p.high = uint64(w.line.sent), uint64(w.line.high)
	p.confirmed(p.sent, noon)
	return p
}

// keep puts the product's window back. Times pass by actions of their own: a rest is over at once, a time-out may come.
func (w *world) keep(p *window) {
	w.line.answered, w.line.began, w.line.stuck = p.answered, p.began, p.stuck()
	w.line.floor, w.line.cum, w.line.sent, w.line.high = uint8(p.floor), uint8(p.cum), uint8(p.sent), uint8(p.high)
	w.line.flight = [2]span8{}
	for i, b := range p.inflight {
		w.line.flight[i] = span8{uint8(b.first), uint8(b.last)}
	}
}

// record makes a record; it is readable at once and durable with the next sync.
func (w world) record(l limits) (world, bool) {
	if w.next > l.records || w.next > w.synced {
		return w, false
	}
	w.made[w.epoch] |= bit(w.next)
	w.have |= bit(w.next)
	w.next++
	return w, true
}

func (w world) sync() (world, bool) {
	w.synced = w.next
	return w, true
}

// kill ends process and connection; what was written stays.
func (w world) kill() (world, bool) {
	w.line = line{}
	return w, true
}

// powerCut takes what was not synced, and the number that may have been sent.
func (w world) powerCut(l limits, bug planted) (world, bool) {
	if w.synced > l.records {
		return w, false
	}
	lost := bit(w.synced)
	w.line = line{}
	w.have &^= lost
	if bug == bugReuse {
		w.twice[w.epoch] |= w.made[w.epoch] & lost
		w.made[w.epoch] &^= lost
		w.next = w.synced
		return w, true
	}
	w.gaps[w.epoch] |= lost
	w.next = w.synced + 1
	w.synced = w.next
	return w, true
}

// wipe loses the log: a new epoch, which the cloud reports.
func (w world) wipe(l limits) (world, bool) {
	if !l.wipe || w.epoch == 1 {
		return w, false
	}
	w.line = line{}
	w.gaps[0] |= w.made[0] // by the report
	w.epoch, w.next, w.synced, w.acked, w.have = 1, 1, 1, 0, 0
	return w, true
}

// full makes room: the oldest telemetry, and events only when there is none.
func (w world) full(bug planted) (world, bool) {
	switch {
	case w.events == 1 && (w.have == 0 || bug == bugEvents):
		w.disordered = w.disordered || w.have != 0
		w.events = 2
	case w.have != 0:
		n := w.oldest()
		w.have &^= bit(n)
		if n > w.acked && bug != bugSilentGap {
			w.gaps[w.epoch] |= bit(n)
		}
		w.synced = max(w.synced, n+1)
	default:
		return w, false
	}
	return w, true
}

func (w world) connect(l limits) (world, bool) {
	if w.used >= l.sessions {
		return w, false
	}
	w.used++
	p := newWindow(wire.StreamTelemetry, uint64(w.epoch), uint64(w.oldest()))
	w.keep(p)
	w.line.session = w.used
	return w, true
}

func (w world) greet() (world, bool) {
	if w.line.session == 0 || w.line.answered && !w.line.wanted {
		return w, false
	}
	oldest := max(w.oldest(), w.line.floor)
	word, mask := w.hello(w.line.session, w.epoch, min(oldest, w.next), w.next)
	*word |= mask
	w.line.wanted = false
	return w, true
}
