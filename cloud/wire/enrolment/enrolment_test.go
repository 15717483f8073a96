package enrolment_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/wire/enrolment"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const gw = "gw-0142"

func TestATokenIsTyped(t *testing.T) {
	token := enrolment.NewToken(enrolment.PinOf([]byte("ca")))
	text := token.String()
	for _, as := range []string{text, strings.ToLower(text), strings.ReplaceAll(text, "-", ""), strings.ReplaceAll(text, "-", " \n"),
		strings.NewReplacer("0", "o", "1", "l").Replace(strings.TrimPrefix(text, "LS1"))} {
		if !strings.HasPrefix(strings.ToUpper(as), "LS1") {
			as = "ls1" + as
		}
		if got, err := enrolment.ParseToken(as); err != nil || got != token {
			t.Errorf("%q: %v", as, err)
		}
	}
	if !token.Is(token.Hash()) || token.Is(enrolment.NewToken(token.Pin).Hash()) {
		t.Error("the hash is not the token's")
	}
	if strings.Contains(token.Hash(), strings.ToLower(token.Pin.String())) {
		t.Error("the hash tells the pin")
	}
}

// Whatever one character of a token is mistyped into, it is noticed.
func TestAMistypedTokenIsNoticed(t *testing.T) {
	text := enrolment.NewToken(enrolment.PinOf([]byte("ca"))).String()
	want, _ := enrolment.ParseToken(text)
	missed := 0
	for i := range text {
		for _, c := range "0123456789ABCDEFGHJKMNPQRSTVWXYZ?" {
			other := text[:i] + string(c) + text[i+1:]
			if got, err := enrolment.ParseToken(other); err == nil && got != want {
				missed++
			}
		}
	}
	if missed > 0 { // a check of 16 bits finds every burst of up to 16 bits
		t.Errorf("%d mistakes of one character were not noticed", missed)
	}
	for _, bad := range []string{"", "LS1", text[:len(text)-1], text + "0", "LS2" + text[3:], strings.Repeat("LS1-", 400)} {
		if _, err := enrolment.ParseToken(bad); !errors.Is(err, enrolment.ErrMistyped) && !errors.Is(err, enrolment.ErrNoToken) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

func TestInvitations(t *testing.T) {
	in := enrolment.Invitation{Cloud: "https://cloud.example:8443", Gateway: gw, Token: enrolment.NewToken(enrolment.PinOf(nil))}
	if got, err := enrolment.ParseInvitation(in.String(), ""); err != nil || got != in {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := enrolment.ParseInvitation(in.Token.String(), "https://cloud.example:8443/login?x=1"); err != nil || got.Cloud != in.Cloud || got.Token != in.Token || got.Gateway != "" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, cloud := range []string{"", "cloud.example", "http://cloud.example", "http://10.0.0.1:8443", "ftp://cloud.example", "https://", "https://user:secret@cloud.example", "http://127.0.0.1.evil.example"} {
		if _, err := enrolment.ParseInvitation(in.Token.String(), cloud); err == nil {
			t.Errorf("%q was taken for a cloud", cloud)
		}
	}
	if _, err := enrolment.ParseInvitation(in.Token.String(), "http://127.0.0.1:8443"); err != nil {
		t.Errorf("loopback: %v", err)
	}
}

func TestRequestsForCertificates(t *testing.T) {
	key, err := enrolment.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	der, err := enrolment.NewCSR(key, gw)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := enrolment.CheckCSR(der, gw); err != nil || !got.Equal(&key.PublicKey) {
		t.Fatalf("the gateway's own: %v", err)
	}
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	big, _ := rsa.GenerateKey(rand.Reader, 2048)
	uri := []*url.URL{enrolment.Identity(gw)}
	name := pkix.Name{CommonName: gw}
	flipped := append([]byte{}, der...)
	flipped[len(flipped)-1] ^= 1
	for what, c := range map[string]struct {
		template x509.CertificateRequest
		key      any
		raw      []byte
	}{
		"nothing":               {raw: []byte{}},
		"no request":            {raw: []byte(strings.Repeat("x", 300))},
		"another signature":     {raw: flipped},
		"something behind":      {raw: append(append([]byte{}, der...), 0)},
		"too long":              {raw: make([]byte, enrolment.MaxCSR+1)},
		"P-384":                 {template: x509.CertificateRequest{Subject: name, URIs: uri}, key: p384},
		"RSA":                   {template: x509.CertificateRequest{Subject: name, URIs: uri}, key: big},
		"another name":          {template: x509.CertificateRequest{Subject: pkix.Name{CommonName: "gw-0001"}, URIs: uri}, key: key},
		"a second name":         {template: x509.CertificateRequest{Subject: pkix.Name{CommonName: gw, Organization: []string{"x"}}, URIs: uri}, key: key},
		"no URI":                {template: x509.CertificateRequest{Subject: name}, key: key},
		"another's URI":         {template: x509.CertificateRequest{Subject: name, URIs: []*url.URL{enrolment.Identity("gw-0001")}}, key: key},
		"two URIs":              {template: x509.CertificateRequest{Subject: name, URIs: append(uri, enrolment.Identity("gw-0001"))}, key: key},
		"a host":                {template: x509.CertificateRequest{Subject: name, URIs: uri, DNSNames: []string{"broker.example"}}, key: key},
		"an address":            {template: x509.CertificateRequest{Subject: name, URIs: uri, IPAddresses: []net.IP{net.IPv4(1, 1, 1, 1)}}, key: key},
		"mail":                  {template: x509.CertificateRequest{Subject: name, URIs: uri, EmailAddresses: []string{"a@b.example"}}, key: key},
		"the wish to be a CA":   {template: x509.CertificateRequest{Subject: name, URIs: uri, ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Value: []byte{0x30, 3, 1, 1, 255}}}}, key: key},
		"the wish for more use": {template: x509.CertificateRequest{Subject: name, URIs: uri, ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Value: []byte{0x30, 0}}}}, key: key},
	} {
		bad := c.raw
		if bad == nil {
			if bad, err = x509.CreateCertificateRequest(rand.Reader, &c.template, c.key); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		if _, err := enrolment.CheckCSR(bad, gw); !errors.Is(err, enrolment.ErrCSR) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(enrolment.NewToken(enrolment.PinOf(nil)).String())
	f.Add("LS1-00000")
	f.Add("https://cloud.example/enrol#gw-1/LS1-0")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := enrolment.ParseToken(text)
		if err == nil {
			if again, err := enrolment.ParseToken(token.String()); err != nil || again != token {
				t.Errorf("%q reads as a token that does not read as itself", text)
			}
		}
		if in, err := enrolment.ParseInvitation(text, ""); err == nil && !strings.HasPrefix(in.Cloud, "https://") && !strings.HasPrefix(in.Cloud, "http://") {
			t.Errorf("%q reads as an invitation to %q", text, in.Cloud)
		}
	})
}

func FuzzCheckCSR(f *testing.F) {
	key, err := enrolment.NewKey()
	if err != nil {
		f.Fatal(err)
	}
	der, err := enrolment.NewCSR(key, gw)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der, gw)
	f.Add(der[:len(der)/2], gw)
	f.Add([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}, "")
	f.Fuzz(func(t *testing.T, der []byte, gateway string) {
		if key, err := enrolment.CheckCSR(der, gateway); err == nil && key.Curve != elliptic.P256() {
			t.Errorf("took %x for %q", der, gateway)
		}
	})
}
