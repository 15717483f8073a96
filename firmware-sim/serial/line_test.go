package serial_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linshao/linshao/firmware-sim/fault"
	"github.com/linshao/linshao/firmware-sim/serial"
)

// line runs a line with meters until the test ends.
func line(t *testing.T, cfg serial.LineConfig, meters ...*serial.Meter) *serial.Line {
	t.Helper()
	cfg.Path = filepath.Join(t.TempDir(), "rs485-2")
	l, err := serial.NewLine(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx, func(p serial.Port) { serial.Talk(p, meters...) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(cfg.Path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the link is still there: %v", err)
		}
	})
	return l
}

// open opens a line as a master does.
func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// ask sends a request for the voltage and answers what comes back in time.
func ask(t *testing.T, f *os.File, wait time.Duration) []byte {
	t.Helper()
	if _, err := f.Write(bytesOf(t, "68 AA AA AA AA AA AA 68 11 04 33 34 34 35 B1 16")); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, len(preamble)+len(voltage(t)))
	_ = f.SetReadDeadline(time.Now().Add(wait))
	n, _ := io.ReadFull(f, reply)
	return reply[:n]
}

const preamble = "\xFE\xFE\xFE\xFE"

func voltage(t *testing.T) []byte {
	return bytesOf(t, "68 12 90 78 56 34 12 68 91 06 33 34 34 35 38 55 7A 16")
}

func TestMeterOnALine(t *testing.T) {
	l := line(t, serial.LineConfig{}, meter(t, "123456789012", nil))
	f := open(t, l.Path())
	for range 20 {
		if got := ask(t, f, 20*time.Second); !bytes.Equal(got, append([]byte(preamble), voltage(t)...)) {
			t.Fatalf("% X", got)
		}
	}
	// A request cut short is forgotten after a silence.
	if _, err := f.Write([]byte{0x68, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0x68, 0x11, 0xFF}); err != nil {
		t.Fatal(err)
	}
	_ = f.SetReadDeadline(time.Now().Add(250 * time.Millisecond))
	if n, err := f.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("answer to half a request: %d bytes, %v", n, err)
	}
	if got := ask(t, f, 20*time.Second); len(got) != 22 {
		t.Errorf("after half a request: % X", got)
	}
}

func TestMeterFaults(t *testing.T) {
	faults := fault.New(1)
	l := line(t, serial.LineConfig{}, meter(t, "123456789012", faults))
	f := open(t, l.Path())
	const soon, late = 20 * time.Second, time.Second
	whole := append([]byte(preamble), voltage(t)...)

	faults.Set(fault.Silent, fault.Setting{})
	if got := ask(t, f, late); len(got) != 0 {
		t.Errorf("silent: % X", got)
	}
	faults.Clear(fault.Silent)

	faults.Set(fault.Noise, fault.Setting{})
	if got := ask(t, f, soon); len(got) != len(whole) || bytes.Equal(got, whole) {
		t.Errorf("noise: % X", got)
	}
	faults.Clear(fault.Noise)

	faults.Set(fault.WrongUnit, fault.Setting{})
	if got := ask(t, f, soon); len(got) != len(whole) || got[5] != 0x13 || got[20] != 0x7B {
		t.Errorf("wrong unit: % X", got)
	}
	faults.Clear(fault.WrongUnit)

	faults.Set(fault.Late, fault.Setting{Delay: 150 * time.Millisecond})
	began := time.Now()
	if got := ask(t, f, soon); !bytes.Equal(got, whole) || time.Since(began) < 150*time.Millisecond {
		t.Errorf("late: % X after %v", got, time.Since(began))
	}
	faults.Clear(fault.Late)
	if got := ask(t, f, soon); !bytes.Equal(got, whole) {
		t.Errorf("mended: % X", got)
	}
}

func TestCutTakesThePortAwayAndBack(t *testing.T) {
	cut := fault.New(1)
	l := line(t, serial.LineConfig{Faults: cut}, meter(t, "123456789012", nil))
	f := open(t, l.Path())
	if len(ask(t, f, 20*time.Second)) == 0 {
		t.Fatal("no answer while all is well")
	}
	cut.Set(fault.Cut, fault.Setting{})
	_ = f.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := f.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("no hang-up: %v", err)
	}
	if _, err := os.Lstat(l.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the port is still there: %v", err)
	}
	cut.Clear(fault.Cut)
	for deadline := time.Now().Add(20 * time.Second); ; {
		if _, err := os.Stat(l.Path()); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	if got := ask(t, open(t, l.Path()), 20*time.Second); len(got) != 22 {
		t.Errorf("on the new port: % X", got)
	}
}

func TestPacedLineTakesItsTime(t *testing.T) {
	l := line(t, serial.LineConfig{Baud: 2400, Bits: 11}, meter(t, "123456789012", nil))
	began := time.Now()
	got := ask(t, open(t, l.Path()), 20*time.Second)
	took := time.Since(began)
	// 16 bytes there and 22 back at 11 bits each: 174 ms.
	if least := time.Duration(16+22) * 11 * time.Second / 2400; len(got) != 22 || took < least || took > least+20*time.Second {
		t.Errorf("%d bytes in %v, a real line needs %v", len(got), took, least)
	}
}

func TestALineReplacesOnlyLinks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rs485-1")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := serial.NewLine(serial.LineConfig{Path: path}); err == nil {
		t.Error("a file was taken for an old link")
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("the file: %q %v", b, err)
	}
}
