package enroll

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/linshao/linshao/cloud/wire/enrolment"
	"github.com/linshao/linshao/gateway/internal/state"
)

// Files are those that gateway.yaml names: who signs the broker, and this gateway's certificate and key.
type Files struct{ CA, Cert, Key string }

// next is where a key and a certificate wait until they count.
func next(file string) string { return file + ".next" }

// A pair is a certificate with its chain, and the key of it.
type pair struct {
	tls tls.Certificate
	own *x509.Certificate
	key *ecdsa.PrivateKey
}

func (p *pair) fingerprint() string { return enrolment.Fingerprint(p.own.Raw) }

// load reads the present pair, and the one that follows it when there is one. A power cut while they changed places leaves
// the new key beside the old certificate: that is set right.
func (f Files) load() (present, following *pair, err error) {
	following, nextErr := readPair(next(f.Cert), next(f.Key))
	present, err = readPair(f.Cert, f.Key)
	if err == nil && nextErr == nil {
		return present, following, nil
	}
	if err == nil {
		return present, nil, nil
	}
	if moved, e := readPair(next(f.Cert), f.Key); e == nil { // the key has its place, the certificate has not
		return moved, nil, move(next(f.Cert), f.Cert)
	}
	if nextErr == nil { // there was none before
		return following, nil, f.commit()
	}
	return nil, nil, err
}

// commit gives the next pair its place.
func (f Files) commit() error {
	if err := move(next(f.Key), f.Key); err != nil {
		return err
	}
	return move(next(f.Cert), f.Cert)
}

func move(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("replace %s: %w", to, err)
	}
	dir, err := os.Open(filepath.Dir(to))
	if err != nil {
		return fmt.Errorf("replace %s: %w", to, err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("replace %s: %w", to, err)
	}
	return nil
}

func readPair(cert, key string) (*pair, error) {
	certText, err := os.ReadFile(cert)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	k, keyText, err := readKey(key)
	if err != nil {
		return nil, err
	}
	p := &pair{key: k}
	if p.tls, err = tls.X509KeyPair(certText, keyText); err != nil {
		return nil, fmt.Errorf("read certificate %s: %w", cert, err)
	}
	if p.own, err = enrolment.ParseCertificate(certText); err != nil {
		return nil, fmt.Errorf("read certificate %s: %w", cert, err)
	}
	return p, nil
}

func readKey(file string) (*ecdsa.PrivateKey, []byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, fmt.Errorf("read key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, nil, fmt.Errorf("read key %s: it is none", file)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("read key %s: %w", file, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, fmt.Errorf("read key %s: it is a %T", file, parsed)
	}
	return key, text, nil
}

// nextKey answers the key that waits for its certificate, or makes it. It is on the disk before anybody hears of it: who asks
// again after a power cut asks with the same key, and gets the same certificate.
func (f Files) nextKey() (*ecdsa.PrivateKey, error) {
	key, _, err := readKey(next(f.Key))
	if err == nil {
		return key, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		if err := os.Remove(next(f.Key)); err != nil { // half of one
			return nil, fmt.Errorf("remove damaged key: %w", err)
		}
	}
	if key, err = enrolment.NewKey(); err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return key, state.Save(next(f.Key), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// dropNext forgets the next pair: its key was refused for good.
func (f Files) dropNext() error {
	for _, file := range []string{next(f.Cert), next(f.Key)} {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove %s: %w", file, err)
		}
	}
	return nil
}

// take checks an answer and writes its certificate beside the next key.
func (f Files) take(a enrolment.Answer, key *ecdsa.PrivateKey, gateway string, roots []byte) (*x509.Certificate, error) {
	own, err := enrolment.ParseCertificate([]byte(a.Certificate))
	if err != nil {
		return nil, fmt.Errorf("take certificate: %w", err)
	}
	trusted, between := x509.NewCertPool(), x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(roots) || !between.AppendCertsFromPEM([]byte(a.Certificate)) {
		return nil, errors.New("take certificate: nobody is named who signs")
	}
	// By the time at which it begins: this machine's clock may be wrong, and the broker looks at the end of it.
	if _, err := own.Verify(x509.VerifyOptions{Roots: trusted, Intermediates: between, CurrentTime: own.NotBefore.Add(1), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		return nil, fmt.Errorf("take certificate: %w", err)
	}
	if public, ok := own.PublicKey.(*ecdsa.PublicKey); !ok || !public.Equal(&key.PublicKey) || own.Subject.CommonName != gateway {
		return nil, errors.New("take certificate: it is another's")
	}
	return own, state.Save(next(f.Cert), []byte(a.Certificate))
}

// A record is what the gateway remembers of its enrolment, in its data folder.
type record struct {
	Cloud  string        `json:"cloud"`
	Pin    enrolment.Pin `json:"pin"`
	Broker string        `json:"broker"`
}

// recordFile is the name of the record in the data folder.
const recordFile = "enrolment.json"

func readRecord(data string) (record, error) {
	var r record
	text, err := os.ReadFile(filepath.Join(data, recordFile))
	if err != nil {
		return r, fmt.Errorf("read enrolment: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&r); err != nil {
		return r, fmt.Errorf("read enrolment: %w", err)
	}
	_, err = enrolment.CheckCloud(r.Cloud)
	return r, err
}

func (r record) save(data string) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write enrolment: %w", err)
	}
	return state.Save(filepath.Join(data, recordFile), text)
}
