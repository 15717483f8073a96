package app

import (
	"crypto/x509"
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/linshao/linshao/cloud/internal/notify"
	"github.com/linshao/linshao/configs"
)

// Receiver is somebody who is told of incidents.
type Receiver struct {
	ID           string            `yaml:"id"`
	Name         string            `yaml:"name"`
	Kind         string            `yaml:"kind"`
	URL          string            `yaml:"url"`
	SecretFile   string            `yaml:"secret_file"`
	Severities   []string          `yaml:"severities"`
	Sites        []string          `yaml:"sites"`
	EveryChange  *bool             `yaml:"every_change"`
	AllowPrivate bool              `yaml:"allow_private"`
	PerMinute    int               `yaml:"per_minute"`
	PerDay       int               `yaml:"per_day"`
	From         string            `yaml:"from"`
	To           []string          `yaml:"to"`
	User         string            `yaml:"user"`
	CA           string            `yaml:"ca"`
	Method       string            `yaml:"method"`
	Headers      map[string]string `yaml:"headers"`
	Body         string            `yaml:"body"`
	AnswerOK     string            `yaml:"answer_ok"`
	AnswerRetry  string            `yaml:"answer_retry"`
	Means        string            `yaml:"means"`
	Quiet        string            `yaml:"quiet"`

	secret []byte
	ca     *x509.CertPool
	hook   *notify.Hook
	hush   notify.Quiet
}

func (c *checker) receiver(i int, seen map[string]bool) {
	r, path := &c.cfg.Notify[i], fmt.Sprintf("$.notify[%d]", i)
	if !receiverID.MatchString(r.ID) {
		c.wrong(path+".id", fmt.Sprintf("id %q is not made of a-z, 0-9 and -", r.ID), "such as duty")
	} else if seen[r.ID] {
		c.wrong(path+".id", fmt.Sprintf("a second receiver is called %q", r.ID), "")
	}
	seen[r.ID] = true
	if r.Name == "" {
		r.Name = r.ID
	}
	if len(r.Severities) == 0 {
		r.Severities = []string{"A", "B"}
	}
	for j, s := range r.Severities {
		if s != "A" && s != "B" && s != "C" {
			c.wrong(fmt.Sprintf("%s.severities[%d]", path, j), fmt.Sprintf("unknown severity %q", s), "A, B or C")
		}
	}
	if r.EveryChange == nil {
		system := r.Kind == notify.Webhook && r.Body == ""
		r.EveryChange = &system
	}
	before := len(c.problems)
	r.secret = c.secret(path+".secret_file", &r.SecretFile)
	if !slices.Contains(notify.Kinds(), r.Kind) {
		hint := strings.Join(notify.Kinds(), ", ")
		if near := configs.Nearest(r.Kind, notify.Kinds()); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		c.wrong(path+".kind", fmt.Sprintf("unknown kind of receiver %q", r.Kind), hint)
		return
	}
	c.foreign(r, path)
	c.limits(r, path)
	switch r.Kind {
	case notify.Mail:
		c.mail(r, path)
		c.reach(r, path)
		return
	case notify.Webhook:
		c.webhook(r, path, len(c.problems) == before)
	}
	c.reach(r, path)
	if !isURL(r.URL, "http", "https") {
		c.wrong(path+".url", "the receiver needs an http or https address", "")
	} else if r.Kind != notify.Webhook && strings.HasPrefix(r.URL, "http:") && !r.AllowPrivate {
		c.wrong(path+".url", "the address of a robot holds its key: it needs https", "")
	}
}

