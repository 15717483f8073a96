package enroll_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/enroll"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/wire/enrolment"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

const (
	gw      = "gw-0142"
	address = "203.0.113.7"
)

// office is a cloud's part for certificates with a clock of its own.
type office struct {
	*enroll.Service
	t   *testing.T
	db  *db.DB
	ca  *enroll.CA
	now time.Time
}

func newOffice(t *testing.T, d *db.DB) *office {
	t.Helper()
	o := &office{t: t, db: d, now: time.Now().Truncate(time.Millisecond)}
	var err error
	if o.ca, err = enroll.InitCA(filepath.Join(t.TempDir(), "ca"), "test", o.now); err != nil {
		t.Fatal(err)
	}
	o.Service, err = enroll.New(enroll.Config{DB: d, CA: o.ca, Secret: make([]byte, 32), URL: "https://cloud.example", Broker: "mqtts://broker.example:8883",
		Now: func() time.Time { return o.now }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// box is a gateway with a key and, after it has enrolled, a certificate.
type box struct {
	id    string
	key   *ecdsa.PrivateKey
	csr   []byte
	chain []*x509.Certificate // its own, the CA's, the root
}

func newBox(t *testing.T, id string) *box {
	t.Helper()
	key, err := enrolment.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	csr, err := enrolment.NewCSR(key, id)
	if err != nil {
		t.Fatal(err)
	}
	return &box{id: id, key: key, csr: csr}
}

func (o *office) invite(id string) string {
	o.t.Helper()
	in, _, err := o.Invite(audit.By(o.t.Context(), audit.Person{Name: "李工", Role: "installer"}), id, "jinxiu", time.Hour)
	if err != nil {
		o.t.Fatal(err)
	}
	return in.Token.String()
}

// enrol answers the code of the refusal; empty: b has its certificate.
func (o *office) enrol(b *box, token string) string {
	o.t.Helper()
	o.now = o.now.Add(10 * time.Second) // the limit is not what is tested here
	answer, err := o.Enrol(o.t.Context(), address, enrolment.Request{Gateway: b.id, Token: token, CSR: b.csr})
	return o.took(b, answer, err)
}

func (o *office) took(b *box, answer enrolment.Answer, err error) string {
	o.t.Helper()
	if r, ok := enroll.IsRefusal(err); ok {
		if r.Text.ZH == "" || r.Text.EN == "" || r.Status < 400 {
			o.t.Errorf("refusal %s says %+v", r.Code, r)
		}
		return r.Code
	}
	if err != nil {
		o.t.Fatal(err)
	}
	c, err := enrolment.ParseCertificate([]byte(answer.Certificate))
	if err != nil {
		o.t.Fatal(err)
	}
	b.chain = []*x509.Certificate{c, o.ca.Gateways, o.ca.Root}
	return ""
}

// renew asks for the next certificate with the key of the present one.
func (o *office) renew(present, next *box) string {
	o.t.Helper()
	o.now = o.now.Add(10 * time.Second)
	challenge, err := o.Challenge(address)
	if err != nil {
		o.t.Fatal(err)
	}
	return o.renewWith(present, next, challenge.Nonce)
}

func (o *office) renewWith(present, next *box, nonce string) string {
	o.t.Helper()
	print := enrolment.Fingerprint(present.chain[0].Raw)
	proof, err := enrolment.Prove(present.key, enrolment.ProofText(next.id, print, nonce, next.csr))
	if err != nil {
		o.t.Fatal(err)
	}
	answer, err := o.Renew(o.t.Context(), address, enrolment.Renewal{Gateway: next.id, Fingerprint: print, CSR: next.csr, Nonce: nonce, Proof: proof})
	return o.took(next, answer, err)
}

func (o *office) admit(b *box) error { return o.Admit(o.t.Context(), b.id, b.chain) }

// want compares a code.
func (o *office) want(what, got, want string) {
	o.t.Helper()
	if got != want {
		o.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func (o *office) state() string {
	o.t.Helper()
	list, err := enroll.List(o.t.Context(), o.db.Reader(), tree.Everywhere(), o.now)
	if err != nil || len(list) != 1 {
		o.t.Fatalf("%+v, %v", list, err)
	}
	return list[0].State
}

func each(t *testing.T, test func(t *testing.T, o *office)) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) { test(t, newOffice(t, place.Open(t))) })
}

func TestATokenWorksOnce(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		b := newBox(t, gw)
		token := o.invite(gw)
		o.want("state", o.state(), enroll.Invited)
		o.want("another gateway", o.enrol(newBox(t, "gw-0143"), token), "token_gateway")
		o.want("no token", o.enrol(b, "LS1-XXXXX"), "token_unknown")
		o.want("another token", o.enrol(b, enrolment.NewToken(o.ca.Pin()).String()), "token_unknown")
		o.want("no CSR", o.enrol(&box{id: gw, csr: []byte("x")}, token), "csr")
		o.want("a CSR of another", o.enrol(&box{id: gw, csr: newBox(t, "gw-0143").csr}, token), "csr")
		o.want("an id that is none", o.enrol(&box{id: "../x", csr: b.csr}, token), "gateway_id")
		o.want("it", o.enrol(b, token), "")
		first := b.chain[0]
		o.want("state", o.state(), enroll.Unused)
		o.want("the answer was lost", o.enrol(b, token), "")
		if !b.chain[0].Equal(first) {
			t.Error("another certificate for the same key")
		}
		o.want("another key", o.enrol(newBox(t, gw), token), "token_used")
		o.want("the same key by another token", o.enrol(b, o.invite(gw)), "key_used")
		withdrawn := o.invite(gw)
		late := o.invite(gw)
		o.want("a token before the last", o.enrol(newBox(t, gw), withdrawn), "token_unknown")
		o.now = o.now.Add(time.Hour)
		o.want("late", o.enrol(newBox(t, gw), late), "token_expired")
		checkCertificate(t, o, first)
	})
}

