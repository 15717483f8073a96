package live

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/linshao/linshao/cloud/internal/org"
)

// A Reader is one open page.
type Reader struct {
	hub   *Hub
	scope Scope
	// Guarded by hub.mu.
	list []event        // what the reader is owed, oldest first
	owed map[string]int // key → place in list
	all  bool           // it must read everything again
	more chan struct{}
}

// owe replaces what the reader is owed of the same thing. It needs hub.mu.
func (r *Reader) owe(e event) {
	if i, ok := r.owed[e.key]; ok {
		r.list[i] = event{} // its newest state takes its turn at the end
	} else if len(r.owed) >= maxOwed {
		r.hub.dropped.Inc()
		r.reset()
		return
	}
	r.owed[e.key] = len(r.list)
	r.list = append(r.list, e)
	if len(r.list) > 2*len(r.owed)+64 {
		r.compact()
	}
	r.wake()
}

// compact drops the places of states that a newer one has replaced. It needs hub.mu.
func (r *Reader) compact() {
	r.list = slices.DeleteFunc(r.list, func(e event) bool { return e.kind == "" })
	for i, e := range r.list {
		r.owed[e.key] = i
	}
}

// oweReadings merges new values into those that wait: the last of each point wins, because the hub lets no older one pass.
// It needs hub.mu.
func (r *Reader) oweReadings(id int64, rs Readings) {
	key := "readings " + rs.Gateway + "/" + rs.Device
	merged := Readings{Gateway: rs.Gateway, Device: rs.Device}
	if i, ok := r.owed[key]; ok {
		for _, p := range r.list[i].readings.Points {
			if !slices.ContainsFunc(rs.Points, func(n org.PointValue) bool { return n.Name == p.Name }) {
				merged.Points = append(merged.Points, p)
			}
		}
	}
	merged.Points = append(merged.Points, rs.Points...)
	r.owe(event{id: id, kind: "readings", key: key, readings: &merged})
}

// reset needs hub.mu.
func (r *Reader) reset() {
	r.list, r.all = nil, true
	clear(r.owed)
	r.wake()
}

func (r *Reader) wake() {
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// May changes what the reader may hear of from now on: what the scope may, whatever it wants.
func (r *Reader) May(s Scope) {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	r.scope.All, r.scope.Sites, r.scope.Nodes = s.All, s.Sites, s.Nodes
}

// More is readable when Take has something.
func (r *Reader) More() <-chan struct{} { return r.more }

// Take answers what the reader is owed as one frame of server-sent events; nil when it is owed nothing.
func (r *Reader) Take() ([]byte, error) {
	r.hub.mu.Lock()
	list, all, last := r.list, r.all, r.hub.next
	r.list, r.all = nil, false
	clear(r.owed)
	r.hub.mu.Unlock()
	var b bytes.Buffer
	if all {
		fmt.Fprintf(&b, "id: %d\nevent: reset\ndata: {}\n\n", last)
	}
	for _, e := range list {
		if e.kind == "" {
			continue
		}
		data := e.data
		if e.readings != nil {
			var err error
			if data, err = json.Marshal(e.readings); err != nil {
				return nil, fmt.Errorf("encode live readings: %w", err)
			}
		}
		fmt.Fprintf(&b, "id: %d\nevent: %s\ndata: %s\n\n", e.id, e.kind, data)
	}
	return b.Bytes(), nil
}

// Close ends the subscription.
func (r *Reader) Close() {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	if r.hub.subs[r] {
		delete(r.hub.subs, r)
		r.hub.readers.Dec()
		if len(r.hub.subs) == 0 { // what was told need not be known when nobody has seen it
			clear(r.hub.shown)
		}
	}
}
