package rules

// A census is all limits that conditions over members of a kind compare something with. As long as nothing leaves its cell
// between them, no member's part changes, and none of the conditions is run.
type census struct{ scales []scale }

// censusOf is the census of a kind.
func (e *Engine) censusOf(kind string) *census {
	if c := e.censuses[kind]; c != nil {
		return c
	}
	c := &census{}
	sources := e.layout.sources[kind]
	needs := make([][]need, len(sources))
	for _, spec := range e.layout.groups {
		if spec.kind != kind || !spec.celled {
			continue
		}
		for _, n := range spec.guards {
			needs[n.source] = append(needs[n.source], need{0, n.ranges})
		}
	}
	for i := range sources {
		if len(needs[i]) > 0 {
			c.scales = append(c.scales, newScale(&sources[i], needs[i], 1))
		}
	}
	e.censuses[kind] = c
	return c
}

// look brings a member's cells up to date, as far as they were touched, and says whether one has changed.
func (c *census) look(cells []int32, f *frame, touched uint64) bool {
	moved, age := false, f.maxAge
	for i := range c.scales {
		x := &c.scales[i]
		if x.source.mask&touched == 0 {
			continue
		}
		f.maxAge = x.source.age
		if v := x.source.get(f); !x.in(cells[i], v) {
			cells[i], moved = x.cell(v), true
		}
	}
	f.maxAge = age
	return moved
}
