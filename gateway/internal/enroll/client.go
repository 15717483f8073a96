package enroll

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/linshao/linshao/cloud/wire/enrolment"
)

// Limits of a request.
const (
	requestLimit = 30 * time.Second
	answerMost   = 64 << 10
)

// Why a cloud is not spoken to.
var (
	ErrNotTheCloud = errors.New("who answers at this address is not the cloud of the token")
	ErrNoCloud     = errors.New("the cloud does not answer")
)

// A client speaks to the cloud's page about certificates. It believes no name server and no clock: who answers must show a
// certificate that the token or the gateway's own CA vouches for.
type client struct {
	cloud  string
	pin    enrolment.Pin
	roots  *x509.CertPool // of the gateway's CA; nil before it has one
	system bool           // a certificate that the machine trusts will do too: nothing secret is told, and answers are signed
	lang   string
	now    func() time.Time
	late   *x509.Certificate // the cloud's certificate, when it does not count at our clock's time
}

// post asks, and reads the answer into out.
func (c *client) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("ask the cloud: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cloud+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask the cloud: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept-Language", c.lang)
	host := r.URL.Hostname()
	transport := &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection decides
		VerifyConnection:   func(s tls.ConnectionState) error { return c.verify(s, host) }}}
	hc := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := hc.Do(r)
	var wrong *url.Error
	switch {
	case errors.Is(err, ErrNotTheCloud):
		return err
	case errors.As(err, &wrong):
		return fmt.Errorf("%w: %w", ErrNoCloud, wrong.Err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNoCloud, err)
	}
	defer res.Body.Close() //nolint:errcheck // what was read is all that is wanted
	text, err := io.ReadAll(io.LimitReader(res.Body, answerMost))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoCloud, err)
	}
	if res.StatusCode != http.StatusOK {
		said := &enrolment.Refusal{}
		if err := json.Unmarshal(text, said); err != nil || said.Code == "" {
			return fmt.Errorf("%w: HTTP status %d", ErrNoCloud, res.StatusCode)
		}
		return &Refused{*said}
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%w: its answer is none: %w", ErrNoCloud, err)
	}
	return nil
}

// A Refused is the cloud's no, with its sentence for people.
type Refused struct{ enrolment.Refusal }

func (r *Refused) Error() string { return r.Message }

// verify lets in only the cloud. Where nothing but the time is against it, the cloud's own word about the time decides later.
func (c *client) verify(s tls.ConnectionState, host string) error {
	if len(s.PeerCertificates) == 0 {
		return ErrNotTheCloud
	}
	at := c.now()
	err := c.chain(s.PeerCertificates, host, at)
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		leaf := s.PeerCertificates[0]
		if err = c.chain(s.PeerCertificates, host, leaf.NotBefore.Add(time.Second)); err == nil {
			c.late = leaf
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotTheCloud, err)
	}
	return nil
}

// agreed says whether the cloud's certificate counts at the time that the cloud says it is.
func (c *client) agreed(cloud time.Time) error {
	if c.late != nil && (cloud.Before(c.late.NotBefore) || cloud.After(c.late.NotAfter)) {
		return fmt.Errorf("%w: its certificate does not count at its own time, %s", ErrNotTheCloud, cloud.UTC().Format(time.RFC3339))
	}
	return nil
}

// chain verifies certificates that the other side shows.
func (c *client) chain(shown []*x509.Certificate, host string, at time.Time) error {
	between, pinned := x509.NewCertPool(), x509.NewCertPool()
	for i, cert := range shown {
		if i > 0 {
			between.AddCert(cert)
		}
		if enrolment.PinOf(cert.Raw) == c.pin {
			pinned.AddCert(cert)
		}
	}
	verify := func(roots *x509.CertPool) error {
		_, err := shown[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: host, CurrentTime: at})
		return err
	}
	err := verify(pinned)
	if err != nil && c.roots != nil {
		if e := verify(c.roots); e == nil {
			return nil
		} else if worse(err, e) {
			err = e
		}
	}
	if err != nil && c.system {
		if e := verify(nil); e == nil {
			return nil
		}
	}
	return err
}

// worse says that the first error tells less than the second, which is of time alone.
func worse(_, second error) bool {
	var invalid x509.CertificateInvalidError
	return errors.As(second, &invalid) && invalid.Reason == x509.Expired
}
