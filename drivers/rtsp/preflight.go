package rtsp

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// Before a library is let at a camera we ask it ourselves what it has: DESCRIBE alone. The answer tells which library can
// read it, whether the password is right (the given package does not see a 401 without a new challenge, and asks a wrong
// password again and again, until the camera locks the account), and where a redirect leads, which no library may follow unseen.

const (
	preflightLimit = 8 * time.Second // of which each answer has its own
	longestAnswer  = 16 << 10        // bytes of an answer's head, and of a session description
	mostRedirects  = 3
)

// stream is what a camera says it will send.
type stream struct {
	url     *url.URL // after redirects; its host is an address, checked
	codec   codec
	payload uint8
	params  params // of the session description; often empty
	sha256  bool   // the camera takes no digest but SHA-256
	strange bool   // its host is another one than the configuration's
}

// preflight asks a camera to describe its stream.
func preflight(ctx context.Context, raw string) (stream, device.Reason) {
	u, err := url.Parse(raw)
	if err != nil {
		return stream{}, device.Refused
	}
	ctx, cancel := context.WithTimeout(ctx, preflightLimit)
	defer cancel()
	var camera netip.Addr
	for hop := 0; ; hop++ {
		addr, err := resolve(ctx, u.Hostname())
		if errors.Is(err, errNotThere) {
			return stream{}, device.Refused
		}
		if err != nil {
			return stream{}, device.ChannelDown
		}
		if hop == 0 {
			camera = addr
		}
		if !mayDial(camera, addr) || hop > mostRedirects {
			return stream{}, device.Refused
		}
		s, next, why := ask(ctx, u, addr, addr != camera)
		if next == nil {
			return s, why
		}
		next.User = u.User
		u = next
	}
}

// errNotThere is a name that means what no name may.
var errNotThere = errors.New("not an address of the site")

// resolve takes an address as it is, and else the first that the name has and may mean. It is what is dialled then.
func resolve(ctx context.Context, host string) (netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap(), nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(addrs) == 0 {
		return netip.Addr{}, fmt.Errorf("look up %s: %w", host, errors.Join(err, net.ErrClosed))
	}
	for _, addr := range addrs {
		if mayMean(host, addr.Unmap()) {
			return addr.Unmap(), nil
		}
	}
	return netip.Addr{}, fmt.Errorf("look up %s: %v: %w", host, addrs, errNotThere)
}

// mayMean says whether a name may mean an address: only one of the site's. Whoever answers for the name, anew at each session,
// must not make the gateway speak to itself, to its neighbours on the wire or to the world: such an address is written as one.
func mayMean(host string, to netip.Addr) bool {
	if to.IsLoopback() {
		return strings.EqualFold(host, "localhost")
	}
	shared := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10) // RFC 6598, as of overlay networks
	return to.IsPrivate() || shared.Contains(to)
}

// mayDial says whether a camera at one address may send us to another: only to its neighbours, for a redirect must not make
// the gateway speak to whatever it can reach. The first address is the operator's own choice.
func mayDial(camera, to netip.Addr) bool {
	if !to.IsValid() || to.IsUnspecified() || to.IsMulticast() || to == netip.AddrFrom4([4]byte{169, 254, 169, 254}) {
		return false
	}
	if camera == to {
		return true
	}
	length := 24
	if camera.Is6() {
		length = 64
	}
	near, err := camera.Prefix(length)
	return err == nil && near.Contains(to) && camera.IsLoopback() == to.IsLoopback()
}

