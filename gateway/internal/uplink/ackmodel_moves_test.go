package uplink

import (
	"math/bits"
	"time"

	"github.com/linshao/linshao/cloud/wire"
)

// send brings up what follows: one record, or two in one batch.
func (w world) send(l limits, bug planted, two bool) (world, bool) {
	if w.line.session == 0 {
		return w, false
	}
	p := w.window(l)
	from := p.after(p.sent)
	held := w.have &^ upTo(uint8(from)-1) & upTo(w.next-1)
	if from == 0 || p.room(noon) == 0 || held == 0 {
		return w, false
	}
	first := uint8(bits.TrailingZeros8(held))
	if uint64(first) > p.sent {
		if two || len(p.inflight) > 0 {
			return w, false
		}
		p.hole(uint64(first), noon)
		if !p.hole(uint64(first), noon.Add(holePause)) {
			return w, false
		}
		w.keep(p)
		w.line.wanted = true
		return w, true
	}
	last := first
	if two {
		if last++; held&bit(last) == 0 {
			return w, false
		}
	}
	p.took(sentBatch{span: span{uint64(first), uint64(last)}, bytes: 100})
	w.keep(p)
	w.net.batches[w.line.session-1] |= batchBit(w.epoch, first, last-first+1)
	if bug == bugPuback {
		w.acked = max(w.acked, last)
	}
	return w, true
}

// overdue lets the time for an answer pass.
func (w world) overdue(l limits) (world, bool) {
	if w.line.session == 0 || w.line.flight[0].first == 0 {
		return w, false
	}
	s := session{windows: []*window{w.window(l)}}
	s.expire(noon.Add(time.Hour))
	w.keep(s.windows[0])
	w.line.wanted = true
	return w, true
}

// take gives the gateway an acknowledgement, as conversation.takeAck does.
func (w world) take(l limits, bug planted, sess, epoch, cum uint8) (world, bool) {
	p := w.window(l)
	s := session{nonce: uint64(w.line.session), windows: []*window{p}}
	a := &wire.Ack{Session: uint64(sess), Stream: wire.StreamTelemetry, Epoch: uint64(epoch), Cum: uint64(cum), Credit: l.credit}
	if bug == bugOldEpoch {
		a.Session, a.Epoch = s.nonce, p.epoch
	}
	if _, v := s.find(a); v != ackTaken {
		return w, false
	}
	none := func(from, to uint64) bool {
		return to < uint64(w.next) && w.have&(upTo(uint8(to))&^upTo(uint8(from)-1)) == 0
	}
	switch p.ack(a, noon, uint64(w.next), none) {
	case ackTaken:
	case ackRestored: // the log goes on behind, and reports what it cannot vouch for
		w.gaps[w.epoch] |= upTo(w.next-1) &^ upTo(w.acked)
		w.next, w.synced = min(uint8(p.cum)+1, 7), min(uint8(p.cum)+1, 7)
	case ackBeyond:
		w.line.wanted = w.line.wanted || !p.answered
	case ackOld:
		if p.stuck() {
			w.line = line{}
			return w, true
		}
	default:
		return w, false
	}
	w.keep(p)
	w.acked = max(w.acked, uint8(p.cum))
	return w, true
}

// answer sends the cloud's word. What it says of records that it does not have is a lie.
func (w *world) answer(sess, epoch, cum uint8) {
	w.lied = w.lied || upTo(cum)&w.made[epoch]&^(w.stored[epoch]|w.reported[epoch]) != 0
	w.net.acks |= ackBit(sess, epoch, cum)
}

// pass moves the cloud's cursor over gaps that it was told of.
func (w *world) pass(epoch uint8) {
	for w.reported[epoch]&bit(w.cum[epoch]+1) != 0 && w.cum[epoch] < 6 {
		w.cum[epoch]++
	}
}

// meet is the cloud and a hello.
func (w world) meet(bug planted, sess, epoch, oldest, next uint8) world {
	w.session, w.known[epoch] = sess, true
	if w.cum[epoch] < next {
		w.pass(epoch)
		if oldest > w.cum[epoch]+1 {
			if bug != bugSilentGap {
				w.reported[epoch] |= upTo(oldest-1) &^ upTo(w.cum[epoch])
			}
			w.cum[epoch] = oldest - 1
		}
	}
	w.answer(sess, epoch, w.cum[epoch])
	return w
}

