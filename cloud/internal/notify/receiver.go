package notify

import (
	"crypto/x509"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/linshao/linshao/cloud/internal/incident"
)

// Kinds of receivers.
const (
	WeCom    = "wecom"
	DingTalk = "dingtalk"
	Feishu   = "feishu"
	Mail     = "mail"
	Webhook  = "webhook"
)

// Kinds answers every kind of receiver.
func Kinds() []string { return []string{WeCom, DingTalk, Feishu, Mail, Webhook} }

// A Receiver is somebody who is told.
type Receiver struct {
	ID, Name     string
	Kind         string // one of Kinds
	URL          string // holds the robot's key: never logged, never shown
	Secret       []byte // of a signature, or the password of the mail account
	Severities   []string
	Sites        []string // empty: all
	AllowPrivate bool     // the address may be private or loopback
	EveryChange  bool     // is told of every change, not only of what asks people to act
	PerMinute    int      // messages that mail or a webhook takes; 0: the kind's default
	PerDay       int      // 0: no limit
	Letter       Letter   // of Mail
	Hook         *Hook    // of Webhook; nil: our JSON
}

// A Letter is who writes to whom by mail.
type Letter struct {
	From string
	To   []string
	User string         // of the mail account; empty: no login
	CA   *x509.CertPool // that signed the server's certificate; nil: the system's
}

// wants says whether the receiver is told of a change. A robot is for people, so it hears of what asks them to act; a
// webhook is for another system, which follows every change.
func (r Receiver) wants(in incident.Incident, kind string) bool {
	if !slices.Contains(r.Severities, in.Severity) || (len(r.Sites) > 0 && !slices.Contains(r.Sites, in.Site)) {
		return false
	}
	return r.EveryChange || kind == incident.KindOpened || kind == incident.KindSeverity || kind == incident.KindOverdue
}

// hide takes the receiver's secrets out of what is kept and shown: some servers repeat what they were asked.
func (r Receiver) hide(text string) string {
	hidden := []string{string(r.Secret)}
	if u, err := url.Parse(r.URL); err == nil {
		for _, values := range u.Query() {
			hidden = append(hidden, values...)
		}
		if password, ok := u.User.Password(); ok {
			hidden = append(hidden, password)
		}
		if r.Kind == Feishu {
			hidden = append(hidden, path.Base(u.Path))
		}
	}
	for _, s := range hidden {
		for _, form := range []string{s, url.QueryEscape(s)} {
			if len(form) >= 4 {
				text = strings.ReplaceAll(text, form, "***")
			}
		}
	}
	return text
}
