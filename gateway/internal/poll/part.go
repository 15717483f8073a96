package poll

import (
	"slices"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// A part is what one request answers: as much as the poller hands to the driver at once, so that a write or a gas detector
// waits for one request of a meter and not for all twenty.
type part struct {
	index  []int // of the unit's points
	points []device.Point
	slow   time.Duration // about the longest that a right answer took lately; 0: it never came
	mute   int           // turns in a row in which the device answered, and this part did not
	restTo time.Time     // not asked before
}

// partsOf splits the points of a unit as the driver plans to ask for them. A driver that does not plan, or keeps to its own
// intervals, is given them all at once.
func partsOf(d device.Driver, ch device.Channel, points []device.Point) []*part {
	whole := []*part{{index: indexes(len(points)), points: points}}
	planner, can := d.(device.Planner)
	if !can {
		return whole
	}
	plan, err := planner.Plan(ch, points)
	if err != nil || len(plan) < 2 {
		return whole
	}
	var parts []*part
	placed := make([]bool, len(points))
	for _, request := range plan {
		if request.Every > 0 {
			return whole
		}
		one := &part{}
		for _, i := range request.Points {
			if !placed[i] {
				placed[i] = true
				one.index = append(one.index, i)
			}
		}
		if len(one.index) > 0 {
			parts = append(parts, one)
		}
	}
	for i, done := range placed { // what no request answers costs none
		if !done {
			parts[0].index = append(parts[0].index, i)
		}
	}
	for _, one := range parts {
		slices.Sort(one.index)
		one.points = pick(points, one.index)
	}
	return parts
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// pick are the points of a part: those of the unit themselves where they stand together, for a site has thousands.
func pick(points []device.Point, index []int) []device.Point {
	first, last := index[0], index[len(index)-1]
	if last-first == len(index)-1 {
		return points[first : last+1 : last+1]
	}
	some := make([]device.Point, len(index))
	for k, i := range index {
		some[k] = points[i]
	}
	return some
}

// took notes the time of a right answer. What was long once is forgotten within some dozens of answers.
func (a *part) took(d time.Duration) { a.slow = max(d, a.slow-a.slow/32) }

// muted notes that the device answers and this part does not: a register that is met with silence must not cost a time-out
// in each turn.
func (a *part) muted(now time.Time, interval time.Duration) {
	if a.mute++; a.mute >= deadAfter {
		a.restTo = now.Add(max(muteRest, interval))
	}
}
