package rules

import (
	"math"
	"math/bits"
	"slices"
	"sort"
)

// A scale is all limits on one source of a kind, in order. Between two of them lies a cell, in which the same rules are
// awake: those whose guard the value passes.
type scale struct {
	source *source
	begins []float64  // of the cells, from -Inf upwards
	awake  [][]uint64 // of each cell: the rules, as bits
}

// A vigil is how the rules of a kind are watched: their numbers are the places of the alerts of a subject.
type vigil struct {
	scales []scale
	always []uint64 // rules without a guard
}

// A watcher is what a subject knows of the vigil of its kind.
type watcher struct {
	cells []int32  // where the value stands on each scale is; -1 unknown
	awake []uint64 // the rules whose guard lets them through, or that have none
	open  []uint64 // the rules whose alert is not at rest, or may not be
}

// newVigil makes the scales over the rules of a kind.
func newVigil(rules []*rule, sources []source) *vigil {
	words := (len(rules) + 63) / 64
	v := &vigil{always: make([]uint64, words)}
	needs := make([][]need, len(sources)) // of each source; source is the rule here
	for i, r := range rules {
		g := r.guard()
		if g == nil {
			v.always[i/64] |= 1 << (i % 64)
		}
		for _, n := range g {
			needs[n.source] = append(needs[n.source], need{i, n.ranges})
		}
	}
	for i := range sources {
		if len(needs[i]) > 0 {
			v.scales = append(v.scales, newScale(&sources[i], needs[i], words))
		}
	}
	return v
}

// guard is what must be met for any rung of the rule to be true: until then an alert that is at rest stays so.
func (r *rule) guard() guard {
	g := r.expr.when
	for i := range r.ladder {
		g = eitherOf(g, r.ladder[i].expr.when)
	}
	return g
}

func newScale(s *source, needs []need, words int) scale {
	w := scale{source: s, begins: []float64{math.Inf(-1)}}
	for _, n := range needs {
		for _, b := range n.ranges {
			w.begins = append(w.begins, b.low)
			if b.high < math.Inf(1) {
				w.begins = append(w.begins, math.Nextafter(b.high, math.Inf(1)))
			}
		}
	}
	slices.Sort(w.begins)
	w.begins = slices.Compact(w.begins)
	for _, begin := range w.begins {
		cell := make([]uint64, words)
		for _, n := range needs {
			if slices.ContainsFunc(n.ranges, func(b bound) bool { return b.low <= begin && begin <= b.high }) {
				cell[n.source/64] |= 1 << (n.source % 64)
			}
		}
		w.awake = append(w.awake, cell)
	}
	return w
}

// cell is where a value lies.
func (w *scale) cell(v float64) int32 {
	if math.IsNaN(v) {
		return -1
	}
	return int32(sort.SearchFloat64s(w.begins, math.Nextafter(v, math.Inf(1)))) - 1
}

// in says whether a value lies in a cell.
func (w *scale) in(cell int32, v float64) bool {
	if cell < 0 {
		return math.IsNaN(v)
	}
	return v >= w.begins[cell] && (int(cell)+1 == len(w.begins) || v < w.begins[cell+1])
}

// newWatcher knows nothing yet, so every rule is run once.
func (v *vigil) newWatcher() watcher {
	w := watcher{cells: make([]int32, len(v.scales)), awake: slices.Clone(v.always), open: make([]uint64, len(v.always))}
	for i := range w.cells {
		w.cells[i] = -1
	}
	w.unsure()
	return w
}

// unsure makes every rule be run once more: alerts have been changed from elsewhere.
func (w *watcher) unsure() {
	for i := range w.open {
		w.open[i] = math.MaxUint64
	}
}

// look brings a subject's cells up to date, as far as they were touched.
func (v *vigil) look(w *watcher, f *frame, touched uint64) {
	moved := false
	for i := range v.scales {
		x := &v.scales[i]
		if x.source.mask&touched == 0 {
			continue
		}
		f.maxAge = x.source.age
		if value := x.source.get(f); !x.in(w.cells[i], value) {
			w.cells[i], moved = x.cell(value), true
		}
	}
	if !moved {
		return
	}
	copy(w.awake, v.always)
	for i := range v.scales {
		if c := w.cells[i]; c >= 0 {
			for k, bits := range v.scales[i].awake[c] {
				w.awake[k] |= bits
			}
		}
	}
}

// evaluate runs the rules of a subject that look at the touched slots, are awake, or have an alert.
func (e *Engine) evaluate(s *subject, now int64, touched uint64) {
	if len(s.alerts) == 0 {
		return
	}
	f, w := e.see(s, now), &s.watcher
	s.vigil.look(w, f, touched)
	for k := range w.open {
		for left := w.open[k] | w.awake[k]; left != 0; left &= left - 1 {
			bit := bits.TrailingZeros64(left)
			if k*64+bit >= len(s.alerts) {
				break
			}
			a := s.alerts[k*64+bit]
			if a.mask&touched == 0 {
				continue
			}
			f.maxAge = e.maxAge(s, a.rule)
			e.step(s, a, f)
			if a.State == "" {
				w.open[k] &^= 1 << bit
			} else {
				w.open[k] |= 1 << bit
			}
		}
	}
}

// vigilOf is the vigil over the rules of a subject: that of its kind, unless some of the kind's rules do not concern it.
func (e *Engine) vigilOf(s *subject) *vigil {
	key := s.device.Kind
	rules := make([]*rule, len(s.alerts))
	for i, a := range s.alerts {
		rules[i] = a.rule
	}
	if isPlace(s.device) {
		for _, r := range rules {
			key += " " + r.text.ID
		}
	}
	if e.vigils[key] == nil {
		e.vigils[key] = newVigil(rules, e.layout.sources[s.device.Kind])
	}
	return e.vigils[key]
}

// unsure makes every alert be looked at once more.
func (e *Engine) unsure() {
	for _, s := range e.subjects {
		s.watcher.unsure()
	}
}
