package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net/netip"
	"net/smtp"
	"net/textproto"
	"net/url"
	"strings"
	"time"
)

// mail writes one letter. The address is smtp://host:port, where STARTTLS is demanded, or smtps://host:port with TLS from
// the first byte; a server of this machine may do without, when it asks for no login.
func (s *sender) mail(ctx context.Context, m message) answer {
	said, err := s.deliver(ctx, m)
	if err == nil {
		return answer{ok: true, text: said}
	}
	var reply *textproto.Error
	return answer{never: errors.As(err, &reply) && reply.Code >= 500, text: err.Error()}
}

func (s *sender) deliver(ctx context.Context, m message) (string, error) {
	r := s.receiver
	u, err := url.Parse(r.URL)
	if err != nil {
		return "", errors.New("the receiver's address is not a URL")
	}
	conf := &tls.Config{ServerName: u.Hostname(), RootCAs: r.Letter.CA, MinVersion: tls.VersionTLS12}
	conn, err := GuardedDialer(r.AllowPrivate).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return "", err
	}
	if err := conn.SetDeadline(time.Now().Add(sendTimeout)); err != nil {
		return "", errors.Join(err, conn.Close())
	}
	remote := conn.RemoteAddr().String()
	if u.Scheme == "smtps" {
		conn = tls.Client(conn, conf)
	}
	c, err := smtp.NewClient(conn, u.Hostname())
	if err != nil {
		return "", errors.Join(fmt.Errorf("greet server: %w", err), conn.Close())
	}
	defer c.Close() //nolint:errcheck // after Quit it is closed
	_, domain, _ := strings.Cut(r.Letter.From, "@")
	if err := c.Hello(domain); err != nil {
		return "", fmt.Errorf("greet server: %w", err)
	}
	if err := s.secure(c, conf, u.Scheme, remote); err != nil {
		return "", err
	}
	return s.submit(c, m, domain)
}

// secure turns TLS on, if it is not, and logs in.
func (s *sender) secure(c *smtp.Client, conf *tls.Config, scheme, remote string) error {
	l := s.receiver.Letter
	if scheme != "smtps" {
		if ok, _ := c.Extension("STARTTLS"); ok {
			if err := c.StartTLS(conf); err != nil {
				return fmt.Errorf("start TLS: %w", err)
			}
		} else if a, err := netip.ParseAddrPort(remote); err != nil || !a.Addr().Unmap().IsLoopback() || l.User != "" {
			return errors.New("the server offers no STARTTLS: nothing is sent in the clear")
		}
	}
	if l.User == "" {
		return nil
	}
	ok, methods := c.Extension("AUTH")
	if !ok {
		return errors.New("the server offers no login")
	}
	var auth smtp.Auth = login{l.User, string(s.receiver.Secret)}
	if strings.Contains(" "+methods+" ", " PLAIN ") {
		auth = smtp.PlainAuth("", l.User, string(s.receiver.Secret), conf.ServerName)
	}
	if err := c.Auth(auth); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	return nil
}

// submit hands the letter over and answers what the server said to it. Who is refused does not keep the others from it.
func (s *sender) submit(c *smtp.Client, m message, domain string) (string, error) {
	if err := c.Mail(s.receiver.Letter.From); err != nil {
		return "", fmt.Errorf("say who writes: %w", err)
	}
	var refused []error
	to := s.addressees(m)
	for _, to := range to {
		if err := c.Rcpt(to); err != nil {
			refused = append(refused, fmt.Errorf("%s: %w", to, err))
		}
	}
	if len(refused) == len(to) {
		return "", worst(refused)
	}
	id, err := c.Text.Cmd("DATA")
	if err != nil {
		return "", fmt.Errorf("begin letter: %w", err)
	}
	c.Text.StartResponse(id)
	_, _, err = c.Text.ReadResponse(354)
	c.Text.EndResponse(id)
	if err != nil {
		return "", fmt.Errorf("begin letter: %w", err)
	}
	w := c.Text.DotWriter()
	if _, err := w.Write(s.letter(m, domain)); err != nil {
		return "", fmt.Errorf("write letter: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("write letter: %w", err)
	}
	code, text, err := c.Text.ReadResponse(250)
	if err != nil {
		return "", fmt.Errorf("end letter: %w", err)
	}
	said := fmt.Sprintf("%d %s", code, text)
	for _, e := range refused {
		said += "; " + e.Error()
	}
	_ = c.Quit() // the letter is theirs, whatever comes of the connection
	return said, nil
}

// addressees are those of the configuration, or the people whom the message is for.
func (s *sender) addressees(m message) []string {
	if !s.receiver.personal() {
		return s.receiver.Letter.To
	}
	var to []string
	for _, p := range m.people {
		if box := s.receiver.mailbox(p); box != "" {
			to = append(to, box)
		}
	}
	return to
}

// worst puts a refusal first that a later attempt may change: while there is one, the letter is not refused for good.
func worst(refused []error) error {
	for _, e := range refused {
		var reply *textproto.Error
		if !errors.As(e, &reply) || reply.Code < 500 {
			return e
		}
	}
	return errors.Join(refused...)
}

// letter is the whole message. Its Message-ID is the same in every attempt.
func (s *sender) letter(m message, domain string) []byte {
	var b bytes.Buffer
	line := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	line("From", s.receiver.Letter.From)
	line("To", strings.Join(s.addressees(m), ", "))
	line("Subject", mime.BEncoding.Encode("utf-8", m.title))
	line("Date", s.service.cfg.Now().In(s.service.cfg.Zone).Format(time.RFC1123Z))
	line("Message-ID", "<"+m.event+"@"+domain+">")
	line("Auto-Submitted", "auto-generated")
	if m.severity == "A" {
		line("X-Priority", "1")
	}
	line("MIME-Version", "1.0")
	line("Content-Type", "text/plain; charset=utf-8")
	line("Content-Transfer-Encoding", "base64")
	text := base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(m.text, "\n", "\r\n") + "\r\n"))
	for b.WriteString("\r\n"); len(text) > 0; text = text[min(len(text), 76):] {
		b.WriteString(text[:min(len(text), 76)] + "\r\n")
	}
	return b.Bytes()
}

// login is the method of servers that have no PLAIN. It speaks only through TLS.
type login struct{ user, password string }

// Start implements smtp.Auth.
func (l login) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if !server.TLS {
		return "", nil, errors.New("no TLS: the password is not said in the clear")
	}
	return "LOGIN", nil, nil
}

// Next implements smtp.Auth.
func (l login) Next(question []byte, more bool) ([]byte, error) {
	switch {
	case !more:
		return nil, nil
	case strings.HasPrefix(strings.ToLower(string(question)), "user"):
		return []byte(l.user), nil
	}
	return []byte(l.password), nil
}
