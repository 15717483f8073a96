package notify_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/notify"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// eximConf makes exim take letters of who logs in over TLS, put off the first one for each "busy" file, refuse gone@, and
// deliver into a folder of its own. %[1]s is the folder, %[2]d the port.
const eximConf = `
spool_directory = %[1]s/spool
keep_environment =
log_file_path = %[1]s/%%slog
pid_file_path = %[1]s/pid
daemon_smtp_ports = %[2]d
local_interfaces = 127.0.0.1
primary_hostname = mx.street.example
tls_advertise_hosts = *
tls_certificate = %[1]s/cert.pem
tls_privatekey = %[1]s/key.pem
auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}
deliver_drop_privilege = true
never_users =
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = rcpt
acl_smtp_data = data
begin acl
rcpt:
  deny !authenticated = *
       message = log in first
  deny local_parts = gone
       message = 5.1.1 no such mailbox
  accept
data:
  defer condition = ${run{/bin/rm %[1]s/busy}{yes}{no}}
        message = 4.7.1 greylisted, try again
  accept
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{linshao}}{eq{$auth3}{0123456789abcdef}}}}
  server_set_id = $auth2
begin routers
all:
  driver = accept
  local_parts = duty : gone
  transport = box
begin transports
box:
  driver = appendfile
  directory = %[1]s/box/$local_part_data
  maildir_format
  create_directory
  user = %[3]d
  group = %[4]d
begin retry
*  *  F,1h,1m
`

// exim is a real mail server of Debian on loopback.
type exim struct {
	t       *testing.T
	dir     string
	address string
	roots   *x509.CertPool
}

