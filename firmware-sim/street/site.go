package street

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/linshao/linshao/firmware-sim/physics"
)

// pollEvery is how often a light compound reads and reports its devices: what commercial chargers do.
const pollEvery = 5 * time.Minute

// A site is one light compound: what its devices show is a function of the seed and of time alone.
type site struct {
	number    int // from 1
	id        string
	name      string
	gateway   string
	community int // from 0
	grid      int // micro-grid within the street, from 0
	devices   []thing
}

// A thing is a device of a site.
type thing struct {
	id, kind, model, place, zone string
	name                         words
	seed                         uint64
	pack                         int // whose curve its charges follow
}

// points of a model: name, unit, decimals.
type point struct {
	name, unit string
	places     int
}

func pointsOf(model string) []point {
	switch model {
	case "linshao-socket-2":
		return []point{{"power", "W", 1}, {"energy", "kWh", 3}, {"temperature", "°C", 1}, {"relay", "", 0}, {"plugged", "", 0}}
	case "fga1000":
		return []point{{"status", "", 0}, {"level", "%LEL", 0}}
	}
	return []point{{"contact", "", 0}, {"tamper", "", 0}}
}

// prefix of the ids of the street's sites.
const prefix = "yf-"

// Owns says whether a site is one of the street's light compounds.
func Owns(site string) bool { return strings.HasPrefix(site, prefix) }

// plan lays out the sites of a street: the same for the same seed.
func plan(seed uint64, count int) []site {
	const grids = 150 // beside the one that configs/demo/org.yaml has
	all := make([]site, count)
	taken := map[string]bool{}
	for i := range all {
		r := rand.New(rand.NewPCG(seed, uint64(i)+1))
		n := i + 1
		grid := i * grids / max(count, grids)
		s := site{number: n, id: fmt.Sprintf(prefix+"%03d", n), gateway: fmt.Sprintf("gw-yf-%03d", n), grid: grid, community: grid * len(communities()) / grids}
		for s.name == "" || taken[s.name] {
			s.name = pick(r, firstWords()) + pick(r, lastWords())
			if taken[s.name] {
				s.name = fmt.Sprintf("%s%s%d 期", pick(r, firstWords()), pick(r, lastWords()), 2+r.IntN(4))
			}
		}
		taken[s.name] = true
		s.devices = things(r)
		all[i] = s
	}
	return all
}

func things(r *rand.Rand) []thing {
	building, flat := 1+r.IntN(12), fmt.Sprintf("%d0%d", 2+r.IntN(16), 1+r.IntN(4))
	kitchen := fmt.Sprintf("%d 栋 %s 厨房", building, flat)
	gate := fmt.Sprintf("%d 栋 1 单元门厅", building)
	station := words{"C-01 桩", "C-01"}
	all := []thing{
		{id: "C-01.1", kind: "socket", model: "linshao-socket-2", place: "车棚", zone: "shed-1", name: words{station.zh + " 插座 1", ""}},
		{id: "C-01.2", kind: "socket", model: "linshao-socket-2", place: "车棚", zone: "shed-1", name: words{station.zh + " 插座 2", ""}},
		{id: "gas-1", kind: "gas", model: "fga1000", place: kitchen, zone: "k1", name: words{flat + " 燃气探测器", ""}},
		{id: "door-1", kind: "door", model: "linshao-door", place: gate, zone: "", name: words{fmt.Sprintf("%d 栋单元门", building), ""}},
	}
	for i := range all {
		all[i].seed, all[i].pack = r.Uint64(), r.IntN(len(physics.Packs()))
	}
	return all
}

// A curve is a charge of a pack, minute by minute: power in W and energy up to then in kWh.
type curve struct{ power, energy []float64 }

// curves are the charges of all packs, each by a charger of its own.
func curves(seed uint64) []curve {
	var out []curve
	for i, p := range physics.Packs() {
		c, sum := curve{}, 0.0
		charging := physics.NewCharging(physics.DrawBattery(rand.New(rand.NewPCG(seed, uint64(i))), p), 0.15)
		for minute := 0; minute < 12*60 && !charging.Full; minute++ {
			w := charging.Step(1.0 / 60)
			sum += w / 60 / 1000
			c.power, c.energy = append(c.power, w), append(c.energy, sum)
		}
		out = append(out, c)
	}
	return out
}

// show answers the values of a device's points at a time, in the order of pointsOf; in trouble they show what is wrong.
func (d thing) show(all []curve, at time.Time, trouble *trouble) []float64 {
	switch d.kind {
	case "socket":
		return d.socket(all[d.pack%len(all)], at, trouble)
	case "gas":
		level := physics.Noise(d.seed, at, pollEvery)
		status := 0.0
		if trouble != nil {
			status, level = trouble.status, trouble.value
		}
		return []float64{status, float64(int(max(0, level)))}
	}
	open := 0.0
	if trouble != nil {
		open = 1
	}
	return []float64{open, 0}
}

// socket charges once a day, at an hour of its own.
func (d thing) socket(c curve, at time.Time, trouble *trouble) []float64 {
	const day = 24 * 60
	minute := at.Unix()/60 + int64(d.seed%day)
	days, within := minute/day, int(minute%day)
	total := c.energy[len(c.energy)-1]
	power, energy, plugged := 0.0, float64(days%400)*total+float64(d.seed%500), 0.0
	if within < len(c.power) {
		power, energy, plugged = c.power[within]+2*physics.Noise(d.seed, at, time.Minute), energy+c.energy[within], 1
	} else {
		energy += total
	}
	heat := 21 + 4*physics.Noise(d.seed^1, at, time.Hour) + power/40
	if trouble != nil {
		power, plugged, heat = max(power, trouble.power), 1, max(heat, trouble.heat)
	}
	return []float64{max(0, power), energy, heat, 1, plugged}
}

// report makes the readings of a site at some times.
func (s site) report(all []curve, times []time.Time, troubles map[string]*trouble) []byte {
	ms := make([]int64, len(times))
	for i, at := range times {
		ms[i] = at.UnixMilli()
	}
	var out []series
	for _, d := range s.devices {
		points := pointsOf(d.model)
		columns := make([]series, len(points))
		for i, p := range points {
			columns[i] = series{device: d.id, point: p.name, places: p.places}
		}
		for i, at := range times {
			t := troubles[d.id]
			if i < len(times)-1 {
				t = nil // it began just now
			}
			for k, v := range d.show(all, at, t) {
				columns[k].values = append(columns[k].values, v)
			}
		}
		out = append(out, columns...)
	}
	return readings(ms, out)
}

// inventory is the event that says what the site consists of.
func (s site) inventory() []byte {
	var m message
	m.inner(5, func(in *message) {
		in.string(1, s.id)
		in.string(2, s.name)
		in.string(3, "Asia/Shanghai")
		for _, d := range s.devices {
			in.inner(4, func(dev *message) {
				for i, text := range []string{d.id, d.name.zh, d.kind, d.model, d.place, d.zone, "bus-1"} {
					dev.string(protowire.Number(i+1), text)
				}
				dev.uint(8, uint64(pollEvery.Milliseconds()))
			})
		}
		for _, model := range []string{"linshao-socket-2", "fga1000", "linshao-door"} {
			in.inner(5, func(mod *message) {
				mod.string(1, model)
				for _, p := range pointsOf(model) {
					mod.inner(2, func(pt *message) {
						pt.string(1, p.name)
						pt.string(2, p.unit)
					})
				}
			})
		}
		in.string(6, "street-1")
	})
	return m
}
