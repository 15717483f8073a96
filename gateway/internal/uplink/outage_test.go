package uplink_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/gateway/internal/uplink"
)

const (
	outageQuota = 512 << 20 / 72 // bytes an hour: what configs/gateway.yaml has for three days
	outageLimit = 10.0           // seconds that people and events may wait while history goes up
	outageLook  = 250 * time.Millisecond
)

// outage is the result of the proof of that name.
type outage struct {
	Name       string  `json:"name"`
	Runs       int     `json:"runs"`
	Hours      uint64  `json:"hours"`
	Points     int     `json:"points"` // readings of the outage
	DrainRate  float64 `json:"drain_points_per_s"`
	DrainS     float64 `json:"drain_s"`            // until the cloud had acknowledged them
	StoreRate  float64 `json:"store_points_per_s"` // until the series store had them
	LogMiB     float64 `json:"log_mib"`
	QuotaMiB   float64 `json:"quota_mib"`
	EventP50   float64 `json:"event_ms_p50"` // from append to acknowledgement
	EventP99   float64 `json:"event_ms_p99"`
	ShownP50   float64 `json:"live_s_p50"` // age of what a page shows of a device that is read every 5 s, at any moment
	ShownP99   float64 `json:"live_s_p99"`
	DelayP99   float64 `json:"live_delay_s_p99"` // from reading to showing
	FreshAcked float64 `json:"fresh_s_p99"`      // from append to acknowledgement of readings recorded meanwhile
	Lost       int     `json:"lost"`
	Doubled    int     `json:"doubled"`
	Failed     int     `json:"failed"`
	Seed       uint64  `json:"seed"`
}

// TestLongOutage is the proof long_outage: a large compound was cut off for hours, and the line comes back. Its log goes up
// by the real uplink through mosquitto into the real cloud and VictoriaMetrics, while it is still read, while events
// happen every second and somebody looks at the site. LINSHAO_PROOF_LONG=1: 72 hours; LINSHAO_PROOF_HOURS: any other number.
func TestLongOutage(t *testing.T) {
	hours := uint64(1)
	if os.Getenv("LINSHAO_PROOF_LONG") == "1" {
		hours = 72
	}
	r := &outage{Name: "long_outage", Runs: 1, Hours: number(t, "LINSHAO_PROOF_HOURS", hours), Seed: number(t, "LINSHAO_PROOF_SEED", 1)}
	defer func() {
		if t.Failed() {
			r.Failed = 1
		}
		show(t, r)
	}()
	m := newMosquitto(t, "allow_anonymous true")
	c := newRealCloud(t, m.port)
	g := newCutOff(t, r)
	defer g.close()
	page := c.open(g.field.names[:])
	g.drain(m.port, page)
	for limit := time.Now().Add(time.Hour); c.brought() < g.appended && time.Now().Before(limit); <-time.After(outageLook) {
	}
	r.StoreRate = float64(g.appended) / time.Since(page.begin).Seconds()
	r.Doubled = c.brought() - g.appended
	stored := 0
	for _, name := range g.field.names {
		stored += c.stored(name, time.Duration(r.Hours+2)*time.Hour)
	}
	r.Lost = g.appended - stored
	r.judge(t, g, page)
}

func (r *outage) judge(t *testing.T, g *cutOff, page *screen) {
	t.Helper()
	r.EventP50, r.EventP99 = 1000*percentile(g.events.waits, 50), 1000*percentile(g.events.waits, 99)
	page.mu.Lock()
	defer page.mu.Unlock()
	r.ShownP50, r.ShownP99, r.DelayP99 = percentile(page.ages, 50), percentile(page.ages, 99), percentile(page.waits, 99)
	r.FreshAcked = percentile(g.telemetry.waits, 99)
	if r.Lost != 0 || r.Doubled != 0 {
		t.Errorf("of %d readings %d are lost, %d came twice", g.appended, r.Lost, r.Doubled)
	}
	limit := outageLimit
	if r.Hours == 1 { // among all other tests: a machine that is slow at the history is slow at what goes beside it
		limit = max(limit, r.DrainS/2)
	}
	if r.ShownP99 >= limit || r.EventP99 >= 1000*limit {
		t.Errorf("people wait %.1f s, events %.0f ms", r.ShownP99, r.EventP99)
	}
	for _, s := range []outbox.Stats{g.events.Stats(), g.telemetry.Stats()} {
		if s.Backlog != 0 || s.EvictedRecords != 0 {
			t.Errorf("%d records wait, %d were evicted", s.Backlog, s.EvictedRecords)
		}
	}
}

