package rtsp_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/rtsp"
	"github.com/linshao/linshao/firmware-sim/fault"
	sim "github.com/linshao/linshao/firmware-sim/rtsp"
)

// simulated starts a simulated camera with a password, and the switches that break it.
func simulated(t *testing.T, width, height int) (url string, faults *fault.Switches) {
	t.Helper()
	return simulatedWith(t, sim.Config{Width: width, Height: height})
}

func simulatedWith(t *testing.T, cfg sim.Config) (url string, faults *fault.Switches) {
	t.Helper()
	faults = fault.New(1)
	cfg.Listen, cfg.Path, cfg.FPS, cfg.KeyEvery, cfg.User, cfg.Password, cfg.Faults = "127.0.0.1:0", "cam", 20, 10, "admin", "right", faults
	c, err := sim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return strings.Replace(c.URL(), "rtsp://", "rtsp://admin:right@", 1), faults
}

func (c camera) is(state float64) bool {
	return c[rtsp.State].Quality == device.Good && c[rtsp.State].Value == state
}

func (c camera) good(name string) bool { return c[name].Quality == device.Good }

// TestReboots: a camera that reboots is unreachable, and seen again within five seconds of its return. A clip that ends while it was
// away says so, though the camera is back.
func TestReboots(t *testing.T) {
	t.Parallel()
	url, faults := simulated(t, 128, 96)
	conn := open(t, rtsp.Driver{})
	for _, away := range []time.Duration{time.Second, 6 * time.Second} { // the second is longer than every pause between attempts
		eventually(t, 30*time.Second, "two key frames", func() bool { return look(t, conn, url).good(rtsp.KeyframeInterval) })
		faults.Set(fault.Reboot, fault.Setting{Delay: away})
		eventually(t, 10*time.Second, "unreachable", func() bool { return look(t, conn, url).is(rtsp.StateUnreachable) })
		gone := time.Now()
		eventually(t, 20*time.Second, "back", func() bool { return !faults.On(fault.Reboot) })
		if took := eventually(t, 20*time.Second, "recovered", func() bool { return look(t, conn, url).connected() }); took > 5*time.Second {
			t.Errorf("recovered after %v", took)
		}
		to := gone.Add(away / 2)
		clip, _ := cut(t, conn.(device.Camera), "cam-1", gone.Add(-100*time.Millisecond), to)
		if len(clip.Holes) != 1 || clip.Holes[0].Reason != "camera_down" || clip.Holes[0].To.Sub(to).Abs() > 50*time.Millisecond || clip.To.Sub(gone) > 150*time.Millisecond {
			t.Errorf("the clip ends %v after the camera was gone, holes %+v", clip.To.Sub(gone), clip.Holes)
		}
	}
}

// TestAnotherPassword: the word for it is its own; a channel that is opened anew, as after a change of the configuration, does not
// wait as long as the old one must.
func TestAnotherPassword(t *testing.T) {
	t.Parallel()
	url, faults := simulated(t, 128, 96)
	conn := open(t, rtsp.Driver{})
	eventually(t, 30*time.Second, "connected", func() bool { return look(t, conn, url).connected() })
	faults.Set(fault.Password, fault.Setting{})
	eventually(t, 20*time.Second, "wrong password", func() bool {
		c := look(t, conn, url)
		return c.lost(device.AuthFailed) && c.is(rtsp.StateWrongPassword)
	})
	anew := open(t, rtsp.Driver{})
	if took := eventually(t, 20*time.Second, "connected", func() bool {
		return look(t, anew, strings.Replace(url, "right@", "right2@", 1)).connected()
	}); took > 5*time.Second {
		t.Errorf("connected after %v", took)
	}
	if !look(t, conn, url).is(rtsp.StateWrongPassword) {
		t.Error("the old channel has tried again too soon")
	}
}

