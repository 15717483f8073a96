package bustime

import (
	"math"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// Shortest is the shortest interval that fits: when no device of the line is read more often, it is used for no more than share of
// the time. Rounded up to what one would write. 0: the line fits as it is.
func (p Plan) Shortest(share float64) time.Duration {
	if p.Utilisation <= share {
		return 0
	}
	low, high := shortest, shortest
	for p.with(high) > share {
		if high *= 2; high > 24*time.Hour {
			return 0 // not even then
		}
	}
	for high-low > time.Millisecond {
		if middle := (low + high) / 2; p.with(middle) > share {
			low = middle
		} else {
			high = middle
		}
	}
	for high = handsome(high); p.with(high) > share; { // a request that is not in each read makes no smooth curve
		high = handsome(high + time.Millisecond)
	}
	return high
}

// with is the utilisation when no device is read more often than at an interval.
func (p Plan) with(least time.Duration) float64 {
	sum := 0.0
	for _, u := range p.Units {
		for _, r := range u.Requests {
			sum += r.share(max(u.Interval, least))
		}
	}
	return sum
}

// handsome rounds an interval up to one that people write.
func handsome(d time.Duration) time.Duration {
	for _, s := range [...]struct{ most, step time.Duration }{
		{time.Second, 100 * time.Millisecond}, {5 * time.Second, 500 * time.Millisecond}, {30 * time.Second, time.Second},
		{2 * time.Minute, 5 * time.Second}, {10 * time.Minute, 30 * time.Second},
	} {
		if d <= s.most {
			return (d + s.step - 1) / s.step * s.step
		}
	}
	return (d + time.Minute - 1) / time.Minute * time.Minute
}

// Lines is how many lines of the same kind would carry the devices at their intervals, each used for no more than share of the time.
func (p Plan) Lines(share float64) int { return max(1, int(math.Ceil(p.Utilisation/share))) }

// Faster is the lowest speed in baud at which the line would be used for no more than share of the time, its devices set to it
// too; 0: none does, or devices have speeds of their own.
func Faster(l Line, share float64) int {
	for _, d := range l.Devices {
		for _, pt := range d.Points {
			if pt.Serial != nil {
				return 0
			}
		}
	}
	for _, baud := range [...]int{4800, 9600, 19200, 38400, 57600, 115200} {
		if baud <= l.Channel.Serial.Baud || l.Channel.Serial == (device.Serial{}) {
			continue
		}
		l.Channel.Serial.Baud = baud
		if Of(l).Utilisation <= share {
			return baud
		}
	}
	return 0
}
