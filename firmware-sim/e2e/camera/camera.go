// Package camera proves what a bad camera may cost: its own group a second or two, the others nothing. Hostile cameras feed one
// child process of the gateway's side with everything that is known to break the library and with mutations of real pictures;
// another camera reboots without end; a third, in a child of its own, must not notice. The make target prove uses it.
package camera

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/sdk"
	"github.com/linshao/linshao/firmware-sim/fault"
	"github.com/linshao/linshao/firmware-sim/rtsp"
)

// Options of a proof.
type Options struct {
	Bin         string // folder of the programs
	Connections int    // that hostile cameras take
	Reboots     int
	Seed        uint64
}

// A Result is what the proof found.
type Result struct {
	Name        string  `json:"name"`
	Connections int64   `json:"hostile_connections"`
	Crashes     uint64  `json:"hostile_child_crashes"`
	Reboots     int     `json:"reboots"`
	RecoverP99  float64 `json:"recover_s_p99"` // from the camera's return to its first picture
	Neighbour   uint64  `json:"neighbour_crashes"`
	Late        float64 `json:"neighbour_late_share_p99"` // of its polling interval
	Descriptors [2]int  `json:"descriptors"`              // of this process, before and after
	Goroutines  [2]int  `json:"goroutines"`
	RSS         [2]int  `json:"neighbour_rss_mib"`
	OwnRSS      [2]int  `json:"gateway_side_rss_mib"` // of this process: as the gateway it has the children, and a crash of it ends the proof
	Minutes     float64 `json:"minutes"`
	Seed        uint64  `json:"seed"`
}

const (
	every     = 200 * time.Millisecond // between two reads of cameras
	rebooting = 16                     // cameras that reboot side by side, for one is away for seconds each time
	hosts     = 20                     // of hostile cameras, for one host is not asked by many at once
)

// Broken says whether the promise is.
func (r Result) Broken() bool {
	return r.Neighbour > 0 || r.RecoverP99 > 5 || r.Late > 0.1 || r.Descriptors[1] > r.Descriptors[0]+16 || r.Goroutines[1] > r.Goroutines[0]+16 ||
		r.RSS[1] > 2*r.RSS[0]+32 || r.OwnRSS[1] > 2*r.OwnRSS[0]+32
}

// Run carries out the proof.
func Run(ctx context.Context, o Options) (Result, error) {
	res, began := Result{Name: "camera_soak", Reboots: o.Reboots, Seed: o.Seed}, time.Now()
	ctx, end := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer end()
	var faults []*fault.Switches
	var away []string
	for n := range rebooting {
		f := fault.New(o.Seed + uint64(n))
		url, err := simulated(ctx, &all, f)
		if err != nil {
			return res, err
		}
		faults, away = append(faults, f), append(away, url)
	}
	quiet, err := simulated(ctx, &all, nil)
	if err != nil {
		return res, err
	}
	var served atomic.Int64
	urls, err := hostiles(ctx, &all, &served, o.Seed)
	if err != nil {
		return res, err
	}
	groups := [3]*group{}
	for i, us := range [][]string{{quiet}, away, urls} {
		p, err := sdk.Launch(sdk.Command{Path: filepath.Join(o.Bin, "driver-rtsp")})
		if err != nil {
			return res, fmt.Errorf("launch driver: %w", err)
		}
		defer p.Close()
		groups[i] = &group{process: p, urls: us, up: make([]atomic.Bool, len(us))}
	}
	good, back, bad := groups[0], groups[1], groups[2]
	all.Go(func() { good.run(ctx) })
	all.Go(func() { back.run(ctx) })
	for n := range away {
		if err := errors.Join(good.until(ctx, 0, true), back.until(ctx, n, true)); err != nil {
			return res, err
		}
	}
	all.Go(func() { bad.run(ctx) })
	if err := until(ctx, func() bool { return served.Load() > 40 }); err != nil { // all is warm
		return res, err
	}
	res.Descriptors[0], res.Goroutines[0], res.RSS[0] = descriptors(), runtime.NumGoroutine(), rss(good.process.Status().PID)
	res.OwnRSS[0] = rss(os.Getpid())
	recovered, err := reboots(ctx, o.Reboots, faults, back)
	if err == nil {
		err = until(ctx, func() bool { return served.Load() >= int64(o.Connections) })
	}
	if err != nil {
		return res, err
	}
	res.Descriptors[1], res.Goroutines[1], res.RSS[1] = descriptors(), runtime.NumGoroutine(), rss(good.process.Status().PID)
	res.OwnRSS[1], res.Minutes = rss(os.Getpid()), math.Round(time.Since(began).Minutes()*10)/10
	res.Connections, res.Crashes, res.Neighbour = served.Load(), bad.process.Status().Crashes, good.process.Status().Crashes+back.process.Status().Crashes
	res.RecoverP99, res.Late = p99(recovered), good.late()
	return res, nil
}

