// Package linetest gives tests a serial line without hardware: a pty whose far end plays the devices.
package linetest

import (
	"io"
	"os"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// A Wire is a serial line. The driver under test opens Path; the test reads and writes Far.
type Wire struct {
	Path string
	Far  *os.File
	near *os.File
}

// New makes a wire that lives until the test ends.
func New(t testing.TB) *Wire {
	t.Helper()
	far, near, err := pty.Open()
	if err != nil {
		t.Fatalf("open pty: %v", err)
	}
	raw(t, near)
	w := &Wire{Path: near.Name(), Far: pollable(t, far), near: near}
	t.Cleanup(w.Unplug)
	return w
}

// pollable turns a file into one whose Read ends when it is closed.
func pollable(t testing.TB, f *os.File) *os.File {
	t.Helper()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		t.Fatalf("duplicate %s: %v", f.Name(), err)
	}
	_ = f.Close() // its duplicate lives on
	return os.NewFile(uintptr(fd), f.Name())
}

// raw switches off what a terminal does to bytes; a fresh pty echoes and translates.
func raw(t testing.TB, f *os.File) {
	t.Helper()
	tio, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatalf("get terminal settings: %v", err)
	}
	tio.Iflag, tio.Oflag, tio.Lflag = 0, 0, 0
	tio.Cflag = unix.CREAD | unix.CS8 | unix.CLOCAL | unix.B9600
	tio.Cc[unix.VMIN], tio.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, tio); err != nil {
		t.Fatalf("set terminal settings: %v", err)
	}
}

// Serve calls answer with each run of size bytes that arrives, until the wire ends.
func (w *Wire) Serve(t testing.TB, size int, answer func(request []byte)) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			request := make([]byte, size)
			if _, err := io.ReadFull(w.Far, request); err != nil {
				return
			}
			answer(request)
		}
	}()
	t.Cleanup(func() { w.Unplug(); <-ended })
}

// Send puts bytes on the wire, as a device does.
func (w *Wire) Send(b ...byte) {
	_, _ = w.Far.Write(b) // a wire that ended takes no bytes, like a real one
}

// Unplug pulls the adapter: the driver's port hangs up.
func (w *Wire) Unplug() {
	_ = w.near.Close() // closing twice is fine
	_ = w.Far.Close()
}

// Stall fills the wire until it takes no more bytes, so that the next write of the driver blocks.
func (w *Wire) Stall(t testing.TB) {
	t.Helper()
	f, err := os.OpenFile(w.Path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatalf("open the near end: %v", err)
	}
	defer f.Close() //nolint:errcheck // only used to fill the buffer
	fd, full := int(f.Fd()), make([]byte, 256)
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatalf("set non-blocking: %v", err)
	}
	for {
		if _, err := unix.Write(fd, full); err == unix.EAGAIN {
			if full = full[:len(full)/2]; len(full) > 0 {
				continue
			}
			// The kernel moves what was written on its own time, and then there is room again.
			if n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 100); n == 0 {
				return
			}
			full = full[:1]
		} else if err != nil {
			t.Fatalf("fill the wire: %v", err)
		}
	}
}