// store is the cloud and a batch; it may die between the commit and the answer, and with a bug before the commit.
func (w world) store(bug planted, sess, epoch, first, last uint8, dies bool) (world, bool) {
	if sess != w.session || !w.known[epoch] {
		return w, false // fenced, or an unknown epoch
	}
	if bug == bugEarlyAck && dies {
		w.answer(sess, epoch, max(last, w.cum[epoch]))
		return w, true
	}
	if first > w.cum[epoch]+1 {
		w.pass(epoch)
	}
	if bug == bugAckHigher && first > w.cum[epoch]+1 {
		w.answer(sess, epoch, last)
		return w, true
	}
	if first <= w.cum[epoch]+1 || bug == bugUnordered {
		for n := first; n <= last; n++ {
			if n <= w.cum[epoch] && bug != bugNoDedupe {
				continue
			}
			w.doubled = w.doubled || w.stored[epoch]&bit(n) != 0
			w.stored[epoch] |= bit(n)
			w.cum[epoch] = max(w.cum[epoch], n)
		}
	}
	if !dies {
		w.answer(sess, epoch, w.cum[epoch])
	}
	return w, true
}

// told is the gap events that arrive at the cloud.
func (w world) told() (world, bool) {
	for e := range w.gaps {
		w.reported[e] |= w.gaps[e]
	}
	return w, true
}

// broken names an invariant of the protocol that does not hold.
func (w *world) broken() string {
	safe := w.stored[w.epoch] | w.gaps[w.epoch] | w.reported[w.epoch]
	switch {
	case w.made[w.epoch]&^(safe|w.have) != 0:
		return "INV1: a record is neither in the cloud nor here nor covered by a gap"
	case w.lied || upTo(w.acked)&w.made[w.epoch]&^safe != 0:
		return "INV2: a record counts as delivered that is not in the cloud"
	case w.doubled:
		return "INV3: a record is stored twice"
	case w.stored[0]&^(w.made[0]|w.twice[0]) != 0 || w.stored[1]&^(w.made[1]|w.twice[1]) != 0 || w.twice[w.epoch]&w.made[w.epoch]&w.stored[w.epoch] != 0:
		return "INV4: something is stored that was not made, or another record under its number"
	case w.disordered:
		return "INV5: an event was evicted while there was telemetry"
	}
	return ""
}

// moves calls next with every state that can follow.
func (w world) moves(l limits, bug planted, next func(world)) {
	can := func(n world, ok bool) {
		if ok && n != w {
			next(n)
		}
	}
	can(w.record(l))
	can(w.sync())
	can(w.kill())
	can(w.powerCut(l, bug))
	can(w.wipe(l))
	can(w.full(bug))
	can(w.connect(l))
	can(w.greet())
	can(w.send(l, bug, false))
	can(w.send(l, bug, true))
	can(w.overdue(l))
	can(w.told())
	if w.events == 0 {
		n := w
		n.events = 1
		next(n)
	}
	for set := w.net.acks; set != 0 && w.line.session > 0; set &= set - 1 {
		i := uint8(bits.TrailingZeros64(set))
		can(w.take(l, bug, i/16+1, i/8%2, i%8))
	}
	for s := range w.used {
		for set := w.net.batches[s]; set != 0; set &= set - 1 {
			i := uint8(bits.TrailingZeros32(set))
			first, more := i%14/2+1, i%2
			can(w.store(bug, s+1, i/14, first, first+more, false))
			can(w.store(bug, s+1, i/14, first, first+more, true))
		}
		for set := w.net.hellos[s]; set != 0; set &= set - 1 {
			i := uint8(bits.TrailingZeros64(set))
			oldest, at := helloOf(i % 32)
			can(w.meet(bug, s+1, i/32, oldest, at), true)
		}
	}
}

// helloOf is the inverse of helloIndex.
func helloOf(i uint8) (oldest, next uint8) {
	for next = 1; next*(next+1)/2 <= i; next++ {
	}
	return i - next*(next-1)/2 + 1, next
}
