package enroll

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/linshao/linshao/cloud/wire/enrolment"
)

// Files of a CA's folder. The root's key is needed by InitCA alone and can then be taken off the machine.
const (
	RootFile     = "root.pem"
	rootKey      = "root.key"
	gatewaysFile = "gateways.pem" // who issues gateways
	gatewaysKey  = "gateways.key"
	serversFile  = "servers.pem" // who issues the broker, the page and the cloud's own client
	serversKey   = "servers.key"
)

// Lives of the CA's own certificates.
const (
	rootLife    = 20 * 365 * 24 * time.Hour
	issuingLife = 10 * 365 * 24 * time.Hour
	serverLife  = 3 * 365 * 24 * time.Hour
	backdated   = 5 * time.Minute // for clocks that are a little behind
)

// A CA signs gateways. Its root signs two others and nothing else: one for gateways, which makes no server, and one
// for servers and the cloud.
type CA struct {
	Root     *x509.Certificate
	Gateways *x509.Certificate
	Servers  *x509.Certificate
	dir      string
	key      crypto.Signer // of Gateways
}

// ErrNoCA: the folder holds no CA.
var ErrNoCA = errors.New("there is no CA here; cloud ca init makes one")

// InitCA makes a CA in a folder that holds none.
func InitCA(dir, name string, now time.Time) (*CA, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder of the CA: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, RootFile)); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("make CA: %s holds one already: cloud ca show shows it, cloud ca server makes another certificate for the broker", dir)
	}
	root := caTemplate(name+" root", rootLife, now)
	root.MaxPathLen = 1
	rootDER, key, err := makeCA(root, nil, nil)
	if err != nil {
		return nil, err
	}
	parent, err := x509.ParseCertificate(rootDER)
	if err != nil {
		return nil, fmt.Errorf("make CA: %w", err)
	}
	gateways := caTemplate(name+" gateways", issuingLife, now)
	// Of clients alone: it makes no server, whatever it is made to sign. Name constraints would say it too, but Go refuses
	// them beside a URI without a host, which a gateway's identity is.
	gateways.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	servers := caTemplate(name+" servers", issuingLife, now)
	servers.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	save := []saved{{rootKey, key, nil}}
	for _, c := range []struct {
		template  *x509.Certificate
		cert, key string
	}{{gateways, gatewaysFile, gatewaysKey}, {servers, serversFile, serversKey}} {
		der, own, err := makeCA(c.template, parent, key)
		if err != nil {
			return nil, err
		}
		save = append(save, saved{c.key, own, nil}, saved{c.cert, nil, enrolment.EncodeCertificates(der)})
	}
	for _, s := range append(save, saved{RootFile, nil, enrolment.EncodeCertificates(rootDER)}) { // the root's last: with it the CA is whole
		if err := s.to(dir); err != nil {
			return nil, err
		}
	}
	return OpenCA(dir)
}

func caTemplate(name string, life time.Duration, now time.Time) *x509.Certificate {
	return &x509.Certificate{SerialNumber: newSerial(), Subject: pkix.Name{Organization: []string{"Linshao"}, CommonName: name}, NotBefore: now.Add(-backdated), NotAfter: now.Add(life),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SignatureAlgorithm: x509.ECDSAWithSHA256}
}

// makeCA makes a key and its certificate, by its parent or by itself.
func makeCA(template, parent *x509.Certificate, by crypto.Signer) ([]byte, *ecdsa.PrivateKey, error) {
	key, err := enrolment.NewKey()
	if err != nil {
		return nil, nil, fmt.Errorf("make key: %w", err)
	}
	if parent == nil {
		parent, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		return nil, nil, fmt.Errorf("make certificate of %s: %w", template.Subject.CommonName, err)
	}
	return der, key, nil
}

// newSerial is a random number of 127 bits.
func newSerial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b) //nolint:errcheck // crypto/rand never fails
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b)
}

// saved is a file of the CA: a key, which only the owner may read, or certificates.
type saved struct {
	name string
	key  *ecdsa.PrivateKey
	pem  []byte
}

func (s saved) to(dir string) error {
	data, mode := s.pem, os.FileMode(0o644)
	if s.key != nil {
		der, err := x509.MarshalPKCS8PrivateKey(s.key)
		if err != nil {
			return fmt.Errorf("write %s: %w", s.name, err)
		}
		data, mode = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600
	}
	return writeFile(filepath.Join(dir, s.name), data, mode)
}

