package rtsp

import (
	"bufio"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// readAnswer reads "RTSP/1.0 401 Unauthorized", the lines up to the empty one, and the body.
func readAnswer(r *bufio.Reader) (answer, error) {
	text := textproto.NewReader(r)
	line, err := text.ReadLine()
	if err != nil {
		return answer{}, fmt.Errorf("read answer: %w", err)
	}
	version, after, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(after, " ")
	status, err := strconv.Atoi(code)
	if err != nil || !strings.HasPrefix(version, "RTSP/") {
		return answer{}, fmt.Errorf("read answer: not RTSP: %w", errGarbled)
	}
	header, err := text.ReadMIMEHeader()
	if err != nil {
		return answer{}, fmt.Errorf("read answer: %w", err)
	}
	a := answer{status: status, challenges: header.Values("WWW-Authenticate"), location: header.Get("Location")}
	length := header.Get("Content-Length")
	if length == "" {
		return a, nil
	}
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 || n > longestAnswer {
		return answer{}, fmt.Errorf("read answer of %q bytes: %w", length, errGarbled)
	}
	a.body = make([]byte, n)
	if _, err := io.ReadFull(r, a.body); err != nil {
		return answer{}, fmt.Errorf("read answer: %w", err)
	}
	return a, nil
}

// authorize answers a challenge: Digest with MD5, else with SHA-256, else Basic; ErrUnsupported when none is offered. MD5 goes
// first because the given package knows no other digest; strong says that it was not offered.
func authorize(who *url.Userinfo, target string, challenges []string) (line string, strong bool, err error) {
	if who == nil {
		return "", false, errors.New("the address has no user and password")
	}
	name := who.Username()
	pass, _ := who.Password()
	for _, c := range challenges {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(c), " ")
		algorithm := strings.ToUpper(param(rest, "algorithm"))
		switch {
		case strings.EqualFold(scheme, "Digest") && (algorithm == "" || algorithm == "MD5"):
			return digest(sum, name, pass, target, rest), false, nil
		case strings.EqualFold(scheme, "Digest") && algorithm == "SHA-256":
			line, strong = digest(sum256, name, pass, target, rest)+", algorithm=SHA-256", true
		case strings.EqualFold(scheme, "Basic") && !strong:
			line = "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+pass))
		}
	}
	if line == "" {
		return "", false, fmt.Errorf("answer the camera's challenge: %w", errors.ErrUnsupported)
	}
	return line, strong, nil
}

// digests are the challenges that can be answered without telling the password.
func digests(challenges []string) []string {
	return slices.DeleteFunc(slices.Clone(challenges), func(c string) bool {
		scheme, _, _ := strings.Cut(strings.TrimSpace(c), " ")
		return !strings.EqualFold(scheme, "Digest")
	})
}

func digest(sum func(string) string, name, pass, target, challenge string) string {
	realm, nonce := param(challenge, "realm"), param(challenge, "nonce")
	proof := sum(sum(name+":"+realm+":"+pass) + ":" + nonce + ":" + sum("DESCRIBE:"+target))
	return fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s"`, name, realm, nonce, target, proof)
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

func sum256(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
