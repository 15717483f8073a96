package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/linshao/linshao/drivers/device"
	camera "github.com/linshao/linshao/drivers/rtsp"
	"github.com/linshao/linshao/drivers/sdk"
	"github.com/linshao/linshao/firmware-sim/e2e/process"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// The load of the camera figures.
const (
	cameras      = 16
	camerasPoll  = 5 * time.Second  // as the profiles say
	camerasWarm  = 50 * time.Second // until the rings are full: 9 MiB each, 37 s
	camerasLook  = 30 * time.Second
	camerasClips = 40 // rounds of three cameras
	camerasBegin = 30 * time.Second
)

// watched is a child that watches all cameras.
type watched struct {
	process *sdk.Process
	conn    device.Conn
	points  []device.Point
}

// video measures what the watching of cameras costs, with either library, and how soon a clip is there.
func video(ctx context.Context, bin, dir string) ([]figure, error) {
	film := filepath.Join(dir, "film.h264")
	if err := makeFilm(ctx, film); err != nil {
		return nil, err
	}
	address, stop, err := startCinema(ctx, film)
	if err != nil {
		return nil, err
	}
	defer stop()
	second, _, _, err := measureCameras(ctx, bin, address, true)
	if err != nil {
		return nil, err
	}
	given, size, clips, err := measureCameras(ctx, bin, address, false)
	if err != nil {
		return nil, err
	}
	slices.Sort(clips)
	load := fmt.Sprintf("%d cameras of 1080p15 at 2 Mbit/s over TCP, rings of 9 MiB (37 s) full, eight points of each read every %v; the cameras run in a process of their own", cameras, camerasPoll)
	return []figure{
		{"camera_cpu_pct_per_1080p_stream", given, "%", "lower", 1, "of one core, of the child process with deepch/vdk; " + load},
		{"camera_cpu_gortsplib_pct_per_1080p_stream", second, "%", "lower", 1, "the same with gortsplib; " + load},
		{"camera_cpu_vdk_vs_gortsplib", given / second, "ratio", "lower", 1, "of the two figures above, in the same run"},
		{"camera_rss_mib_per_stream", size, "MiB", "lower", 20, "of the child process with deepch/vdk, clips being cut, over the number of cameras; " + load},
		{"clip_ready_ms_after_event_p99", clips[len(clips)*99/100], "ms", "lower", 1000, fmt.Sprintf("from the end of a clip's 30 s to its last byte on the gateway's side; %d clips, three at once; %s", len(clips), load)},
	}, nil
}

// The RTSP libraries that camera figures are of.
const (
	givenLibrary = "deepch/vdk"
	otherLibrary = "bluenviron/gortsplib/v5"
)

// A library says of which one a camera figure is, and how it stands to the same figure of the other; empty for all other figures.
type library struct {
	Library string  `json:"library,omitempty"`
	Peer    string  `json:"peer,omitempty"`
	Ratio   float64 `json:"ratio_to_peer,omitempty"` // of the figure to its peer's, in the same run
}

func libraryOf(name string, all []figure) library {
	const first, second = "camera_cpu_pct_per_1080p_stream", "camera_cpu_gortsplib_pct_per_1080p_stream"
	value := map[string]float64{}
	for _, f := range all {
		value[f.Name] = f.Value
	}
	ratio := func(a, b string) float64 { return math.Round(value[a]/value[b]*1000) / 1000 }
	switch name {
	case first:
		return library{givenLibrary, otherLibrary, ratio(first, second)}
	case second:
		return library{otherLibrary, givenLibrary, ratio(second, first)}
	case "camera_rss_mib_per_stream", "clip_ready_ms_after_event_p99", "camera_recover_s_after_reboot_p99":
		return library{Library: givenLibrary}
	}
	return library{}
}