// percentile sorts.
func percentile(values []float64, p int) float64 {
	if len(values) == 0 {
		return -1
	}
	slices.Sort(values)
	return values[min(len(values)-1, len(values)*p/100)]
}

// clocked is a log that notes how long records wait for their acknowledgement.
type clocked struct {
	*outbox.Log
	mu    sync.Mutex
	since map[uint64]time.Time
	waits []float64 // seconds
	acked chan uint64
}

func (l *clocked) add(t *testing.T, typ uint32, at time.Time, payload []byte) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	began := time.Now()
	seq, err := l.Append(typ, at, wire.ClockSynced, payload)
	if err != nil {
		t.Error(err)
	}
	l.since[seq] = began
}

// Ack implements uplink.Stream.
func (l *clocked) Ack(cum uint64) {
	l.Log.Ack(cum)
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for seq, began := range l.since {
		if seq <= cum {
			l.waits = append(l.waits, now.Sub(began).Seconds())
			delete(l.since, seq)
		}
	}
	select {
	case <-l.acked: // only the newest counts
	default:
	}
	l.acked <- cum
}

// cutOff is a gateway behind an outage.
type cutOff struct {
	t                 *testing.T
	r                 *outage
	field             *compound
	dirs              [2]string
	quota             int64
	begin             int64 // first second that is in no record yet, Unix
	encoder           *wire.Encoder
	batch             []device.Reading
	appended          int
	history           uint64 // number of the last record of the outage
	events, telemetry *clocked
	linger            chan time.Duration
}

func (g *cutOff) log(n int, boot uint32, quota int64, sync time.Duration) *clocked {
	g.t.Helper()
	l, err := outbox.Open(outbox.Config{Dir: g.dirs[n], Stream: uint32(n + 1), Quota: quota, Sync: sync, Boot: boot})
	if err != nil {
		g.t.Fatal(err)
	}
	return &clocked{Log: l, since: map[uint64]time.Time{}, acked: make(chan uint64, 1)}
}

// newCutOff writes what a gateway records in an outage, as an earlier start of it.
func newCutOff(t *testing.T, r *outage) *cutOff {
	t.Helper()
	g := &cutOff{t: t, r: r, field: newCompound(r.Seed), dirs: [2]string{t.TempDir(), t.TempDir()}, quota: int64(r.Hours) * outageQuota, linger: make(chan time.Duration, 1)}
	var err error
	if g.encoder, err = wire.NewEncoder(); err != nil {
		t.Fatal(err)
	}
	g.events, g.telemetry = g.log(0, 1, 16<<20, 0), g.log(1, 1, g.quota, time.Second)
	now := time.Now().Unix()
	g.event(g.field.inventory(), time.Unix(now, 0))
	for g.begin = now - int64(r.Hours)*3600; g.begin < now; {
		g.read(false)
	}
	g.record(true)
	r.Points = g.appended
	_, _, next := g.telemetry.State()
	g.history = next - 1
	r.LogMiB, r.QuotaMiB = float64(g.telemetry.Stats().Bytes)/(1<<20), float64(g.quota)/(1<<20)
	g.close()
	g.events, g.telemetry = g.log(0, 2, 16<<20, 0), g.log(1, 2, g.quota, time.Second)
	return g
}

func (g *cutOff) close() {
	for _, l := range []*clocked{g.events, g.telemetry} {
		if err := l.Close(); err != nil {
			g.t.Error(err)
		}
	}
}

func (g *cutOff) event(e *wire.Event, at time.Time) {
	payload, err := proto.Marshal(e)
	if err != nil {
		g.t.Fatal(err)
	}
	g.events.add(g.t, wire.TypeEvent, at, payload)
}

