package passwords_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/rtsp"
	"github.com/linshao/linshao/firmware-sim/fault"
	simulated "github.com/linshao/linshao/firmware-sim/rtsp"
	"github.com/linshao/linshao/gateway/internal/passwords"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestANewPasswordIsUsed: a camera whose password was changed is watched again as soon as its file says so, and its clips can be
// asked for; a file that others may read, or that holds none, changes nothing.
func TestANewPasswordIsUsed(t *testing.T) {
	faults := fault.New(1)
	c, err := simulated.New(simulated.Config{Listen: "127.0.0.1:0", Path: "cam", Width: 64, Height: 48, FPS: 10, KeyEvery: 5, User: "admin", Password: "one", Faults: faults})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	defer func() {
		stop()
		<-ended
	}()
	file := filepath.Join(t.TempDir(), "cam.password")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(file+".new", []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	write("admin:one\n", 0o600)
	address := "rtsp://admin:one@" + strings.TrimPrefix(c.URL(), "rtsp://")
	if i := strings.Index(c.URL(), "@"); i >= 0 {
		address = "rtsp://admin:one@" + c.URL()[i+1:]
	}
	d := passwords.Driver{Driver: rtsp.Driver{}, Files: []passwords.File{{Device: "cam-1", Name: file, Address: address}}, Log: slog.New(slog.DiscardHandler)}
	conn, err := d.Open(t.Context(), device.Channel{ID: "cams"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // of a test
	until := func(what string, ok func(device.Reading) bool) {
		t.Helper()
		limit, tick := time.After(20*time.Second), time.NewTicker(50*time.Millisecond)
		defer tick.Stop()
		for {
			rs, err := conn.Read(t.Context(), []device.Point{{Device: "cam-1", Name: rtsp.State, Address: address}})
			if err != nil {
				t.Fatal(err)
			}
			if ok(rs[0]) {
				return
			}
			select {
			case <-tick.C:
			case <-limit:
				t.Fatalf("%s: %+v", what, rs[0])
			}
		}
	}
	up := func(r device.Reading) bool { return r.Quality == device.Good && r.Value == rtsp.StateGood }
	refused := func(r device.Reading) bool { return r.Quality == device.Good && r.Value == rtsp.StateWrongPassword }
	until("it is watched", up)
	faults.Set(fault.Password, fault.Setting{})
	until("the old password is refused", refused)
	write("admin:one2\n", 0o644)
	until("others may read it", refused)
	write("nothing\n", 0o600)
	until("there is none in it", refused)
	write("admin:one2\n", 0o644)
	until("others may read the new one", refused)
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	until("the new one is used", up)
	eyes, ok := conn.(device.Camera)
	if !ok {
		t.Fatal("it is no camera any more")
	}
	until("its pictures come", func(device.Reading) bool {
		_, _, err := eyes.Still(t.Context(), "cam-1", time.Now().Add(time.Second))
		return err == nil
	})
}
