package rules_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math/rand/v2"
	"slices"
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

// stands is how long the rules stand still for a snapshot: the median of copies made one after the other.
func stands(e *rules.Engine) time.Duration {
	var all []time.Duration
	for range 21 {
		began := time.Now()
		_ = e.Memory()
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// BenchmarkSnapshot tells how long a snapshot takes and for how much of it the rules stand still, and how many bytes go to the card in a day of one each 30 s.
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
			b.ReportMetric(float64(stands(e).Microseconds()), "us-standing")
			b.ReportMetric(float64(len(data)), "bytes")
			b.ReportMetric(float64(packed.Len()), "bytes-on-disk")
			b.ReportMetric(float64(packed.Len())*86400/30/1e6, "MB/day")
		})
	}
}

// TestAMemoryStaysAsItWas while the engine goes on: it is encoded by another goroutine.
func TestAMemoryStaysAsItWas(t *testing.T) {
	e := shed(t, 3)
	m := e.Memory()
	before, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for at := time.Hour; at < 9*time.Hour; at += 30 * time.Second {
		for _, id := range []string{"S-0000", "S-0001", "S-0002"} {
			e.Apply([]device.Reading{reading(id, "power", 500-float64(at/time.Minute), at), reading(id, "temperature", 90, at), reading(id, "relay", 1, at)})
		}
		e.Tick(t0.Add(at))
	}
	after, err := m.Encode()
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("it has changed: %v", err)
	}
	if now, err := e.Snapshot(); err != nil || bytes.Equal(now, before) {
		t.Error("the engine has not", err)
	}
}
