package inbox_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// server is a VictoriaMetrics that can be killed and started again on the same folder and address.
type server struct {
	t             *testing.T
	program, addr string
	dir           string
	cmd           *exec.Cmd
}

func newServer(t *testing.T) *server {
	program, err := exec.LookPath("victoria-metrics")
	if err != nil && os.Getenv("LINSHAO_REQUIRE") == "1" {
		t.Fatal("needs victoria-metrics: apt-get install victoria-metrics")
	} else if err != nil {
		t.Skip("needs victoria-metrics: apt-get install victoria-metrics")
	}
	v := &server{t: t, program: program, addr: freeport.Address(t), dir: t.TempDir()}
	t.Cleanup(v.kill)
	return v
}

func (v *server) start() {
	v.t.Helper()
	v.cmd = exec.Command(v.program, "-httpListenAddr="+v.addr, "-storageDataPath="+v.dir, "-retentionPeriod=12", "-dedup.minScrapeInterval=1ms",
		"-memory.allowedBytes=64MB", "-loggerLevel=ERROR")
	if err := v.cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	within(v.t, "VictoriaMetrics answers", func() bool {
		resp, err := http.Get("http://" + v.addr + "/health")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// kill is kill -9.
func (v *server) kill() {
	if v.cmd != nil {
		_ = v.cmd.Process.Kill()
		_ = v.cmd.Wait()
		v.cmd = nil
	}
}

// values counts how often each value of a point is there.
func (v *server) values(point string) map[float64]int {
	v.t.Helper()
	resp, err := http.Get("http://" + v.addr + "/api/v1/export?" + url.Values{"match[]": {`linshao_value{point="` + point + `"}`}, "start": {"0"}}.Encode())
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	out := map[float64]int{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		var e struct{ Values []float64 }
		if err := json.NewDecoder(bytes.NewReader(lines.Bytes())).Decode(&e); err != nil {
			v.t.Fatal(err)
		}
		for _, x := range e.Values {
			out[x]++
		}
	}
	return out
}

func within(t *testing.T, what string, look func() bool) {
	t.Helper()
	tick, limit := time.NewTicker(50*time.Millisecond), time.After(90*time.Second)
	defer tick.Stop()
	for !look() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%s: not within 90 s", what)
		}
	}
}

// feed puts five records a second into the inbox until ctx ends, and answers how many.
func feed(ctx context.Context, t *testing.T, d *db.DB, wake func()) int {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return n
		case <-tick.C:
			fill(t, d, "a-1", n, 1)
			wake()
		}
	}
}

// VictoriaMetrics is killed again and again while readings arrive. Whatever has left the inbox by then is on its disk.
func TestNothingLeavesTheInboxTooEarly(t *testing.T) {
	v := newServer(t)
	v.start()
	d := dbtest.SQLite(t).Open(t)
	store, err := series.OpenVictoria(series.Server{URL: "http://" + v.addr})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	dr := drain(t, d, store, nil)
	ctx, stop := context.WithCancel(t.Context())
	feeding, enough := context.WithCancel(ctx)
	var both sync.WaitGroup
	fed := make(chan int, 1)
	both.Go(func() {
		if err := dr.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	both.Go(func() { fed <- feed(feeding, t, d, dr.Wake) })
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	for range 3 {
		<-time.After(time.Duration(random.Int64N(int64(12 * time.Second))))
		v.kill()
		v.start()
	}
	enough()
	n := <-fed
	within(t, "the inbox is empty", func() bool { return left(t, d, "inbox") == 0 })
	stop()
	both.Wait()
	v.kill()
	v.start()
	lost, doubled := []int{}, 0
	for i, got := 0, v.values("p"); i < n; i++ {
		if c := got[float64(i)]; c == 0 {
			lost = append(lost, i)
		} else if c > 1 {
			doubled++
		}
	}
	if len(lost) > 0 || doubled > 0 {
		t.Errorf("of %d records %d are lost %s, %d doubled; seed %d", n, len(lost), fmt.Sprint(lost), doubled, seed)
	}
}
