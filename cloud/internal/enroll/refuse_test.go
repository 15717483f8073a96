package enroll_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/cloud/wire/enrolment"
)

// street is a CA with gateways in all states, as the tables below need them.
type street struct {
	*office
	good, other, revoked, replaced *box
	keys                           map[string]*ecdsa.PrivateKey // of the CA, as a thief has them
}

func newStreet(t *testing.T) *street {
	t.Helper()
	s := &street{office: newOffice(t, dbtest.SQLite(t).Open(t)), keys: map[string]*ecdsa.PrivateKey{}}
	s.now = time.Now().Add(-time.Hour)
	s.good, s.other, s.revoked, s.replaced = newBox(t, gw), newBox(t, "gw-0001"), newBox(t, "gw-0666"), newBox(t, "gw-0777")
	for _, b := range []*box{s.good, s.other, s.revoked, s.replaced} {
		s.want("enrolment", s.enrol(b, s.invite(b.id)), "")
	}
	if err := s.Revoke(t.Context(), s.revoked.id, "stolen"); err != nil {
		t.Fatal(err)
	}
	next := newBox(t, s.replaced.id)
	s.want("renewal", s.renew(s.replaced, next), "")
	if err := s.admit(next); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"root", "gateways", "servers"} {
		text, err := os.ReadFile(filepath.Join(s.ca.Dir(), name+".key"))
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		s.keys[name] = key.(*ecdsa.PrivateKey)
	}
	return s
}

// leaf is a certificate as the CA would issue it, before it is made wrong.
func leaf(name string) *x509.Certificate {
	b := make([]byte, 15)
	rand.Read(b)
	return &x509.Certificate{SerialNumber: new(big.Int).SetBytes(b), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, URIs: []*url.URL{enrolment.Identity(name)}}
}

func sign(t *testing.T, c, parent *x509.Certificate, public any, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, public, by)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// authority is a template of a CA.
func authority(name string) *x509.Certificate {
	c := leaf(name)
	c.IsCA, c.KeyUsage, c.ExtKeyUsage, c.URIs = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign, nil, nil
	return c
}

// An intruder shows certificates that open nothing.
type intruder struct {
	what  string
	id    string // of the connection; empty: that of the good gateway
	conf  func(d *door) *tls.Config
	ghost bool // mosquitto lets it connect, and it can do nothing
	ours  bool // mosquitto cannot know: it looks at no list of what was issued
}