// foreign refuses keys that mean nothing for this kind: who wrote them expects something of them.
func (c *checker) foreign(r *Receiver, path string) {
	for _, k := range []struct {
		key  string
		set  bool
		kind string
	}{
		{"from", r.From != "", notify.Mail}, {"to", len(r.To) > 0, notify.Mail}, {"user", r.User != "", notify.Mail}, {"ca", r.CA != "", notify.Mail},
		{"method", r.Method != "", notify.Webhook}, {"headers", len(r.Headers) > 0, notify.Webhook}, {"body", r.Body != "", notify.Webhook},
		{"answer_ok", r.AnswerOK != "", notify.Webhook}, {"answer_retry", r.AnswerRetry != "", notify.Webhook},
	} {
		if k.set && r.Kind != k.kind {
			c.wrong(path+"."+k.key, fmt.Sprintf("%s belongs to receivers of kind %s", k.key, k.kind), "")
		}
	}
	if r.Kind == notify.WeCom && r.SecretFile != "" {
		c.wrong(path+".secret_file", "a WeCom robot has no signature: its key stands in url", "")
	}
}

func (c *checker) limits(r *Receiver, path string) {
	for key, n := range map[string]int{"per_minute": r.PerMinute, "per_day": r.PerDay} {
		switch {
		case n < 0 || n > 100_000:
			c.wrong(path+"."+key, fmt.Sprintf("%d is no number of messages", n), "0: the default of this kind")
		case n > 0 && r.Kind != notify.Mail && (r.Kind != notify.Webhook || r.Body == ""):
			c.wrong(path+"."+key, "it belongs to mail and to webhooks with a body", "a robot's own limit is kept without it")
		}
	}
}

func (c *checker) mail(r *Receiver, path string) {
	if u, err := url.Parse(r.URL); !isURL(r.URL, "smtp", "smtps") || err != nil || u.Port() == "" || u.User != nil || (u.Path != "" && u.Path != "/") {
		c.wrong(path+".url", "mail needs the address of a server with its port, and no user in it", "smtp://mail.example:587 or smtps://mail.example:465")
	}
	addresses := map[string]string{"from": r.From}
	for i, to := range r.To {
		addresses[fmt.Sprintf("to[%d]", i)] = to
	}
	for key, text := range addresses {
		if a, err := mail.ParseAddress(text); err != nil || a.Address != text {
			c.wrong(path+"."+key, fmt.Sprintf("%q is no mail address", text), "such as linshao@street.example")
		}
	}
	if len(r.To) == 0 && len(c.cfg.Mailboxes) == 0 {
		c.wrong(path, "mail needs somebody to write to", "to: [duty@street.example], or mailboxes of the people whom the escalation tells")
	}
	if (r.User == "") != (r.SecretFile == "") {
		c.wrong(path, "user and secret_file, which holds the password, belong together", "set both or neither")
	}
	if r.CA == "" {
		return
	}
	r.CA = c.beside(r.CA)
	pem, err := os.ReadFile(r.CA)
	if err != nil {
		c.wrong(path+".ca", err.Error(), "")
		return
	}
	if r.ca = x509.NewCertPool(); !r.ca.AppendCertsFromPEM(pem) {
		c.wrong(path+".ca", "there is no certificate in it", "a PEM file")
	}
}

func (c *checker) webhook(r *Receiver, path string, secretRead bool) {
	if r.Body == "" {
		if r.Method != "" || len(r.Headers) > 0 || r.AnswerOK != "" || r.AnswerRetry != "" {
			c.wrong(path, "method, headers, answer_ok and answer_retry belong to a webhook with a body", "")
		}
		if len(r.secret) < 16 && secretRead {
			c.wrong(path, "a webhook is signed: it needs a secret_file with at least 16 bytes", "head -c 32 /dev/urandom | base64 > street.key")
		}
		return
	}
	var err error
	r.hook, err = notify.ParseHook(notify.HookText{Method: r.Method, Headers: r.Headers, Body: r.Body, OK: r.AnswerOK, Retry: r.AnswerRetry})
	if err != nil {
		key, _, _ := strings.Cut(err.Error(), ":")
		if key != "body" && key != "answer_ok" && key != "answer_retry" {
			key = "kind"
		}
		c.wrong(path+"."+key, err.Error(), "")
	}
}
