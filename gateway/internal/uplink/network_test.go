package uplink_test

import (
	"context"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/linshao/linshao/gateway/internal/uplink"
)

// network is the result of the proof of that name.
type network struct {
	Name       string             `json:"name"`
	Runs       int                `json:"runs"`
	Failed     int                `json:"failed"`
	KeepAliveS float64            `json:"keep_alive_s"`
	LimitS     float64            `json:"limit_s"`
	RecoveryS  map[string]float64 `json:"recovery_s"` // from the end of the fault to the delivery of all that was made during it
	Goroutines int                `json:"goroutines_grown"`
	Files      int                `json:"files_grown"`
}

// TestNetwork is the proof network: paho and TCP through a line that is broken in each way for a while. Delivery goes on within
// keep-alive × 1.5 + 10 s after the end, and nothing is left over. LINSHAO_PROOF_LONG=1: real constants and 10 minutes of a black hole.
func TestNetwork(t *testing.T) {
	alive, lasts, hole := 2*time.Second, 3*time.Second, 5*time.Second
	if os.Getenv("LINSHAO_PROOF_LONG") != "" {
		alive, lasts, hole = 30*time.Second, time.Minute, 10*time.Minute
	}
	limit := alive*3/2 + 10*time.Second
	result := network{Name: "network", KeepAliveS: alive.Seconds(), LimitS: limit.Seconds(), RecoveryS: map[string]float64{}}
	s, c := newSite(t), newCloud()
	defer s.close(t)
	b := newLiar(t, c, 1)
	defer b.close()
	p := newProxy(t, b.l.Addr().String())
	defer p.close()
	s.cfg.URL, s.cfg.KeepAlive = "mqtt://localhost", alive
	u, err := uplink.New(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	names := make(chan bool, 1) // whether names can be resolved
	names <- true
	u.DialWith(func(ctx context.Context, network, _ string) (net.Conn, error) {
		ok := <-names
		names <- ok
		if !ok {
			return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "server misbehaving", Name: "cloud", IsTemporary: true}}
		}
		return (&net.Dialer{}).DialContext(ctx, network, p.l.Addr().String())
	})
	defer start(t, u)()
	s.append(t, 5, 50)
	c.until(t, "the first records", s.delivered)
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for _, f := range []struct {
		name  string
		how   breakage
		lasts time.Duration
		dns   bool
	}{
		{"latency", breakage{latency: alive / 15}, lasts, false},
		{"5_kbit_s", breakage{rate: 625}, lasts, false},
		{"sliced", breakage{slice: 3}, lasts, false},
		{"reset_in_a_packet", breakage{reset: 700}, lasts, false},
		{"half_open", breakage{hole: true}, lasts, false},
		{"captive_portal", breakage{portal: true, reset: 1}, lasts, false},
		{"no_dns", breakage{portal: true, reset: 1}, lasts, true},
		{"blackhole", breakage{hole: true}, hole, false},
	} {
		p.set(f.how)
		if f.dns {
			<-names
			names <- false
		}
		if f.name == "half_open" {
			b.drop() // the broker's end is gone, the gateway's stays
		}
		s.append(t, 3, 20)
		<-time.After(f.lasts)
		s.append(t, 3, 20)
		p.set(breakage{})
		<-names
		names <- true
		begin := time.Now()
		c.until(t, f.name, s.delivered)
		took := time.Since(begin)
		result.Runs++
		result.RecoveryS[f.name] = float64(took.Milliseconds()) / 1000
		if took > limit {
			result.Failed++
			t.Errorf("%s: delivered %v after the end, limit %v", f.name, took, limit)
		}
	}
	for deadline := time.Now().Add(limit); time.Now().Before(deadline) && (runtime.NumGoroutine() > goroutines || openFiles(t) > files); {
		<-time.After(100 * time.Millisecond)
	}
	result.Goroutines, result.Files = max(0, runtime.NumGoroutine()-goroutines), max(0, openFiles(t)-files)
	if result.Goroutines > 0 || result.Files > 2 { // logs may have grown by a segment
		result.Failed++
		t.Errorf("grown by %d goroutines, %d files", result.Goroutines, result.Files)
	}
	s.check(t, c)
	show(t, result)
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
