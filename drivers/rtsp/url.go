package rtsp

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/linshao/linshao/drivers/device"
)

// CheckPoint says what is wrong with a camera's point, in words that hold no password. The gateway's configuration calls it.
func CheckPoint(p device.Point) error {
	if names := pointNames(); !slices.Contains(names, p.Name) {
		return fmt.Errorf("a camera has no point %q, but %s", p.Name, strings.Join(names, ", "))
	}
	if len(p.Writable) > 0 {
		return fmt.Errorf("point %s: nothing of a camera can be written", p.Name)
	}
	return checkURL(p.Address)
}

// checkURL never repeats what it was given: url.Parse's own errors quote pieces of a password that is not encoded.
func checkURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return errors.New("the camera's address is no URL; in a password write special characters as in @ → %40")
	}
	switch {
	case u.Scheme == "rtsps":
		return errors.New("rtsps:// is not supported; use rtsp:// inside the compound's own network")
	case u.Scheme != "rtsp":
		return errors.New("a camera's address begins with rtsp://")
	case u.Hostname() == "":
		return errors.New("the camera's address has no host: rtsp://host/path")
	case strings.ContainsAny(raw, " \t\r\n"):
		return errors.New("the camera's address contains a space")
	}
	switch u.Fragment {
	case "", transportKey + "tcp", transportKey + "udp":
	default:
		return errors.New("behind the camera's address only #transport=tcp or #transport=udp may stand")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return errors.New("the camera's port is not within 1…65535")
		}
	}
	return nil
}

// Redact gives a camera's address for logs: scheme, host and path. User and password are left out, and so is the query,
// and a path that carries a password as some makers want it (/user=admin&password=…).
func Redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "rtsp://…"
	}
	s := "rtsp://" + u.Host
	lower := strings.ToLower(u.Path)
	if strings.ContainsAny(lower, "=&@") || strings.Contains(lower, "pass") || strings.Contains(lower, "pwd") {
		return s + "/…"
	}
	s += u.EscapedPath()
	if u.RawQuery != "" {
		s += "?…"
	}
	return s
}

// transportKey is what the fragment of an address says; no camera gets to see it.
const transportKey = "transport="

func transportOf(raw string) transport {
	u, err := url.Parse(raw)
	if err != nil {
		return transportAny
	}
	switch u.Fragment {
	case transportKey + "tcp":
		return transportTCP
	case transportKey + "udp":
		return transportUDP
	}
	return transportAny
}