// OpenCA opens the CA of a folder. It needs no key of the root.
func OpenCA(dir string) (*CA, error) {
	ca := &CA{dir: dir}
	if _, err := os.Stat(filepath.Join(dir, RootFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoCA
	}
	for _, f := range []struct {
		name string
		to   **x509.Certificate
	}{{RootFile, &ca.Root}, {gatewaysFile, &ca.Gateways}, {serversFile, &ca.Servers}} {
		text, err := os.ReadFile(filepath.Join(dir, f.name))
		if err != nil {
			return nil, fmt.Errorf("open CA: %w", err)
		}
		if *f.to, err = enrolment.ParseCertificate(text); err != nil {
			return nil, fmt.Errorf("open CA: %s: %w", f.name, err)
		}
	}
	var err error
	if ca.key, err = readKey(filepath.Join(dir, gatewaysKey)); err != nil {
		return nil, err
	}
	if own, ok := ca.key.Public().(*ecdsa.PublicKey); !ok || !own.Equal(ca.Gateways.PublicKey) {
		return nil, fmt.Errorf("open CA: %s is not the key of %s", gatewaysKey, gatewaysFile)
	}
	return ca, nil
}

// readKey reads a key that only its owner may read.
func readKey(file string) (crypto.Signer, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("open CA: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("open CA: %s can be read by others: chmod 600", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("open CA: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("open CA: %s holds no key", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("open CA: %s: %w", file, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("open CA: %s holds no key that signs", file)
	}
	return signer, nil
}

// Certificates are those of the CA itself and of the servers that it signed, as far as they lie in its folder.
func (ca *CA) Certificates() []*x509.Certificate {
	all := []*x509.Certificate{ca.Root, ca.Gateways, ca.Servers}
	files, _ := filepath.Glob(filepath.Join(ca.dir, "*.pem")) // the pattern is a good one
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil {
			if c, err := enrolment.ParseCertificate(text); err == nil && !c.IsCA {
				all = append(all, c)
			}
		}
	}
	return all
}

// Dir is the CA's folder.
func (ca *CA) Dir() string { return ca.dir }

// HasRootKey says whether the root's key still lies beside it.
func (ca *CA) HasRootKey() bool {
	_, err := os.Stat(filepath.Join(ca.dir, rootKey))
	return err == nil
}

// Pin is that of the root.
func (ca *CA) Pin() enrolment.Pin { return enrolment.PinOf(ca.Root.Raw) }

// Issue signs a gateway's certificate.
func (ca *CA) Issue(key *ecdsa.PublicKey, gateway string, now time.Time, life time.Duration) (*x509.Certificate, error) {
	end := now.Add(life)
	if end.After(ca.Gateways.NotAfter) {
		return nil, fmt.Errorf("issue certificate: the CA ends on %s", ca.Gateways.NotAfter.Format(time.DateOnly))
	}
	template := &x509.Certificate{SerialNumber: newSerial(), Subject: pkix.Name{CommonName: gateway}, URIs: []*url.URL{enrolment.Identity(gateway)},
		NotBefore: now.Add(-min(backdated, life/10)), NotAfter: end, BasicConstraintsValid: true, SignatureAlgorithm: x509.ECDSAWithSHA256,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.Gateways, key, ca.key)
	if err != nil {
		return nil, fmt.Errorf("issue certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// Revoked is a certificate that a list names.
type Revoked struct {
	Serial *big.Int
	At     time.Time
}

// List signs the list of what counts no more, as PEM. It ends after 90 days: who uses it needs a newer one by then.
func (ca *CA) List(of []Revoked, now time.Time) ([]byte, error) {
	list := &x509.RevocationList{Number: big.NewInt(now.UnixMilli()), ThisUpdate: now.Add(-backdated), NextUpdate: now.Add(90 * 24 * time.Hour)}
	for _, r := range of {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: r.Serial, RevocationTime: r.At})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, ca.Gateways, ca.key)
	if err != nil {
		return nil, fmt.Errorf("sign revocation list: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), nil
}

// IssueServer makes a key and a certificate for a server of some hosts, names or addresses, and writes NAME.pem, with the
// whole chain, and NAME.key. Without a host it is that of a client: the cloud at a broker, whose user it is then called.
func (ca *CA) IssueServer(name string, hosts []string, now time.Time) (cert, key string, err error) {
	own, err := enrolment.NewKey()
	if err != nil {
		return "", "", fmt.Errorf("make key: %w", err)
	}
	chain, err := ca.signServer(name, hosts, &own.PublicKey, now)
	if err != nil {
		return "", "", err
	}
	for _, s := range []saved{{name + ".key", own, nil}, {name + ".pem", nil, chain}} {
		if err := s.to(ca.dir); err != nil {
			return "", "", err
		}
	}
	return filepath.Join(ca.dir, name+".pem"), filepath.Join(ca.dir, name+".key"), nil
}

// signServer makes the certificate of a server's key, and answers it with the whole chain, as PEM.
func (ca *CA) signServer(name string, hosts []string, key *ecdsa.PublicKey, now time.Time) ([]byte, error) {
	by, err := readKey(filepath.Join(ca.dir, serversKey))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: newSerial(), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-backdated), NotAfter: now.Add(serverLife),
		BasicConstraintsValid: true, SignatureAlgorithm: x509.ECDSAWithSHA256, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if len(hosts) == 0 {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.Servers, key, by)
	if err != nil {
		return nil, fmt.Errorf("make certificate of %s: %w", name, err)
	}
	return enrolment.EncodeCertificates(der, ca.Servers.Raw, ca.Root.Raw), nil
}

// keyHash names a public key: no key is certified twice.
func keyHash(key *ecdsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("read public key: %w", err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(der)), nil
}

// writeFile replaces a file as a whole; when it answers, the new one is on the disk.
func writeFile(file string, data []byte, mode os.FileMode) error {
	tmp := file + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(tmp, file)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

// roots is who signs, as PEM.
func (ca *CA) roots() []byte { return enrolment.EncodeCertificates(ca.Root.Raw) }
