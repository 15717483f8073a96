package enroll_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/broker"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/enroll"
	"github.com/linshao/linshao/cloud/wire/enrolment"
)

// TestServerCertificatesRenewThemselves at two thirds of their life, for the same hosts; who serves with them shows the new one
// without a restart, and the old one while the files are half written.
func TestServerCertificatesRenewThemselves(t *testing.T) {
	now := time.Now()
	ca, err := enroll.InitCA(filepath.Join(t.TempDir(), "ca"), "t", now)
	if err != nil {
		t.Fatal(err)
	}
	cert, key, err := ca.IssueServer("broker", []string{"cloud.example", "127.0.0.1"}, now)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := broker.OpenPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	shown := func() []byte {
		c, err := pair.Get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Certificate[0]
	}
	first := shown()
	if done, err := ca.RenewServers(now.Add(700 * 24 * time.Hour)); done != nil || err != nil || !bytes.Equal(first, shown()) {
		t.Fatal("too early", done, err)
	}
	if done, err := ca.RenewServers(now.Add(740 * 24 * time.Hour)); len(done) != 1 || done[0] != cert || err != nil {
		t.Fatal("in time", done, err)
	}
	second := shown()
	if bytes.Equal(first, second) {
		t.Fatal("the old one is still shown")
	}
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	c, err := enrolment.ParseCertificate(text)
	if err != nil || c.VerifyHostname("cloud.example") != nil || c.VerifyHostname("127.0.0.1") != nil || !bytes.Equal(c.Raw, second) {
		t.Error(c, err)
	}
	if err := os.WriteFile(cert, text[:100], 0o600); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(second, shown()) {
		t.Error("half a file is shown")
	}
	if err := os.WriteFile(cert, text, 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := enrolment.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	if done, err := ca.RenewServers(now.Add(2000 * 24 * time.Hour)); done != nil || err == nil {
		t.Error("with another's key", done, err)
	}
}

// TestBrokersShowTheRenewedCertificate without a restart: ours reads the file, mosquitto when it is told to (SIGHUP).
func TestBrokersShowTheRenewedCertificate(t *testing.T) {
	for _, name := range []string{"embedded", "mosquitto"} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, dbtest.SQLite(t).Open(t))
			var d *door
			reload := func() {}
			if name == "embedded" {
				d = embeddedDoor(t, o)
			} else {
				d, reload = mosquittoDoor(t, o)
			}
			end := func() time.Time {
				dial := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}} // the next one does not count yet
				c, err := dial.DialContext(t.Context(), "tcp", d.addr)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				return c.(*tls.Conn).ConnectionState().PeerCertificates[0].NotAfter
			}
			first := end()
			day := 24 * time.Hour
			if done, err := o.ca.RenewServers(time.Now().Add(740*day), d.dir); err != nil || len(done) == 0 {
				t.Fatal(done, err)
			}
			reload()
			for limit := time.Now().Add(patient); !end().After(first.Add(700 * day)); {
				if time.Now().After(limit) {
					t.Fatalf("still shown is the one until %s", end())
				}
			}
		})
	}
}