func checkCertificate(t *testing.T, o *office, c *x509.Certificate) {
	t.Helper()
	roots, issuing := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(o.ca.Root)
	issuing.AddCert(o.ca.Gateways)
	verify := func(use x509.ExtKeyUsage) error {
		_, err := c.Verify(x509.VerifyOptions{Roots: roots, Intermediates: issuing, KeyUsages: []x509.ExtKeyUsage{use}, CurrentTime: o.now})
		return err
	}
	if err := verify(x509.ExtKeyUsageClientAuth); err != nil {
		t.Error(err)
	}
	if verify(x509.ExtKeyUsageServerAuth) == nil {
		t.Error("it can serve")
	}
	if c.IsCA || c.Subject.CommonName != gw || len(c.URIs) != 1 || c.URIs[0].String() != "linshao:gateway:"+gw || c.SerialNumber.BitLen() < 64 {
		t.Errorf("%v %v %v", c.Subject, c.URIs, c.SerialNumber)
	}
	if life := c.NotAfter.Sub(c.NotBefore); life < 90*24*time.Hour || life > 91*24*time.Hour {
		t.Errorf("it lives %v", life)
	}
}

func TestRenewal(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		first, next := newBox(t, gw), newBox(t, gw)
		o.want("enrolment", o.enrol(first, o.invite(gw)), "")
		stranger := newBox(t, "gw-0001")
		o.want("enrolment of another", o.enrol(stranger, o.invite("gw-0001")), "")
		o.now = o.now.Add(60 * 24 * time.Hour)
		o.want("with another's certificate", o.renew(stranger, newBox(t, gw)), "certificate_unknown")
		o.want("without the key", o.renew(&box{id: gw, key: stranger.key, chain: first.chain}, newBox(t, gw)), "proof")
		o.want("no nonce of ours", o.renewWith(first, next, "AAAA"), "challenge")
		old, err := o.Challenge(address)
		if err != nil {
			t.Fatal(err)
		}
		o.now = o.now.Add(5 * time.Minute)
		o.want("an old nonce", o.renewWith(first, next, old.Nonce), "challenge")
		o.want("the same key", o.renew(first, &box{id: gw, key: first.key, csr: first.csr}), "key_used")
		o.want("it", o.renew(first, next), "")
		got := next.chain[0]
		o.want("the answer was lost", o.renew(first, next), "")
		if !next.chain[0].Equal(got) {
			t.Error("another certificate for the same key")
		}
		if err := errors.Join(o.admit(first), o.admit(first)); err != nil {
			t.Errorf("the old one before the new one was used: %v", err)
		}
		if err := o.admit(next); err != nil {
			t.Error(err)
		}
		if err := o.admit(first); !errors.Is(err, enroll.ErrEnded) {
			t.Errorf("the old one after the new one was used: %v", err)
		}
		o.want("renewal of the old one", o.renew(first, newBox(t, gw)), "certificate_replaced")
		if err := o.admit(stranger); err != nil {
			t.Errorf("another gateway: %v", err)
		}
	})
}

