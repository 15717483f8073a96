package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/linshao/linshao/drivers/device"
	camera "github.com/linshao/linshao/drivers/rtsp"
	"github.com/linshao/linshao/drivers/sdk"
	"github.com/linshao/linshao/firmware-sim/e2e/process"
	"github.com/linshao/linshao/firmware-sim/fault"
	"github.com/linshao/linshao/firmware-sim/rtsp"
)

// The load of the reboot figure.
const (
	rebootCameras = 12
	rebootRounds  = 10
	rebootLongest = 12 * time.Second
	rebootLook    = 50 * time.Millisecond // how exactly it is known
)

// reboots lets cameras reboot at random, and measures how soon after its return each has a picture again.
func reboots(ctx context.Context, bin, _ string) ([]figure, error) {
	child, err := sdk.Launch(sdk.Command{Path: filepath.Join(bin, "driver-rtsp")})
	if err != nil {
		return nil, err
	}
	defer child.Close()
	conn, err := child.Open(ctx, device.Channel{ID: "cameras"})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	var mu sync.Mutex
	var seconds []float64
	var served, measured sync.WaitGroup
	for n := range rebootCameras {
		faults := fault.New(uint64(n))
		c, err := rtsp.New(rtsp.Config{Listen: fmt.Sprintf("127.0.0.%d:0", n+1), Path: "cam", Width: 64, Height: 48, FPS: 15, KeyEvery: 15, Faults: faults})
		if err != nil {
			stop(nil)
			return nil, err
		}
		served.Go(func() { _ = c.Run(ctx) })
		r := &rebooting{conn: conn, faults: faults, rnd: rand.New(rand.NewPCG(uint64(n), 1)), point: device.Point{Device: fmt.Sprintf("cam-%d", n), Name: camera.Connected, Address: c.URL()}}
		measured.Go(func() {
			took, err := r.run(ctx)
			if err != nil {
				stop(err)
			}
			mu.Lock()
			defer mu.Unlock()
			seconds = append(seconds, took...)
		})
	}
	measured.Wait()
	err = context.Cause(ctx)
	stop(nil)
	served.Wait()
	if err != nil {
		return nil, err
	}
	slices.Sort(seconds)
	return []figure{{"camera_recover_s_after_reboot_p99", seconds[len(seconds)*99/100], "s", "lower", 5,
		fmt.Sprintf("from a camera's return, 0.5 to %v after it went, to its first picture; %d cameras in one child, %d reboots, of which half close their connections and half keep them and answer nothing; median %.2f s", rebootLongest, rebootCameras, len(seconds), seconds[len(seconds)/2])}}, nil
}

// rebooting is one camera and who looks at it.
type rebooting struct {
	conn   device.Conn
	faults *fault.Switches
	rnd    *rand.Rand
	point  device.Point
}

func (r *rebooting) run(ctx context.Context) (took []float64, err error) {
	if err := r.until(ctx); err != nil {
		return nil, err
	}
	for n := range rebootRounds {
		kind := fault.Reboot
		if n%2 == 1 {
			kind = fault.Vanish
		}
		seconds, err := r.round(ctx, kind)
		if err != nil {
			return nil, err
		}
		took = append(took, seconds)
	}
	return took, nil
}

// round lets the camera go, and measures from its return, which may come before its loss is seen.
func (r *rebooting) round(ctx context.Context, kind fault.Kind) (seconds float64, err error) {
	r.faults.Set(kind, fault.Setting{Delay: 500*time.Millisecond + time.Duration(r.rnd.Int64N(int64(rebootLongest-500*time.Millisecond)))})
	var back time.Time
	lost := false
	for began := time.Now(); time.Since(began) < time.Minute && ctx.Err() == nil; process.Pause(ctx, rebootLook) {
		if back.IsZero() && !r.faults.On(kind) {
			back = time.Now()
		}
		up, known, err := r.look(ctx)
		if err != nil {
			return 0, err
		}
		lost = lost || known && !up
		if lost && up && !back.IsZero() {
			return time.Since(back).Seconds(), nil
		}
	}
	return 0, fmt.Errorf("%s is not lost and seen again: %w", r.point.Device, context.DeadlineExceeded)
}

// look says whether the camera has a picture.
func (r *rebooting) look(ctx context.Context) (up, known bool, err error) {
	readings, err := r.conn.Read(ctx, []device.Point{r.point})
	if err != nil {
		return false, false, fmt.Errorf("watch %s: %w", r.point.Device, err)
	}
	known = readings[0].Quality == device.Good
	return known && readings[0].Value == 1, known, nil
}

// until waits for the first picture.
func (r *rebooting) until(ctx context.Context) error {
	for began := time.Now(); time.Since(began) < time.Minute && ctx.Err() == nil; process.Pause(ctx, rebootLook) {
		if up, _, err := r.look(ctx); up || err != nil {
			return err
		}
	}
	return fmt.Errorf("%s is not seen: %w", r.point.Device, context.DeadlineExceeded)
}