func (s *street) intruders(t *testing.T) []intruder {
	key, err := enrolment.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	small, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	gateways := s.ca.Gateways
	stolen := func(change func(c *x509.Certificate)) *x509.Certificate { // signed by the CA's own key
		c := leaf(gw)
		change(c)
		return sign(t, c, gateways, &key.PublicKey, s.keys["gateways"])
	}
	show := func(certs ...*x509.Certificate) func(d *door) *tls.Config {
		return func(d *door) *tls.Config {
			var ders [][]byte
			for _, c := range certs {
				ders = append(ders, c.Raw)
			}
			return d.shown(key, ders...)
		}
	}
	foreignRoot := sign(t, authority(s.ca.Root.Subject.CommonName), authority(s.ca.Root.Subject.CommonName), &key.PublicKey, key)
	twin := *gateways // the same names and key id, another key
	twin.SignatureAlgorithm, twin.PublicKey = 0, nil
	swapped := sign(t, &twin, foreignRoot, &key.PublicKey, key)
	narrow := authority("narrow")
	narrow.PermittedDNSDomainsCritical, narrow.PermittedDNSDomains = true, []string{"inside.example"}
	narrowCA := sign(t, narrow, s.ca.Root, &key.PublicKey, s.keys["root"])
	outside := leaf(gw)
	outside.DNSNames, outside.URIs = []string{"outside.example"}, nil
	past := authority("past")
	past.NotBefore, past.NotAfter = time.Now().Add(-3*time.Hour), time.Now().Add(-2*time.Hour)
	pastCA := sign(t, past, s.ca.Root, &key.PublicKey, s.keys["root"])
	deeper := sign(t, authority("deeper"), gateways, &key.PublicKey, s.keys["gateways"])
	byLeaf := sign(t, leaf(gw), s.other.chain[0], &key.PublicKey, s.other.key)
	fat := authority("fat")
	fat.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Value: make([]byte, 120<<10)}}
	fatCA := sign(t, fat, fat, &key.PublicKey, key)
	version := func(most uint16) func(d *door) *tls.Config {
		return func(d *door) *tls.Config {
			c := d.as(s.good)
			c.MinVersion, c.MaxVersion = tls.VersionTLS10, most
			return c
		}
	}
	named := func(name string) *x509.Certificate {
		return stolen(func(c *x509.Certificate) { c.Subject.CommonName = name })
	}
	serverLeaf := leaf(gw)
	serverLeaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return []intruder{
		{what: "no TLS", conf: func(*door) *tls.Config { return nil }},
		{what: "no certificate", conf: func(d *door) *tls.Config { return d.shown(nil) }},
		{what: "TLS 1.2", conf: version(tls.VersionTLS12)},
		{what: "TLS 1.1", conf: version(tls.VersionTLS11)},
		{what: "self-signed", conf: show(sign(t, leaf(gw), leaf(gw), &key.PublicKey, key))},
		{what: "another CA of the same name", conf: show(sign(t, leaf(gw), foreignRoot, &key.PublicKey, key), foreignRoot)},
		{what: "the intermediate swapped for one of the same name", conf: show(sign(t, leaf(gw), swapped, &key.PublicKey, key), swapped)},
		{what: "our intermediate beside another's leaf", conf: show(sign(t, leaf(gw), swapped, &key.PublicKey, key), gateways)},
		{what: "the intermediate left out", conf: func(d *door) *tls.Config { return d.shown(s.good.key, s.good.chain[0].Raw) }},
		{what: "the CA's certificate with another key", conf: show(gateways)},
		{what: "a good certificate with another key", conf: show(s.good.chain[0], gateways)},
		{what: "a leaf signed by a gateway", conf: show(byLeaf, s.other.chain[0], gateways)},
		{what: "a CA below the CA", conf: show(sign(t, leaf(gw), deeper, &key.PublicKey, key), deeper, gateways)},
		{what: "a CA that has expired", conf: show(sign(t, leaf(gw), pastCA, &key.PublicKey, key), pastCA)},
		{what: "a name outside of its CA's constraint", conf: show(sign(t, outside, narrowCA, &key.PublicKey, key), narrowCA)},
		{what: "expired", conf: show(stolen(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = c.NotBefore.Add(-time.Hour), c.NotBefore }), gateways)},
		{what: "not yet valid", conf: show(stolen(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = c.NotAfter, c.NotAfter.Add(time.Hour) }), gateways)},
		{what: "for servers alone", conf: show(stolen(func(c *x509.Certificate) { c.ExtKeyUsage = serverLeaf.ExtKeyUsage }), gateways)},
		{what: "for signing code", conf: show(stolen(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} }), gateways)},
		{what: "a server's", conf: show(sign(t, serverLeaf, s.ca.Servers, &key.PublicKey, s.keys["servers"]), s.ca.Servers)},
		{what: "the cloud's own at the gateways' door", conf: show(sign(t, leaf("linshao-cloud"), s.ca.Servers, &key.PublicKey, s.keys["servers"]), s.ca.Servers)},
		{what: "an RSA key of 1024 bits", conf: func(d *door) *tls.Config {
			return d.shown(weak, sign(t, leaf(gw), gateways, &weak.PublicKey, s.keys["gateways"]).Raw, gateways.Raw)
		}},
		{what: "a key on P-224", conf: func(d *door) *tls.Config {
			return d.shown(small, sign(t, leaf(gw), gateways, &small.PublicKey, s.keys["gateways"]).Raw, gateways.Raw)
		}},
		{what: "a chain of 120 KiB", conf: func(d *door) *tls.Config {
			return d.shown(s.good.key, s.good.chain[0].Raw, gateways.Raw, fatCA.Raw)
		}},
		{what: "an unknown critical extension", conf: show(stolen(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
		}), gateways)},
		{what: "revoked", id: s.revoked.id, conf: func(d *door) *tls.Config { return d.as(s.revoked) }},
		{what: "revoked, under another's id", conf: func(d *door) *tls.Config { return d.as(s.revoked) }},
		{what: "replaced by a newer one in use", id: s.replaced.id, conf: func(d *door) *tls.Config { return d.as(s.replaced) }},
		{what: "another gateway's certificate", conf: func(d *door) *tls.Config { return d.as(s.other) }, ghost: true},
		{what: "by a thief of the CA's key, never issued here", conf: show(named(gw), gateways), ours: true},
		{what: "a thief's, of a gateway that is not", id: "gw-none", conf: show(named("gw-none"), gateways), ghost: true},
		{what: "a thief's, named +", id: "+", conf: show(named("+"), gateways), ghost: true},
		{what: "a thief's, named #", id: "#", conf: show(named("#"), gateways), ghost: true},
		{what: "a thief's, in capitals", id: "GW-0142", conf: show(named("GW-0142"), gateways), ghost: true},
		{what: "a thief's, with a slash", id: "gw-0142/x", conf: show(named("gw-0142/x"), gateways), ghost: true},
		{what: "a thief's, named as the cloud", id: "linshao-cloud", conf: show(named("linshao-cloud"), gateways), ours: true},
		{what: "a thief's, without a name", conf: show(named(""), gateways), ghost: true},
	}
}

