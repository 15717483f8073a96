package enroll

import (
	"context"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/wire/enrolment"
	"github.com/linshao/linshao/rules"
)

// nonceLife is how long a gateway may take from a challenge to its proof.
const nonceLife = 2 * time.Minute

// renewalsMost bounds what one gateway is given in a day.
const renewalsMost = 10

// Challenge answers a nonce. Nothing is kept of it: it carries its time and our mark, so every worker knows it. A proof that
// is sent twice gets the same certificate twice, for the key in it is the same.
func (s *Service) Challenge(address string) (enrolment.Challenge, error) {
	now := s.cfg.Now()
	if !s.limits.allow(address, now) {
		return enrolment.Challenge{}, errOften()
	}
	raw := binary.BigEndian.AppendUint64(nil, uint64(now.UnixMilli()))
	raw = append(raw, make([]byte, 16)...)
	rand.Read(raw[8:]) //nolint:errcheck // crypto/rand never fails
	return enrolment.Challenge{Nonce: base64.RawURLEncoding.EncodeToString(append(raw, s.mac(raw)...)), Now: now.UnixMilli()}, nil
}

func (s *Service) mac(raw []byte) []byte {
	m := hmac.New(sha256.New, s.cfg.Secret)
	m.Write([]byte("linshao challenge\n"))
	m.Write(raw)
	return m.Sum(nil)
}

func (s *Service) ours(nonce string, now time.Time) bool {
	raw, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(raw) != 8+16+sha256.Size || !hmac.Equal(raw[24:], s.mac(raw[:24])) {
		return false
	}
	age := now.Sub(time.UnixMilli(int64(binary.BigEndian.Uint64(raw))))
	return age >= -nonceLife && age <= nonceLife // another worker's clock may be a little ahead
}

// Renew gives a gateway its next certificate: it shows that it holds the key of the present one. The cloud's time counts.
func (s *Service) Renew(ctx context.Context, address string, r enrolment.Renewal) (enrolment.Answer, error) {
	now := s.cfg.Now()
	if !s.limits.allow(address, now) {
		return enrolment.Answer{}, errOften()
	}
	if s.cfg.CA == nil {
		return enrolment.Answer{}, errClosed()
	}
	if !s.ours(r.Nonce, now) {
		return enrolment.Answer{}, errNonce()
	}
	key, refusal := s.asked(r.Gateway, r.CSR)
	if refusal != nil {
		return enrolment.Answer{}, refusal
	}
	var der []byte
	ctx = itself(ctx, r.Gateway, address)
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) (err error) {
		der, err = s.renew(ctx, tx, address, r, key, now)
		return err
	})
	if err != nil {
		s.refused("renewal", r.Gateway, address, err)
		return enrolment.Answer{}, err
	}
	s.cfg.Log.Info("certificate renewed", "gateway", r.Gateway, "from", address)
	s.Wake()
	return s.answer(r.Gateway, der, now), nil
}

