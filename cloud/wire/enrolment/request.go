package enrolment

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
)

// Paths of the cloud's side.
const (
	PathEnrol     = "/api/v1/enroll"
	PathChallenge = "/api/v1/enroll/challenge"
	PathRenew     = "/api/v1/enroll/renew"
)

// MaxCSR bounds a request for a certificate, in bytes of DER.
const MaxCSR = 2048

// A Request is the body of POST /enroll. CSR is DER.
type Request struct {
	Gateway string `json:"gateway" minLength:"2" maxLength:"64"`
	Token   string `json:"token" minLength:"10" maxLength:"200"`
	CSR     []byte `json:"csr" minLength:"100" maxLength:"4096"`
}

// A Challenge is the answer to POST /enroll/challenge: what a gateway signs to show that it asks now.
type Challenge struct {
	Nonce string `json:"nonce" maxLength:"200"`
	Now   int64  `json:"now" doc:"the cloud's time, Unix ms"`
}

// A Renewal is the body of POST /enroll/renew. Proof is the signature of ProofText by the key of the present certificate.
type Renewal struct {
	Gateway     string `json:"gateway" minLength:"2" maxLength:"64"`
	Fingerprint string `json:"fingerprint" minLength:"64" maxLength:"64" doc:"of the present certificate: SHA-256 in hex"`
	CSR         []byte `json:"csr" minLength:"100" maxLength:"4096"`
	Nonce       string `json:"nonce" maxLength:"200"`
	Proof       []byte `json:"proof" minLength:"8" maxLength:"256"`
}

// An Answer is what a gateway gets: its certificate, and what it needs beside it.
type Answer struct {
	Certificate string `json:"certificate" doc:"PEM: the gateway's own, then that of the CA that issued it"`
	Roots       string `json:"roots" doc:"PEM: who signs the broker"`
	Broker      string `json:"broker" doc:"address of the broker, mqtts://host:port; empty: it is not known to the cloud"`
	Shard       string `json:"shard" doc:"of the gateway's topics"`
	Now         int64  `json:"now" doc:"the cloud's time, Unix ms"`
	CommandKey  string `json:"commandKey,omitempty" doc:"PEM: the public key with which the cloud signs what it tells gateways"`
}

// A Refusal is the body of every answer that is no certificate.
type Refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Identity is the name of a gateway in its certificate, beside the common name.
func Identity(gateway string) *url.URL {
	return &url.URL{Scheme: "linshao", Opaque: "gateway:" + gateway}
}

// Fingerprint of a certificate's DER: SHA-256 in hex.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// NewKey makes the key of a gateway: ECDSA on P-256.
func NewKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// NewCSR asks for a certificate for a gateway, in DER, signed by the key that it is for.
func NewCSR(key crypto.Signer, gateway string) ([]byte, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: gateway},
		URIs: []*url.URL{Identity(gateway)}, SignatureAlgorithm: x509.ECDSAWithSHA256}, key)
	if err != nil {
		return nil, fmt.Errorf("make certificate request: %w", err)
	}
	return der, nil
}

// ErrCSR: a request for a certificate is not one that NewCSR makes.
var ErrCSR = errors.New("certificate request refused")

// CheckCSR takes a request that NewCSR may have made for the gateway, and nothing else: the cloud puts no wish of a request
// into a certificate, and one that has wishes is not of a gateway.
func CheckCSR(der []byte, gateway string) (*ecdsa.PublicKey, error) {
	if len(der) > MaxCSR {
		return nil, fmt.Errorf("%w: %d bytes", ErrCSR, len(der))
	}
	c, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCSR, err)
	}
	key, ok := c.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%w: the key is not ECDSA on P-256", ErrCSR)
	}
	if err := c.CheckSignature(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCSR, err)
	}
	if len(c.Subject.Names) != 1 || c.Subject.CommonName != gateway {
		return nil, fmt.Errorf("%w: its name is not the gateway's", ErrCSR)
	}
	if len(c.DNSNames)+len(c.EmailAddresses)+len(c.IPAddresses) > 0 || len(c.URIs) != 1 || c.URIs[0].String() != Identity(gateway).String() {
		return nil, fmt.Errorf("%w: it names something else beside the gateway", ErrCSR)
	}
	for _, e := range c.Extensions {
		if !e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}) {
			return nil, fmt.Errorf("%w: it wishes for the extension %s", ErrCSR, e.Id)
		}
	}
	return key, nil
}

// ProofText is what the present key signs to ask for the next certificate.
func ProofText(gateway, fingerprint, nonce string, csr []byte) []byte {
	sum := sha256.Sum256(csr)
	return fmt.Appendf(nil, "linshao renew 1\n%s\n%s\n%s\n%x\n", gateway, fingerprint, nonce, sum)
}

// Prove signs a ProofText.
func Prove(key crypto.Signer, text []byte) ([]byte, error) {
	sum := sha256.Sum256(text)
	return key.Sign(rand.Reader, sum[:], crypto.SHA256)
}

// Proven checks a Proof.
func Proven(c *x509.Certificate, text, proof []byte) bool {
	return c.CheckSignature(x509.ECDSAWithSHA256, text, proof) == nil
}

// ParseCertificate reads the first certificate of a PEM text.
func ParseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("parse certificate: it is no PEM certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}

// EncodeCertificates writes certificates as PEM, one after another.
func EncodeCertificates(ders ...[]byte) []byte {
	var out []byte
	for _, der := range ders {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return out
}
