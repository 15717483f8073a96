package modbus

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// silentPeer is how long, in ms, sent bytes may stay unacknowledged. A device that does not answer is no reason to
// reconnect, a peer whose kernel does not is: without this the kernel tries for a quarter of an hour.
const silentPeer = 10_000

func giveUpSilentPeer(_, _ string, c syscall.RawConn) error {
	var err error
	if cerr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, silentPeer)
	}); cerr != nil {
		return cerr
	}
	return err
}
