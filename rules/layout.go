package rules

import (
	"math"
	"slices"
)

// A layout says where an engine keeps what its rules look at: points, labels and windows of each kind, and the groups of
// devices that rules count over. Rules that look at the same share it.
type layout struct {
	points map[string][]string // kind → points, in the order of the slots
	labels map[string][]string // kind → labels that hold a date
	flags  map[string][]string // kind → labels that are true or not

	windows map[string][]*windowSpec // kind → what its rules look at over time
	groups  []*groupSpec             // what rules count over
	sources map[string][]source      // kind → what its rules compare with constants
}

func newLayout() *layout {
	return &layout{points: map[string][]string{}, labels: map[string][]string{}, flags: map[string][]string{}, windows: map[string][]*windowSpec{}, sources: map[string][]source{}}
}

// slot gives each point that a kind's rules use its place. The first of a socket are those its session needs.
func (l *layout) slot(kind, point string) int {
	if len(l.points[kind]) == 0 && kind == "socket" {
		l.points[kind] = socketSlots()
	}
	return placeIn(l.points, kind, point)
}

// label gives each label that a kind's rules read as a date its place.
func (l *layout) label(kind, name string) int { return placeIn(l.labels, kind, name) }

// flag gives each label that a kind's rules read as true or not its place.
func (l *layout) flag(kind, name string) int { return placeIn(l.flags, kind, name) }

// placeIn is the place of a name in a kind's list; a new one goes to the end.
func placeIn(lists map[string][]string, kind, name string) int {
	i := slices.Index(lists[kind], name)
	if i < 0 {
		i = len(lists[kind])
		lists[kind] = append(lists[kind], name)
	}
	return i
}

// slotBit marks a slot as touched; a kind's slots beyond the 61st share one bit, which only means judging more often.
func slotBit(slot int) uint64 { return 1 << min(slot, 61) }

const (
	timeBit  = 1 << 62        // time has passed: every rule is judged
	groupBit = 1 << 63        // a group that a rule counts over has changed
	allBits  = math.MaxUint64 // at ticks
)
