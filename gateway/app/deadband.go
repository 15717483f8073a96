package app

import (
	"math"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
)

// A sieve holds back readings that say nothing new, of points for which the operator allows it. Only the record is thinned
// out: rules and the local page see every reading. Nil lets everything through.
type sieve struct {
	points map[device.Key]*reported
	out    []device.Reading
}

// reported is what the cloud knows of a point.
type reported struct {
	config.Reporting
	last  device.Reading // as reported; the zero value before the first
	held  device.Reading // held back since
	holds bool
}

func newSieve(reports map[device.Key]config.Reporting) *sieve {
	if len(reports) == 0 {
		return nil
	}
	s := &sieve{points: map[device.Key]*reported{}}
	for key, report := range reports {
		s.points[key] = &reported{Reporting: report}
	}
	return s
}

// pass answers the readings that are to be recorded. They are valid until the next call; those given are not changed.
func (s *sieve) pass(rs []device.Reading) []device.Reading {
	if s == nil {
		return rs
	}
	s.out = s.out[:0]
	for _, r := range rs {
		p := s.points[r.Key()]
		switch {
		case p == nil:
			s.out = append(s.out, r)
		case p.news(r):
			if p.holds {
				s.out = append(s.out, p.held) // a chart's line stays level up to the jump
			}
			fallthrough
		case p.silent(r):
			s.out = append(s.out, r)
			p.last, p.holds = r, false
		default:
			p.held, p.holds = r, true
		}
	}
	return s.out
}

// news says whether a reading differs from the last reported one by more than the point's deadband.
func (p *reported) news(r device.Reading) bool {
	if p.last.Time.IsZero() || r.Quality != p.last.Quality || r.Reason != p.last.Reason {
		return true
	}
	if r.Quality == device.Bad {
		return false
	}
	band := p.Band
	if p.Percent {
		band *= math.Abs(p.last.Value) / 100
	}
	return !(math.Abs(r.Value-p.last.Value) <= band) // not a number is news
}

// silent says whether the point has been silent for as long as it may be. A clock that was set back does not silence it.
func (p *reported) silent(r device.Reading) bool {
	since := r.Time.Sub(p.last.Time)
	return since >= p.Silence || since < 0
}
