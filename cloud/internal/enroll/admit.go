package enroll

import (
	"context"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"

	"github.com/linshao/linshao/cloud/wire/enrolment"
)

// Why a certificate opens nothing.
var (
	ErrForeign = errors.New("its certificate is not that of its id")
	ErrUnknown = errors.New("its certificate was not issued here")
	ErrEnded   = errors.New("its certificate has ended")
	ErrExpired = errors.New("its certificate has expired")
)

// Admit says whether a gateway may connect with a chain of certificates that TLS has verified, its own first. A certificate
// of our CA must be in the database: who has stolen a key of the CA still lets nobody in. Of another CA, which the operator
// has configured, the name alone counts, unless the gateway's certificates were revoked here. The first connection with a
// renewed certificate ends the one before.
func (s *Service) Admit(ctx context.Context, gateway string, chain []*x509.Certificate) error {
	if len(chain) == 0 || chain[0].Subject.CommonName != gateway {
		return ErrForeign
	}
	if s.cfg.CA == nil || !chain[len(chain)-1].Equal(s.cfg.CA.Root) {
		if s.Barred(gateway) {
			return ErrEnded
		}
		return nil
	}
	if len(chain) != 3 || !chain[1].Equal(s.cfg.CA.Gateways) || len(chain[0].URIs) != 1 || chain[0].URIs[0].String() != enrolment.Identity(gateway).String() {
		return ErrForeign
	}
	now := s.cfg.Now()
	fingerprint := enrolment.Fingerprint(chain[0].Raw)
	read := func(q interface {
		QueryContext(context.Context, string, ...any) (*sql.Rows, error)
		QueryRowContext(context.Context, string, ...any) *sql.Row
	}) (certificate, error) {
		found, err := find(ctx, q, `fingerprint = ?`, fingerprint)
		switch {
		case err != nil:
			return certificate{}, err
		case len(found) == 0 || found[0].gateway != gateway:
			return certificate{}, ErrUnknown
		case found[0].ended != 0:
			return certificate{}, fmt.Errorf("%w: %s", ErrEnded, found[0].why)
		case found[0].notAfter < now.UnixMilli():
			return certificate{}, ErrExpired
		}
		return found[0], nil
	}
	c, err := read(s.cfg.DB.Reader())
	if err != nil || c.used != 0 {
		return err
	}
	err = s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		c, err := read(tx)
		if err != nil {
			return err
		}
		return use(ctx, tx, c, now)
	})
	s.Wake()
	return err
}

// Barred says whether every certificate that a gateway ever had here was ended: what comes in its name is not taken, however
// it came. It is known within a second of the end.
func (s *Service) Barred(gateway string) bool { return (*s.barred.Load())[gateway] }
