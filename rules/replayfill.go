package rules

import (
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// A filler puts back the readings that were not recorded because they said nothing new. A device of which some points are recorded
// at each read tells when it was read: what is missing then was unchanged. A device whose points are all thinned out is taken to have
// been read at its own pace. A point of which nothing is recorded for longer than its silence is known no more.
type filler struct {
	devices map[string]*thinned
	all     []*thinned // with every point thinned out
	buf     []device.Reading
	count   uint64 // readings put back
}

// thinned is a device with points whose record is thinned out.
type thinned struct {
	poll   int64 // ms
	points []thinPoint
	whole  bool  // every point is
	last   int64 // ms: when it was last read; 0: not since the begin or a hole
}

type thinPoint struct {
	name    string
	silence int64          // ms
	reading device.Reading // as last recorded
	at      int64          // ms: when that was; 0: never
	here    bool           // in the read under way
}

func newFiller(cfg ReplayConfig) *filler {
	f := &filler{devices: map[string]*thinned{}}
	for _, d := range cfg.Devices {
		t := &thinned{poll: max(d.Poll, time.Second).Milliseconds()}
		for _, p := range d.Points {
			if silence := cfg.Silence[p.Key()]; silence > 0 {
				t.points = append(t.points, thinPoint{name: p.Name, silence: silence.Milliseconds()})
			}
		}
		if t.points == nil {
			continue
		}
		f.devices[d.ID] = t
		if t.whole = len(t.points) == len(d.Points); t.whole {
			f.all = append(f.all, t)
		}
	}
	return f
}

// complete answers a read of a device with what was not recorded of it. It is valid until the next call.
func (f *filler) complete(rs []device.Reading, now int64) []device.Reading {
	t := f.devices[rs[0].Device]
	if t == nil {
		return rs
	}
	f.buf = f.buf[:0]
	for i := range rs {
		p := t.point(rs[i].Point)
		if p == nil {
			f.buf = append(f.buf, rs[i])
			continue
		}
		// What was held back is recorded together with the news after it, and comes late: that read was put back already.
		if at := rs[i].Time.UnixMilli(); at > t.last || at < t.last-replayBack {
			f.buf = append(f.buf, rs[i])
			p.reading, p.at, p.here = rs[i], at, true
		}
	}
	if len(f.buf) == 0 {
		return nil
	}
	t.last = now
	f.putBack(t, now)
	return f.buf
}

func (t *thinned) point(name string) *thinPoint {
	for i := range t.points {
		if t.points[i].name == name {
			return &t.points[i]
		}
	}
	return nil
}

// putBack appends the points that are not in the read.
func (f *filler) putBack(t *thinned, now int64) {
	for i := range t.points {
		p := &t.points[i]
		if !p.here && p.at != 0 && now >= p.at && now-p.at <= p.silence+t.poll {
			r := p.reading
			r.Time = time.UnixMilli(now)
			f.buf = append(f.buf, r)
			f.count++
		}
		p.here = false
	}
}

// due puts back the reads of devices of which nothing at all was recorded, up to now. A read may come somewhat late before it
// counts as one that said nothing new.
func (f *filler) due(now int64, read func([]device.Reading)) {
	for _, t := range f.all {
		for t.last != 0 && now > t.last+t.poll+min(t.poll/2, 2000) {
			t.last += t.poll
			f.buf = f.buf[:0]
			f.putBack(t, t.last)
			if len(f.buf) == 0 {
				t.last = 0 // silent for too long
				break
			}
			read(f.buf)
		}
	}
}

// forget is what a restart does: the first reading after it is recorded.
func (f *filler) forget() {
	for _, t := range f.devices {
		t.last = 0
		for i := range t.points {
			t.points[i].at, t.points[i].here = 0, false
		}
	}
}
