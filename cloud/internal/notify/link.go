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

// Resident stands for a receiver in the links that let a resident rate a closed incident, and nothing else: no receiver has
// such an id. They live longer, because people answer when they have time.
const (
	Resident = "RESIDENT"
	rateLife = 30 * 24 * time.Hour
)

// ErrLink: the link is not ours, or was changed; of Check also that it is too old.
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

// Key signs an incident for a receiver. The incident's number stands in it, because the page sends it with every request.
func (l *Links) Key(incident, receiver string) string { return l.keyFor(incident, receiver, linkLife) }

func (l *Links) keyFor(incident, receiver string, life time.Duration) string {
	head := strconv.FormatInt(l.now().Add(life).Unix(), 36) + "." + receiver + "." + incident
	return head + "." + l.mac(head)
}

// ToRate answers the link with which a resident rates an incident, empty without a public address, and its key.
func (l *Links) ToRate(incident string) (link, key string) {
	key = l.keyFor(incident, Resident, rateLife)
	if l.public == "" {
		return "", key
	}
	return l.public + "/r/" + url.PathEscape(incident) + "?k=" + key, key
}

// A link is what a key stands for.
type link struct {
	incident string
	who      string // a receiver; with ~ and a number, the person of that notice
	made     time.Time
	until    time.Time
}

// read answers what a key of ours stands for, however old it is.
func (l *Links) read(key string) (link, error) {
	cut := strings.LastIndexByte(key, '.')
	parts := strings.Split(key, ".")
	if len(parts) != 4 || !hmac.Equal([]byte(key[cut+1:]), []byte(l.mac(key[:cut]))) {
		return link{}, ErrLink
	}
	until, err := strconv.ParseInt(parts[0], 36, 64)
	if err != nil {
		return link{}, ErrLink
	}
	k := link{incident: parts[2], who: parts[1], until: time.Unix(until, 0)}
	k.made = k.until.Add(-linkLife)
	if k.who == Resident {
		k.made = k.until.Add(-rateLife)
	}
	return k, nil
}

// Check answers the incident and the receiver for whom a key was made.
func (l *Links) Check(key string) (incident, receiver string, err error) {
	k, err := l.read(key)
	if err == nil && l.old(k) {
		err = fmt.Errorf("%w: its time is over", ErrLink)
	}
	if err != nil {
		return "", "", err
	}
	return k.incident, k.who, nil
}

func (l *Links) old(k link) bool { return l.now().Unix() > k.until.Unix() }

func (l *Links) mac(head string) string {
	h := hmac.New(sha256.New, l.key)
	h.Write([]byte("incident link\n" + head))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}
