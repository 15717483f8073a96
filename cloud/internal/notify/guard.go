package notify

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// shared is RFC 6598 space, where carriers and some clouds keep their own services.
func shared(a netip.Addr) bool { return netip.MustParsePrefix("100.64.0.0/10").Contains(a) }

// GuardedDialer looks at the address that is really dialled, after the name was resolved, so that a name cannot lead
// inside (DNS rebinding included).
func GuardedDialer(allowPrivate bool) *net.Dialer {
	d := &net.Dialer{Timeout: 5 * time.Second}
	if !allowPrivate {
		d.Control = func(_, address string, _ syscall.RawConn) error { return public(address) }
	}
	return d
}

func public(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial %s: not an address", address)
	}
	a := ap.Addr().Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || shared(a) {
		return fmt.Errorf("dial %s: a private address is refused; set allow_private if this receiver is meant to be inside", a)
	}
	return nil
}