// TestClockJumps: the hour shows, and the pictures go on.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	url, faults := simulated(t, 128, 96)
	conn := open(t, rtsp.Driver{})
	eventually(t, 30*time.Second, "the camera's clock", func() bool {
		c := look(t, conn, url)
		return c.good(rtsp.ClockOffset) && c[rtsp.ClockOffset].Value < 1
	})
	faults.Set(fault.Clock, fault.Setting{})
	eventually(t, 30*time.Second, "an hour ahead", func() bool {
		o := look(t, conn, url)[rtsp.ClockOffset]
		return o.Quality == device.Good && o.Value > 3590 && o.Value < 3610
	})
	now := time.Now()
	clip, _ := cut(t, conn.(device.Camera), "cam-1", now.Add(-time.Second), now.Add(time.Second))
	if ahead := clip.CameraFrom.Sub(clip.From); len(clip.Holes) != 0 || (ahead-time.Hour).Abs() > 2*time.Second {
		t.Errorf("the clip's camera is %v ahead, holes %+v", ahead, clip.Holes)
	}
	if c := look(t, conn, url); !c.connected() || !c.good(rtsp.FPS) {
		t.Errorf("%+v", c)
	}
}

// TestCoveredLens: the word for it.
func TestCoveredLens(t *testing.T) {
	t.Parallel()
	url, faults := simulated(t, 320, 240)
	conn := open(t, rtsp.Driver{})
	eventually(t, 30*time.Second, "fine for a while", func() bool { c := look(t, conn, url); return c.good(rtsp.FPS) && c.is(rtsp.StateGood) })
	faults.Set(fault.Dark, fault.Setting{})
	eventually(t, 30*time.Second, "black", func() bool { return look(t, conn, url).is(rtsp.StateBlack) })
	faults.Clear(fault.Dark)
	eventually(t, 30*time.Second, "fine", func() bool { return !look(t, conn, url).is(rtsp.StateBlack) })
}

// TestUsualRateOutlivesTheProcess: what a camera usually sends is known to the next process, which therefore sees at once that it
// has collapsed. An "hour" is a second at first, and ten in the next life, too long to have learned it there.
func TestUsualRateOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	url, faults := simulated(t, 128, 96)
	state := filepath.Join(t.TempDir(), "state")
	first := open(t, rtsp.Driver{State: state, Hour: time.Second})
	eventually(t, 30*time.Second, "a usual rate", func() bool { return look(t, first, url).good(rtsp.BitrateRatio) })
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	next := open(t, rtsp.Driver{State: state, Hour: 10 * time.Second})
	eventually(t, 15*time.Second, "the usual rate of before", func() bool {
		c := look(t, next, url)
		if c.good(rtsp.FPS) && !c.good(rtsp.BitrateRatio) {
			t.Fatal("it has forgotten")
		}
		ratio := c[rtsp.BitrateRatio].Value
		return c.good(rtsp.BitrateRatio) && ratio > 0.7 && ratio < 1.4 && c.is(rtsp.StateGood)
	})
	faults.Set(fault.Thin, fault.Setting{})
	eventually(t, 20*time.Second, "collapsed", func() bool { return look(t, next, url).is(rtsp.StateCollapsed) })
}

// TestDamagedMemory: what cannot be read is told, and is no reason not to watch.
func TestDamagedMemory(t *testing.T) {
	for name, content := range map[string]string{"cut": `{"cam-1":{"hours":[1,2`, "no object": "[]", "null": "null", "nonsense": `{"cam-1":{"saved":"2999-01-01T00:00:00Z","hours":[-1e300],"count":-5}}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := t.TempDir()
			if err := os.WriteFile(filepath.Join(state, "cameras.rates.json"), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			var log syncBuffer
			conn := open(t, rtsp.Driver{State: state, Hour: time.Second, Log: slog.New(slog.NewTextHandler(&log, nil))})
			url, _ := simulated(t, 64, 48)
			eventually(t, 30*time.Second, "a rate", func() bool { return name != "null" || look(t, conn, url).good(rtsp.BitrateRatio) })
			look(t, conn, url)
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
			if told := strings.Contains(log.String(), "are lost"); told != (name != "nonsense") {
				t.Errorf("log: %s", log.String())
			}
		})
	}
}
