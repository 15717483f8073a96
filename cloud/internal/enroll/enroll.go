// Package enroll gives gateways their certificates: a small CA (ca.go), one-time tokens (token.go), certificates issued for
// a token and renewed by proof of the present key (renew.go), their end (revoke.go), and who may connect (admit.go). For a
// broker that is not ours it writes the files that keep each gateway to its own topics (files.go).
//
// It promises: a gateway's key is made on the gateway and never here; a token works once, for one gateway, in its time; a
// certificate that is not in the database, has ended or has expired opens nothing, whoever signed it; who revokes one ends
// its connection in the same second at every worker of the cloud; and every issue, renewal and end is in the audit log.
package enroll

import (
	"context"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

// Life is that of a certificate when the configuration says nothing.
const Life = 90 * 24 * time.Hour

// Grace is how long after its end a certificate can be renewed when a person lets it.
const Grace = 30 * 24 * time.Hour

// Config is what a Service needs.
type Config struct {
	DB         *db.DB
	CA         *CA // nil: nothing is issued; what there is counts
	Secret     []byte
	Pin        *[16]byte     // of a certificate that the cloud's page shows; nil: the root's
	URL        string        // the page's address
	Broker     string        // the broker's address as gateways reach it, mqtts://host:port
	CommandKey []byte        // PEM, what gateways are to trust; empty: they are told none
	Life       time.Duration // of certificates; 0: Life
	Now        func() time.Time
	Log        *slog.Logger
}

// A Service issues, renews and ends certificates.
type Service struct {
	cfg    Config
	limits limit
	wake   chan struct{}

	mu     sync.Mutex
	cut    map[string]bool // fingerprints of ended certificates whose connections were ended
	barred atomic.Pointer[map[string]bool]
}

// New checks a configuration. It starts nothing.
func New(cfg Config) (*Service, error) {
	if cfg.Life == 0 {
		cfg.Life = Life
	}
	if len(cfg.Secret) < 16 {
		return nil, fmt.Errorf("new enrolment: the secret of challenges has %d bytes", len(cfg.Secret))
	}
	s := &Service{cfg: cfg, wake: make(chan struct{}, 1), cut: map[string]bool{}}
	s.barred.Store(&map[string]bool{})
	return s, nil
}

// CA answers the CA; nil when there is none.
func (s *Service) CA() *CA { return s.cfg.CA }

// A certificate is a row.
type certificate struct {
	fingerprint, serial, gateway, site string
	der                                []byte
	notAfter, issued, used, renewOK    int64
	ended                              int64
	why                                string
}

const columns = `fingerprint, serial, gateway, site, der, not_after, issued_at, used_at, renew_ok, ended_at, ended_why`

func (c *certificate) scan(row interface{ Scan(...any) error }) error {
	return row.Scan(&c.fingerprint, &c.serial, &c.gateway, &c.site, &c.der, &c.notAfter, &c.issued, &c.used, &c.renewOK, &c.ended, &c.why)
}

func (c *certificate) parse() (*x509.Certificate, error) { return x509.ParseCertificate(c.der) }

// find answers certificates in the order of their issue.
func find(ctx context.Context, q db.Querier, where string, args ...any) ([]certificate, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+columns+` FROM certificates WHERE `+where+` ORDER BY issued_at, fingerprint`, args...)
	if err != nil {
		return nil, fmt.Errorf("read certificates: %w", err)
	}
	defer rows.Close()
	var out []certificate
	for rows.Next() {
		var c certificate
		if err := c.scan(rows); err != nil {
			return nil, fmt.Errorf("read certificate: %w", err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// deed notes what was done to a gateway's certificate.
func deed(ctx context.Context, tx *sql.Tx, at time.Time, act, gateway, site string, text rules.Text, detail map[string]string) error {
	return audit.Add(ctx, tx, audit.Entry{At: at, Act: act, Kind: "gateway", About: gateway, Site: site, Text: text, Detail: detail})
}

// itself is a context in which the gateway does what is done.
func itself(ctx context.Context, gateway, address string) context.Context {
	return audit.By(ctx, audit.Person{Name: gateway, Role: "gateway", Address: address})
}

// who is the person of a context, as a word.
func who(ctx context.Context) string {
	if p := audit.Who(ctx); p.Name != "" {
		return p.Name
	}
	return "cloud"
}

// SiteOf answers the site for which a gateway was last invited; empty when nobody has said one.
func SiteOf(ctx context.Context, q db.Querier, gateway string) (site string, err error) {
	for _, query := range []string{
		`SELECT site FROM enrolment_tokens WHERE gateway = ? ORDER BY made_at DESC LIMIT 1`,
		`SELECT site FROM certificates WHERE gateway = ? ORDER BY issued_at DESC LIMIT 1`,
	} {
		err := q.QueryRowContext(ctx, query, gateway).Scan(&site)
		if err == nil {
			return site, nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return "", fmt.Errorf("look for enrolment of %s: %w", gateway, err)
		}
	}
	return "", nil
}

// Known says whether a gateway of this name was ever invited or connected.
func Known(ctx context.Context, q db.Querier, gateway string) (bool, error) {
	var n int
	err := q.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM enrolment_tokens WHERE gateway = ?) + (SELECT count(*) FROM certificates WHERE gateway = ?) +
		(SELECT count(*) FROM gateways WHERE id = ?)`, gateway, gateway, gateway).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look for gateway %s: %w", gateway, err)
	}
	return n > 0, nil
}

func shard(gateway string) string { return wire.Shard(gateway) }
