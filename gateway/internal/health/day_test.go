package health_test

import (
	"math"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/firmware-sim/physics"
	"github.com/linshao/linshao/gateway/internal/health"
	"github.com/linshao/linshao/gateway/internal/plausible"
)

// rounded is a value as a register of a step holds it.
func rounded(v, step float64) float64 { return math.Round(v/step) * step }

// Two days of the simulator's physics: a socket that charges each kind of pack one after the other and rests between, a gas
// detector at rest, and the meter before the socket, through both judges. Nothing of it is to be doubted.
func TestHealthyDaysOfTheSimulator(t *testing.T) {
	stuckAt := func(above float64) *device.Standstill {
		return &device.Standstill{After: 10 * time.Minute, While: "power", Above: above}
	}
	points := []device.Point{
		{Device: "s", Name: "energy", Unit: "kWh", Stuck: stuckAt(20)}, {Device: "s", Name: "power", Unit: "W"}, {Device: "s", Name: "temperature", Unit: "°C", Rate: 5},
		{Device: "g", Name: "level", Unit: "%LEL"}, {Device: "g", Name: "status"},
		{Device: "m", Name: "energy", Unit: "kWh", Stuck: stuckAt(200)}, {Device: "m", Name: "power", Unit: "W"}, {Device: "m", Name: "voltage_l1", Unit: "V"},
	}
	w := health.New([]device.Device{{ID: "s", Kind: "socket", Poll: 5 * time.Second, Points: points[:3]},
		{ID: "g", Kind: "gas", Poll: 5 * time.Second, Points: points[3:5]}, {ID: "m", Kind: "meter", Poll: 5 * time.Second, Points: points[5:]}}, time.UTC)
	doubt := plausible.Of(points)
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	socket, gas := physics.NewSocket(1, at, 10), physics.NewGas(2, at)
	meter := physics.NewMeter(3, at, 150, socket)
	packs, charges := physics.Packs(), 0
	for end := at.Add(48 * time.Hour); at.Before(end); {
		at = at.Add(5 * time.Second)
		switch hour := at.Hour(); {
		case hour%6 == 1 && !socket.Plugged():
			socket.Plug(physics.NewCurve(packs[charges%len(packs)], physics.Normal, 0.2))
			socket.SetRelay(true)
			charges++
		case hour%6 == 0 && socket.Plugged():
			socket.Unplug()
		}
		socket.Advance(at)
		gas.Advance(at, true)
		meter.Advance(at)
		values := []float64{rounded(socket.Energy(), 0.001), rounded(socket.Power(), 0.1), rounded(socket.Temperature(), 0.1), float64(gas.Level()), float64(gas.Status()),
			rounded(meter.Energy(), 0.01), rounded(meter.Power(), 0.1), rounded(meter.PhaseVoltage(0), 0.1)}
		rs := make([]device.Reading, len(points))
		for i, p := range points {
			rs[i] = device.Judge(p, values[i], at)
		}
		doubt(rs)
		for _, r := range rs {
			if r.Quality != device.Good {
				t.Fatalf("%v: %+v", at.Format(time.DateTime), r)
			}
		}
		w.Observe(rs)
		if at.Second() == 0 {
			if _, notices := w.Tick(at); len(notices) > 0 {
				t.Fatalf("%v: %+v", at.Format(time.DateTime), notices)
			}
		}
	}
	for _, id := range []string{"s", "g", "m"} {
		if v, _ := w.Of(id); v.Score != 100 || v.Reasons != nil {
			t.Errorf("%s: %+v", id, v)
		}
	}
	if charges < 8 {
		t.Errorf("%d charges", charges)
	}
}
