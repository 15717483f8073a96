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

// batchTime is how long readings wait for others before they become a record.
const batchTime = time.Second

// A recorder makes telemetry records of readings and appends them to the log. When the disk takes nothing it holds one record
// and lets the bus drop and count; what was dropped becomes a gap.
type recorder struct {
	log     *outbox.Log
	encoder *wire.Encoder
	now     func() time.Time
	clock   func() uint32
	slog    *slog.Logger
	gaps    func() // fetches and records the gaps of the logs

	stop         chan struct{} // closed when the gateway stops
	dead         bool          // the disk took nothing then: what is left is not waited for, each record anew
	batch        []device.Reading
	lostReadings atomic.Uint64 // of the bus, as last made a gap
}

func (r *recorder) run(in *bus.Subscription) {
	tick := time.NewTicker(batchTime)
	defer tick.Stop()
	for {
		select {
		case rs, ok := <-in.C:
			if !ok {
				r.store(tick.C)
				r.note(in)
				return
			}
			r.add(rs, tick.C)
		case <-tick.C:
			r.flush()
			r.note(in)
		}
	}
}

// add puts readings into the batch, record by record. A full batch that the disk does not take waits here.
func (r *recorder) add(rs []device.Reading, tick <-chan time.Time) {
	for len(rs) > 0 {
		n := min(len(rs), wire.MaxReadings-len(r.batch))
		r.batch = append(r.batch, rs[:n]...)
		rs = rs[n:]
		if len(r.batch) == wire.MaxReadings {
			r.store(tick)
		}
	}
}

// store appends the batch. While the disk takes nothing it waits; when the gateway stops, not for long: then it becomes a gap.
func (r *recorder) store(tick <-chan time.Time) {
	for tries := 1; !r.flush(); tries++ {
		if r.stopping() && (r.dead || tries >= journalTries) {
			r.slog.Error("readings lost: the disk takes nothing", "readings", len(r.batch))
			r.log.Drop(1)
			r.batch, r.dead = r.batch[:0], true
			return
		}
		<-tick
	}
}

func (r *recorder) stopping() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

// flush appends the batch as one record; false when the disk takes nothing now.
func (r *recorder) flush() bool {
	if len(r.batch) == 0 {
		return true
	}
	payload, err := r.encoder.Encode(r.batch)
	if err == nil {
		_, err = r.log.Append(wire.TypeReadings, r.now(), r.clock(), payload)
	}
	if err != nil {
		r.slog.Error("append telemetry", "readings", len(r.batch), "error", err)
		if errors.Is(err, outbox.ErrUnavailable) {
			return false
		}
		r.log.Drop(1)
	}
	r.batch = r.batch[:0]
	return true
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
