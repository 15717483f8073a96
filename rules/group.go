package rules

import (
	"math"
	"slices"
)

// A groupSpec is a value of the devices of one kind in a zone, or in the whole site, that rules count over.
type groupSpec struct {
	key    string
	site   bool   // of the whole site; otherwise of the subject's zone
	kind   string // of the members
	cond   bool   // x is a condition: 0, 1, NaN
	x      numFn  // of a member
	mask   uint64 // the member's slots that x looks at
	points []string
	celled bool // x is the same wherever in their cells its sources are
	guards guard
}

// A group is a groupSpec for one zone, or for the site. Each member's part is kept and changed when the member is touched,
// so that nobody walks through a zone for every reading.
type group struct {
	spec  *groupSpec
	bit   uint64
	zone  *zone     // nil: the whole site
	parts []float64 // of each member; NaN: unknown
	count [3]int    // of conditions: how many are no, maybe, yes
	stale bool      // the sums below are to be made again
	sum   float64
	low   float64
	high  float64
}

// A zone is what the devices of one zone share. A device in no zone has one of its own.
type zone struct {
	groups   []*group
	watchers []*subject // whose rules count over the zone's devices
	touched  uint64     // the groups of which a part has changed in this call, as bits
	flipped  bool       // a condition of a member has changed
}

// A membership is a subject's part in a group.
type membership struct {
	group *group
	at    int
}

// set changes a member's part. It answers whether anything has changed.
func (g *group) set(at int, v float64) bool {
	old := g.parts[at]
	if v == old || math.IsNaN(v) && math.IsNaN(old) {
		return false
	}
	g.parts[at] = v
	if g.spec.cond {
		g.count[verdict(old)]--
		g.count[verdict(v)]++
	}
	g.stale = true
	return true
}

func verdict(v float64) tri {
	switch {
	case math.IsNaN(v):
		return maybe
	case v != 0:
		return yes
	}
	return no
}

// trues is how many members fulfil the condition: at least low, at most high.
func (g *group) trues() (low, high float64) {
	return float64(g.count[yes]), float64(g.count[yes] + g.count[maybe])
}

func (g *group) any() tri {
	switch {
	case g.count[yes] > 0:
		return yes
	case g.count[maybe] > 0:
		return maybe
	}
	return no
}

func (g *group) all() tri {
	switch {
	case g.count[no] > 0:
		return no
	case g.count[maybe] > 0:
		return maybe
	}
	return yes
}

// numbers makes the sums over the members: NaN when one is unknown. An empty group has a sum, 0, and nothing else.
func (g *group) numbers() *group {
	if !g.stale {
		return g
	}
	g.stale, g.sum, g.low, g.high = false, 0, math.Inf(1), math.Inf(-1)
	for _, v := range g.parts {
		g.sum += v
		g.low, g.high = min(g.low, v), max(g.high, v)
	}
	g.sum, g.low, g.high = finite(g.sum), finite(g.low), finite(g.high)
	return g
}

func (g *group) avg() float64 {
	if len(g.parts) == 0 {
		return math.NaN()
	}
	return g.numbers().sum / float64(len(g.parts))
}

// join gives a subject the groups that its rules look at, and its part in those that count it. A subject of kind zone is the
// zone of its own id; the site looks at groups of the site alone.
func (e *Engine) join(s *subject) {
	z := e.zoneOf(s)
	s.groups = z.groups
	if slices.ContainsFunc(s.alerts, func(a *alert) bool { return a.mask&groupBit != 0 }) {
		z.watchers = append(z.watchers, s)
	}
	for _, g := range z.groups {
		if g.spec.kind != s.device.Kind {
			continue
		}
		s.parts = append(s.parts, membership{g, len(g.parts)})
		g.parts = append(g.parts, math.NaN())
		g.count[maybe]++
		g.stale = true
	}
	s.census = e.censusOf(s.device.Kind)
	s.cells = make([]int32, len(s.census.scales))
	for i := range s.cells {
		s.cells[i] = -1
	}
}

func (e *Engine) zoneOf(s *subject) *zone {
	key := "zone " + s.device.Zone
	switch {
	case s.device.Kind == kindZone:
		key = "zone " + s.device.ID
	case s.device.Kind == kindSite:
		key = "site"
	case s.device.Zone == "":
		key = "device " + s.device.ID
	}
	z := e.zones[key]
	if z != nil {
		return z
	}
	z = &zone{}
	for i, spec := range e.layout.groups {
		if i == len(e.site) {
			e.site = append(e.site, &group{spec: spec, bit: slotBit(i), stale: true})
		}
		g := e.site[i]
		if !spec.site {
			g = &group{spec: spec, bit: slotBit(i), zone: z, stale: true}
		}
		z.groups = append(z.groups, g)
	}
	e.zones[key] = z
	return z
}

// contribute brings a subject's parts in its groups up to date. Whoever counts over them is judged at the end of the call. What
// a reading moves within its cells changes no condition; time may (census).
func (e *Engine) contribute(s *subject, f *frame, touched uint64, read bool) {
	moved := s.census.look(s.cells, f, touched)
	for _, m := range s.parts {
		spec := m.group.spec
		if spec.mask&touched == 0 || read && !moved && spec.celled || !m.group.set(m.at, spec.x(f)) || m.group.zone == nil {
			continue
		}
		z := m.group.zone
		if z.touched == 0 {
			e.touched = append(e.touched, z)
		}
		z.touched |= m.group.bit
		z.flipped = z.flipped || spec.cond
	}
}

// judgeZones judges those who count over devices that this call has touched: a zone always, a device when a condition of
// another has changed. Sums of others' values change with every reading; a device looks at them with its own and at ticks.
func (e *Engine) judgeZones(now int64) {
	for _, z := range e.touched {
		for _, s := range z.watchers {
			switch {
			case isPlace(s.device):
				e.evaluate(s, now, z.touched)
			case z.flipped:
				e.evaluate(s, now, groupBit)
			}
		}
	}
	e.untouched()
}

func (e *Engine) untouched() {
	for _, z := range e.touched {
		z.touched, z.flipped = 0, false
	}
	e.touched = e.touched[:0]
}
