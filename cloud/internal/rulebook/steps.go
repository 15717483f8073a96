package rulebook

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// Readings answers questions about readings.
type Readings interface {
	Range(ctx context.Context, q series.Query) (series.Result, error)
}

const (
	chunk    = 12 * time.Hour // of readings held at a time
	wholeMax = 1 << 20        // readings of one point in a chunk: they come as they are
	quiet    = int64(60_000)  // ms without any reading of a gateway, which reads itself every 10 s: a hole
	slower   = 6              // a gateway whose readings stand wider is quiet for so many of them
)

// A sample is one reading, small enough to be sorted by the million.
type sample struct {
	ms            int64
	device, point int32 // indexes; device -1: the gateway's own uptime
	value         float64
	quality       device.Quality
	reason        device.Reason
}

// A source gives the readings of one gateway as steps, in the order of their times.
type source struct {
	yard    *yard
	store   Readings
	last    int64 // newest time given, ms; 0: none yet
	up      float64
	samples []sample
	step    []device.Reading
	holes   int
	holeMs  int64
	resets  []rules.ReplayReset // ends of alerts as they were, in order: a latched one was reset by a person then
	read    uint64              // samples of points that are looked at
}

// chunk reads the time between two moments and gives its steps; it stops when give answers false.
func (s *source) chunk(ctx context.Context, from, to time.Time, give func(rules.ReplayStep) (bool, error)) (goes bool, err error) {
	s.samples = s.samples[:0]
	if err := s.take(ctx, -1, 0, series.Query{Device: gatewayDevice, Point: uptime, Poll: 10 * time.Second}, from, to); err != nil {
		return false, err
	}
	allowed := max(quiet, slower*spacing(s.samples))
	for i, d := range s.yard.devices {
		for j, p := range d.Points {
			if err := s.take(ctx, int32(i), int32(j), series.Query{Device: d.ID, Point: p.Name, Poll: d.Poll, Report: s.yard.silence[p.Key()]}, from, to); err != nil {
				return false, err
			}
		}
	}
	slices.SortFunc(s.samples, func(a, b sample) int {
		if a.ms != b.ms { // the usual case, and this is asked millions of times
			return cmp.Compare(a.ms, b.ms)
		}
		return cmp.Or(cmp.Compare(a.device, b.device), cmp.Compare(a.point, b.point))
	})
	for i := 0; i < len(s.samples); {
		j := i + 1
		for j < len(s.samples) && s.samples[j].ms == s.samples[i].ms && s.samples[j].device == s.samples[i].device {
			j++
		}
		if goes, err := s.group(s.samples[i:j], allowed, give); !goes || err != nil {
			return false, err
		}
		i = j
	}
	return true, nil
}

// take fetches one point.
func (s *source) take(ctx context.Context, dev, point int32, q series.Query, from, to time.Time) error {
	q.Gateway, q.From, q.To, q.Max = s.yard.gateway, from, to.Add(-time.Millisecond), wholeMax
	res, err := s.store.Range(ctx, q)
	if err != nil {
		return err
	}
	doubt := res.Uncertain
	for _, b := range res.Buckets {
		x := sample{ms: b.First, device: dev, point: point, value: b.Max, quality: device.Good}
		for len(doubt) > 0 && doubt[0].To < b.First {
			doubt = doubt[1:]
		}
		if len(doubt) > 0 && doubt[0].From <= b.First {
			x.quality = device.Uncertain
			x.reason, _ = device.ParseReason(doubt[0].Reason)
		}
		s.samples = append(s.samples, x)
	}
	for _, bad := range res.Bad {
		x := sample{ms: bad.From, device: dev, point: point, value: math.NaN(), quality: device.Bad}
		x.reason, _ = device.ParseReason(bad.Reason)
		s.samples = append(s.samples, x)
		if bad.To > bad.From {
			x.ms = bad.To
			s.samples = append(s.samples, x)
		}
	}
	return nil
}

// spacing is the median distance of samples in order of time, in ms; 0 of fewer than three.
func spacing(of []sample) int64 {
	if len(of) < 3 {
		return 0
	}
	apart := make([]int64, len(of)-1)
	for i := range apart {
		apart[i] = of[i+1].ms - of[i].ms
	}
	slices.Sort(apart)
	return apart[len(apart)/2]
}

// group gives the readings of one device at one time, and before them the hole that they end.
func (s *source) group(of []sample, allowed int64, give func(rules.ReplayStep) (bool, error)) (bool, error) {
	at, first := of[0].ms, of[0]
	reason := ""
	switch {
	case s.last == 0:
	case first.device < 0 && first.quality != device.Bad && first.value < s.up && at > s.last: // it counts from 0 again
		reason = rules.HoleRestart
	case at-s.last > allowed:
		reason = rules.HoleSilent
	}
	if reason != "" {
		s.holes, s.holeMs = s.holes+1, s.holeMs+at-s.last
		if goes, err := give(rules.ReplayStep{Hole: &rules.Hole{From: time.UnixMilli(s.last).UTC(), To: time.UnixMilli(at).UTC(), Reason: reason}}); !goes || err != nil {
			return false, err
		}
	}
	for ; len(s.resets) > 0 && s.resets[0].At.UnixMilli() <= at; s.resets = s.resets[1:] {
		if goes, err := give(rules.ReplayStep{Reset: &s.resets[0]}); !goes || err != nil {
			return false, err
		}
	}
	s.last = at
	if first.device < 0 {
		if first.quality != device.Bad {
			s.up = first.value
		}
		return true, nil
	}
	s.step = s.step[:0]
	d := &s.yard.devices[first.device]
	for _, x := range of {
		s.step = append(s.step, device.Reading{Device: d.ID, Point: d.Points[x.point].Name, Value: x.value, Quality: x.quality, Reason: x.reason, Time: time.UnixMilli(at)})
	}
	s.read += uint64(len(of))
	return give(rules.ReplayStep{Readings: s.step})
}