// ask speaks with one host; next is where it sends us. A strange one, to which the camera has sent us, is not told the password.
func ask(ctx context.Context, u *url.URL, addr netip.Addr, strange bool) (s stream, next *url.URL, why device.Reason) {
	port := u.Port()
	if port == "" {
		port = "554"
	}
	pinned := *u
	pinned.Fragment = ""
	pinned.Host = net.JoinHostPort(addr.String(), port)
	tcp, err := (&net.Dialer{Timeout: connectLimit}).DialContext(ctx, "tcp", pinned.Host)
	if err != nil {
		return stream{}, nil, reasonOf(err)
	}
	defer tcp.Close()
	stop := context.AfterFunc(ctx, func() { _ = tcp.Close() })
	defer stop()

	bare := pinned
	bare.User = nil
	r := bufio.NewReader(io.LimitReader(tcp, 4*longestAnswer))
	_ = tcp.SetDeadline(time.Now().Add(answerLimit))
	a, err := describe(tcp, r, 1, bare.String(), "")
	s = stream{url: &pinned, strange: strange}
	if err == nil && a.status == 401 {
		if strange {
			a.challenges = digests(a.challenges)
		}
		var authorization string
		authorization, s.sha256, err = authorize(u.User, bare.String(), a.challenges)
		if errors.Is(err, errors.ErrUnsupported) && strange {
			return stream{}, nil, device.Refused
		}
		if errors.Is(err, errors.ErrUnsupported) {
			return stream{}, nil, device.Unsupported
		}
		if err != nil {
			return stream{}, nil, device.AuthFailed
		}
		_ = tcp.SetDeadline(time.Now().Add(answerLimit))
		a, err = describe(tcp, r, 2, bare.String(), authorization)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return stream{}, nil, device.Timeout
	case errors.Is(err, errGarbled):
		return stream{}, nil, device.Corrupt
	case err != nil:
		return stream{}, nil, reasonOf(err)
	case a.status >= 300 && a.status < 400 && a.location != "":
		next, err := u.Parse(a.location)
		if err != nil || next.Scheme != "rtsp" {
			return stream{}, nil, device.Refused
		}
		return stream{}, next, device.ReasonNone
	case a.status != 200:
		return stream{}, nil, reasonOfCode(a.status)
	}
	return s, nil, s.read(a.body)
}

// errGarbled is an answer that is none.
var errGarbled = errors.New("not an answer")

// answer of a camera.
type answer struct {
	status     int
	challenges []string
	location   string
	body       []byte
}

// describe sends one request and reads its answer.
func describe(w io.Writer, r *bufio.Reader, seq int, target, authorization string) (answer, error) {
	if authorization != "" {
		authorization = "Authorization: " + authorization + "\r\n"
	}
	if _, err := fmt.Fprintf(w, "DESCRIBE %s RTSP/1.0\r\nCSeq: %d\r\nAccept: application/sdp\r\nUser-Agent: linshao\r\n%s\r\n", target, seq, authorization); err != nil {
		return answer{}, fmt.Errorf("send describe: %w", err)
	}
	return readAnswer(r)
}

// read looks into a session description for the first video that a library can read.
func (s *stream) read(sdp []byte) device.Reason {
	inVideo, seen := false, noVideo
	for line := range strings.Lines(string(sdp)) {
		line = strings.TrimSpace(line)
		upper := strings.ToUpper(line)
		switch {
		case strings.HasPrefix(upper, "M="):
			if s.codec == h264 || s.codec == h265 {
				return device.ReasonNone
			}
			if inVideo = strings.HasPrefix(upper, "M=VIDEO"); inVideo {
				fields := strings.Fields(upper)
				if len(fields) < 4 {
					return device.Corrupt
				}
				payload, _ := strconv.ParseUint(fields[3], 10, 7)
				s.payload, seen = uint8(payload), otherVideo
			}
		case inVideo && strings.HasPrefix(upper, "A=RTPMAP:"):
			s.codec = mapped(s.codec, upper)
		case inVideo && strings.HasPrefix(upper, "A=FMTP:"):
			s.params.announce(line[len("a=fmtp:"):])
		}
	}
	if s.codec == noVideo {
		s.codec = seen
	}
	if s.codec == noVideo {
		return device.Refused
	}
	return device.ReasonNone
}

func mapped(before codec, upper string) codec {
	switch {
	case strings.Contains(upper, " H264/"):
		return h264
	case strings.Contains(upper, " H265/"):
		return h265
	}
	return before
}

// announce takes the parameter sets out of "96 packetization-mode=1;sprop-parameter-sets=Z0…,aM…".
func (p *params) announce(fmtp string) {
	_, list, _ := strings.Cut(fmtp, " ")
	for field := range strings.SplitSeq(list, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		c := h265
		if strings.EqualFold(key, "sprop-parameter-sets") {
			c = h264
		} else if !strings.HasPrefix(strings.ToLower(key), "sprop-") {
			continue
		}
		for one := range strings.SplitSeq(value, ",") {
			if nal, err := base64.StdEncoding.DecodeString(strings.TrimSpace(one)); err == nil && len(nal) > 2 {
				p.note(c, nal)
			}
		}
	}
}
