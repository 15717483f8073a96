package app

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/bus"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

const (
	// recorderBeat is how often readings are put on disk: what a kill -9 can cost.
	recorderBeat = time.Second
	// enoughBytes of parts become a record: together they are shorter than apart, so they fit.
	enoughBytes = 56 << 10
	// clockStep is a jump of an untrusted wall clock beyond which readings from before and after it are not in one record.
	clockStep = 500 * time.Millisecond
)

// telemetryLog is what the recorder needs of the telemetry stream's *outbox.Log.
type telemetryLog interface {
	Append(typ uint32, at time.Time, clock uint32, payload []byte) (uint64, error)
	Sync() error
	Drop(n uint64)
	State() (epoch, oldest, next uint64)
	Read(from uint64, maxBytes int) ([]outbox.Record, error)
}

// partsLog is what it needs of the parts' *outbox.Log.
type partsLog interface {
	Append(typ uint32, at time.Time, clock uint32, payload []byte) (uint64, error)
	Ack(cum uint64)
	State() (epoch, oldest, next uint64)
	Read(from uint64, maxBytes int) ([]outbox.Record, error)
	Stats() outbox.Stats
	Gaps() []outbox.Gap
}

// A recorder makes telemetry records of readings and appends them to the log. A record is the shorter the more readings it
// has, so they wait for others as long as nobody looks (linger); until then every second's readings are a part, on disk in
// a log of their own. When the disk takes nothing the recorder holds one record and lets the bus drop and count; what was
// dropped becomes a gap.
type recorder struct {
	log     telemetryLog
	parts   partsLog
	encoder *wire.Encoder
	sieve   *sieve
	linger  *linger
	now     func() time.Time
	clock   func() uint32
	slog    *slog.Logger
	gaps    func() // fetches and records the gaps of the logs

	stop         chan struct{}    // closed when the gateway stops
	dead         bool             // the disk took nothing then: there are no more records in this run, only parts and gaps
	batch        []device.Reading // of the next record
	ends         []partEnd        // the first readings of batch are in these parts
	size         int              // bytes of these parts
	epoch, done  uint64           // of the parts log; the newest part that is in a record
	origin       *wire.Origin     // of the batch, when an earlier run read it
	began        time.Time        // when the oldest of batch came, on the real clock
	stamp        stamp            // and under which wall clock
	lostReadings atomic.Uint64    // of the bus, as last made a gap
}

// partEnd says that the readings of the batch up to n are in the parts up to seq.
type partEnd struct {
	seq uint64
	n   int
}

// stamp is a moment on the wall clock, its quality, and the same moment on the real clock.
type stamp struct {
	wall  time.Time
	real  time.Time
	clock uint32
}

func (r *recorder) run(in *bus.Subscription) {
	tick := time.NewTicker(recorderBeat)
	defer tick.Stop()
	r.epoch, _, _ = r.parts.State()
	r.resume(tick.C)
	for {
		select {
		case rs, ok := <-in.C:
			if !ok {
				r.store(tick.C)
				r.note(in)
				return
			}
			r.add(r.sieve.pass(rs), tick.C)
		case <-r.linger.wake:
			r.flush()
		case <-tick.C:
			r.beat()
			r.note(in)
		}
	}
}

// beat puts what came since the last one on disk, as a part or with all before it as a record.
func (r *recorder) beat() {
	if len(r.batch) == 0 {
		return
	}
	if stepped := r.stamp.after(r.now(), r.clock()); stepped || r.size >= enoughBytes || r.linger.over(r.began) {
		r.flush()
		return
	}
	r.part()
}

// add puts readings into the batch, record by record. A full batch that the disk does not take waits here.
func (r *recorder) add(rs []device.Reading, tick <-chan time.Time) {
	for len(rs) > 0 {
		if len(r.batch) == 0 {
			r.began = time.Now()
			r.stamp = stamp{wall: r.now(), real: r.began, clock: r.clock()}
		}
		n := min(len(rs), wire.MaxReadings-len(r.batch))
		r.batch = append(r.batch, rs[:n]...)
		rs = rs[n:]
		if len(r.batch) == wire.MaxReadings {
			r.store(tick)
		}
	}
}

// store appends the batch. While the disk takes nothing it waits; when the gateway stops, not for long.
func (r *recorder) store(tick <-chan time.Time) {
	for tries := 1; !r.flush(); tries++ {
		if r.stopping() && (r.dead || tries >= journalTries) {
			r.giveUp()
			return
		}
		<-tick
	}
}

// giveUp leaves the batch to the next start, as far as it is in parts. The rest becomes a gap. A later record would say that
// these parts are in it or before it, so there is none.
func (r *recorder) giveUp() {
	r.dead = true
	r.part()
	lost := len(r.batch) - r.parted()
	if lost > 0 {
		r.log.Drop(1)
	}
	r.slog.Error("the disk takes nothing at the end", "readings_lost", lost, "readings_in_parts", r.parted())
	r.shift(len(r.batch))
}

func (r *recorder) stopping() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

