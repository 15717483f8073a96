package rules_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// The site of the figures rule_readings_per_s_per_core and rule_latency_us_p99: 1,000 rules over 2,000 devices of 5 points in
// 100 zones, as a large site would have them: thresholds, charging sessions, windows, counts over zones.
const (
	siteDevices = 2000
	siteRules   = 1000
)

// sitePoints are the kinds of the site, with how many of 20 devices are of it.
func siteKinds() []struct {
	kind   string
	of20   int
	points []string
	units  map[string]string
} {
	type row = struct {
		kind   string
		of20   int
		points []string
		units  map[string]string
	}
	return []row{
		{"socket", 10, []string{"power", "energy", "relay", "temperature", "voltage"}, map[string]string{"power": "W", "energy": "kWh", "temperature": "°C", "voltage": "V"}},
		{"gas", 4, []string{"level", "status", "warmup", "test", "expired"}, map[string]string{"level": "%LEL"}},
		{"meter", 3, []string{"power", "voltage", "current", "energy", "frequency"}, map[string]string{"power": "W", "voltage": "V", "current": "A", "energy": "kWh", "frequency": "Hz"}},
		{"door", 2, []string{"contact", "lock", "rex", "tamper", "fire"}, nil},
		{"camera", 1, []string{"connected", "fps", "bitrate", "frozen", "keyframe_age"}, map[string]string{"fps": "1/s", "bitrate": "kbit/s", "keyframe_age": "s"}},
	}
}

func siteOf(n int) []device.Device {
	var devices []device.Device
	for len(devices) < n {
		zone := fmt.Sprintf("z%03d", len(devices)/20)
		for _, k := range siteKinds() {
			for range k.of20 {
				d := device.Device{ID: fmt.Sprintf("%s-%04d", k.kind, len(devices)), Kind: k.kind, Zone: zone, Poll: 5 * time.Second}
				for _, p := range k.points {
					d.Points = append(d.Points, device.Point{Device: d.ID, Name: p, Unit: k.units[p], Writable: []float64{0, 1}})
				}
				devices = append(devices, d)
			}
		}
	}
	return devices
}

// siteTemplates are what the rules look like, by kind; %d makes each another rule. They are quiet at a site where all is well.
func siteTemplates() map[string][]string {
	return map[string][]string{
		"socket": {
			"power > 1000 + %[1]d", "temperature > 65 + %[1]d * 0.1", "voltage < 190 - %[1]d * 0.1 or voltage > 250 + %[1]d * 0.1",
			"session.duration > 12h and not session.knee and power > %[1]d", "session.energy > 3 + %[1]d * 0.1 and session.active",
			"session.tail > 1h or session.swings > 4 + %[1]d", "relay == 0 and power > 10 + %[1]d",
			"avg(power, 5m) > 900 + %[1]d", "slope(temperature, 10m) > 60 + %[1]d", "delta(temperature, 10m) >= 10 + %[1]d and delta(power, 10m) < 500",
			"count(power > 50, 30m) >= 4 + %[1]d", "absent_for(power) > 100s", "max(power, 1h) - min(power, 1h) > 3000 + %[1]d",
		},
		"gas": {
			"level >= 25 + %[1]d * 0.1 or status == 2", "(level >= 10 or status == 1) and level < 25 and status != 2 and warmup != %[1]d",
			"count(zone.gas, level >= 10 + %[1]d * 0.1 or status == 1) >= 2", "absent_for(level) > 1m40s or status == 3 + %[1]d",
			"max(level, 5m) > 20 + %[1]d * 0.1 and test == 0", "expired == 1 + %[1]d", "slope(level, 10m) > 100 + %[1]d",
		},
		"meter": {
			"power > 8700 + %[1]d", "voltage > 264 + %[1]d * 0.1", "avg(power, 15m) > 7800 + %[1]d", "frequency < 49 - %[1]d * 0.01",
			"current > 60 + %[1]d and sum(zone.socket.power) < 500", "count(voltage < 190, 1h) > 3 + %[1]d",
		},
		"door": {
			"contact == 1 and not changed(rex, 5s) and lock == %[1]d", "fire == 1 and lock != 1 and tamper != 2 + %[1]d", "tamper == 1 + %[1]d", "count(contact == 1, 1m) > 3 + %[1]d",
		},
		"camera": {
			"connected == 0 and bitrate < 1000 - %[1]d", "frozen == 1 + %[1]d", "avg(bitrate, 5m) < 200 - %[1]d", "fps < 5 - %[1]d * 0.01", "keyframe_age > 30s + 1s * %[1]d",
		},
		"zone": {
			"sum(zone.socket.power) > 8700 + %[1]d * 10", "count(zone.gas, level >= 10) >= 2 + %[1]d", "any(zone.door, tamper == 1 + %[1]d)", "count(zone.camera, connected == 0) > %[1]d",
		},
		"site": {"sum(site.meter.power) > 1000000 + %[1]d", "count(site.gas, unknown(level)) > 100 + %[1]d", "alarms(10m) > 10 + %[1]d"},
	}
}

