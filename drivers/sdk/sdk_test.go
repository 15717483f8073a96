package sdk_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/sdk"
)

// launch gives a driver that is this test binary; it is closed when the test ends.
func launch(t *testing.T, change ...func(*sdk.Command)) *sdk.Process {
	t.Helper()
	cmd := sdk.Command{Path: os.Args[0], Args: []string{"driver"}}
	for _, f := range change {
		f(&cmd)
	}
	p, err := sdk.Launch(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func open(t *testing.T, p *sdk.Process) device.Conn {
	t.Helper()
	c, err := p.Open(t.Context(), device.Channel{ID: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func named(names ...string) []device.Point {
	var ps []device.Point
	for _, n := range names {
		ps = append(ps, device.Point{Device: "d", Name: n, Scale: 0.1, Max: 100, Writable: []float64{1}})
	}
	return ps
}

func TestReadingsComeAcrossWhole(t *testing.T) {
	c := open(t, launch(t))
	ps := named("value", "bad", "special", "nan", "high", "empty", "lied")
	ps[2].Special = map[int64]device.Reason{0x7FFF: device.SensorFault}
	ps[4].Max = 20
	rs, err := c.Read(t.Context(), ps)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_800_000_000, 123)
	want := []device.Reading{
		{Device: "d", Point: "value", Value: 23.5, Quality: device.Good, Time: at},
		device.BadReading(ps[1], device.DeviceBusy, at),
		device.BadReading(ps[2], device.SensorFault, at),
		device.BadReading(ps[3], device.Mismatch, at), // a good reading without a number is not believed
		{Device: "d", Point: "high", Value: 23.5, Quality: device.Uncertain, Reason: device.OutOfRange, Time: at},
		{Device: "d", Point: "empty", Value: math.NaN(), Quality: device.Bad, Reason: device.Mismatch}, // never a zero
		{Device: "d", Point: "lied", Value: math.NaN(), Quality: device.Bad, Reason: device.Mismatch, Time: at},
	}
	for i := range want {
		got := rs[i]
		sameValue := got.Value == want[i].Value || got.Value != got.Value && want[i].Value != want[i].Value
		if got.Key() != want[i].Key() || !sameValue || got.Quality != want[i].Quality || got.Reason != want[i].Reason || !got.Time.Equal(want[i].Time) {
			t.Errorf("got %+v, want %+v", got, want[i])
		}
	}
	if rs, err := c.Read(t.Context(), named("short", "value")); err == nil {
		t.Errorf("an answer that is too short was believed: %v", rs)
	}
}

func TestErrorsComeAcross(t *testing.T) {
	p := launch(t)
	c := open(t, p)
	if err := c.Write(t.Context(), named("x")[0], 1); err != nil {
		t.Error(err)
	}
	if err := c.Write(t.Context(), named("cannot")[0], 1); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v, want errors.ErrUnsupported", err)
	}
	if err := c.Write(t.Context(), named("x")[0], 2); err == nil {
		t.Error("a value that the profile forbids reached the driver")
	}
	if err := c.Write(t.Context(), device.Point{Device: "d", Name: "x"}, 1); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a read-only point: got %v, want errors.ErrUnsupported", err)
	}
	err := c.Write(t.Context(), named("broken")[0], 1)
	if err == nil || err.Error() != "write: the relay did not move" || errors.Is(err, sdk.ErrCrashed) {
		t.Errorf("got %v", err)
	}
	if _, err := p.Open(t.Context(), device.Channel{Address: "unsupported"}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v, want errors.ErrUnsupported", err)
	}
	ch := device.Channel{
		ID: "rs485-1", Driver: "plugin", Address: "echo", Timeout: 300 * time.Millisecond, Pause: time.Millisecond,
		Serial: device.Serial{Baud: 9600, Parity: device.ParityEven, StopBits: 1},
	}
	_, err = p.Open(t.Context(), ch)
	if want := "{ID:rs485-1 Driver:plugin Address:echo Serial:{Baud:9600 Parity:even StopBits:1} Timeout:300ms Pause:1ms}"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestContextEndsACall(t *testing.T) {
	p := launch(t, func(c *sdk.Command) { c.CallTimeout = 2 * time.Second })
	c := open(t, p)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Read(ctx, named("wait")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the caller's deadline", err)
	}
	if _, err := p.Open(ctx, device.Channel{Address: "slow"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the caller's deadline", err)
	}
	start := time.Now()
	if _, err := c.Read(t.Context(), named("deaf")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want our own deadline", err)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("a deaf driver held us %v", took)
	}
	if p.Status().Crashes != 0 {
		t.Error("a slow driver was taken for a dead one")
	}
	// The deaf read still holds the first conn in the child; a second one is free.
	if _, err := open(t, p).Read(t.Context(), named("value")); err != nil {
		t.Error(err)
	}
}

func TestCloseInterruptsARead(t *testing.T) {
	p := launch(t)
	c, other := open(t, p), open(t, p)
	done := make(chan error, 1)
	go func() {
		_, err := c.Read(t.Context(), named("wait"))
		done <- err
	}()
	time.AfterFunc(50*time.Millisecond, func() { _ = c.Close() })
	select {
	case err := <-done:
		if err == nil {
			t.Error("the read came back without an error")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("close did not interrupt the read")
	}
	if _, err := other.Read(t.Context(), named("value")); err != nil {
		t.Errorf("the other channel: %v", err)
	}
}

func TestEnvironmentIsClean(t *testing.T) {
	t.Setenv("LINSHAO_SECRET", "hunter2")
	p := launch(t, func(c *sdk.Command) { c.Env = []string{"ADDED=1"}; c.MemoryLimit = 64 << 20 })
	_, err := p.Open(t.Context(), device.Channel{Address: "environment"})
	if err == nil {
		t.Fatal("no environment")
	}
	allowed := map[string]bool{"PATH": true, "HOME": true, "LANG": true, "TZ": true, "GOTRACEBACK": true, "GOMEMLIMIT": true, "ADDED": true, "LINSHAO_DRIVER": true, "GODEBUG": true, "LINSHAO_SUSPECTS": true, "LINSHAO_STATE": true}
	inCert := false
	for _, line := range strings.Split(strings.TrimPrefix(err.Error(), "open channel : "), "\n") {
		if strings.HasPrefix(line, "PLUGIN_CLIENT_CERT=") {
			inCert = true
		}
		if name, _, ok := strings.Cut(line, "="); ok && !inCert && !allowed[name] && !strings.HasPrefix(name, "PLUGIN_") {
			t.Errorf("the child sees %s", line)
		}
		inCert = inCert && !strings.HasPrefix(line, "-----END")
	}
	if !strings.Contains(err.Error(), "GOMEMLIMIT=58720256") || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}

func TestWrongExecutableIsRefused(t *testing.T) {
	program := filepath.Join(t.TempDir(), "driver")
	b, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, b, 0o755); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	if _, err := sdk.Launch(sdk.Command{Path: program, SHA256: strings.Repeat("0", 64)}); err == nil {
		t.Error("a wrong checksum was accepted")
	}
	p := launch(t, func(c *sdk.Command) { c.Path, c.SHA256 = program, hex.EncodeToString(sum[:]) })
	open(t, p)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p = launch(t, func(c *sdk.Command) { c.Path = program })
	if err := os.WriteFile(program, append(b, 0), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Open(t.Context(), device.Channel{}); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("a file that was exchanged after Launch: %v", err)
	}
	var refused *sdk.RetryError
	if _, err := p.Open(t.Context(), device.Channel{}); !errors.As(err, &refused) || time.Until(refused.Until) > time.Second {
		t.Errorf("got %v, want a refusal for a second", err)
	}
}

func TestNoDriver(t *testing.T) {
	if _, err := sdk.Launch(sdk.Command{Path: filepath.Join(t.TempDir(), "none")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := sdk.Launch(sdk.Command{Path: t.TempDir()}); err == nil {
		t.Error("a folder was accepted")
	}
	p := launch(t, func(c *sdk.Command) { c.Path, c.Args = "/bin/true", nil })
	start := time.Now()
	if _, err := p.Open(t.Context(), device.Channel{}); !errors.Is(err, sdk.ErrCrashed) {
		t.Errorf("got %v", err)
	} else if strings.Contains(err.Error(), "\n") {
		t.Errorf("several lines: %v", err)
	}
	if took := time.Since(start); took > 9*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestHangingStartHeedsTheContext(t *testing.T) {
	p := launch(t, func(c *sdk.Command) { c.Args = []string{"mute"} })
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := p.Open(ctx, device.Channel{}); err == nil {
		t.Error("a mute program was taken for a driver")
	}
	if took := time.Since(start); took > 9*time.Second {
		t.Errorf("took %v", took)
	}
}
