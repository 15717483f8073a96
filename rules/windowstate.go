package rules

import "math"

// keptWindow is the shortest window that a snapshot keeps, in ms: a shorter one is covered again before anybody misses it, and
// the snapshot goes to a card that wears.
const keptWindow = 10 * 60 * 1000

// A windowState is a window over a restart. What nobody saw meanwhile is a hole.
type windowState struct {
	At      int64        `json:"at"`
	Behind  int64        `json:"behind,omitempty"`
	Before  *float64     `json:"before,omitempty"`
	From    int64        `json:"from,omitempty"`
	Changed int64        `json:"changed,omitempty"`
	Doubt   int64        `json:"doubt,omitempty"`
	Lost    int64        `json:"lost,omitempty"`
	Newest  int64        `json:"newest,omitempty"`
	Ring    [][9]float64 `json:"ring,omitempty"` // of buckets that hold something: number below the newest, and its fields
}

// keep is the window as a snapshot holds it; nil when there is nothing worth it.
func (w *window) keep() *windowState {
	if !w.started || w.spec.length < keptWindow {
		return nil
	}
	st := &windowState{At: w.at, Behind: w.behind, From: w.from, Changed: w.changed, Doubt: w.doubt, Lost: w.lost, Newest: w.newest}
	if !math.IsNaN(w.before) {
		before := w.before
		st.Before = &before
	}
	if !math.IsNaN(w.last) {
		st.Lost = w.at
	}
	if !w.spec.ring {
		return st
	}
	held := 1
	for i := range w.ring {
		if !math.IsNaN(w.ring[i].first) {
			held++
		}
	}
	st.Ring = make([][9]float64, 0, held) // the rules stand still: it does not grow step by step
	for k := w.newest - windowBuckets; k <= w.newest; k++ {
		if b := w.bucket(k); !math.IsNaN(b.first) {
			st.Ring = append(st.Ring, [9]float64{float64(w.newest - k), float64(b.cover), b.area, b.low, b.high, b.first, b.n, b.at, b.sum})
		}
	}
	return st
}

// takeUp is the inverse of keep. A state that is damaged leaves the window as it was, its past unknown.
func (w *window) takeUp(st *windowState) {
	fresh := newWindow(w.spec)
	fresh.started, fresh.at, fresh.behind = true, st.At, st.Behind
	fresh.from, fresh.changed, fresh.doubt, fresh.lost = st.From, st.Changed, st.Doubt, st.Lost
	if st.Before != nil {
		fresh.before = *st.Before
	}
	if w.spec.ring {
		if st.Newest != floorDiv(st.At, w.spec.width()) {
			return
		}
		fresh.clear(st.Newest)
		for _, b := range st.Ring {
			if b[0] < 0 || b[0] > windowBuckets || b[1] < 0 || b[1] > float64(w.spec.width()) {
				return
			}
			*fresh.bucket(st.Newest - int64(b[0])) = bucket{int64(b[1]), b[2], b[3], b[4], b[5], b[6], b[7], b[8]}
		}
		fresh.sum()
	}
	*w = fresh
}

// keepWindows are the windows of all subjects by subject and what they look at.
func (e *Engine) keepWindows() map[string]map[string]*windowState {
	all := map[string]map[string]*windowState{}
	for _, s := range e.subjects {
		for i := range s.windows {
			w := &s.windows[i]
			st := w.keep()
			if st == nil {
				continue
			}
			if all[s.device.ID] == nil {
				all[s.device.ID] = map[string]*windowState{}
			}
			all[s.device.ID][w.spec.key] = st
		}
	}
	return all
}

// takeWindows gives windows their past back. One that rules no longer look into is dropped, and one that is damaged begins
// anew: its past is unknown, and nothing more.
func (e *Engine) takeWindows(all map[string]map[string]*windowState) {
	for _, s := range e.subjects {
		for i := range s.windows {
			w := &s.windows[i]
			if st := all[s.device.ID][w.spec.key]; st != nil && w.spec.length >= keptWindow {
				w.takeUp(st)
			}
		}
	}
}
