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
		fmt.Sprintf("from a camera's return, 0.5 to %v after it went without a word, to its first picture; %d cameras in one child, %d reboots; median %.2f s", rebootLongest, rebootCameras, len(seconds), seconds[len(seconds)/2])}}, nil
}

// rebooting is one camera and who looks at it.
type rebooting struct {
	conn   device.Conn
	faults *fault.Switches
	rnd    *rand.Rand
	point  device.Point
}

func (r *rebooting) run(ctx context.Context) (took []float64, err error) {
	if err := r.until(ctx, true); err != nil {
		return nil, err
	}
	for range rebootRounds {
		r.faults.Set(fault.Reboot, fault.Setting{Delay: 500*time.Millisecond + time.Duration(r.rnd.Int64N(int64(rebootLongest-500*time.Millisecond)))})
		if err := r.until(ctx, false); err != nil {
			return nil, err
		}
		for r.faults.On(fault.Reboot) && ctx.Err() == nil {
			select {
			case <-r.faults.Changed():
			case <-time.After(rebootLook):
			}
		}
		since := time.Now()
		if err := r.until(ctx, true); err != nil {
			return nil, err
		}
		took = append(took, time.Since(since).Seconds())
	}
	return took, nil
}

// until waits for a picture, or for its end.
func (r *rebooting) until(ctx context.Context, up bool) error {
	for began := time.Now(); time.Since(began) < time.Minute && ctx.Err() == nil; process.Pause(ctx, rebootLook) {
		readings, err := r.conn.Read(ctx, []device.Point{r.point})
		if err != nil {
			return fmt.Errorf("watch %s: %w", r.point.Device, err)
		}
		if readings[0].Quality == device.Good && (readings[0].Value == 1) == up {
			return nil
		}
	}
	return fmt.Errorf("%s is not seen again, or not lost: %w", r.point.Device, context.DeadlineExceeded)
}