// read takes the next second's readings.
func (g *cutOff) read(atOnce bool) {
	g.batch = g.field.second(g.batch, g.begin)
	g.begin++
	g.record(atOnce)
}

// record makes records of what is enough for them, or of all.
func (g *cutOff) record(all bool) {
	for len(g.batch) >= wire.MaxReadings || all && len(g.batch) > 0 {
		payload, n, err := g.encoder.EncodeFirst(&wire.Readings{PartsEpoch: 1 << 60, PartsTo: 100_000}, g.batch)
		if err != nil {
			g.t.Fatal(err)
		}
		g.telemetry.add(g.t, wire.TypeReadings, time.Unix(g.begin, 0), payload)
		g.appended += n
		g.batch = g.batch[:copy(g.batch, g.batch[n:])]
	}
}

// newest is the payload of the live lane.
func (g *cutOff) newest() []byte {
	now := time.Now()
	var rs []device.Reading
	for second := now.Unix() - 5; second <= now.Unix(); second++ {
		rs = g.field.second(rs, second)
	}
	last := map[device.Key]device.Reading{}
	for _, r := range rs {
		if !r.Time.After(now) {
			last[r.Key()] = r
		}
	}
	kept := rs[:0]
	for _, r := range rs {
		if last[r.Key()] == r {
			kept = append(kept, r)
		}
	}
	encoder, err := wire.NewEncoder()
	if err != nil {
		return nil
	}
	payload, _, err := encoder.EncodeFirst(&wire.Readings{}, kept)
	if err != nil {
		return nil
	}
	return payload
}

// drain runs the uplink until the cloud has the history, with a second's readings and an event every second, and then until
// it has everything.
func (g *cutOff) drain(broker int, page *screen) {
	g.t.Helper()
	s := &site{cfg: uplink.Config{Gateway: gateway, Version: "test", Boot: 2, Started: page.begin, Newest: g.newest, Clock: func() uint32 { return wire.ClockSynced },
		Streams: []uplink.Feed{{ID: wire.StreamEvents, Stream: g.events}, {ID: wire.StreamTelemetry, Stream: g.telemetry}},
		OnLinger: func(d time.Duration) {
			select {
			case <-g.linger:
			default:
			}
			g.linger <- d
		}}}
	page.mu.Lock()
	page.begin = time.Now()
	for name := range page.at {
		page.at[name] = page.begin
	}
	page.mu.Unlock()
	stop := s.goOn(g.t, fmt.Sprint("mqtt://127.0.0.1:", broker), nil)
	defer stop()
	look, linger, online := time.NewTicker(outageLook), time.Duration(0), false
	defer look.Stop()
	for done := false; !done; {
		select {
		case linger = <-g.linger:
		case cum := <-g.telemetry.acked:
			if cum >= g.history && g.r.DrainS == 0 {
				g.r.DrainS = time.Since(page.begin).Seconds()
				g.r.DrainRate = float64(g.r.Points) / g.r.DrainS
			}
		case now := <-look.C:
			page.look(now)
			for g.begin < now.Unix() {
				g.read(linger > 0)
				online = !online
				g.event(&wire.Event{Kind: &wire.Event_Device{Device: &wire.DeviceState{Device: g.field.names[0], Online: online, AtMs: now.UnixMilli()}}}, now)
			}
			g.size()
			done = g.r.DrainS > 0
		}
	}
	g.record(true)
	for limit := time.Now().Add(time.Minute); g.events.Stats().Backlog+g.telemetry.Stats().Backlog > 0 && time.Now().Before(limit); <-look.C {
		select {
		case <-g.telemetry.acked:
		default:
		}
	}
}

// size checks that the log's files are what it says, and never above the quota.
func (g *cutOff) size() {
	g.t.Helper()
	var bytes int64
	err := filepath.WalkDir(g.dirs[1], func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".seg" {
			info, err := d.Info()
			if err != nil {
				return err
			}
			bytes += info.Size()
		}
		return err
	})
	if said := g.telemetry.Stats().Bytes; err != nil || bytes > g.quota || bytes != said {
		g.t.Errorf("the log has %d bytes and says %d, the quota is %d: %v", bytes, said, g.quota, err)
	}
}
