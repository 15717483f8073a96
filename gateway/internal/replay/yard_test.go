package replay_test

import (
	"fmt"
	"io/fs"
	"iter"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/gateway/internal/replay"
	"github.com/linshao/linshao/rules"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// shipped are the rules of the product.
func shipped(t testing.TB) *rules.Set {
	t.Helper()
	names, err := fs.Glob(configs.FS, "rules/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var sources []rules.Source
	for _, name := range names {
		if strings.HasSuffix(name, "_test.yaml") {
			continue
		}
		data, err := configs.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, rules.Source{Name: name, Data: data})
	}
	set, err := rules.Load(sources)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func made(id, kind, zone string, poll time.Duration, points ...string) device.Device {
	units := map[string]string{"power": "W", "current": "A", "voltage": "V", "energy": "kWh", "temperature": "°C", "level": "%LEL"}
	d := device.Device{ID: id, Kind: kind, Zone: zone, Poll: poll, Channel: "c"}
	for _, p := range points {
		d.Points = append(d.Points, device.Point{Device: id, Name: p, Unit: units[p]})
	}
	return d
}

// yard is a site of sockets and gas detectors.
func yard(sockets, detectors int, poll time.Duration) []device.Device {
	var all []device.Device
	for i := range sockets {
		all = append(all, made(fmt.Sprintf("A-%03d.1", i), "socket", fmt.Sprintf("z%d", i/10), poll, "power", "current", "voltage", "energy", "relay", "temperature", "plugged"))
	}
	for i := range detectors {
		all = append(all, made(fmt.Sprintf("gas-%d", i), "gas", fmt.Sprintf("k%d", i/2), poll, "level", "status"))
	}
	return all
}

// field plays the devices: values walk, some are bad, gas alarms come and go.
type field struct {
	rnd    *rand.Rand
	values map[device.Key]float64
	bad    map[string]int // polls that a device will not answer
}

func newField(seed uint64) *field {
	return &field{rnd: rand.New(rand.NewPCG(seed, 1)), values: map[device.Key]float64{}, bad: map[string]int{}}
}

// poll reads one device, its points some ms apart.
func (f *field) poll(d device.Device, now time.Time) []device.Reading {
	if f.bad[d.ID] == 0 && f.rnd.IntN(300) == 0 {
		f.bad[d.ID] = 1 + f.rnd.IntN(60)
	}
	var rs []device.Reading
	for i, p := range d.Points {
		at := now.Add(time.Duration(i) * 3 * time.Millisecond)
		if f.bad[d.ID] > 0 {
			rs = append(rs, device.BadReading(p, device.Timeout, at))
			continue
		}
		rs = append(rs, device.Reading{Device: d.ID, Point: p.Name, Value: f.value(p), Quality: device.Good, Time: at})
	}
	f.bad[d.ID] = max(0, f.bad[d.ID]-1)
	return rs
}

func (f *field) value(p device.Point) float64 {
	v := f.values[p.Key()]
	switch p.Name {
	case "power":
		if f.rnd.IntN(200) == 0 {
			v = []float64{0, 60, 200, 331, 900, 4000}[f.rnd.IntN(6)]
		}
		v = math.Max(0, math.Round(v*10+float64(f.rnd.IntN(5)-2))/10)
	case "level":
		if f.rnd.IntN(25) == 0 {
			v = float64(f.rnd.IntN(40))
		}
	case "relay", "plugged":
		v = 1
	case "voltage":
		v = 2300 + float64(f.rnd.IntN(20))
		v /= 10
	case "energy":
		v += 0.01
	case "temperature":
		v = 25
	}
	f.values[p.Key()] = v
	return v
}

// A tape records what is read, as the gateway's recorder does: the real encoder, the real log.
type tape struct {
	t       testing.TB
	dir     string
	boot    uint32
	started time.Time
	log     *outbox.Log
	encoder *wire.Encoder
	batch   []device.Reading
	most    int // readings of a record
}

func newTape(t testing.TB) *tape {
	t.Helper()
	encoder, err := wire.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	return &tape{t: t, dir: t.TempDir(), encoder: encoder, most: wire.MaxReadings}
}

// start is a start of the gateway.
func (p *tape) start(now time.Time) {
	p.stop(now)
	p.boot++
	p.started = now
	var err error
	p.log, err = outbox.Open(outbox.Config{Dir: filepath.Join(p.dir, "telemetry"), Stream: wire.StreamTelemetry, Quota: 4 << 30, Sync: time.Hour, Boot: p.boot})
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *tape) stop(now time.Time) {
	if p.log == nil {
		return
	}
	p.flush(now)
	if err := p.log.Close(); err != nil {
		p.t.Fatal(err)
	}
	p.log = nil
}

func (p *tape) add(now time.Time, rs []device.Reading) {
	for len(rs) > 0 {
		n := min(len(rs), p.most-len(p.batch))
		p.batch, rs = append(p.batch, rs[:n]...), rs[n:]
		if len(p.batch) == p.most {
			p.flush(now)
		}
	}
}

func (p *tape) flush(now time.Time) {
	for len(p.batch) > 0 {
		payload, n, err := p.encoder.EncodeFirst(&wire.Readings{}, p.batch)
		if err != nil {
			p.t.Fatal(err)
		}
		if _, err := p.log.Append(wire.TypeReadings, now, wire.ClockSynced, payload); err != nil {
			p.t.Fatal(err)
		}
		p.batch = append(p.batch[:0], p.batch[n:]...)
	}
}

// judged is what an engine told: state, alert, time.
func judged(ev rules.AlertEvent) string {
	return fmt.Sprint(ev.State, " ", ev.Alert, " ", ev.At.Format("15:04:05.000"), " ", ev.Level, " ", ev.Message.EN, " ", len(ev.Evidence))
}

// played replays a source.
func played(t testing.TB, src replay.Source, cfg rules.ReplayConfig) (told []string, report rules.ReplayReport) {
	t.Helper()
	var failed error
	cfg.Told = func(ev rules.AlertEvent) { told = append(told, judged(ev)) }
	err := replay.Play(src, func(steps iter.Seq[rules.ReplayStep]) { report, failed = rules.Replay(cfg, steps) })
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	return told, report
}