// doors runs a table at both brokers.
func doors(t *testing.T, test func(t *testing.T, s *street, d *door)) {
	t.Run("embedded", func(t *testing.T) {
		s := newStreet(t)
		s.now = time.Now()
		test(t, s, embeddedDoor(t, s.office))
	})
	t.Run("mosquitto", func(t *testing.T) {
		s := newStreet(t)
		s.now = time.Now()
		d, _ := mosquittoDoor(t, s.office)
		test(t, s, d)
	})
}

// Whoever shows a wrong certificate brings no message through; the good gateway does, before and after, and stays connected.
func TestWrongCertificates(t *testing.T) {
	doors(t, func(t *testing.T, s *street, d *door) {
		d.fair(s.good, -1)
		n := 0
		for i, in := range s.intruders(t) {
			if in.ours && !d.embedded {
				continue
			}
			n++
			id, forged := in.id, fmt.Sprintf("forged-%d", i)
			if id == "" {
				id = gw
			}
			g, err := d.knock(id, in.conf(d), "")
			if err == nil && (d.embedded || !in.ghost) {
				t.Errorf("%s: connected", in.what)
			}
			if err == nil {
				g.Publish(wire.Topic(gw, wire.UpHello), 1, false, forged).WaitTimeout(patient)
				g.Disconnect(0)
			}
			d.fair(s.good, i)
			if d.has(forged) {
				t.Errorf("%s: its message came through", in.what)
			}
		}
		t.Logf("%d wrong certificates", n)
	})
}

// Who connects with another's id does not end the other's connection.
func TestNobodyStealsAnID(t *testing.T) {
	doors(t, func(t *testing.T, s *street, d *door) {
		victim, err := d.knock(gw, d.as(s.good), "")
		if err != nil {
			t.Fatal(err)
		}
		if thief, err := d.knock(gw, d.as(s.other), ""); err == nil {
			thief.Publish(wire.Topic(gw, wire.UpHello), 1, false, "forged").WaitTimeout(patient)
		}
		if token := victim.Publish(wire.Topic(gw, wire.UpHello), 1, false, "still here"); !token.WaitTimeout(patient) || token.Error() != nil {
			t.Errorf("the victim: %v", token.Error())
		}
		d.await("still here")
		select {
		case err := <-victim.lost:
			t.Errorf("the victim was cut off: %v", err)
		default:
		}
		if d.has("forged") {
			t.Error("the thief's message came through")
		}
	})
}

func (s *street) foreign() []string {
	own, other := wire.Topic(gw, ""), wire.Topic(s.other.id, "")
	return []string{other + "up/hello", other + "up/events", other + "up/telemetry", other + "status", other + "down/ack", other + "down/command", own + "down/ack", own + "down/command",
		"ls/1/00/" + gw + "/up/hello", "ls/1/" + gw + "/up/hello", "ls/2/" + own[5:] + "up/hello", "/" + own + "up/hello", own + "upx", own + "x", "ls/1/+/" + gw + "/up/hello", own + "up/#",
		"#", "+", "x", "$SYS/forged/x", "$share/x/" + own + "up/hello"}
}

// Whatever a gateway publishes elsewhere comes through nowhere, not as its last will either.
func TestForeignTopics(t *testing.T) {
	doors(t, func(t *testing.T, s *street, d *door) {
		for i, topic := range s.foreign() {
			forged, will := fmt.Sprintf("forged-%d", i), fmt.Sprintf("will-%d", i)
			g, err := d.knock(gw, d.as(s.good), "")
			if err != nil {
				t.Fatal(err)
			}
			g.Publish(topic, 1, false, forged).WaitTimeout(brief) // the broker confirms it, ends the connection, or says nothing
			g.Publish(topic, 0, true, forged).WaitTimeout(brief)
			g.Disconnect(0)
			if g, err := d.knock(gw, d.as(s.good), topic+"="+will); err == nil {
				_ = g.conn.Close() // without a word: the will is due
			}
			fair, err := d.knock(gw, d.as(s.good), wire.Topic(gw, wire.StatusLeaf)+fmt.Sprintf("=fair-will-%d", i))
			if err != nil {
				t.Fatal(err)
			}
			_ = fair.conn.Close()
			if !d.embedded { // which takes the end of a connection for the will
				d.await(fmt.Sprintf("fair-will-%d", i))
			}
			d.fair(s.good, i)
			if d.has(forged) || d.has(will) {
				t.Errorf("%s: came through, message %v, will %v", topic, d.has(forged), d.has(will))
			}
		}
		t.Logf("%d topics", len(s.foreign()))
	})
}