// flush appends the batch, as one record unless it does not fit one; false when the disk takes nothing now.
func (r *recorder) flush() bool {
	if r.dead {
		return false
	}
	for len(r.batch) > 0 {
		payload, n, to, err := r.encode()
		if err == nil {
			at, clock := r.now(), r.clock()
			if r.origin == nil {
				at, clock = r.stamp.moment(at, clock)
			}
			_, err = r.log.Append(wire.TypeReadings, at, clock, payload)
		}
		if err != nil {
			r.slog.Error("append telemetry", "readings", n, "error", err)
			if errors.Is(err, outbox.ErrUnavailable) {
				return false
			}
			r.log.Drop(1)
		}
		r.shift(n)
		r.settle(to)
	}
	return true
}

// encode makes a record of as much of the batch as fits: n readings, and with them every part up to to. A record covers
// parts whole, so that their readings do not come again after a kill between two records.
func (r *recorder) encode() (payload []byte, n int, to uint64, err error) {
	for most := len(r.batch); ; most = n {
		want := 0
		want, to = r.cut(most)
		head := &wire.Readings{PartsEpoch: r.epoch, PartsTo: to, Origin: r.origin}
		payload, n, err = r.encoder.EncodeFirst(head, r.batch[:want])
		if err != nil {
			return nil, len(r.batch), r.cover(), err
		}
		if n == want {
			return payload, n, to, nil
		}
	}
}

// settle lets go of the parts whose readings are in records now, once these are durable.
func (r *recorder) settle(to uint64) {
	if to == r.done {
		return
	}
	r.done = to
	if err := r.log.Sync(); err != nil {
		r.slog.Error("sync telemetry", "error", err) // the next record, or the next start, lets go of them
		return
	}
	r.parts.Ack(to)
}

// part appends what is in no part yet to the parts log. What the disk does not take now waits for the next beat.
func (r *recorder) part() {
	for from := r.parted(); from < len(r.batch); from = r.parted() {
		payload, n, err := r.encoder.EncodeFirst(&wire.Readings{}, r.batch[from:])
		if err != nil {
			return // the record that cannot be made tells of it
		}
		seq, err := r.parts.Append(wire.TypeReadings, r.now(), r.stamp.clock, payload)
		if err != nil {
			r.slog.Error("append part", "readings", n, "error", err)
			return
		}
		r.size += len(payload)
		r.ends = append(r.ends, partEnd{seq, from + n})
	}
}

// parted is how many of the batch's readings are in parts.
func (r *recorder) parted() int {
	if len(r.ends) == 0 {
		return 0
	}
	return r.ends[len(r.ends)-1].n
}

// cover is the newest part that is in a record when the whole batch is.
func (r *recorder) cover() uint64 {
	if len(r.ends) == 0 {
		return r.done
	}
	return r.ends[len(r.ends)-1].seq
}

// cut is the largest number of readings up to most that covers parts whole, and the newest part then covered. The first
// part fits a record: it was encoded alone before. Should another version of the program have done that, and shorter, the
// record covers no part: a kill right after it repeats some readings.
func (r *recorder) cut(most int) (n int, to uint64) {
	if most >= r.parted() {
		return most, r.cover()
	}
	n, to = most, r.done
	for _, e := range r.ends {
		if e.n <= most {
			n, to = e.n, e.seq
		}
	}
	return n, to
}

// shift removes the first n readings of the batch.
func (r *recorder) shift(n int) {
	rest := copy(r.batch, r.batch[n:])
	clear(r.batch[rest:])
	r.batch = r.batch[:rest]
	kept := r.ends[:0]
	for _, e := range r.ends {
		if e.n > n {
			kept = append(kept, partEnd{e.seq, e.n - n})
		}
	}
	if r.ends = kept; len(kept) == 0 {
		r.size = 0
	}
}

// after says whether the wall clock has jumped since, or is trusted otherwise than then: the cloud corrects the times of
// what was read under an untrusted clock, and all readings of a record alike.
func (s stamp) after(now time.Time, clock uint32) bool {
	if clock != s.clock {
		return true
	}
	step := now.UnixMilli() - s.wall.Add(time.Since(s.real)).UnixMilli()
	return clock < wire.ClockSynced && (step > clockStep.Milliseconds() || step < -clockStep.Milliseconds())
}

// moment is now, on the clock under which the readings were taken.
func (s stamp) moment(now time.Time, clock uint32) (time.Time, uint32) {
	if s.after(now, clock) {
		return s.wall.Add(time.Since(s.real)), s.clock
	}
	return now, clock
}

// note makes a gap of what the bus had to drop, one missing record per MaxReadings, and records all gaps found.
func (r *recorder) note(in *bus.Subscription) {
	if lost, before := in.Lost(), r.lostReadings.Load(); lost > before {
		r.slog.Error("readings lost: the disk was too slow", "readings", lost-before)
		r.log.Drop((lost - before + wire.MaxReadings - 1) / wire.MaxReadings)
		r.lostReadings.Store(lost)
	}
	r.gaps()
}
