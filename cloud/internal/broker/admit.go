package broker

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"

	"github.com/linshao/linshao/cloud/internal/ingest"
	"github.com/linshao/linshao/cloud/wire"
)

// Admission says whether a gateway may connect with a chain of certificates that TLS has verified, its own first, the root
// last. The error says why not, for the log.
type Admission interface {
	Admit(ctx context.Context, gateway string, chain []*x509.Certificate) error
}

var (
	errForeign = errors.New("its certificate is not that of its id")
	errEnded   = errors.New("its certificate has ended")
)

// Bounds of what a client shows.
const (
	maxChain      = 4
	maxChainBytes = 16 << 10
	minRSA        = 2048
	minCurve      = 256
)

// sturdy refuses chains that no gateway shows, and keys that are too weak.
func sturdy(s tls.ConnectionState) error {
	bytes := 0
	for _, c := range s.PeerCertificates {
		bytes += len(c.Raw)
	}
	if len(s.PeerCertificates) > maxChain || bytes > maxChainBytes {
		return fmt.Errorf("a chain of %d certificates with %d bytes", len(s.PeerCertificates), bytes)
	}
	for _, c := range s.PeerCertificates {
		strong := false
		switch key := c.PublicKey.(type) {
		case *ecdsa.PublicKey:
			strong = key.Params().BitSize >= minCurve
		case *rsa.PublicKey:
			strong = key.N.BitLen() >= minRSA
		case ed25519.PublicKey:
			strong = true
		}
		if !strong {
			return fmt.Errorf("the key of %q is too weak", c.Subject.CommonName)
		}
	}
	return nil
}

// chainOf is the verified chain of a client, its own certificate first; nil without TLS.
func chainOf(cl *mqtt.Client) []*x509.Certificate {
	if cl == nil {
		return nil
	}
	conn, ok := cl.Net.Conn.(*tls.Conn)
	if !ok {
		return nil
	}
	chains := conn.ConnectionState().VerifiedChains
	if len(chains) == 0 {
		return nil
	}
	return chains[0]
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// admit says why a client may not connect.
func (h *hook) admit(cl *mqtt.Client) error {
	chain := chainOf(cl)
	if len(chain) == 0 || chain[0].Subject.CommonName != cl.ID {
		return errForeign
	}
	if h.e.cfg.Admit == nil {
		return nil
	}
	return h.e.cfg.Admit.Admit(h.ctx, cl.ID, chain)
}

// cut ends a connection and says so in the log.
func (h *hook) cut(cl *mqtt.Client, why error) {
	h.e.cfg.Log.Warn("client cut off", "remote", cl.Net.Remote, "id", cl.ID, "why", why)
	cl.Stop(why)
}

// Barring is a Handler that takes nothing of barred gateways, however it comes: a broker that is not ours may not know yet
// that their certificates have ended.
type Barring struct {
	Handler
	Barred func(gateway string) bool
}

// Handle implements Handler. What a barred gateway sends is confirmed to the broker and acknowledged by nobody.
func (b Barring) Handle(ctx context.Context, topic string, payload []byte) ([]ingest.Reply, error) {
	if gateway, _, err := wire.ParseTopic(topic); err == nil && b.Barred(gateway) {
		return nil, nil
	}
	return b.Handler.Handle(ctx, topic, payload)
}

// Heard implements Handler.
func (b Barring) Heard(gateway string, keepAlive time.Duration) {
	if !b.Barred(gateway) {
		b.Handler.Heard(gateway, keepAlive)
	}
}