func serveExim(t *testing.T) *exim {
	t.Helper()
	program, err := exec.LookPath("/usr/sbin/exim4")
	if err == nil && os.Getuid() != 0 {
		err = errors.New("it serves only as root, who gives it to its own user")
	}
	if err != nil {
		if os.Getenv("LINSHAO_REQUIRE") == "1" {
			t.Fatalf("exim4 cannot be used here, and LINSHAO_REQUIRE=1: %v", err)
		}
		t.Skipf("exim4 (Debian package exim4-daemon-light) cannot be used here: %v", err)
	}
	e := &exim{t: t, dir: dbtest.Dir(t), roots: x509.NewCertPool()}
	u, err := user.Lookup("Debian-exim") // exim delivers nothing as root
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	port := freeport.Port(t)
	e.address = fmt.Sprintf("127.0.0.1:%d", port)
	e.certify()
	e.write("conf", fmt.Sprintf(eximConf, e.dir, port, uid, gid))
	for _, name := range []string{"", "spool", "cert.pem", "key.pem"} {
		if name == "spool" {
			if err := os.Mkdir(filepath.Join(e.dir, name), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(filepath.Join(e.dir, name), uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, "-C", filepath.Join(e.dir, "conf"), "-bdf")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	said := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	e.await("exim listens", func() bool {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("exim ended: %v %s", err, said)
		default:
		}
		c, err := net.Dial("tcp", e.address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return e
}

func (e *exim) write(name, text string) {
	e.t.Helper()
	if err := os.WriteFile(filepath.Join(e.dir, name), []byte(text), 0o644); err != nil {
		e.t.Fatal(err)
	}
}

// certify makes the server's certificate, and the CA that the receiver trusts.
func (e *exim) certify() {
	e.t.Helper()
	fail := func(err error) {
		if err != nil {
			e.t.Fatal(err)
		}
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fail(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fail(err)
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root of the test"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &rootKey.PublicKey, rootKey)
	fail(err)
	der, err := x509.CreateCertificate(rand.Reader, leaf, root, &key.PublicKey, rootKey)
	fail(err)
	signed, err := x509.ParseCertificate(rootDER)
	fail(err)
	e.roots.AddCert(signed)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	fail(err)
	e.write("cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	e.write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	fail(os.Chmod(filepath.Join(e.dir, "key.pem"), 0o600))
}

// await looks until something is so.
func (e *exim) await(what string, so func() bool) {
	e.t.Helper()
	tick, late := time.NewTicker(10*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-late:
			b, _ := os.ReadFile(filepath.Join(e.dir, "mainlog"))
			e.t.Fatalf("not within 10 s: %s\n%s", what, b)
		}
	}
}

// letters answers what was delivered to a mailbox.
func (e *exim) letters(box string) (out []string) {
	files, _ := filepath.Glob(filepath.Join(e.dir, "box", box, "new", "*"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			e.t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return out
}

func (e *exim) receiver(to ...string) notify.Receiver {
	return notify.Receiver{Kind: notify.Mail, URL: "smtp://" + e.address, AllowPrivate: true, Secret: []byte("0123456789abcdef"),
		Letter: notify.Letter{From: "linshao@street.example", To: to, User: "linshao", CA: e.roots}}
}

// TestMailByExim: a letter that Debian's exim puts off once and then takes is delivered once, as people read it, and what exim
// said each time is kept.
func TestMailByExim(t *testing.T) {
	e := serveExim(t)
	h := openAs(t, dbtest.SQLite(t), e.receiver("duty@street.example"))
	e.write("busy", "")
	h.fire("A", "a1")
	said, n := h.await("sent")
	if n != 2 || !strings.HasPrefix(said, "250 OK id=") {
		t.Errorf("%d attempts, the last: %s", n, said)
	}
	var first string
	if err := h.db.Reader().QueryRowContext(t.Context(), `SELECT answer FROM attempts WHERE ok = 0`).Scan(&first); err != nil || !strings.Contains(first, "451 ") || !strings.Contains(first, "4.7.1 greylisted, try again") {
		t.Errorf("the first attempt: %q %v", first, err)
	}
	e.await("the letter is delivered", func() bool { return len(e.letters("duty")) > 0 })
	letters := e.letters("duty")
	if len(letters) != 1 {
		t.Fatalf("%d letters", len(letters))
	}
	subject, body, m := letterOf(t, letters[0])
	if !strings.HasPrefix(subject, "【A级·燃气‹高›报】") || !strings.Contains(body, "62 %LEL(阈 25)") || !strings.Contains(body, ": https://linshao.example/a/GJ-") {
		t.Errorf("%s\n%s", subject, body)
	}
	from, err := m.Header.AddressList("From")
	if err != nil || len(from) != 1 || from[0].Address != "linshao@street.example" {
		t.Errorf("from %v %v", from, err)
	}
	if date, err := mail.ParseDate(m.Header.Get("Date")); err != nil || time.Since(date).Abs() > time.Minute || m.Header.Get("Return-Path") != "" && m.Header.Get("Return-Path") != "<linshao@street.example>" {
		t.Errorf("%v %v", m.Header, err)
	}
	for key, want := range map[string]string{"Auto-Submitted": "auto-generated", "X-Priority": "1", "Mime-Version": "1.0", "To": "duty@street.example"} {
		if !strings.Contains(m.Header.Get(key), want) {
			t.Errorf("%s: %q", key, m.Header.Get(key))
		}
	}
	if got := m.Header.Get("Received"); !strings.Contains(got, "TLS1.") || !strings.Contains(got, "esmtpsa") {
		t.Errorf("it came by %q", got)
	}
}

// TestEximRefuses: what exim refuses for good is not tried again, and no letter goes where the certificate or the password is wrong.
func TestEximRefuses(t *testing.T) {
	e := serveExim(t)
	h := openAs(t, dbtest.SQLite(t), e.receiver("gone@street.example"))
	h.fire("A", "a1")
	if said, n := h.await("refused"); n != 1 || !strings.Contains(said, "550 ") || !strings.Contains(said, "5.1.1 no such mailbox") {
		t.Errorf("%d attempts: %s", n, said)
	}
	for want, change := range map[string]func(*notify.Receiver){
		"certificate":  func(r *notify.Receiver) { r.Letter.CA = nil },
		"log in: 535":  func(r *notify.Receiver) { r.Secret = []byte("wrong-password") },
		"log in first": func(r *notify.Receiver) { r.Letter.User = "" },
	} {
		r := e.receiver("duty@street.example")
		change(&r)
		if got, err := openAs(t, dbtest.SQLite(t), r).svc.Test(t.Context(), "duty", notify.Trial{By: "张三"}); err != nil || got.OK || !strings.Contains(got.Answer, want) {
			t.Errorf("%s: %+v %v", want, got, err)
		}
	}
	if l := append(e.letters("duty"), e.letters("gone")...); len(l) > 0 {
		t.Errorf("delivered: %v", l)
	}
}
