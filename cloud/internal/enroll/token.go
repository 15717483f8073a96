package enroll

import (
	"context"
	"crypto/ecdsa"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/cloud/wire/enrolment"
	"github.com/linshao/linshao/rules"
)

// Times of a token.
const (
	TokenLife    = 24 * time.Hour // when nobody says otherwise
	TokenLeast   = time.Minute
	TokenLongest = 14 * 24 * time.Hour
)

// Invite makes a token for a gateway that is to serve a site (empty: it is not said). Tokens made for it before that nobody
// has used end. The token is told here and nowhere else.
func (s *Service) Invite(ctx context.Context, gateway, site string, ttl time.Duration) (enrolment.Invitation, time.Time, error) {
	if s.cfg.CA == nil {
		return enrolment.Invitation{}, time.Time{}, errClosed()
	}
	if wire.CheckGateway(gateway) != nil {
		return enrolment.Invitation{}, time.Time{}, errGatewayID()
	}
	if ttl == 0 {
		ttl = TokenLife
	}
	pin := s.cfg.CA.Pin()
	if s.cfg.Pin != nil {
		pin = *s.cfg.Pin
	}
	now := s.cfg.Now()
	in := enrolment.Invitation{Cloud: s.cfg.URL, Gateway: gateway, Token: enrolment.NewToken(pin)}
	expires := now.Add(min(max(ttl, TokenLeast), TokenLongest))
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE enrolment_tokens SET ended_at = ? WHERE gateway = ? AND ended_at = 0`, now.UnixMilli(), gateway); err != nil {
			return fmt.Errorf("withdraw tokens of %s: %w", gateway, err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO enrolment_tokens (hash, gateway, site, made_at, made_by, expires_at, ended_at, cert) VALUES (?, ?, ?, ?, ?, ?, 0, '')`,
			in.Token.Hash(), gateway, site, now.UnixMilli(), who(ctx), expires.UnixMilli()); err != nil {
			return fmt.Errorf("make token for %s: %w", gateway, err)
		}
		return deed(ctx, tx, now, "gateway.invite", gateway, site, rules.Text{ZH: "生成网关注册码", EN: "made an enrolment token"}, map[string]string{"expires": expires.UTC().Format(time.RFC3339)})
	})
	return in, expires, err
}

// Enrol gives a certificate for a token. Who asks again with the same token and the same key, because the answer was lost on
// its way, gets the same certificate again.
func (s *Service) Enrol(ctx context.Context, address string, r enrolment.Request) (enrolment.Answer, error) {
	now := s.cfg.Now()
	if !s.limits.allow(address, now) {
		return enrolment.Answer{}, errOften()
	}
	if s.cfg.CA == nil {
		return enrolment.Answer{}, errClosed()
	}
	token, err := enrolment.ParseToken(r.Token)
	if err != nil {
		return enrolment.Answer{}, errToken()
	}
	key, refusal := s.asked(r.Gateway, r.CSR)
	if refusal != nil {
		return enrolment.Answer{}, refusal
	}
	var der []byte
	ctx = itself(ctx, r.Gateway, address)
	err = s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		var made struct {
			gateway, site, by, cert string
			expires, ended          int64
		}
		err := tx.QueryRowContext(ctx, `SELECT gateway, site, made_by, expires_at, ended_at, cert FROM enrolment_tokens WHERE hash = ?`, token.Hash()).
			Scan(&made.gateway, &made.site, &made.by, &made.expires, &made.ended, &made.cert)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return errToken()
		case err != nil:
			return fmt.Errorf("read token: %w", err)
		case made.gateway != r.Gateway:
			return errTokenGateway()
		case made.expires <= now.UnixMilli():
			return errTokenExpired()
		case made.cert != "":
			der, err = s.again(ctx, tx, made.cert, key)
			return err
		case made.ended != 0:
			return errToken()
		}
		c, err := s.issue(ctx, tx, r.Gateway, made.site, key, now)
		if err != nil {
			return err
		}
		der = c.der
		if _, err := tx.ExecContext(ctx, `UPDATE enrolment_tokens SET ended_at = ?, cert = ? WHERE hash = ?`, now.UnixMilli(), c.fingerprint, token.Hash()); err != nil {
			return fmt.Errorf("use token: %w", err)
		}
		return deed(ctx, tx, now, "gateway.enrol", r.Gateway, made.site, rules.Text{ZH: "网关用注册码领取了证书", EN: "the gateway took its certificate with a token"},
			map[string]string{"fingerprint": c.fingerprint, "serial": c.serial, "from": address, "invited_by": made.by, "until": time.UnixMilli(c.notAfter).UTC().Format(time.RFC3339)})
	})
	if err != nil {
		s.refused("enrolment", r.Gateway, address, err)
		return enrolment.Answer{}, err
	}
	s.cfg.Log.Info("gateway enrolled", "gateway", r.Gateway, "from", address)
	s.Wake()
	return s.answer(r.Gateway, der, now), nil
}

