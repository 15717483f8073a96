package notify

import (
	"cmp"
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
	Sites        []string          // empty: all
	AllowPrivate bool              // the address may be private or loopback
	EveryChange  bool              // is told of every change, not only of what asks people to act
	PerMinute    int               // messages that mail or a webhook takes; 0: the kind's default
	PerDay       int               // 0: no limit
	Letter       Letter            // of Mail
	Hook         *Hook             // of Webhook; nil: our JSON
	Means        string            // by which it reaches people; empty: as its kind says
	Quiet        Quiet             // when it hears of class A alone
	Mailboxes    map[string]string // of people by phone number or name, for Mail to nobody in particular
}

// A Letter is who writes to whom by mail.
type Letter struct {
	From string
	To   []string       // empty: whom the escalation tells, see Receiver.Mailboxes
	User string         // of the mail account; empty: no login
	CA   *x509.CertPool // that signed the server's certificate; nil: the system's
}

// covers says whether the receiver is told of a site's incidents of this class.
func (r Receiver) covers(in incident.Incident) bool {
	return slices.Contains(r.Severities, in.Severity) && (len(r.Sites) == 0 || slices.Contains(r.Sites, in.Site))
}

// means answers by what means the receiver reaches people.
func (r Receiver) means() string {
	switch {
	case r.Means != "":
		return r.Means
	case r.Kind == Webhook && r.Hook == nil:
		return System
	case r.Kind == Webhook && r.Hook.personal:
		return SMS
	case r.Kind == Mail && len(r.Letter.To) == 0:
		return Mail
	}
	return Group
}

// personal says that each message is for one person.
func (r Receiver) personal() bool { return !slices.Contains([]string{Group, System}, r.means()) }

// reaches says whether the receiver has an address of a person.
func (r Receiver) reaches(p Person) bool {
	if r.means() == Mail {
		return r.mailbox(p) != ""
	}
	return p.Phone != ""
}

func (r Receiver) mailbox(p Person) string {
	return cmp.Or(r.Mailboxes[p.Phone], r.Mailboxes[p.Name])
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