// startCinema starts this program once more, as the cameras.
func startCinema(ctx context.Context, film string) (address string, stop func(), err error) {
	port, err := freeport.Find()
	if err != nil {
		return "", nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return "", nil, fmt.Errorf("find myself: %w", err)
	}
	address = fmt.Sprintf("127.0.0.1:%d", port)
	cmd := exec.CommandContext(ctx, self, "-film", film, "-at", address)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("start cameras: %w", err)
	}
	return address, func() { end(cmd) }, process.Until(ctx, camerasBegin, func() error {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

// measureCameras watches all cameras with one of the libraries: percent of a core and MiB for each, and ms until clips are there.
func measureCameras(ctx context.Context, bin, address string, second bool) (percent, mib float64, clips []float64, err error) {
	cmd := sdk.Command{Path: filepath.Join(bin, "driver-rtsp"), MemoryLimit: 384 << 20}
	w := &watched{}
	var names []string
	for n := range cameras {
		name := "cam-" + strconv.Itoa(n)
		names = append(names, name)
		for _, p := range []string{camera.Connected, camera.State, camera.FPS, camera.Bitrate, camera.KeyframeAge, camera.FrozenPicture, camera.BlackPicture, camera.Stuttering} {
			w.points = append(w.points, device.Point{Device: name, Name: p, Address: fmt.Sprintf("rtsp://%s/%d", address, n)})
		}
	}
	if second {
		cmd.Env = []string{"LINSHAO_SUSPECTS=" + strings.Join(names, ",")} // cameras that have made vdk panic are read by the other one
	}
	if w.process, err = sdk.Launch(cmd); err != nil {
		return 0, 0, nil, err
	}
	defer w.process.Close()
	if w.conn, err = w.process.Open(ctx, device.Channel{ID: "cameras"}); err != nil {
		return 0, 0, nil, err
	}
	if err := w.watch(ctx, camerasWarm); err != nil {
		return 0, 0, nil, err
	}
	pid := w.process.Status().PID
	before, err := cpu(pid)
	if err != nil {
		return 0, 0, nil, err
	}
	began := time.Now()
	if err := w.watch(ctx, camerasLook); err != nil {
		return 0, 0, nil, err
	}
	after, err := cpu(pid)
	if err != nil {
		return 0, 0, nil, err
	}
	percent = (after - before).Seconds() / time.Since(began).Seconds() * 100 / cameras
	if !second {
		clips, err = w.cutMany(ctx)
	}
	size, sizeErr := process.Resident(pid)
	if s := w.process.Status(); s.Crashes > 0 {
		err = errors.Join(err, fmt.Errorf("the child has crashed: %w", s.Last))
	}
	return percent, size / cameras, clips, errors.Join(err, sizeErr)
}

// watch reads all cameras for a while; at its end all must play as they should, or the figures would flatter.
func (w *watched) watch(ctx context.Context, d time.Duration) error {
	for began := time.Now(); ; {
		readings, err := w.conn.Read(ctx, w.points)
		if err != nil {
			return fmt.Errorf("watch cameras: %w", err)
		}
		if time.Since(began) < d {
			process.Pause(ctx, min(camerasPoll, d-time.Since(began)))
			continue
		}
		for _, r := range readings {
			low := map[string]float64{camera.Connected: 1, camera.FPS: filmFPS * 0.9, camera.Bitrate: 1500}[r.Point]
			if r.Quality != device.Good || r.Value < low {
				return fmt.Errorf("watch cameras: %s of %s is %v (%v, %v)", r.Point, r.Device, r.Value, r.Quality, r.Reason)
			}
		}
		return nil
	}
}

// cutMany lets three cameras cut at once, again and again.
func (w *watched) cutMany(ctx context.Context) (ms []float64, err error) {
	c, ok := w.conn.(device.Camera)
	if !ok {
		return nil, errors.New("the child has no cameras")
	}
	for round := range camerasClips {
		to := time.Now().Add(300 * time.Millisecond)
		var mu sync.Mutex
		var all sync.WaitGroup
		for n := range 3 {
			all.Go(func() {
				_, failed := c.Clip(ctx, "cam-"+strconv.Itoa((3*round+n)%cameras), to.Add(-30*time.Second), to, func(b []byte) error {
					_, err := io.Discard.Write(b)
					return err
				})
				mu.Lock()
				defer mu.Unlock()
				err = errors.Join(err, failed)
				ms = append(ms, float64(time.Since(to).Microseconds())/1000)
			})
		}
		all.Wait()
		if err != nil {
			return nil, fmt.Errorf("cut clips: %w", err)
		}
	}
	return ms, nil
}
