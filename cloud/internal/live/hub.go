// Package live brings changes to open pages. Every reader gets each thing's newest state, at most four times a second;
// a slow reader gets fewer states, never old ones, and slows nobody. A reader that comes back with the number of the last
// event it saw gets what it missed, or is told to read everything again.
package live

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/org"
)

const (
	ringSize = 1024 // events kept for readers that come back
	maxOwed  = 4096 // things that one reader may be owed before it is told to read everything again
)

// Readings are new values of one device.
type Readings struct {
	Gateway string           `json:"gateway"`
	Device  string           `json:"device"`
	Points  []org.PointValue `json:"points"`
}

// A Scope says what a reader may hear of, and whose readings it wants: a browser has one stream for all its open pages.
// The zero Scope hears nothing.
type Scope struct {
	All     bool            // it may hear of everything
	Sites   map[string]bool // or of these sites; nobody changes the map
	Nodes   map[string]bool // and of what concerns these nodes of the organisation; nobody changes the map
	Only    string          // or of this incident alone
	Places  []string        // readings are wanted of these sites
	Devices []string        // and of these devices ("gateway/device")
}

func (s Scope) may(site string) bool { return s.All || s.Sites[site] }

func (s Scope) hears(e event) bool {
	if s.Only != "" {
		return e.key == "incident "+s.Only
	}
	return e.hint || s.may(e.site) || slices.ContainsFunc(e.nodes, func(n string) bool { return s.Nodes[n] })
}

func (s Scope) takes(site string, r *Readings) bool {
	if s.Only != "" || !s.may(site) {
		return false
	}
	return slices.Contains(s.Places, site) || slices.Contains(s.Devices, r.Gateway+"/"+r.Device)
}

// wants says whether readings of a site or of a device of its gateway are asked for.
func (s Scope) wants(site, gateway string) bool {
	return s.may(site) && (slices.Contains(s.Places, site) || slices.ContainsFunc(s.Devices, func(d string) bool { return strings.HasPrefix(d, gateway+"/") }))
}

type event struct {
	id       int64
	kind     string
	key      string
	site     string
	nodes    []string
	hint     bool
	data     []byte
	readings *Readings
}

// A Hub passes events from those who cause them to the open pages.
type Hub struct {
	mu    sync.Mutex
	next  int64
	floor int64   // events up to this number are no longer known
	ring  []event // without readings
	subs  map[*Reader]bool
	shown map[string]map[string]int64 // "gateway/device" → point → time of the newest value told, Unix ms; never ahead of the clock

	readers prometheus.Gauge
	dropped prometheus.Counter
}

// NewHub makes a hub. Event numbers go on from the clock, so that those of an earlier run are known to be old.
func NewHub(now time.Time, reg prometheus.Registerer) *Hub {
	h := &Hub{next: now.UnixMicro(), floor: now.UnixMicro(), subs: map[*Reader]bool{}, shown: map[string]map[string]int64{},
		readers: prometheus.NewGauge(prometheus.GaugeOpts{Name: "linshao_live_readers", Help: "Open pages."}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{Name: "linshao_live_resets_total", Help: "Slow readers told to read everything again."})}
	reg.MustRegister(h.readers, h.dropped)
	return h
}

// A Thing is what an event is about.
type Thing struct {
	Kind string // of the event
	ID   string
	Site string // who may not see the site does not hear of the thing; empty: who may see all of the street does
	// Nodes of the organisation that it was given to: who may see one of them hears of it too.
	Nodes []string
	Hint  bool // everybody but the reader of one incident hears of it: it says only that there is something to read
}

// Publish tells every reader who may hear of it that the thing now is v.
func Publish[T any](h *Hub, t Thing, v T) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode live %s: %w", t.Kind, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	e := event{id: h.next, kind: t.Kind, key: t.Kind + " " + t.ID, site: t.Site, nodes: t.Nodes, hint: t.Hint, data: data}
	before, known := h.before(e.key)
	if h.ring = append(h.ring, e); len(h.ring) > ringSize {
		h.floor = h.ring[0].id
		h.ring = h.ring[1:]
	}
	for r := range h.subs {
		switch {
		case r.scope.hears(e):
			r.owe(e)
		case known && r.scope.hears(before):
			r.reset() // it was taken from their part: what they show of it is no longer so
		}
	}
	return nil
}

// before answers what was told last of a thing that nodes were named for. It needs mu.
func (h *Hub) before(key string) (event, bool) {
	for _, e := range slices.Backward(h.ring) {
		if e.key == key {
			return e, len(e.nodes) > 0
		}
	}
	return event{}, false
}

// Wants says whether any reader wants readings of the site or of its devices.
func (h *Hub) Wants(site, gateway string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for r := range h.subs {
		if r.scope.wants(site, gateway) {
			return true
		}
	}
	return false
}

// Readings tells the readers in whose scope the device is. Values older than one that was told are history that came late:
// they are in charts, not on a page that shows what is now.
func (h *Hub) Readings(site string, rs Readings) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if rs.Points = h.fresh(rs); len(rs.Points) == 0 {
		return
	}
	h.next++
	for r := range h.subs {
		if r.scope.takes(site, &rs) {
			r.oweReadings(h.next, rs)
		}
	}
}

// fresh answers the points that are not older than what was told. A time in the future is a wrong clock and holds up nothing
// once the clock is right. It needs mu.
func (h *Hub) fresh(rs Readings) []org.PointValue {
	key := rs.Gateway + "/" + rs.Device
	told := h.shown[key]
	if told == nil {
		told = map[string]int64{}
		h.shown[key] = told
	}
	now := time.Now().UnixMilli()
	points := make([]org.PointValue, 0, len(rs.Points))
	for _, p := range rs.Points {
		if p.At < told[p.Name] {
			continue
		}
		told[p.Name] = min(p.At, now)
		points = append(points, p)
	}
	return points
}

// Subscribe adds a reader; last is the number of the last event that it saw, 0 for none. Close it afterwards.
func (h *Hub) Subscribe(scope Scope, last int64) *Reader {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := &Reader{hub: h, scope: scope, owed: map[string]int{}, more: make(chan struct{}, 1)}
	h.subs[r] = true
	h.readers.Inc()
	if last == 0 {
		return r
	}
	// What was dropped from the ring, or told by an earlier run, cannot be told again. Readings are not in the ring: the
	// next ones make up for them.
	if last > h.next || last < h.floor {
		r.reset()
		return r
	}
	for _, e := range h.ring {
		_, owed := r.owed[e.key]
		switch {
		case e.id <= last:
		case scope.hears(e):
			r.owe(e)
		case owed:
			r.reset()
			return r
		}
	}
	return r
}
