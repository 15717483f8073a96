package replay

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"path/filepath"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/rules"
)

// ErrNothing: the folder holds no readings at all.
var ErrNothing = errors.New("nothing is recorded")

// A Log is the telemetry of a gateway's data folder as a source. It is used once.
type Log struct {
	from, to int64 // ms, both included
	records  *outbox.History
	parts    []outbox.Record // what is to become the next record
	epoch    uint64          // of the parts log
	decoder  *wire.Decoder
	sort     *sorter
	stats    Stats

	seen    bool // a record
	seq     uint64
	boot    uint32
	newest  int64 // ms, of all readings so far
	partsTo uint64
	broken  string // why the record before could not be read
	read    []sample
	met     map[sample]bool
	before  [2][]sample // of the records before, so that a part is not taken for something else
}

// OpenLog opens a data folder as it is now, for what was read between two moments. Devices are those of the site; resets are done
// at their times. The error wraps ErrNothing when there is no log.
func OpenLog(data string, from, to time.Time, devices []device.Device, resets []rules.ReplayReset) (*Log, error) {
	l := &Log{from: from.UnixMilli(), to: to.UnixMilli(), sort: newSorter(devices)}
	l.sort.resets = resets
	var err error
	if l.decoder, err = wire.NewDecoder(); err != nil {
		return nil, err
	}
	// The parts first, so that what becomes a record meanwhile is there twice and not missed.
	parts, err := openStream(data, wire.StreamParts)
	if err != nil {
		return nil, err
	}
	if parts != nil {
		l.epoch = parts.Epoch()
		for r, err := range parts.Range(from, to) {
			if err != nil {
				return nil, err
			}
			l.parts = append(l.parts, r)
		}
	}
	if l.records, err = openStream(data, wire.StreamTelemetry); err != nil {
		return nil, err
	}
	if l.records == nil && len(l.parts) == 0 {
		return nil, fmt.Errorf("%w in %s", ErrNothing, data)
	}
	return l, nil
}

// openStream answers nil when there is no log.
func openStream(data string, stream uint32) (*outbox.History, error) {
	log, err := outbox.OpenHistory(filepath.Join(data, wire.StreamName(stream)))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, outbox.ErrNoLog) {
		return nil, nil
	}
	return log, err
}

// Stats of what was given so far.
func (l *Log) Stats() Stats {
	l.stats.Points = len(l.sort.series)
	return l.stats
}

// Sheets are the records, a sheet each.
func (l *Log) Sheets(fresh func() *Sheet) iter.Seq2[*Sheet, error] {
	return func(yield func(*Sheet, error) bool) {
		if l.records != nil {
			for r, err := range l.records.Range(at(l.from), at(l.to)) {
				if err != nil {
					yield(nil, err)
					return
				}
				s := fresh()
				l.record(s, r)
				if !yield(s, nil) {
					return
				}
			}
		}
		to := l.partsTo
		for _, r := range l.parts {
			if r.Seq <= to {
				continue
			}
			r.Seq = 0 // of another log
			s := fresh()
			l.part(s, r)
			if !yield(s, nil) {
				return
			}
		}
		s := fresh()
		l.sort.flush(s, math.MaxInt64)
		l.sort.reset(s, l.to)
		if l.to-max(l.newest, l.from) > quiet {
			s.hole(max(l.newest, l.from), l.to, rules.HoleBefore)
		}
		yield(s, nil)
	}
}

// part is a record of the parts log, less what is in the last records too: one that was written without covering its parts.
func (l *Log) part(s *Sheet, r outbox.Record) {
	if l.met == nil {
		l.met = map[sample]bool{}
		for _, samples := range append(l.before[:], l.read) {
			for _, x := range samples {
				l.met[x.place()] = true
			}
		}
	}
	l.record(s, r)
}

// place is a reading without what was read.
func (x sample) place() sample { return sample{ms: x.ms, series: x.series} }

// quiet is how long, in ms, there may be no reading at all: the gateway itself is read every 10 s.
const quiet = 60_000

func (s *Sheet) hole(from, to int64, reason string) {
	s.add(rules.ReplayStep{Hole: &rules.Hole{From: at(from), To: at(to), Reason: reason}})
}

// record puts into the sheet what a record adds to what is known.
func (l *Log) record(s *Sheet, r outbox.Record) {
	head, err := l.decode(r)
	boot, started := r.Boot, r.WallMs-int64(r.MonoMs)
	if o := head.GetOrigin(); o != nil {
		boot, started = o.GetBoot(), o.GetWallMs()-int64(o.GetMonoMs())
	}
	if head.GetPartsEpoch() == l.epoch && head.GetPartsTo() > l.partsTo {
		l.partsTo = head.GetPartsTo()
	}
	l.stats.Records++
	l.stats.Bytes += int64(len(r.Payload))
	switch {
	case errors.Is(err, wire.ErrVersion):
		l.broken = rules.HoleVersion
	case err != nil:
		l.broken = rules.HoleDamaged
	}
	if err == nil && len(l.read) > 0 {
		l.join(s, r.Seq, boot, started)
	}
	l.seen, l.boot = true, boot
	if r.Seq != 0 {
		l.seq = r.Seq
	}
}

// join takes the readings of a record in, behind a hole if there is one.
func (l *Log) join(s *Sheet, seq uint64, boot uint32, started int64) {
	oldest, newest := l.read[0].ms, l.read[0].ms
	for _, x := range l.read {
		oldest, newest = min(oldest, x.ms), max(newest, x.ms)
	}
	reason, from, to := "", l.newest, oldest
	switch {
	case l.newest == 0:
		if oldest-l.from > quiet {
			reason, from = rules.HoleBefore, l.from
		}
	case boot != l.boot:
		reason, to = rules.HoleRestart, min(max(started, l.newest), max(oldest, l.newest))
	case l.broken != "":
		reason = l.broken
	case l.seen && seq > l.seq+1 && seq != 0:
		reason = rules.HoleLost
	case oldest-l.newest > quiet:
		reason = rules.HoleSilent
	}
	back := newest < l.newest-quiet // the clock was set back
	if reason != "" || back {
		l.sort.flush(s, math.MaxInt64)
	}
	if reason != "" {
		l.sort.reset(s, max(from, to))
		s.hole(from, max(from, to), reason)
	}
	l.broken = ""
	l.sort.in = append(l.sort.in, l.read...)
	l.stats.Samples += uint64(len(l.read))
	if l.newest = max(l.newest, newest); back {
		l.newest = newest
	}
	l.sort.flush(s, l.newest-heldBack)
}

// decode reads a record's readings of the time that is wanted.
func (l *Log) decode(r outbox.Record) (*wire.Readings, error) {
	if l.met == nil {
		l.read, l.before[0], l.before[1] = l.before[1], l.read, l.before[0]
	}
	l.read = l.read[:0]
	if r.Type != wire.TypeReadings {
		return nil, wire.ErrVersion
	}
	return l.decoder.Columns(r.Payload, func(c wire.Column, _ int) {
		n := l.sort.of(device.Key{Device: c.Device, Point: c.Point})
		for i, ms := range c.Times {
			if ms >= l.from && ms <= l.to && !l.met[sample{ms: ms, series: n}] {
				l.read = append(l.read, sample{ms: ms, value: c.Values[i], series: n, status: c.Status[i]})
			}
		}
	})
}
