package enroll

import (
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linshao/linshao/cloud/wire/enrolment"
)

// RenewServers makes new certificates, of the same hosts, key and name, in the place of those that the CA made in its own folder for
// servers and for the cloud at a broker, and in folders that hold copies, when two thirds of their life are over. It answers the files
// that are new. The key stays: whenever the power goes, a certificate lies beside the key that it is of.
func (ca *CA) RenewServers(now time.Time, copies ...string) (renewed []string, err error) {
	lock, err := os.OpenFile(filepath.Join(ca.dir, ".renew"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("renew server certificates: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }() // which lets the other workers of this folder go on
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return nil, fmt.Errorf("renew server certificates: %w", err)
	}
	var files []string
	for _, dir := range append([]string{ca.dir}, copies...) {
		some, _ := filepath.Glob(filepath.Join(dir, "*.pem")) // the pattern is a good one
		files = append(files, some...)
	}
	for _, file := range files {
		done, failure := ca.renewServer(file, now)
		if err = errors.Join(err, failure); done {
			renewed = append(renewed, file)
		}
	}
	return renewed, err
}

func (ca *CA) renewServer(file string, now time.Time) (bool, error) {
	file, err := filepath.EvalSymlinks(file)
	if err != nil {
		return false, fmt.Errorf("find server certificate: %w", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return false, fmt.Errorf("read server certificate: %w", err)
	}
	c, err := enrolment.ParseCertificate(text)
	if err != nil || c.IsCA || c.CheckSignatureFrom(ca.Servers) != nil || now.Before(renewFrom(c)) {
		return false, nil // of somebody else, or not due
	}
	own, err := readKey(strings.TrimSuffix(file, ".pem") + ".key")
	if err != nil {
		return false, fmt.Errorf("renew server certificate %s: %w", file, err)
	}
	public, ok := own.Public().(*ecdsa.PublicKey)
	if !ok || !public.Equal(c.PublicKey) {
		return false, fmt.Errorf("renew server certificate %s: the key beside it is another one's", file)
	}
	hosts := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	chain, err := ca.signServer(c.Subject.CommonName, hosts, public, now)
	if err != nil {
		return false, err
	}
	return true, writeFile(file, chain, 0o644)
}

// renewFrom is when two thirds of a certificate's life are over.
func renewFrom(c *x509.Certificate) time.Time {
	return c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) / 3 * 2)
}
