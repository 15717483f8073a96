package app

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/linshao/linshao/firmware-sim/fault"
	"github.com/linshao/linshao/firmware-sim/modbus"
	"github.com/linshao/linshao/firmware-sim/physics"
)

// A Site is the simulated world: its devices, its time and what is still to happen. One lock guards all of it; whoever
// looks at it first lets time pass until now.
type Site struct {
	clock Clock
	now   func() time.Time // real time
	tell  func(t time.Time, what phrase)

	mu      sync.Mutex
	at      time.Time // simulated time reached
	things  []*thing  // in the scenario's order, ports of stations in place of their station
	byID    map[string]*thing
	pending []scheduled // in order of time
	caught  bool        // the present was reached and said so
}

// A thing is one device of the world. Of the physical parts it has those of its kind.
type thing struct {
	id, name, kind string
	faults         *fault.Switches
	socket         *physics.Socket
	gas            *physics.Gas
	valve          *physics.Switch // a gas detector's, may be nil; a valve's own
	siren          *physics.Switch
	door           *physics.Door
	meter          *physics.Meter
	seen           seen
}

type scheduled struct {
	when time.Time
	Event
}

// A Stage is what a site is played on.
type Stage struct {
	Clock Clock
	Now   func() time.Time // real time
	Out   io.Writer        // one line per interesting event
	Lang  string           // of those lines: zh or en
}

// NewSite builds the world of a checked scenario as it is at the beginning.
func NewSite(s *Scenario, on Stage) *Site {
	clock := on.Clock
	words := &narrator{out: on.Out, lang: on.Lang, zone: time.FixedZone("CST", 8*3600)}
	w := &Site{clock: clock, now: on.Now, tell: words.tell, at: clock.Begin(), byID: map[string]*thing{}}
	for i, d := range s.Devices {
		w.build(d, s.Seed+uint64(i+1)*1000)
	}
	for i, d := range s.Devices {
		w.connect(d, s.Seed+uint64(i+1)*1000)
	}
	for _, ch := range s.Channels {
		w.byID[ch.ID] = &thing{id: ch.ID, name: ch.ID, kind: "channel", faults: fault.New(s.Seed + uint64(len(w.byID)))}
	}
	for _, e := range s.Timeline {
		when, err := clock.moment(e.At)
		if err == nil { // check has seen to it
			w.pending = append(w.pending, scheduled{when, e})
		}
	}
	slices.SortStableFunc(w.pending, func(a, b scheduled) int { return a.when.Compare(b.when) })
	return w
}

// ports is how many sockets a station has.
const ports = 2

func (w *Site) build(d Device, seed uint64) {
	t := &thing{id: d.ID, name: d.Name, kind: d.Kind, faults: fault.New(seed)}
	switch d.Kind {
	case "station":
		for p := range ports {
			kWh := 0.0
			if p < len(d.Energy) {
				kWh = d.Energy[p]
			}
			w.add(&thing{
				id: d.ID + "." + strconv.Itoa(p+1), name: d.Name + " " + strconv.Itoa(p+1), kind: "socket",
				faults: t.faults, socket: physics.NewSocket(seed+uint64(p), w.at, kWh),
			})
		}
		w.byID[d.ID] = t
		return
	case "valve":
		t.valve = &physics.Switch{On: d.Open}
	case "siren":
		t.siren = &physics.Switch{}
	case "door":
		t.door = &physics.Door{}
	case "gas":
		t.gas = physics.NewGas(seed, w.at)
		if d.Low > 0 {
			t.gas.Low = d.Low
		}
		if d.High > 0 {
			t.gas.High = d.High
		}
	}
	w.add(t)
}

// connect does what needs all devices to be there.
func (w *Site) connect(d Device, seed uint64) {
	t := w.byID[d.ID]
	switch d.Kind {
	case "gas":
		if d.Valve != "" {
			t.valve = w.byID[d.Valve].valve
		}
	case "feeder", "meter":
		var behind []*physics.Socket
		for _, station := range d.Behind {
			behind = append(behind, w.sockets(station)...)
		}
		t.meter = physics.NewMeter(seed, w.at, d.Base, behind...)
		if len(d.Energy) > 0 {
			t.meter.SetEnergy(d.Energy[0])
		}
	}
}