func (s *Service) renew(ctx context.Context, tx *sql.Tx, address string, r enrolment.Renewal, key *ecdsa.PublicKey, now time.Time) ([]byte, error) {
	present, err := s.proven(ctx, tx, r)
	if err != nil {
		return nil, err
	}
	hash, err := keyHash(key)
	if err != nil {
		return nil, err
	}
	before, err := find(ctx, tx, `gateway = ? AND public_key = ? AND ended_at = 0 AND fingerprint <> ?`, r.Gateway, hash, present.fingerprint)
	if err != nil {
		return nil, err
	}
	if len(before) > 0 { // the answer was lost on its way
		return before[0].der, nil
	}
	if err := s.inTime(present, now); err != nil {
		return nil, err
	}
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM certificates WHERE gateway = ? AND issued_at > ?`, r.Gateway, now.Add(-min(24*time.Hour, s.cfg.Life)).UnixMilli()).Scan(&n); err != nil {
		return nil, fmt.Errorf("count certificates of %s: %w", r.Gateway, err)
	}
	if n >= renewalsMost {
		return nil, errOften()
	}
	// Who proves with a certificate uses it: those before it are of the past.
	if err := use(ctx, tx, present, now); err != nil {
		return nil, err
	}
	c, err := s.issue(ctx, tx, r.Gateway, present.site, key, now)
	if err != nil {
		return nil, err
	}
	return c.der, deed(ctx, tx, now, "gateway.renew", r.Gateway, present.site, rules.Text{ZH: "网关续期了证书", EN: "the gateway renewed its certificate"},
		map[string]string{"fingerprint": c.fingerprint, "serial": c.serial, "from": address, "before": present.fingerprint, "until": time.UnixMilli(c.notAfter).UTC().Format(time.RFC3339)})
}

// proven answers the certificate whose key has signed.
func (s *Service) proven(ctx context.Context, tx *sql.Tx, r enrolment.Renewal) (certificate, error) {
	found, err := find(ctx, tx, `fingerprint = ? AND gateway = ?`, strings.ToLower(r.Fingerprint), r.Gateway)
	if err != nil {
		return certificate{}, err
	}
	if len(found) == 0 {
		return certificate{}, errUnknown()
	}
	x, err := found[0].parse()
	if err != nil {
		return certificate{}, fmt.Errorf("read certificate of %s: %w", r.Gateway, err)
	}
	if !enrolment.Proven(x, enrolment.ProofText(r.Gateway, r.Fingerprint, r.Nonce, r.CSR), r.Proof) {
		return certificate{}, errProof()
	}
	switch found[0].why { // told only to the holder of the key
	case "":
	case Replaced:
		return certificate{}, errReplaced()
	default:
		return certificate{}, errRevoked()
	}
	return found[0], nil
}

// inTime says whether a certificate may be renewed now: until its end, and in the grace after it when a person has let it.
func (s *Service) inTime(c certificate, now time.Time) error {
	end := time.UnixMilli(c.notAfter)
	switch {
	case !now.After(end):
		return nil
	case now.After(end.Add(Grace)):
		return errGone()
	case c.renewOK == 0:
		return errExpired()
	}
	return nil
}

// LetRenew lets a gateway renew a certificate that has expired, once.
func (s *Service) LetRenew(ctx context.Context, gateway string) error {
	now := s.cfg.Now()
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		found, err := find(ctx, tx, `gateway = ? AND ended_at = 0`, gateway)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return errNone()
		}
		last := found[len(found)-1]
		if now.After(time.UnixMilli(last.notAfter).Add(Grace)) {
			return errGone()
		}
		if _, err := tx.ExecContext(ctx, `UPDATE certificates SET renew_ok = ? WHERE gateway = ? AND ended_at = 0`, now.UnixMilli(), gateway); err != nil {
			return fmt.Errorf("let %s renew: %w", gateway, err)
		}
		return deed(ctx, tx, now, "gateway.renew_ok", gateway, last.site, rules.Text{ZH: "允许网关续期已过期的证书", EN: "let the gateway renew its expired certificate"}, map[string]string{"fingerprint": last.fingerprint})
	})
}

func errNone() *Refusal {
	return refuse(404, "no_certificate", "这台网关没有有效的证书记录：用注册码注册", "this gateway has no certificate here that counts: enrol it with a token")
}

// use notes that a gateway uses a certificate: the older ones end.
func use(ctx context.Context, tx *sql.Tx, c certificate, now time.Time) error {
	if c.used == 0 {
		if _, err := tx.ExecContext(ctx, `UPDATE certificates SET used_at = ? WHERE fingerprint = ? AND used_at = 0`, now.UnixMilli(), c.fingerprint); err != nil {
			return fmt.Errorf("note use of certificate of %s: %w", c.gateway, err)
		}
	}
	if _, err := tx.ExecContext(ctx, `UPDATE certificates SET ended_at = ?, ended_why = ? WHERE gateway = ? AND ended_at = 0 AND fingerprint <> ? AND issued_at <= ?`,
		now.UnixMilli(), Replaced, c.gateway, c.fingerprint, c.issued); err != nil {
		return fmt.Errorf("end older certificates of %s: %w", c.gateway, err)
	}
	return nil
}

// IsRefusal answers the refusal in an error, if it is one.
func IsRefusal(err error) (*Refusal, bool) {
	return errors.AsType[*Refusal](err)
}
