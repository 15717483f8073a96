package line

import (
	"time"

	"github.com/linshao/linshao/drivers/device"
	"golang.org/x/sys/unix"
)

// set changes the settings of the open port, which tarm/serial cannot. It waits until what was written has left.
func (t *tty) set(s device.Serial) error {
	if _, err := settings("", s); err != nil {
		return err
	}
	raw, err := t.out.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = setTermios(int(fd), s) })
	if err != nil {
		return err
	}
	return failed
}

func setTermios(fd int, s device.Serial) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS2)
	if err != nil {
		return err
	}
	t.Cflag &^= unix.CBAUD | unix.CSTOPB | unix.PARENB | unix.PARODD
	t.Cflag |= unix.BOTHER // the rate is the number itself
	t.Ispeed, t.Ospeed = uint32(s.Baud), uint32(s.Baud)
	if s.StopBits == 2 {
		t.Cflag |= unix.CSTOPB
	}
	switch s.Parity {
	case device.ParityOdd:
		t.Cflag |= unix.PARENB | unix.PARODD
	case device.ParityEven:
		t.Cflag |= unix.PARENB
	}
	return unix.IoctlSetTermios(fd, unix.TCSETSW2, t)
}

// sleep blocks the thread, which the kernel wakes within 0.1 ms.
func (t *tty) sleep(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil) // one that ends early is followed by another
}
