package app

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

// resume makes records of the parts that are in no record yet: the gateway was killed before they became one. A record says
// which parts it covers, so a kill in the midst of this repeats nothing.
func (r *recorder) resume(tick <-chan time.Time) {
	from := r.unrecorded()
	first := from
	decoder, err := wire.NewDecoder()
	if err != nil {
		r.slog.Error("read parts", "error", err)
		return
	}
	var last outbox.Record
	for {
		records, ok := r.readParts(from)
		if !ok {
			r.log.Drop(1) // the next record will say that these parts are in it or before it
		}
		if len(records) == 0 {
			break
		}
		for _, part := range records {
			from = part.Seq + 1
			rs, err := decoder.Readings(part.Payload)
			if err != nil {
				r.slog.Error("a part cannot be read", "number", part.Seq, "error", err)
				r.log.Drop(1)
				continue
			}
			if r.apart(last, part, len(rs)) {
				r.store(tick)
			}
			last = part
			r.adopt(part, rs)
		}
	}
	r.store(tick)
	r.origin = nil
	r.tellLost(first) // not before: damage shows when it is read
}

// readParts is not ok when the disk answers no more. The log itself gives up a file that does not, and goes on behind it.
func (r *recorder) readParts(from uint64) (records []outbox.Record, ok bool) {
	const most = 64 // reads, more than there are for each file of a full log
	for range most {
		records, err := r.parts.Read(from, 1<<20)
		if err == nil {
			return records, true
		}
		r.slog.Error("read parts", "error", err)
	}
	return nil, false
}

// apart says whether a part cannot be in one record with those before it: another clock, or too much.
func (r *recorder) apart(last, part outbox.Record, readings int) bool {
	step := (part.WallMs - int64(part.MonoMs)) - (last.WallMs - int64(last.MonoMs))
	return part.Boot != last.Boot || part.Clock != last.Clock || max(step, -step) > clockStep.Milliseconds() ||
		r.size+len(part.Payload) > enoughBytes || len(r.batch)+readings > wire.MaxReadings
}

// adopt puts a part of an earlier run into the batch.
func (r *recorder) adopt(part outbox.Record, rs []device.Reading) {
	r.batch = append(r.batch, rs...)
	r.size += len(part.Payload)
	r.ends = append(r.ends, partEnd{part.Seq, len(r.batch)})
	r.origin = &wire.Origin{Boot: part.Boot, Clock: part.Clock, WallMs: part.WallMs, MonoMs: part.MonoMs}
}

// unrecorded is the number of the first part that is in no record. The last record knows; without one, what was acknowledged.
func (r *recorder) unrecorded() uint64 {
	_, _, next := r.parts.State()
	r.done = next - r.parts.Stats().Backlog - 1
	if last, ok := lastRecord(r.log); ok {
		var head wire.Readings
		if proto.Unmarshal(last.Payload, &head) == nil && head.GetPartsEpoch() == r.epoch {
			r.done = head.GetPartsTo()
			r.parts.Ack(r.done) // also makes new numbers larger, should the folder have been restored from a copy
		}
	}
	return r.done + 1
}

// lastRecord finds the last record there is. The numbers before next may be a hole of thousands.
func lastRecord(log telemetryLog) (last outbox.Record, ok bool) {
	_, oldest, next := log.State()
	if oldest == 0 {
		return last, false
	}
	behind := func(seq uint64) bool { // whether there is a record from seq on
		records, err := log.Read(seq, 1)
		if err != nil || len(records) == 0 {
			return false
		}
		last, ok = records[0], true
		return true
	}
	none := next // no record from here on
	for step := uint64(1); !behind(max(oldest, none-min(step, none))); step *= 2 {
		if none -= min(step, none); none <= oldest {
			return last, false
		}
	}
	for last.Seq+1 < none {
		if middle := last.Seq + 1 + (none-last.Seq-1)/2; !behind(middle) {
			none = middle
		}
	}
	return last, ok
}

// tellLost makes a gap of each run of parts that should be there and are not. After a power cut nothing is told here: the
// telemetry log has a gap for it, and the numbers of the parts that it skipped were never given.
func (r *recorder) tellLost(from uint64) {
	for _, g := range r.parts.Gaps() {
		r.slog.Warn("gap in parts", "first", g.First, "last", g.Last, "reason", g.Reason)
		if g.Last >= from && g.Reason != outbox.ReasonPowerCut {
			r.log.Drop(1)
		}
	}
}