func (w *Site) add(t *thing) {
	t.seen.of(t)
	w.things = append(w.things, t)
	w.byID[t.id] = t
}

func (w *Site) sockets(station string) []*physics.Socket {
	var list []*physics.Socket
	for _, t := range w.things {
		if t.socket != nil && strings.HasPrefix(t.id, station+".") {
			list = append(list, t.socket)
		}
	}
	return list
}

// Advance lets time pass until now.
func (w *Site) Advance() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
}

// advance lets time pass until now and does what is due on the way, each at its own time. Callers hold the lock.
func (w *Site) advance() {
	to := w.clock.At(w.now())
	for len(w.pending) > 0 && !w.pending[0].when.After(to) {
		e := w.pending[0]
		w.pending = w.pending[1:]
		w.pass(e.when)
		if err := w.do(e.Event); err != nil {
			w.tell(e.when, phrase{"剧本无法执行：" + err.Error(), "scenario: " + err.Error()})
		}
		w.look()
	}
	w.pass(to)
	w.look()
	if !w.caught && !to.Before(w.clock.Present()) {
		w.caught = true
		w.tell(to, phrase{"模拟时间追上现在，以后按真实速度运行", "simulated time has met the present; real speed from here on"})
	}
}

// stride is how far the devices move before they look at each other again.
const stride = 5 * time.Second

// pass moves the world to a time, in strides, so that what happens does not depend on how often somebody looks.
func (w *Site) pass(to time.Time) {
	for w.at.Before(to) {
		w.move(w.at.Add(min(stride, to.Sub(w.at))))
		w.look()
	}
}

// move lets each device live until a time.
func (w *Site) move(to time.Time) {
	w.at = to
	for _, t := range w.things {
		switch {
		case t.socket != nil:
			t.socket.Advance(to)
		case t.gas != nil:
			t.gas.Advance(to, t.valve == nil || t.valve.On)
		case t.door != nil:
			t.door.Advance(to)
		}
	}
	for _, t := range w.things {
		if t.meter != nil {
			t.meter.Advance(to)
		}
	}
}

// Do makes something happen now.
func (w *Site) Do(e Event) error {
	if err := checkDeed(e); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	if err := w.do(e); err != nil {
		return err
	}
	w.look()
	return nil
}

func (w *Site) do(e Event) error {
	t := w.byID[e.Device]
	if t == nil {
		return fmt.Errorf("there is no device or channel %q", e.Device)
	}
	if !deeds()[e.Do](t, e) {
		return fmt.Errorf("%s %s: a %s cannot do that", e.Do, e.Device, t.kind)
	}
	return nil
}

// faultsOf answers the switches of a device or channel; every device named by a scenario has some.
func (w *Site) faultsOf(id string) *fault.Switches { return w.byID[id].faults }

// A guarded unit takes the site's lock and lets time pass before it answers.
type guarded struct {
	site *Site
	unit modbus.Unit
}

func (g guarded) ReadBits(t modbus.Table, at uint16, dst []bool) modbus.Exception {
	g.site.mu.Lock()
	defer g.site.mu.Unlock()
	g.site.advance()
	return g.unit.ReadBits(t, at, dst)
}

func (g guarded) ReadWords(t modbus.Table, at uint16, dst []uint16) modbus.Exception {
	g.site.mu.Lock()
	defer g.site.mu.Unlock()
	g.site.advance()
	return g.unit.ReadWords(t, at, dst)
}

func (g guarded) WriteBits(at uint16, v []bool) modbus.Exception {
	g.site.mu.Lock()
	defer g.site.mu.Unlock()
	g.site.advance()
	defer g.site.look()
	return g.unit.WriteBits(at, v)
}

func (g guarded) WriteWords(at uint16, v []uint16) modbus.Exception {
	g.site.mu.Lock()
	defer g.site.mu.Unlock()
	g.site.advance()
	defer g.site.look()
	return g.unit.WriteWords(at, v)
}