// siteSet are the rules: of each kind as many as its part of them.
func siteSet(t testing.TB) *rules.Set {
	var b strings.Builder
	b.WriteString("rules:\n")
	parts := []struct {
		kind string
		n    int
	}{{"socket", 500}, {"gas", 160}, {"meter", 120}, {"door", 80}, {"camera", 60}, {"zone", 60}, {"site", 20}}
	n := 0
	for _, part := range parts {
		templates := siteTemplates()[part.kind]
		for i := range part.n {
			n++
			expr := templates[i%len(templates)]
			if strings.Contains(expr, "%[1]d") {
				expr = fmt.Sprintf(expr, i/len(templates))
			}
			fmt.Fprintf(&b, "  - {id: B%d, title: {zh: 标题, en: title}, kind: %s, expr: %q, for: 10s, severity: B, mode: notify-only, message: {zh: x, en: x}}\n", n, part.kind, expr)
		}
	}
	if n != siteRules {
		t.Fatalf("%d rules", n)
	}
	return mustLoad(t, b.String())
}

// A siteRun polls the devices in turn: values move a little each time, as they do where all is well.
type siteRun struct {
	engine *rules.Engine
	polls  [][]device.Reading
	now    time.Time
	round  int
	events int
}

func newSiteRun(t testing.TB) *siteRun {
	devices := siteOf(siteDevices)
	r := &siteRun{engine: engine(t, siteSet(t), devices, nil), now: t0}
	for _, d := range devices {
		var poll []device.Reading
		for _, p := range d.Points {
			poll = append(poll, device.Reading{Device: d.ID, Point: p.Name, Quality: device.Good})
		}
		r.polls = append(r.polls, poll)
	}
	return r
}

// normal is a point's value where all is well, in the nth round.
func normal(point string, device, round int) float64 {
	noise := float64((device*7919+round*104729)%1000)/1000 - 0.5
	switch point {
	case "power":
		return 220 + 10*noise
	case "voltage":
		return 230 + 4*noise
	case "energy":
		return 100 + float64(round)*0.0003
	case "temperature":
		return 31 + 2*noise
	case "current":
		return 1 + noise/10
	case "relay", "connected", "lock":
		return 1
	case "level":
		return 0.4 + 0.4*noise
	case "frequency":
		return 50 + noise/100
	case "fps":
		return 25
	case "bitrate":
		return 2000 + 300*noise
	case "keyframe_age":
		return 2 + noise
	}
	return 0
}

// poll reads one device.
func (r *siteRun) poll(i int) {
	rs := r.polls[i]
	for j := range rs {
		rs[j].Value, rs[j].Time = normal(rs[j].Point, i, r.round), r.now
	}
}

// next reads the whole site once, 5 s of its time, and ticks as a gateway does.
func (r *siteRun) next() {
	r.round++
	for second := range 5 {
		for i := second * siteDevices / 5; i < (second+1)*siteDevices/5; i++ {
			r.poll(i)
			r.events += len(r.engine.Apply(r.polls[i]))
		}
		r.now = r.now.Add(time.Second)
		r.events += len(r.engine.Tick(r.now))
	}
}

// threadTime is the time that this thread has used.
func threadTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(1, &u); err != nil { // RUSAGE_THREAD
		b.Skip("needs Linux: ", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkSite(b *testing.B) {
	r := newSiteRun(b)
	for range 60 { // 5 min
		r.next()
	}
	r.events = 0
	runtime.LockOSThread() // what the thread uses is counted: this machine may be busy with other things
	defer runtime.UnlockOSThread()
	var spent time.Duration
	took := make([]time.Duration, 0, 1<<20)
	b.ReportAllocs()
	i := 0
	from := threadTime(b)
	for b.Loop() {
		if i == siteDevices {
			i = 0
			r.round++
			b.StopTimer()
			spent += threadTime(b) - from
			for range 5 {
				r.now = r.now.Add(time.Second)
				r.engine.Tick(r.now)
			}
			b.StartTimer()
			for j := range r.polls { // what the readings say costs nobody but this benchmark
				r.poll(j)
			}
			from = threadTime(b)
		}
		if r.round%2 == 0 { // asking the time costs as much as a reading: every other round is without
			r.events += len(r.engine.Apply(r.polls[i]))
		} else {
			begin := time.Now()
			r.events += len(r.engine.Apply(r.polls[i]))
			if one := time.Since(begin); len(took) < cap(took) {
				took = append(took, one)
			}
		}
		i++
	}
	spent += threadTime(b) - from
	if r.events != 0 {
		b.Fatalf("%d events where all is well", r.events)
	}
	slices.Sort(took)
	b.ReportMetric(float64(5*b.N)/spent.Seconds(), "readings/s")
	if len(took) > 0 {
		b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1000, "us_p99")
	}
	begin := time.Now()
	for range 10 {
		r.now = r.now.Add(time.Second)
		r.engine.Tick(r.now)
	}
	b.ReportMetric(float64(time.Since(begin).Microseconds())/10000, "ms/tick")
}
