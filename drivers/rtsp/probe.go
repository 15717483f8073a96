package rtsp

import (
	"bufio"
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// The library does not see a 401 that comes without a new challenge, as gortsplib and MediaMTX answer a wrong password:
// it plays on and then finds the connection closed. So after a dial that ended in a way that could be this, we ask once
// more ourselves, with DESCRIBE alone.

const (
	probeLimit    = 5 * time.Second
	longestAnswer = 16 << 10 // bytes of an answer's head
)

// probe asks a camera to describe itself and says whether it refuses the password; ReasonNone: it does not, or is silent.
func probe(ctx context.Context, raw string) device.Reason {
	u, err := url.Parse(raw)
	if err != nil {
		return device.ReasonNone
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), "554")
	}
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	tcp, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err != nil {
		return device.ReasonNone
	}
	defer tcp.Close()
	stop := context.AfterFunc(ctx, func() { _ = tcp.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	bare := *u
	bare.User = nil
	answers := bufio.NewReader(io.LimitReader(tcp, 2*longestAnswer))
	status, challenges, err := describe(tcp, answers, 1, bare.String(), "")
	if err != nil || status != 401 {
		return device.ReasonNone
	}
	authorization, err := authorize(u.User, bare.String(), challenges)
	if errors.Is(err, errors.ErrUnsupported) {
		return device.Unsupported
	}
	if err != nil {
		return device.AuthFailed
	}
	status, _, err = describe(tcp, answers, 2, bare.String(), authorization)
	if err == nil && (status == 401 || status == 403) {
		return device.AuthFailed
	}
	return device.ReasonNone
}

// describe sends one request and reads the head of its answer.
func describe(w io.Writer, r *bufio.Reader, seq int, target, authorization string) (status int, challenges []string, err error) {
	if authorization != "" {
		authorization = "Authorization: " + authorization + "\r\n"
	}
	if _, err := fmt.Fprintf(w, "DESCRIBE %s RTSP/1.0\r\nCSeq: %d\r\nAccept: application/sdp\r\n%s\r\n", target, seq, authorization); err != nil {
		return 0, nil, fmt.Errorf("send describe: %w", err)
	}
	return readAnswer(r)
}

// readAnswer reads "RTSP/1.0 401 Unauthorized" and the lines up to the empty one.
func readAnswer(r *bufio.Reader) (status int, challenges []string, err error) {
	text := textproto.NewReader(r)
	line, err := text.ReadLine()
	if err != nil {
		return 0, nil, fmt.Errorf("read answer: %w", err)
	}
	version, after, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(after, " ")
	status, err = strconv.Atoi(code)
	if err != nil || !strings.HasPrefix(version, "RTSP/") {
		return 0, nil, errors.New("read answer: not RTSP")
	}
	header, err := text.ReadMIMEHeader()
	if err != nil {
		return 0, nil, fmt.Errorf("read answer: %w", err)
	}
	return status, header.Values("WWW-Authenticate"), nil
}

// authorize answers a challenge the way the library does: Digest with MD5, else Basic; ErrUnsupported when neither is offered.
func authorize(who *url.Userinfo, target string, challenges []string) (string, error) {
	if who == nil {
		return "", errors.New("the address has no user and password")
	}
	name := who.Username()
	pass, _ := who.Password()
	basic := ""
	for _, c := range challenges {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(c), " ")
		algorithm := strings.ToUpper(param(rest, "algorithm"))
		switch {
		case strings.EqualFold(scheme, "Digest") && (algorithm == "" || algorithm == "MD5"):
			realm, nonce := param(rest, "realm"), param(rest, "nonce")
			answer := sum(sum(name+":"+realm+":"+pass) + ":" + nonce + ":" + sum("DESCRIBE:"+target))
			return fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s"`, name, realm, nonce, target, answer), nil
		case strings.EqualFold(scheme, "Basic"):
			basic = "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+pass))
		}
	}
	if basic == "" {
		return "", fmt.Errorf("answer the camera's challenge: %w", errors.ErrUnsupported)
	}
	return basic, nil
}

// param finds name="value" or name=value in a challenge.
func param(challenge, name string) string {
	for rest := challenge; rest != ""; {
		var key, value string
		key, rest, _ = strings.Cut(rest, "=")
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			value, rest, _ = strings.Cut(quoted, `"`)
			rest = strings.TrimPrefix(strings.TrimSpace(rest), ",")
		} else {
			value, rest, _ = strings.Cut(rest, ",")
		}
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func sum(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
