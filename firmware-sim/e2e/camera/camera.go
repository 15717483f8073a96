// Package camera proves what a bad camera may cost: its own group a second or two, the others and the gateway nothing. A gateway
// reads four lines: hostile cameras, which answer with everything that is known to break the library and with mutations of real
// pictures; cameras that reboot without end; and two that must not notice, a camera in a group of its own and a meter. The make
// target prove uses it.
package camera

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/linshao/linshao/firmware-sim/fault"
)

// Options of a proof.
type Options struct {
	Bin         string        // folder of the programs
	Dir         string        // an empty folder
	Connections int           // that hostile cameras take, at least
	Reboots     int           // at least
	Lasts       time.Duration // at least
	Seed        uint64
}

// A Result is what the proof found. Pairs are the most in the run's second quarter and in its last.
type Result struct {
	Name        string  `json:"name"`
	Connections int64   `json:"hostile_connections"`
	Gateway     int     `json:"gateway_crashes"`
	Restarts    int     `json:"hostile_child_restarts"`
	Reboots     int     `json:"reboots"`
	RecoverP99  float64 `json:"recover_s_p99"`      // from the camera's return to its first picture, as the gateway tells
	Neighbours  int     `json:"neighbours_crashed"` // of the two other groups of cameras
	MeterLate   float64 `json:"meter_late_p99"`     // of its polling interval, between two questions that it was asked
	CameraLate  float64 `json:"neighbour_late_p99"` // the same of the quiet camera, between two readings
	Goroutines  [2]int  `json:"gateway_goroutines"`
	Files       [2]int  `json:"gateway_descriptors"`
	RSS         [2]int  `json:"gateway_rss_mib"`
	ChildFiles  [2]int  `json:"children_descriptors"` // of the two other groups of cameras
	ChildRSS    [2]int  `json:"children_rss_mib"`
	Grew        bool    `json:"grew"`
	Minutes     float64 `json:"minutes"`
	Seed        uint64  `json:"seed"`
}

// Broken says whether the promise is.
func (r Result) Broken() bool {
	return r.Gateway > 0 || r.Restarts == 0 || r.Neighbours > 0 || r.RecoverP99 > 5 || r.MeterLate > 0.1 || r.CameraLate > 0.1 || r.Grew
}

const patience = time.Minute // with one camera

// errEnded says that the gateway did, by itself.
var errEnded = errors.New("the gateway has ended: gateway.log says why")

// Run carries out the proof.
func Run(ctx context.Context, o Options) (res Result, err error) {
	res, began := Result{Name: "camera_soak", Seed: o.Seed}, time.Now()
	ctx, end := context.WithCancelCause(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer end(nil)
	f, err := newField(ctx, &all, o.Seed)
	if err != nil {
		return res, err
	}
	g, err := start(ctx, o, f)
	if err != nil {
		return res, err
	}
	defer g.Kill()
	all.Go(func() {
		select {
		case <-g.Done():
			end(errEnded)
		case <-ctx.Done():
		}
	})
	w := newWatch(o, g)
	all.Go(func() { w.run(ctx) })
	recovered, err := soak(ctx, o, f, w)
	if errors.Is(context.Cause(ctx), errEnded) {
		res.Gateway, err = 1, nil // the result says the rest
	}
	if err != nil {
		return res, err
	}
	res.Reboots, res.Connections, res.RecoverP99, res.MeterLate = len(recovered), f.served.Load(), p99(recovered), f.meter.late()
	res.Minutes = math.Round(time.Since(began).Minutes()*10) / 10
	return res, w.judge(&res, o.Dir)
}

// soak waits until all is warm, lets the hostile cameras in, and ends when all was enough: until then both go on, so that the run's end
// can be held against its beginning.
func soak(ctx context.Context, o Options, f *field, w *watch) (recovered []float64, err error) {
	for _, id := range append(ids("away", len(f.faults)), quiet) {
		if err := w.until(ctx, patience, func() bool { return w.pictured(id) }); err != nil {
			return nil, fmt.Errorf("wait for the first picture of %s: %w", id, err)
		}
	}
	w.begin()
	f.begin()
	began := time.Now()
	return reboots(ctx, f.faults, w, func(rebooted int) bool {
		return rebooted >= o.Reboots && f.served.Load() >= int64(o.Connections) && time.Since(began) >= o.Lasts
	})
}

// reboots lets cameras reboot again and again, side by side, and measures how long after its return each has a picture.
func reboots(ctx context.Context, cameras []*fault.Switches, w *watch, enough func(n int) bool) (took []float64, err error) {
	var all sync.WaitGroup
	var mu sync.Mutex
	for i, id := range ids("away", len(cameras)) {
		all.Go(func() {
			for done := false; !done; {
				seconds, failed := reboot(ctx, cameras[i], w, id)
				mu.Lock()
				took, err = append(took, seconds), errors.Join(err, failed)
				done = err != nil || enough(len(took))
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return took, err
}

// reboot is one of one camera.
func reboot(ctx context.Context, faults *fault.Switches, w *watch, id string) (seconds float64, err error) {
	faults.Set(fault.Reboot, fault.Setting{Delay: 700 * time.Millisecond})
	if err := w.until(ctx, patience, func() bool { return !w.pictured(id) }); err != nil {
		return 0, fmt.Errorf("wait for the end of %s: %w", id, err)
	}
	if err := w.until(ctx, patience, func() bool { return !faults.On(fault.Reboot) }); err != nil {
		return 0, err
	}
	since := time.Now()
	if err := w.until(ctx, patience, func() bool { return w.pictured(id) }); err != nil {
		return 0, fmt.Errorf("wait for %s to be back: %w", id, err)
	}
	return time.Since(since).Seconds(), nil
}

// ids are name-0, name-1, …
func ids(name string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%s-%d", name, i))
	}
	return all
}

// late is how far the times between events were from the interval, as a share of it.
func late(events []time.Time) float64 {
	var shares []float64
	for i := 1; i < len(events); i++ {
		shares = append(shares, math.Abs(events[i].Sub(events[i-1]).Seconds()/every.Seconds()-1))
	}
	return p99(shares)
}

func p99(all []float64) float64 {
	if len(all) == 0 {
		return 100 // what was never seen was never in time
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[(len(sorted)-1)*99/100]
}
