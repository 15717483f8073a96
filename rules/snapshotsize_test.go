package rules_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// shed is so many sockets in a row, all charging, each a little otherwise.
func shed(t testing.TB, sockets int) *rules.Engine {
	t.Helper()
	var devices []device.Device
	for i := range sockets {
		id := fmt.Sprintf("S-%04d", i)
		devices = append(devices, device.Device{ID: id, Kind: "socket", Name: id, Zone: "shed", Poll: 5 * time.Second, Points: []device.Point{
			{Device: id, Name: "power", Unit: "W"}, {Device: id, Name: "energy", Unit: "kWh"}, {Device: id, Name: "temperature", Unit: "°C"},
			{Device: id, Name: "voltage", Unit: "V"}, {Device: id, Name: "relay", Writable: []float64{0, 1}}, {Device: id, Name: "plugged"}}})
	}
	e := engine(t, shippedSet(t), devices, nil)
	random := rand.New(rand.NewPCG(1, 2))
	for at := time.Duration(0); at < time.Hour; at += 30 * time.Second {
		for i, d := range devices {
			power := 120 + float64(i%90) + 5*random.Float64()
			e.Apply([]device.Reading{reading(d.ID, "power", power, at), reading(d.ID, "energy", 10+power/1000*at.Hours(), at),
				reading(d.ID, "temperature", 31, at), reading(d.ID, "voltage", 228, at), reading(d.ID, "relay", 1, at), reading(d.ID, "plugged", 1, at)})
		}
		e.Tick(t0.Add(at))
	}
	return e
}

// BenchmarkSnapshot tells how long the rules stand still for a snapshot, and how many bytes go to the card in a day of one each 30 s.
func BenchmarkSnapshot(b *testing.B) {
	for _, sockets := range []int{500, 2000} {
		e := shed(b, sockets)
		b.Run(fmt.Sprint(sockets), func(b *testing.B) {
			var data []byte
			for b.Loop() {
				data, _ = e.Snapshot()
			}
			var packed bytes.Buffer
			w, _ := flate.NewWriter(&packed, flate.BestSpeed)
			_, _ = w.Write(data)
			_ = w.Close()
			b.ReportMetric(float64(len(data)), "bytes")
			b.ReportMetric(float64(packed.Len()), "bytes-on-disk")
			b.ReportMetric(float64(packed.Len())*86400/30/1e6, "MB/day")
		})
	}
}