// simulated starts a simulated camera.
func simulated(ctx context.Context, all *sync.WaitGroup, faults *fault.Switches) (string, error) {
	c, err := rtsp.New(rtsp.Config{Listen: "127.0.0.1:0", Path: "cam", Width: 64, Height: 48, FPS: 10, KeyEvery: 5, Faults: faults})
	if err != nil {
		return "", fmt.Errorf("start camera: %w", err)
	}
	all.Go(func() { _ = c.Run(ctx) })
	return c.URL(), nil
}

// hostiles start cameras on several hosts.
func hostiles(ctx context.Context, all *sync.WaitGroup, served *atomic.Int64, seed uint64) (urls []string, err error) {
	for host := 2; host < 2+hosts; host++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.%d:0", host))
		if err != nil {
			return nil, fmt.Errorf("listen for a hostile camera: %w", err)
		}
		h := &hostile{listener: l, served: served, seed: seed}
		all.Go(func() { h.serve(ctx) })
		for n := range 4 {
			urls = append(urls, fmt.Sprintf("rtsp://%s/%d", l.Addr(), n))
		}
	}
	return urls, nil
}

// reboots lets cameras reboot again and again, side by side, and measures how long after its return each has a picture.
func reboots(ctx context.Context, n int, cameras []*fault.Switches, g *group) (took []float64, err error) {
	var all sync.WaitGroup
	var mu sync.Mutex
	for i, faults := range cameras {
		all.Go(func() {
			for k := i; k < n; k += len(cameras) {
				seconds, failed := reboot(ctx, faults, g, i)
				mu.Lock()
				took, err = append(took, seconds), errors.Join(err, failed)
				mu.Unlock()
				if failed != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return took, err
}

// reboot is one of one camera.
func reboot(ctx context.Context, faults *fault.Switches, g *group, n int) (seconds float64, err error) {
	faults.Set(fault.Reboot, fault.Setting{Delay: 700 * time.Millisecond})
	if err := g.until(ctx, n, false); err != nil {
		return 0, err
	}
	if err := until(ctx, func() bool { return !faults.On(fault.Reboot) }); err != nil {
		return 0, err
	}
	since := time.Now()
	err = g.until(ctx, n, true)
	return time.Since(since).Seconds(), err
}

// group is a child with its cameras, read as the gateway does.
type group struct {
	process *sdk.Process
	urls    []string
	up      []atomic.Bool // the camera of each URL has a picture

	mu     sync.Mutex
	lagged []float64 // how late reads were, as a share of the interval
}

// run reads until ctx ends, and opens again what broke.
func (g *group) run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var conn device.Conn
	for ctx.Err() == nil {
		if conn == nil {
			conn, _ = g.process.Open(ctx, device.Channel{ID: "cams"}) // the back-off refuses; the next tick tries again
		}
		began := time.Now()
		for i, url := range g.urls {
			if conn == nil {
				break
			}
			rs, err := conn.Read(ctx, []device.Point{{Device: "cam-" + strconv.Itoa(i), Name: "connected", Address: url}})
			if err != nil {
				conn = nil
				break
			}
			g.up[i].Store(rs[0].Quality == device.Good && rs[0].Value == 1)
		}
		g.mu.Lock()
		g.lagged = append(g.lagged, time.Since(began).Seconds()/every.Seconds())
		g.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func (g *group) until(ctx context.Context, n int, up bool) error {
	return until(ctx, func() bool { return g.up[n].Load() == up })
}

func (g *group) late() float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return p99(g.lagged)
}

// until polls; an hour is more than any run takes.
func until(ctx context.Context, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait: %w", ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

func p99(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[(len(sorted)-1)*99/100]
}

func descriptors() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

// rss of a process in MiB.
func rss(pid int) int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1])
	return pages * os.Getpagesize() >> 20
}
