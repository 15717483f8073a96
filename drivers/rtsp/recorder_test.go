package rtsp_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/rtsp"
	"github.com/linshao/linshao/firmware-sim/fault"
)

// host is a server that lets talk speak with whoever connects; it ends with the test.
func host(t *testing.T, address string, talk func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var open sync.Map
	all.Go(func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			open.Store(c, nil)
			all.Go(func() { defer c.Close(); talk(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		open.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true })
		all.Wait()
	})
	return l.Addr().String()
}

// denies is a host that takes no password, and tells of each that it is told.
func denies(t *testing.T, address, challenge string, told func(authorization string)) string {
	return host(t, address, func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			seq := "CSeq: 1"
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if line = strings.TrimSpace(line); line == "" {
					break
				}
				if strings.HasPrefix(line, "CSeq") {
					seq = line
				}
				if value, is := strings.CutPrefix(line, "Authorization: "); is {
					told(value)
				}
			}
			_, _ = fmt.Fprintf(c, "RTSP/1.0 401 Unauthorized\r\n%s\r\nWWW-Authenticate: %s\r\n\r\n", seq, challenge)
		}
	})
}

// TestOneWrongPassword: a recorder of sixteen channels is told a wrong password once, and all of them say so.
func TestOneWrongPassword(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	address := denies(t, "127.0.0.1:0", `Digest realm="x", nonce="y"`, func(string) { tries.Add(1) })
	conn := open(t, rtsp.Driver{})
	eventually(t, 20*time.Second, "all wrong", func() bool {
		wrong := 0
		for n := range 16 {
			if lookAt(t, conn, fmt.Sprint("cam-", n), fmt.Sprintf("rtsp://admin:wrong@%s/%d", address, n)).is(rtsp.StateWrongPassword) {
				wrong++
			}
		}
		return wrong == 16
	})
	if n := tries.Load(); n != 1 {
		t.Errorf("the password was tried %d times", n)
	}
}

// TestHangingChannels: those of a recorder that do not answer keep a healthy one neither from its first picture nor from the
// next after it was gone.
func TestHangingChannels(t *testing.T) {
	t.Parallel()
	hangs := host(t, "127.0.0.1:0", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	url, faults := simulated(t, 128, 96)
	conn := open(t, rtsp.Driver{})
	healthy := func() bool {
		for n := range 12 {
			lookAt(t, conn, fmt.Sprint("hangs-", n), fmt.Sprintf("rtsp://admin:right@%s/%d", hangs, n))
		}
		return look(t, conn, url).connected()
	}
	eventually(t, 30*time.Second, "connected", healthy)
	for range 2 {
		faults.Set(fault.Reboot, fault.Setting{Delay: 3 * time.Second})
		eventually(t, 10*time.Second, "gone", func() bool { return !healthy() })
		eventually(t, 10*time.Second, "mended", func() bool { return !faults.On(fault.Reboot) })
		if took := eventually(t, 30*time.Second, "back", healthy); took > 5*time.Second {
			t.Errorf("back after %v", took)
		} else {
			t.Logf("back after %v", took)
		}
	}
}

// TestVanished: a camera that goes without a word, keeps its connections and answers nothing is seen again within five seconds.
func TestVanished(t *testing.T) {
	for _, away := range []time.Duration{500 * time.Millisecond, 9 * time.Second} {
		t.Run(away.String(), func(t *testing.T) {
			t.Parallel()
			url, faults := simulated(t, 128, 96)
			conn := open(t, rtsp.Driver{})
			eventually(t, 30*time.Second, "connected", func() bool { return look(t, conn, url).connected() })
			faults.Set(fault.Vanish, fault.Setting{Delay: away})
			var back time.Time
			lost := false
			eventually(t, 30*time.Second, "lost and found", func() bool {
				if back.IsZero() && !faults.On(fault.Vanish) {
					back = time.Now()
				}
				up := look(t, conn, url).connected()
				lost = lost || !up
				return lost && up && !back.IsZero()
			})
			if took := time.Since(back); took > 5*time.Second {
				t.Errorf("seen again after %v", took)
			} else {
				t.Logf("seen again after %v", took)
			}
		})
	}
}

// TestSaysNothing: a host that accepts and never answers is called again soon enough.
func TestSaysNothing(t *testing.T) {
	t.Parallel()
	calls := make(chan time.Time, 10)
	address := host(t, "127.0.0.1:0", func(c net.Conn) {
		calls <- time.Now()
		_, _ = io.Copy(io.Discard, c)
	})
	conn := open(t, rtsp.Driver{})
	look(t, conn, "rtsp://"+address+"/x")
	first := <-calls
	if apart := (<-calls).Sub(first); apart > 4*time.Second { // and the longest wait is a second longer than the first
		t.Errorf("it is called every %v", apart)
	}
}

// TestDropsConnections: a host that answers no call at all, as one that is switched off behind a switch that is not.
func TestDropsConnections(t *testing.T) {
	t.Parallel()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for full := false; !full; { // nobody accepts: once the queue is full, the kernel drops who calls
		c, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if full = err != nil; !full {
			defer c.Close()
		}
	}
	conn := open(t, rtsp.Driver{})
	if took := eventually(t, 20*time.Second, "unreachable", func() bool { return look(t, conn, "rtsp://"+address+"/x").lost(device.Timeout) }); took > 3*time.Second {
		t.Errorf("an attempt takes %v", took)
	}
}
