package notify_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"mime"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/notify"
)

// post is a small SMTP server: it speaks STARTTLS or TLS from the first byte, wants a login, and refuses some receivers.
type post struct {
	t        *testing.T
	address  string
	conf     *tls.Config
	roots    *x509.CertPool
	methods  string      // of login
	starttls bool        // is offered
	busy     chan string // what it says to the next letters instead of taking them
	letters  chan string
	said     chan string // who logged in, in clear or in TLS
}

func servePost(t *testing.T, implicit bool, p *post) *post {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	p.t, p.conf, p.roots = t, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, x509.NewCertPool()
	p.roots.AddCert(leaf)
	p.busy, p.letters, p.said = make(chan string, 9), make(chan string, 9), make(chan string, 9)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.address = l.Addr().String()
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if implicit {
				c = tls.Server(c, p.conf)
			}
			all.Go(func() { p.talk(c, implicit) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return p
}

func (p *post) talk(c net.Conn, secure bool) {
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	in := textproto.NewReader(bufio.NewReader(c))
	say := func(s string) { fmt.Fprint(c, s+"\r\n") }
	say("220 post")
	for {
		line, err := in.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		switch verb {
		case "EHLO":
			say("250-post") // the first line is a greeting, no extension
			if p.starttls && !secure {
				say("250-STARTTLS")
			}
			say("250-AUTH " + p.methods + "\r\n250 8BITMIME")
		case "STARTTLS":
			say("220 go")
			c, secure = tls.Server(c, p.conf), true
			in = textproto.NewReader(bufio.NewReader(c))
		case "AUTH":
			if !p.login(rest, in, say, secure) {
				say("535 5.7.8 wrong password")
				continue
			}
			say("235 welcome")
		case "RCPT":
			if strings.Contains(rest, "gone@") {
				say("550 5.1.1 no such user")
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 write")
			b, err := io.ReadAll(in.DotReader())
			if err != nil {
				return
			}
			select {
			case no := <-p.busy:
				say(no)
			default:
				p.letters <- string(b)
				say("250 2.0.0 queued as 4711")
			}
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (p *post) login(how string, in *textproto.Reader, say func(string), secure bool) bool {
	name, password := "", ""
	if rest, ok := strings.CutPrefix(how, "PLAIN "); ok {
		b, _ := base64.StdEncoding.DecodeString(rest)
		if parts := strings.Split(string(b), "\x00"); len(parts) == 3 {
			name, password = parts[1], parts[2]
		}
	} else {
		for i, into := range []*string{&name, &password} {
			say("334 " + base64.StdEncoding.EncodeToString([]byte([]string{"Username:", "Password:"}[i])))
			line, err := in.ReadLine()
			if err != nil {
				return false
			}
			b, _ := base64.StdEncoding.DecodeString(line)
			*into = string(b)
		}
	}
	p.said <- fmt.Sprint(name, " ", password, " ", secure)
	return password == "0123456789abcdef"
}

// letter waits for the next one that was taken.
func (p *post) letter() string {
	p.t.Helper()
	select {
	case l := <-p.letters:
		return l
	case <-time.After(10 * time.Second):
		p.t.Fatal("no letter within 10 s")
		panic("unreachable")
	}
}

func letterOf(t *testing.T, raw string) (subject, body string, m *mail.Message) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, m.Body))
	if err != nil {
		t.Fatal(err)
	}
	return subject, string(b), m
}

func mailTo(p *post, scheme string, to ...string) notify.Receiver {
	return notify.Receiver{Kind: notify.Mail, URL: scheme + "://" + p.address, AllowPrivate: true, Secret: []byte("0123456789abcdef"),
		Letter: notify.Letter{From: "linshao@street.example", To: to, User: "linshao", CA: p.roots}}
}

func TestMailByStartTLS(t *testing.T) {
	light(t, func(t *testing.T, place *dbtest.Place) {
		p := servePost(t, false, &post{methods: "PLAIN LOGIN", starttls: true})
		h := openAs(t, place, mailTo(p, "smtp", "gone@street.example", "duty@street.example"))
		p.busy <- "451 4.7.1 greylisted"
		h.fire("A", "a1")
		subject, body, m := letterOf(t, p.letter())
		if !strings.HasPrefix(subject, "【A级·燃气‹高›报】") || !strings.Contains(body, "62 %LEL(阈 25)") || !strings.Contains(body, ": https://linshao.example/a/GJ-") {
			t.Errorf("%s\n%s", subject, body)
		}
		if m.Header.Get("Auto-Submitted") != "auto-generated" || !strings.Contains(m.Header.Get("Message-ID"), "-opened-duty-") || m.Header.Get("X-Priority") != "1" {
			t.Errorf("%v", m.Header)
		}
		if said, n := h.await("sent"); n != 2 || !strings.Contains(said, "250 2.0.0 queued as 4711") || !strings.Contains(said, "gone@street.example: 550") {
			t.Errorf("%d attempts: %s", n, said)
		}
		if who := <-p.said; who != "linshao 0123456789abcdef true" {
			t.Errorf("logged in as %s", who)
		}
	})
}

func TestMail(t *testing.T) {
	for name, c := range map[string]struct {
		scheme string
		post   post
		change func(*notify.Receiver)
		busy   string
		ok     bool
		want   string
	}{
		"tls, login":     {"smtps", post{methods: "LOGIN"}, nil, "", true, "queued"},
		"no STARTTLS":    {"smtp", post{methods: "PLAIN"}, nil, "", false, "offers no STARTTLS"},
		"no login":       {"smtp", post{}, func(r *notify.Receiver) { r.Letter.User = "" }, "", true, "queued"},
		"unknown CA":     {"smtps", post{}, func(r *notify.Receiver) { r.Letter.CA = nil }, "", false, "certificate"},
		"wrong password": {"smtps", post{methods: "PLAIN"}, func(r *notify.Receiver) { r.Secret = []byte("wrong-password") }, "", false, "log in: 535"},
		"all gone":       {"smtps", post{methods: "PLAIN"}, func(r *notify.Receiver) { r.Letter.To = []string{"gone@street.example"} }, "", false, "5.1.1 no such user"},
		"spam":           {"smtps", post{methods: "PLAIN"}, nil, "554 5.7.1 spam", false, "end letter: 554"},
		"inside":         {"smtps", post{}, func(r *notify.Receiver) { r.AllowPrivate = false }, "", false, "private address"},
	} {
		t.Run(name, func(t *testing.T) {
			p := servePost(t, c.scheme == "smtps", &c.post)
			r := mailTo(p, c.scheme, "duty@street.example")
			if c.change != nil {
				c.change(&r)
			}
			if c.busy != "" {
				p.busy <- c.busy
			}
			h := openAs(t, dbtest.SQLite(t), r)
			got, err := h.svc.Test(t.Context(), "duty", notify.Trial{By: "张三"})
			if err != nil || got.OK != c.ok || !strings.Contains(got.Answer, c.want) || strings.Contains(got.Answer, "wrong-password") {
				t.Errorf("%+v, %v", got, err)
			}
			if !c.ok && len(p.letters) > 0 {
				t.Error("a letter was sent")
			}
		})
	}
}
