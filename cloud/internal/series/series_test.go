package series_test

import (
	"context"
	"errors"
	"go/build"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// need finds a counterpart program, or skips; LINSHAO_REQUIRE=1 makes the lack of it a failure.
func need(t testing.TB, program, install string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil && os.Getenv("LINSHAO_REQUIRE") == "1" {
		t.Fatalf("needs %s: %s", program, install)
	} else if err != nil {
		t.Skipf("needs %s: %s", program, install)
	}
	return path
}

// eventually repeats a look every 50 ms: a store may show what it has taken a few seconds later.
func eventually(t testing.TB, what string, look func() bool) {
	t.Helper()
	tick, limit := time.NewTicker(50*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for !look() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

func victoria(t testing.TB) series.Store {
	_, s := victoriaAt(t, freeport.Address(t), t.TempDir())
	return s
}

// victoriaAt starts VictoriaMetrics on a folder and answers how to kill it.
func victoriaAt(t testing.TB, addr, dir string) (kill func(), s *series.Victoria) {
	program := need(t, "victoria-metrics", "apt-get install victoria-metrics")
	cmd := exec.Command(program, "-httpListenAddr="+addr, "-storageDataPath="+dir, "-retentionPeriod=12", "-search.latencyOffset=0s",
		"-search.disableCache", "-dedup.minScrapeInterval=1ms", "-memory.allowedBytes=64MB")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	t.Cleanup(kill)
	eventually(t, "VictoriaMetrics starts", func() bool {
		resp, err := http.Get("http://" + addr + "/health")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == 200
	})
	s, err := series.OpenVictoria(series.Server{URL: "http://" + addr})
	if err != nil {
		t.Fatal(err)
	}
	return kill, s
}

// influx starts InfluxDB 1.8, which speaks the write and query interface of InfluxDB 2, when it is installed.
func influx(t testing.TB) series.Store {
	program := filepath.Join(build.Default.GOPATH, "bin", "influxd") // where go install puts it, which PATH need not name
	if _, err := os.Stat(program); err != nil {
		program = need(t, "influxd", "go install github.com/influxdata/influxdb/cmd/influxd@v1.8.10")
	}
	addr, dir := freeport.Address(t), t.TempDir()
	conf := filepath.Join(dir, "influx.conf")
	text := "reporting-disabled=true\nbind-address=\"" + freeport.Address(t) + "\"\n[meta]\ndir=\"" + dir + "/meta\"\n[data]\ndir=\"" + dir + "/data\"\nwal-dir=\"" + dir +
		"/wal\"\n[http]\nbind-address=\"" + addr + "\"\nflux-enabled=true\nlog-enabled=false\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-config", conf)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	eventually(t, "InfluxDB starts", func() bool {
		resp, err := http.Post("http://"+addr+"/query?q=CREATE+DATABASE+linshao", "", nil)
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == 200
	})
	s, err := series.OpenInflux(series.Server{URL: "http://" + addr, Token: "", Org: "street", Bucket: "linshao/autogen"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sqlite(t testing.TB) series.Store {
	s, err := series.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "series.db"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStores holds every store to the same behaviour.
func TestStores(t *testing.T) {
	for name, open := range map[string]func(testing.TB) series.Store{"sqlite": sqlite, "victoriametrics": victoria, "influx": influx} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			// One hour ago, so that every store takes the times.
			t0 := time.Now().Add(-time.Hour).Truncate(time.Minute)
			t.Run("keeps values, qualities and reasons", func(t *testing.T) { keeps(t, s, t0) })
			t.Run("once is the same as twice", func(t *testing.T) { idempotent(t, s, t0) })
			t.Run("late readings and the newest", func(t *testing.T) { late(t, s, t0) })
			t.Run("thins many readings", func(t *testing.T) { thins(t, s, t0) })
			t.Run("odd names", func(t *testing.T) { names(t, s, t0) })
			t.Run("nothing", func(t *testing.T) { nothing(t, s, t0) })
			t.Run("the later written counts", func(t *testing.T) { corrected(t, s, t0) })
			t.Run("thins what is not good", func(t *testing.T) { doubtful(t, s, t0) })
			t.Run("long silence of a bad device", func(t *testing.T) { silent(t, s, t0) })
			t.Run("only what changes is sent", func(t *testing.T) { reported(t, s, t0) })
		})
	}
}

func good(dev, point string, v float64, at time.Time) device.Reading {
	return device.Reading{Device: dev, Point: point, Value: v, Quality: device.Good, Time: at}
}

func bad(dev, point string, why device.Reason, at time.Time) device.Reading {
	return device.Reading{Device: dev, Point: point, Value: math.NaN(), Reason: why, Time: at}
}

func query(dev, point string, from, to time.Time) series.Query {
	return series.Query{Gateway: "gw-1", Device: dev, Point: point, From: from, To: to, Max: 100, Poll: 5 * time.Second}
}

func write(t *testing.T, s series.Store, rs ...device.Reading) {
	t.Helper()
	if err := s.Write(t.Context(), series.Columns("gw-1", rs)); err != nil {
		t.Fatal(err)
	}
}

// await asks until the answer has n values, and answers it.
func await(t *testing.T, s series.Store, q series.Query, n int) series.Result {
	t.Helper()
	var res series.Result
	eventually(t, "readings are visible", func() bool {
		var err error
		if res, err = s.Range(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, b := range res.Buckets {
			got += b.N
		}
		return got == n
	})
	return res
}

func keeps(t *testing.T, s series.Store, t0 time.Time) {
	at := func(sec int) time.Time { return t0.Add(time.Duration(sec) * time.Second) }
	uncertain := good("a", "level", 7, at(5))
	uncertain.Quality, uncertain.Reason = device.Uncertain, device.OutOfRange
	write(t, s, good("a", "level", 1.25, at(0)), uncertain, bad("a", "level", device.Timeout, at(10)), bad("a", "level", device.Timeout, at(15)),
		good("a", "level", math.Inf(1), at(20)), good("a", "level", -3, at(25)))
	res := await(t, s, query("a", "level", at(0), at(27)), 3)
	if res.Downsampled || res.Buckets[0].Min != 1.25 || res.Buckets[1].Max != 7 || res.Buckets[2].Min != -3 || res.Buckets[2].First != at(25).UnixMilli() {
		t.Errorf("values %+v", res.Buckets)
	}
	if len(res.Gaps) != 1 || res.Gaps[0] != (series.Gap{From: at(5).UnixMilli(), To: at(25).UnixMilli(), Reason: "timeout"}) {
		t.Errorf("a run of bad readings is a gap with their reason, got %+v", res.Gaps)
	}
	if len(res.Bad) != 1 || res.Bad[0].From != at(10).UnixMilli() || res.Bad[0].To != at(20).UnixMilli() {
		t.Errorf("bad %+v", res.Bad)
	}
	// A hole without readings has no reason of its own, and the end of the range may be one.
	write(t, s, good("b", "power", 1, at(0)), good("b", "power", 2, at(5)), good("b", "power", 3, at(10)), good("b", "power", 4, at(60)), good("b", "power", 5, at(65)))
	res = await(t, s, query("b", "power", at(0), at(120)), 5)
	want := []series.Gap{{From: at(10).UnixMilli(), To: at(60).UnixMilli()}, {From: at(65).UnixMilli(), To: at(120).UnixMilli()}}
	if len(res.Gaps) != 2 || res.Gaps[0] != want[0] || res.Gaps[1] != want[1] {
		t.Errorf("gaps %+v, want %+v", res.Gaps, want)
	}
}

func idempotent(t *testing.T, s series.Store, t0 time.Time) {
	rs := []device.Reading{good("i", "p", 1, t0), good("i", "p", 2, t0.Add(5*time.Second)), bad("i", "p", device.Corrupt, t0.Add(10*time.Second))}
	write(t, s, rs...)
	write(t, s, rs...)
	write(t, s, append(rs, rs...)...)
	res := await(t, s, query("i", "p", t0, t0.Add(11*time.Second)), 2)
	if len(res.Bad) != 1 {
		t.Errorf("bad %+v", res.Bad)
	}
}

func late(t *testing.T, s series.Store, t0 time.Time) {
	write(t, s, good("l", "p", 2, t0.Add(time.Minute)), bad("l", "q", device.Refused, t0.Add(time.Minute)))
	write(t, s, good("l", "p", 1, t0))
	res := await(t, s, query("l", "p", t0, t0.Add(2*time.Minute)), 2)
	if res.Buckets[0].Min != 1 {
		t.Errorf("order %+v", res.Buckets)
	}
	eventually(t, "newest readings", func() bool {
		rs, err := s.Latest(t.Context(), "gw-1", "l")
		if err != nil {
			t.Fatal(err)
		}
		return len(rs) == 2 && rs[0].Point == "p" && rs[0].Value == 2 && rs[0].Quality == device.Good && rs[0].Time.Equal(t0.Add(time.Minute)) &&
			rs[1].Quality == device.Bad && rs[1].Reason == device.Refused && math.IsNaN(rs[1].Value)
	})
}

func thins(t *testing.T, s series.Store, t0 time.Time) {
	var rs []device.Reading
	for i := range 2000 {
		rs = append(rs, good("t", "p", float64(i%100), t0.Add(time.Duration(i)*time.Second)))
	}
	rs[1000].Value = 9999 // a spike must survive
	for i := 500; i < 600; i++ {
		rs[i].Quality, rs[i].Reason = device.Uncertain, device.Stuck
	}
	write(t, s, rs...)
	res := await(t, s, query("t", "p", t0, t0.Add(2000*time.Second)), 2000)
	top := 0.0
	for i, b := range res.Buckets {
		top = max(top, b.Max)
		if i > 0 && b.First <= res.Buckets[i-1].Last {
			t.Fatalf("bucket %d begins before the end of the one before", i)
		}
	}
	if doubt := []series.Gap{{From: rs[500].Time.UnixMilli(), To: rs[599].Time.UnixMilli(), Reason: "stuck"}}; !slices.Equal(res.Uncertain, doubt) {
		t.Errorf("uncertain %+v, want %+v", res.Uncertain, doubt)
	}
	if !res.Downsampled || len(res.Buckets) > 100 || top != 9999 || len(res.Gaps) != 0 {
		t.Errorf("%d buckets, downsampled %v, top %v, gaps %v", len(res.Buckets), res.Downsampled, top, res.Gaps)
	}
}

func names(t *testing.T, s series.Store, t0 time.Time) {
	dev := `桩 A,3="x\` + `}${1}`
	write(t, s, good(dev, "p", 5, t0))
	if res := await(t, s, query(dev, "p", t0, t0.Add(time.Second)), 1); res.Buckets[0].Min != 5 {
		t.Errorf("got %+v", res.Buckets)
	}
}

func nothing(t *testing.T, s series.Store, t0 time.Time) {
	res, err := s.Range(t.Context(), query("none", "p", t0, t0.Add(time.Hour)))
	if err != nil || len(res.Buckets) != 0 || len(res.Gaps) != 0 {
		t.Errorf("got %+v, %v", res, err)
	}
	if rs, err := s.Latest(t.Context(), "gw-none", ""); err != nil || len(rs) != 0 {
		t.Errorf("got %v, %v", rs, err)
	}
}

// Readings that stand wider than their poll interval, as when a demo's clock runs fast, are no row of gaps.
func TestWideStampsAreNoGaps(t *testing.T) {
	s := sqlite(t)
	defer s.Close()
	t0 := time.UnixMilli(1_795_300_000_000)
	var rs []device.Reading
	for i := range 50 {
		rs = append(rs, good("d", "p", 1, t0.Add(time.Duration(i)*time.Minute)))
	}
	write(t, s, rs...)
	q := query("d", "p", t0, t0.Add(50*time.Minute))
	q.Poll = 100 * time.Millisecond
	res, err := s.Range(t.Context(), q)
	if err != nil || len(res.Gaps) != 0 {
		t.Errorf("gaps %+v, %v", res.Gaps, err)
	}
}

// Where a fast clock meets real time, the stamps before are wide and those after are narrow: no gap, and a window that
// begins in the middle carries the last value before it in. A hole between narrow stamps is one all the same.
func TestLead(t *testing.T) {
	s := sqlite(t)
	defer s.Close()
	t0 := time.UnixMilli(1_795_300_000_000)
	var rs []device.Reading
	for i := range 6 {
		rs = append(rs, good("d", "p", 1, t0.Add(time.Duration(i)*10*time.Minute)))
	}
	real := t0.Add(57 * time.Minute)
	for i := range 60 {
		rs = append(rs, good("d", "p", 2, real.Add(time.Duration(i)*time.Second)))
	}
	again := real.Add(5 * time.Minute)
	for i := range 60 {
		rs = append(rs, good("d", "p", 3, again.Add(time.Duration(i)*time.Second)))
	}
	write(t, s, rs...)
	hole := series.Gap{From: real.Add(59 * time.Second).UnixMilli(), To: again.UnixMilli()}
	res, err := series.WithLead(t.Context(), s, query("d", "p", real.Add(-2*time.Minute), again.Add(time.Minute)))
	if err != nil || !slices.Equal(res.Gaps, []series.Gap{hole}) || res.Buckets[0].First != t0.Add(50*time.Minute).UnixMilli() {
		t.Errorf("gaps %+v, first %+v, %v", res.Gaps, res.Buckets[0], err)
	}
	begin := again.Add(-time.Minute)
	hole.From = begin.UnixMilli()
	res, err = series.WithLead(t.Context(), s, query("d", "p", begin, again.Add(time.Minute)))
	if err != nil || !slices.Equal(res.Gaps, []series.Gap{hole}) || res.Buckets[0].First != again.UnixMilli() {
		t.Errorf("in a hole: gaps %+v, first %+v, %v", res.Gaps, res.Buckets[0], err)
	}
}

// A window that begins where few values stand looks far enough back to know how wide they stand.
func TestLeadLooksBackForRhythm(t *testing.T) {
	s := sqlite(t)
	defer s.Close()
	t0 := time.UnixMilli(1_795_300_000_000)
	var rs []device.Reading
	for i := range 12 {
		rs = append(rs, good("d", "p", 1, t0.Add(time.Duration(i)*35*time.Minute)))
	}
	real := t0.Add(12 * 35 * time.Minute)
	for i := range 60 {
		rs = append(rs, good("d", "p", 2, real.Add(time.Duration(i)*time.Second)))
	}
	write(t, s, rs...)
	res, err := series.WithLead(t.Context(), s, query("d", "p", real.Add(-50*time.Minute), real.Add(time.Minute)))
	if err != nil || len(res.Gaps) != 0 || res.Buckets[0].First != t0.Add(10*35*time.Minute).UnixMilli() {
		t.Errorf("gaps %+v, first %+v, %v", res.Gaps, res.Buckets[0], err)
	}
}

func TestPrune(t *testing.T) {
	s, err := series.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "series.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	t0 := time.UnixMilli(1_795_300_000_000)
	write(t, s, good("a", "p", 1, t0), good("a", "p", 2, t0.Add(time.Hour)))
	if err := s.Prune(t.Context(), t0.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if res := await(t, s, query("a", "p", t0, t0.Add(2*time.Hour)), 1); res.Buckets[0].Min != 2 {
		t.Errorf("left %+v", res.Buckets)
	}
}

// The answers of a server decide: temporary ones are told, a poison line is found by halving and all others are kept.
func TestLineRefusals(t *testing.T) {
	var mu sync.Mutex
	kept := map[string]bool{}
	status := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := new(strings.Builder)
		if _, err := copyBody(body, r); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if status != 0 {
			w.WriteHeader(status)
			return
		}
		if strings.HasSuffix(r.URL.Path, "/query") { // nothing is stored yet
			return
		}
		if strings.Contains(body.String(), "device=poison") {
			http.Error(w, `{"code":"invalid","message":"field type conflict"}`, http.StatusBadRequest)
			return
		}
		for line := range strings.Lines(body.String()) {
			kept[strings.TrimSpace(line)] = true
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	s, err := series.OpenInflux(series.Server{URL: server.URL, Token: "t", Org: "o", Bucket: "b"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	t0 := time.UnixMilli(1_795_300_000_123)
	rs := []device.Reading{good("a", "p", 1.5, t0), good("poison", "p", 2, t0), bad("b", "p", device.Timeout, t0), good("c", "p", math.NaN(), t0)}
	var refused *series.RefusedError
	if err := s.Write(t.Context(), series.Columns("gw-1", rs)); !errors.As(err, &refused) || len(refused.Refusals) != 1 || refused.Refusals[0].Device != "poison" || !strings.Contains(refused.Refusals[0].Why, "conflict") {
		t.Fatalf("got %v", err)
	}
	for _, line := range []string{"linshao,device=a,gateway=gw-1,point=p value=1.5 1795300000123", "linshao,device=b,gateway=gw-1,point=p status=1i 1795300000123",
		"linshao,device=c,gateway=gw-1,point=p status=2i 1795300000123"} {
		if !kept[line] {
			t.Errorf("not written: %s\nhave %v", line, kept)
		}
	}
	for _, code := range []int{401, 404, 429, 500, 503} {
		mu.Lock()
		status = code
		mu.Unlock()
		if err := s.Write(t.Context(), series.Columns("gw-1", rs)); err == nil || errors.As(err, &refused) {
			t.Errorf("%d must be tried again, got %v", code, err)
		}
	}
	server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := s.Write(ctx, series.Columns("gw-1", rs)); err == nil || errors.As(err, &refused) {
		t.Errorf("no server: must be tried again, got %v", err)
	}
}