// refused logs who was not given what; a refusal is for the asker, the rest for the operator.
func (s *Service) refused(what, gateway, address string, err error) {
	var r *Refusal
	if errors.As(err, &r) && wire.CheckGateway(gateway) == nil {
		s.cfg.Log.Warn(what+" refused", "gateway", gateway, "from", address, "why", r.Code)
	}
}

// asked checks who asks and for what.
func (s *Service) asked(gateway string, csr []byte) (*ecdsa.PublicKey, *Refusal) {
	if wire.CheckGateway(gateway) != nil {
		return nil, errGatewayID()
	}
	key, err := enrolment.CheckCSR(csr, gateway)
	if err != nil {
		return nil, errRequest()
	}
	return key, nil
}

// again answers what a token was used for, to the holder of the same key alone.
func (s *Service) again(ctx context.Context, tx *sql.Tx, fingerprint string, key *ecdsa.PublicKey) ([]byte, error) {
	hash, err := keyHash(key)
	if err != nil {
		return nil, err
	}
	same, err := find(ctx, tx, `fingerprint = ? AND public_key = ? AND ended_at = 0`, fingerprint, hash)
	if err != nil {
		return nil, err
	}
	if len(same) == 0 {
		return nil, errTokenUsed()
	}
	return same[0].der, nil
}

// issue signs a certificate and keeps it. Those of the gateway that it has never used end: it will not.
func (s *Service) issue(ctx context.Context, tx *sql.Tx, gateway, site string, key *ecdsa.PublicKey, now time.Time) (certificate, error) {
	hash, err := keyHash(key)
	if err != nil {
		return certificate{}, err
	}
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM certificates WHERE public_key = ?`, hash).Scan(&n); err != nil {
		return certificate{}, fmt.Errorf("look for key: %w", err)
	}
	if n > 0 {
		return certificate{}, errKey()
	}
	x, err := s.cfg.CA.Issue(key, gateway, now, s.cfg.Life)
	if err != nil {
		return certificate{}, err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE certificates SET ended_at = ?, ended_why = ? WHERE gateway = ? AND used_at = 0 AND ended_at = 0`, now.UnixMilli(), Replaced, gateway); err != nil {
		return certificate{}, fmt.Errorf("end unused certificates of %s: %w", gateway, err)
	}
	c := certificate{fingerprint: enrolment.Fingerprint(x.Raw), serial: fmt.Sprintf("%032x", x.SerialNumber), gateway: gateway, site: site, der: x.Raw,
		notAfter: x.NotAfter.UnixMilli(), issued: now.UnixMilli()}
	if _, err := tx.ExecContext(ctx, `INSERT INTO certificates (fingerprint, serial, gateway, site, public_key, der, not_after, issued_at, used_at, renew_ok, ended_at, ended_why, told)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, '', 0)`, c.fingerprint, c.serial, gateway, site, hash, c.der, c.notAfter, c.issued); err != nil {
		return certificate{}, fmt.Errorf("keep certificate of %s: %w", gateway, err)
	}
	return c, nil
}

func (s *Service) answer(gateway string, der []byte, now time.Time) enrolment.Answer {
	ca := s.cfg.CA
	return enrolment.Answer{Certificate: string(enrolment.EncodeCertificates(der, ca.Gateways.Raw)), Roots: string(enrolment.EncodeCertificates(ca.Root.Raw)),
		Broker: strings.TrimSpace(s.cfg.Broker), Shard: shard(gateway), Now: now.UnixMilli(), CommandKey: string(s.cfg.CommandKey)}
}
