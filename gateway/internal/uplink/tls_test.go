package uplink_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// authority is a certificate authority of a test.
type authority struct {
	t    *testing.T
	dir  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pool *x509.CertPool
	n    int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir(), pool: x509.NewCertPool()}
	a.key = newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// issue makes a certificate and its files, NAME.pem and NAME.key.
func (a *authority) issue(name string) tls.Certificate {
	a.t.Helper()
	a.n++
	key := newKey(a.t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1 + a.n), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(name+".pem", "CERTIFICATE", der)
	a.write(name+".key", "PRIVATE KEY", secret)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (a *authority) client(name string) *tls.Config {
	return &tls.Config{RootCAs: a.pool, Certificates: []tls.Certificate{a.issue(name)}}
}

// TestMosquittoTLS: each side proves who it is, and the broker keeps a gateway to its own topics.
func TestMosquittoTLS(t *testing.T) {
	program(t, "mosquitto", "mosquitto")
	ca := newAuthority(t)
	ca.issue("broker")
	rules := filepath.Join(ca.dir, "acl")
	text := "user cloud\ntopic readwrite ls/#\npattern write ls/1/+/%u/up/#\npattern write ls/1/+/%u/status\npattern read ls/1/+/%u/down/#\n"
	if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m := newMosquitto(t, "cafile "+filepath.Join(ca.dir, "ca.pem"), "certfile "+filepath.Join(ca.dir, "broker.pem"),
		"keyfile "+filepath.Join(ca.dir, "broker.key"), "require_certificate true", "use_identity_as_username true",
		"allow_anonymous false", "acl_file "+rules, "tls_version tlsv1.3")
	s, c := newSite(t), newCloud()
	defer s.close(t)
	address := fmt.Sprint("127.0.0.1:", m.port)
	c.attach(t, "ssl://"+address, ca.client("cloud"))
	s.append(t, 20, 300)

	for _, who := range []struct {
		name   string
		config *tls.Config
	}{
		{"without a certificate", &tls.Config{RootCAs: ca.pool}},
		{"with a certificate of another authority", &tls.Config{RootCAs: ca.pool, Certificates: newAuthority(t).client(gateway).Certificates}},
		{"trusting another authority", newAuthority(t).client(gateway)},
	} {
		failed := s.cfg.Metrics.Connects.WithLabelValues("failed")
		before := testutil.ToFloat64(failed)
		stop := s.goOn(t, "mqtts://"+address, who.config)
		for limit := time.Now().Add(time.Minute); testutil.ToFloat64(failed) == before; <-time.After(5 * time.Millisecond) {
			if time.Now().After(limit) {
				t.Fatalf("%s: not refused", who.name)
			}
		}
		stop()
		if len(c.hellos) != 0 {
			t.Fatalf("%s: a hello arrived", who.name)
		}
	}

	// Another gateway's certificate: the broker lets it in, and drops what it says in our name, with a PUBACK.
	stop := s.goOn(t, "mqtts://"+address, ca.client("gw-9999"))
	sent := func() float64 { return testutil.ToFloat64(s.cfg.Metrics.Connects.WithLabelValues("ok")) }
	for limit := time.Now().Add(time.Minute); sent() == 0 && testutil.ToFloat64(s.cfg.Metrics.Connects.WithLabelValues("failed")) < 4; <-time.After(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("neither let in nor refused")
		}
	}
	stop()
	if n := s.telemetry.Stats().Backlog; n != 300 || len(c.hellos) != 0 {
		t.Fatalf("backlog %d, hellos %d with another gateway's certificate", n, len(c.hellos))
	}

	stop = s.goOn(t, "mqtts://"+address, ca.client(gateway))
	c.until(t, "the backlog", s.delivered)
	stop()
	s.check(t, c)
}
