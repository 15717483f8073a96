package ingest

import (
	"errors"
	"math"
	"time"

	"github.com/linshao/linshao/cloud/internal/health"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

// span is what has to be known of the readings of a record when nobody looks at them, times in Unix ms.
type span struct {
	oldest, newest int64
	seen           []health.Sighting // of each device; a device may be here twice
}

// scan decodes all of a payload and keeps nothing but its span and the clock that its readings were taken under, if that is
// not the record's.
func (s *Service) scan(payload []byte) (sp span, origin *wire.Origin, err error) {
	sp = span{oldest: math.MaxInt64, newest: math.MinInt64}
	head, err := s.decoder.Columns(payload, func(c wire.Column, _ int) {
		for _, at := range c.Times {
			sp.oldest, sp.newest = min(sp.oldest, at), max(sp.newest, at)
		}
		if s.cfg.Health != nil {
			sp.sight(&c)
		}
	})
	return sp, head.GetOrigin(), err
}

// sight notes what a column says of its device: its newest reading that is not bad. A column is in order of time, but for a
// clock that was set.
func (sp *span) sight(c *wire.Column) {
	at := -1
	for i := len(c.Times) - 1; i >= 0 && at < 0; i-- {
		if c.Quality(i) != device.Bad {
			at = i
		}
	}
	if at < 0 {
		return
	}
	n := len(sp.seen)
	if n == 0 || sp.seen[n-1].Device != c.Device {
		sp.seen = append(sp.seen, health.Sighting{Device: c.Device})
		n++
	}
	one := &sp.seen[n-1]
	if c.Point == health.RoomPoint && c.Device == health.RoomDevice && c.Times[at] > one.RoomMs {
		one.Room, one.RoomMs = int64(max(0, min(math.MaxInt32, c.Values[at]))), c.Times[at]
	}
	if c.Point != health.PointName {
		one.HeardMs = max(one.HeardMs, c.Times[at])
	} else if c.Times[at] > one.ScoreMs {
		one.Score, one.ScoreMs = int(max(0, min(100, c.Values[at]))), c.Times[at]
	}
}

// sighted tells health what was stored. Times that may be wrong tell nothing.
func (s *Service) sighted(gateway string, items []*item) {
	if s.cfg.Health == nil {
		return
	}
	for _, it := range items {
		if !it.astray {
			s.cfg.Health.Sighted(gateway, it.span.seen)
		}
	}
}

// refusal is the code for a payload that cannot be decoded.
func refusal(err error) string {
	if errors.Is(err, wire.ErrVersion) {
		return codeType
	}
	return codeCorrupt
}

// latest answers the newest reading of each point of a payload that was decoded before.
func (s *Service) latest(payload []byte) ([]device.Reading, error) {
	var out []device.Reading
	_, err := s.decoder.Columns(payload, func(c wire.Column, _ int) {
		at := 0
		for i := range c.Times {
			if c.Times[i] >= c.Times[at] {
				at = i
			}
		}
		out = append(out, c.Reading(at))
	})
	return out, err
}

// before is the time of the newest reading of a payload before the given one, Unix ms; 0: there is none.
func (s *Service) before(payload []byte, ms int64) (newest int64, err error) {
	_, err = s.decoder.Columns(payload, func(c wire.Column, _ int) {
		for _, at := range c.Times {
			if at < ms {
				newest = max(newest, at)
			}
		}
	})
	return newest, err
}

// moved is the payload with the times from start on moved.
func (s *Service) moved(payload []byte, start, by int64) ([]byte, error) {
	rs, err := s.decoder.Readings(payload)
	if err != nil {
		return nil, err
	}
	for i := range rs {
		if at := rs[i].Time.UnixMilli(); at >= start {
			rs[i].Time = time.UnixMilli(at + by)
		}
	}
	s.encoding.Lock()
	defer s.encoding.Unlock()
	return s.encoder.Encode(rs)
}

// show tells who looks at a gateway of readings that were stored.
func (s *Service) show(gateway string, items []*item) {
	if !s.cfg.Observer.Wants(gateway) {
		return
	}
	for _, it := range items {
		rs, err := s.latest(it.stored())
		if err != nil {
			s.cfg.Log.Error("stored readings cannot be shown", "gateway", gateway, "err", err)
			return
		}
		s.cfg.Observer.Readings(gateway, rs)
	}
}
