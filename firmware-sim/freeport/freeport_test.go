package freeport_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/firmware-sim/freeport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Whoever asks the kernel for any port gets none of these.
func TestNobodyElseIsGivenThem(t *testing.T) {
	low, high := 49152, 65535
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err == nil {
		_, err = fmt.Sscan(string(text), &low, &high)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for range 1000 {
		if port := freeport.Port(t); port >= low && port <= high {
			t.Fatalf("port %d is one of %d–%d, which the kernel gives away", port, low, high)
		}
	}
}

func TestItIsFree(t *testing.T) {
	l, err := net.Listen("tcp", freeport.Address(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
