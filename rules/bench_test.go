package rules_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// sockets is a site of n sockets with the shipped rules, and one poll of all of them.
func sockets(n int, points ...string) ([]device.Device, []device.Reading) {
	var devices []device.Device
	var rs []device.Reading
	for i := range n {
		d := gasSite()[3]
		d.ID = fmt.Sprintf("A-%03d.1", i)
		d.Points = append([]device.Point(nil), d.Points...)
		for j := range d.Points {
			d.Points[j].Device = d.ID
		}
		devices = append(devices, d)
		for _, p := range points {
			v := map[string]float64{"power": 200, "relay": 1, "energy": 7, "voltage": 230, "current": 1}[p]
			rs = append(rs, device.Reading{Device: d.ID, Point: p, Value: v, Quality: device.Good})
		}
	}
	return devices, rs
}

// benchmarkApply polls every second; the figure is for one reading.
func benchmarkApply(b *testing.B, devices []device.Device, rs []device.Reading) {
	e := engine(b, shippedSet(b), devices, map[string]rules.Override{"R01": {Params: map[string]rules.Param{"max_time": {Normal: "9000h"}, "max_time_li": {Normal: "9000h"}, "cap": {Normal: "9000h"}}}, "R03": {Params: map[string]rules.Param{"min_duration": {Normal: "9000h"}}}})
	now := t0
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Second)
		for i := range rs {
			rs[i].Time = now
		}
		e.Apply(rs)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rs)), "ns/reading")
}

func BenchmarkReadingUnused(b *testing.B) {
	devices, rs := sockets(100, "voltage", "current")
	benchmarkApply(b, devices, rs)
}

func BenchmarkReadingOfSocket(b *testing.B) {
	devices, rs := sockets(100, "power", "energy", "relay")
	benchmarkApply(b, devices, rs)
}

func BenchmarkReadingOfGas(b *testing.B) {
	devices := gasSite()[:1]
	benchmarkApply(b, devices, gas(1, 0, 0))
}

func BenchmarkTick500Sockets(b *testing.B) {
	devices, rs := sockets(500, "power", "energy", "relay")
	e := engine(b, shippedSet(b), devices, nil)
	for i := range rs {
		rs[i].Time = t0
	}
	e.Apply(rs)
	b.ReportAllocs()
	for b.Loop() {
		e.Tick(t0)
	}
}