// The embedded broker keeps nothing for later, and takes no will but the status.
func TestEmbeddedKeepsNothing(t *testing.T) {
	s := newStreet(t)
	s.now = time.Now()
	d := embeddedDoor(t, s.office)
	g, err := d.knock(gw, d.as(s.good), "")
	if err != nil {
		t.Fatal(err)
	}
	g.Publish(wire.Topic(gw, wire.UpHello), 1, true, "forged")
	select {
	case <-g.lost:
	case <-time.After(patient):
		t.Error("a retained message did not end the connection")
	}
	if _, err := d.knock(gw, d.as(s.good), wire.Topic(gw, wire.UpHello)+"=forged"); err == nil {
		t.Error("a will on up/hello was taken")
	}
	d.fair(s.good, 0)
	if d.has("forged") {
		t.Error("it came through")
	}
}

// Whatever a gateway subscribes, it hears only what is for it.
func TestForeignSubscriptions(t *testing.T) {
	doors(t, func(t *testing.T, s *street, d *door) {
		other := wire.Topic(s.other.id, "")
		for i, filter := range []string{"#", "+/#", "ls/#", "ls/1/#", "ls/1/+/+/up/#", "ls/1/+/+/down/#", "ls/1/+/+/status", "ls/1/+/" + s.other.id + "/#", other + "#", other + "down/ack", other + "down/#",
			other + "up/hello", other + "status", "$SYS/#", "$share/x/ls/1/+/+/up/#", "$share/x/" + other + "down/ack"} {
			g, err := d.knock(gw, d.as(s.good), "")
			if err != nil {
				t.Fatal(err)
			}
			token := g.Subscribe(filter, 1, nil)
			token.WaitTimeout(patient)
			for topic, code := range token.(*paho.SubscribeToken).Result() {
				if d.embedded && code < 0x80 {
					t.Errorf("%s: subscribed %s", filter, topic)
				}
			}
			if token := g.Subscribe(wire.Topic(gw, wire.DownAck), 1, nil); !token.WaitTimeout(patient) || token.Error() != nil {
				t.Fatalf("%s: its own: %v", filter, token.Error())
			}
			d.send(wire.Topic(s.other.id, wire.DownAck), "secret")
			d.fair(s.other, i)
			own := fmt.Sprintf("own-%d", i)
			d.send(wire.Topic(gw, wire.DownAck), own)
			for heard, begin := "", time.Now(); heard != own; {
				select {
				case heard = <-g.got:
					if heard != own {
						t.Errorf("%s: heard %q", filter, heard)
					}
				case <-time.After(time.Second): // the end of the connection before, of the same name, may have taken the subscription with it
					if time.Since(begin) > patient {
						t.Fatalf("%s: its own message has not come", filter)
					}
					g.Subscribe(wire.Topic(gw, wire.DownAck), 1, nil).WaitTimeout(patient)
					d.send(wire.Topic(gw, wire.DownAck), own)
				}
			}
			g.Disconnect(0)
		}
	})
}

// A revocation ends a connection that stands: at the embedded broker in the same second, at mosquitto, once it has read its
// files, whatever comes on it goes nowhere, and it comes back nowhere.
func TestRevokedWhileConnected(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		s := newStreet(t)
		s.now = time.Now()
		d := embeddedDoor(t, s.office)
		g, err := d.knock(gw, d.as(s.good), "")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := s.Revoke(t.Context(), gw, ""); err != nil {
			t.Fatal(err)
		}
		select {
		case <-g.lost:
			if took := time.Since(began); took > time.Second {
				t.Errorf("cut off after %v", took)
			} else {
				t.Logf("cut off after %v", took.Round(time.Millisecond))
			}
		case <-time.After(patient):
			t.Fatal("not cut off")
		}
		if _, err := d.knock(gw, d.as(s.good), ""); err == nil {
			t.Error("it came back")
		}
		d.fair(s.other, 0)
	})
	t.Run("mosquitto", func(t *testing.T) {
		s := newStreet(t)
		s.now = time.Now()
		d, reload := mosquittoDoor(t, s.office)
		g, err := d.knock(gw, d.as(s.good), "")
		if err != nil {
			t.Fatal(err)
		}
		d.fair(s.other, 0)
		if err := s.Revoke(t.Context(), gw, ""); err != nil {
			t.Fatal(err)
		}
		reload()
		limit := time.After(patient)
		for { // until mosquitto has read its files
			probe, err := d.knock("probe", d.as(s.good), "")
			if err != nil {
				break
			}
			probe.Disconnect(0)
			select {
			case <-limit:
				t.Fatal("the revoked certificate still opens the door")
			default:
			}
		}
		g.Publish(wire.Topic(gw, wire.UpHello), 1, false, "forged").WaitTimeout(patient)
		d.fair(s.other, 1)
		if d.has("forged") {
			t.Error("a message of the revoked gateway came through")
		}
	})
}
