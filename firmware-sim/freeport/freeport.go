// Package freeport finds TCP ports on loopback for programs that tests start, kill and start again on the same port.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// The kernel gives ports from 32768 on (Linux; others from 49152) to whoever asks for any. One of these would be
// somebody else's by the time a killed program wants it back.
const (
	first = 12000
	last  = 32000
	tries = 100
)

// Find answers a port that nobody listens on.
func Find() (int, error) {
	var errs []error
	for range tries {
		port := first + rand.IntN(last-first)
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		return port, l.Close()
	}
	return 0, fmt.Errorf("find a free port between %d and %d: %w", first, last, errors.Join(errs...))
}

// Port is Find for a test.
func Port(t testing.TB) int {
	t.Helper()
	port, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Address is "127.0.0.1:" and a port that nobody listens on.
func Address(t testing.TB) string {
	t.Helper()
	return fmt.Sprint("127.0.0.1:", Port(t))
}
