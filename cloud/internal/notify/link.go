package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// linkLife is how long the link of a message lets its reader see and take the incident without a login.
const linkLife = 24 * time.Hour

// ErrLink: the link is not ours, was changed, or is too old.
var ErrLink = errors.New("link is not valid")

// Links signs and checks the links of messages.
type Links struct {
	public string
	key    []byte
	now    func() time.Time
}

// NewLinks makes links below the public address of the page; without one, messages carry none.
func NewLinks(public string, key []byte, now func() time.Time) *Links {
	return &Links{strings.TrimSuffix(public, "/"), key, now}
}

// To answers the link of an incident for a receiver; empty without a public address.
func (l *Links) To(incident, receiver string) string {
	if l.public == "" {
		return ""
	}
	return l.public + "/a/" + url.PathEscape(incident) + "?k=" + l.Key(incident, receiver)
}

// Key signs an incident for a receiver.
func (l *Links) Key(incident, receiver string) string {
	head := strconv.FormatInt(l.now().Add(linkLife).Unix(), 36) + "." + receiver
	return head + "." + l.mac(incident, head)
}

// Check answers the receiver for whom the key of an incident was made.
func (l *Links) Check(incident, key string) (receiver string, err error) {
	parts := strings.Split(key, ".")
	if len(parts) != 3 || !hmac.Equal([]byte(parts[2]), []byte(l.mac(incident, parts[0]+"."+parts[1]))) {
		return "", ErrLink
	}
	until, err := strconv.ParseInt(parts[0], 36, 64)
	if err != nil || l.now().Unix() > until {
		return "", fmt.Errorf("%w: its %v are over", ErrLink, linkLife)
	}
	return parts[1], nil
}

func (l *Links) mac(incident, head string) string {
	h := hmac.New(sha256.New, l.key)
	h.Write([]byte("incident link\n" + incident + "\n" + head))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}