func TestWhoSleptTooLongNeedsAPerson(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		b, next := newBox(t, gw), newBox(t, gw)
		o.want("enrolment", o.enrol(b, o.invite(gw)), "")
		if err := o.admit(b); err != nil {
			t.Fatal(err)
		}
		end := b.chain[0].NotAfter
		for _, late := range []time.Duration{-20 * 24 * time.Hour, -3 * 24 * time.Hour, time.Hour} {
			o.now = end.Add(late)
			for range 3 {
				if err := o.Tell(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		told, err := org.Journal(t.Context(), o.db.Reader(), gw, 10)
		if err != nil || len(told) != 3 || told[0].Kind != org.CertEnding || !strings.Contains(told[0].Text.ZH, "renew-ok") {
			t.Errorf("told %+v, %v", told, err)
		}
		if err := o.admit(b); !errors.Is(err, enroll.ErrExpired) {
			t.Errorf("expired: %v", err)
		}
		o.want("renewal by itself", o.renew(b, next), "certificate_expired")
		o.want("state", o.state(), enroll.Expired)
		if err := o.LetRenew(t.Context(), gw); err != nil {
			t.Fatal(err)
		}
		o.want("state", o.state(), enroll.AllowRenew)
		o.want("renewal", o.renew(b, next), "")
		if err := o.admit(next); err != nil {
			t.Error(err)
		}
		o.want("state", o.state(), enroll.Valid)
		o.now = next.chain[0].NotAfter.Add(31 * 24 * time.Hour)
		if r, _ := enroll.IsRefusal(o.LetRenew(t.Context(), gw)); r == nil || r.Code != "certificate_gone" {
			t.Errorf("after 31 days: %v", r)
		}
		o.want("renewal after 31 days", o.renew(next, newBox(t, gw)), "certificate_gone")
	})
}

// noted keeps what a Cutter is told.
type noted struct{ cuts chan map[string]bool }

func (n noted) Cut(ended, _ map[string]bool) { n.cuts <- ended }

func TestRevocation(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		b := newBox(t, gw)
		o.want("enrolment", o.enrol(b, o.invite(gw)), "")
		waiting := o.invite(gw)
		if err := o.admit(b); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done, cuts := make(chan error, 1), make(chan map[string]bool, 1)
		go func() { done <- o.Run(ctx, noted{cuts}, nil) }()
		other, err := enroll.New(enroll.Config{DB: o.db, CA: o.ca, Secret: make([]byte, 32), Now: func() time.Time { return o.now }, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := other.Revoke(t.Context(), gw, "stolen"); err != nil { // by another process
			t.Fatal(err)
		}
		select {
		case ended := <-cuts:
			if !ended[enrolment.Fingerprint(b.chain[0].Raw)] || len(ended) != 1 {
				t.Errorf("cut %v", ended)
			}
			t.Logf("cut %v after the revocation in another process", time.Since(began).Round(time.Millisecond))
		case <-time.After(10 * time.Second):
			t.Fatal("not cut")
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if !o.Barred(gw) || o.Barred("gw-0001") {
			t.Error("it is not barred, or another is")
		}
		if err := o.admit(b); !errors.Is(err, enroll.ErrEnded) {
			t.Errorf("revoked: %v", err)
		}
		o.want("renewal", o.renew(b, newBox(t, gw)), "certificate_revoked")
		o.want("a token of before", o.enrol(newBox(t, gw), waiting), "token_unknown")
		o.want("state", o.state(), enroll.Ended)
		if r, _ := enroll.IsRefusal(o.Revoke(t.Context(), gw, "")); r == nil || r.Code != "no_certificate" {
			t.Errorf("again: %v", r)
		}
		again := newBox(t, gw)
		o.want("enrolment after that", o.enrol(again, o.invite(gw)), "")
		if err := o.admit(again); err != nil {
			t.Error(err)
		}
		checkDeeds(t, o, []string{"gateway.invite", "gateway.enrol", "gateway.invite", "gateway.revoke", "gateway.invite", "gateway.enrol"})
	})
}

func checkDeeds(t *testing.T, o *office, want []string) {
	t.Helper()
	rows, err := o.db.Reader().QueryContext(t.Context(), `SELECT act, who, detail FROM audit ORDER BY seq`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var act, who, detail string
		if err := rows.Scan(&act, &who, &detail); err != nil {
			t.Fatal(err)
		}
		if got = append(got, act); strings.Contains(detail, "LS1") {
			t.Errorf("the audit tells a token: %s", detail)
		}
		if act == "gateway.invite" && who != "李工" || act == "gateway.enrol" && who != gw {
			t.Errorf("%s by %q", act, who)
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("deeds %v", got)
	}
}

func TestStrangersAreSlowedDown(t *testing.T) {
	o := newOffice(t, dbtest.SQLite(t).Open(t))
	b, token := newBox(t, gw), o.invite(gw)
	refused := 0
	for range 100 {
		_, err := o.Enrol(t.Context(), "198.51.100.9", enrolment.Request{Gateway: gw, Token: enrolment.NewToken(o.ca.Pin()).String(), CSR: b.csr})
		if r, _ := enroll.IsRefusal(err); r.Code == "too_many_requests" {
			refused++
		}
	}
	if refused != 80 {
		t.Errorf("%d of 100 guesses were refused unread", refused)
	}
	if _, err := o.Enrol(t.Context(), address, enrolment.Request{Gateway: gw, Token: token, CSR: b.csr}); err != nil {
		t.Errorf("from another address: %v", err)
	}
}

func TestTheKeysOfTheCAAreItsOwners(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	if _, err := enroll.OpenCA(dir); !errors.Is(err, enroll.ErrNoCA) {
		t.Errorf("no CA: %v", err)
	}
	ca, err := enroll.InitCA(dir, "test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := enroll.InitCA(dir, "test", time.Now()); err == nil {
		t.Error("a second CA was made over the first")
	}
	for _, name := range []string{"root.key", "gateways.key", "servers.key"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "root.key")); err != nil {
		t.Fatal(err)
	}
	if again, err := enroll.OpenCA(dir); err != nil || again.HasRootKey() || again.Pin() != ca.Pin() {
		t.Errorf("without the root's key: %v", err)
	}
	if err := os.Chmod(filepath.Join(dir, "gateways.key"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := enroll.OpenCA(dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read: %v", err)
	}
}
