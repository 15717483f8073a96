package enroll

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/linshao/linshao/rules"
)

// Why a certificate ended.
const (
	WasRevoked     = "revoked"
	Replaced       = "replaced"
	Decommissioned = "decommissioned"
)

// Revoke ends all certificates and tokens of a gateway: its connection ends in the same second, and it comes back only with
// a new token. A gateway that has none of them is a Refusal.
func (s *Service) Revoke(ctx context.Context, gateway, reason string) error {
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		return End(ctx, tx, gateway, WasRevoked, reason, s.cfg.Now())
	})
	if err == nil {
		s.cfg.Log.Warn("certificates revoked", "gateway", gateway, "by", who(ctx))
		s.Wake()
	}
	return err
}

// End ends all certificates and tokens of a gateway inside a transaction, such as that which takes it out of service.
func End(ctx context.Context, tx *sql.Tx, gateway, why, reason string, now time.Time) error {
	found, err := find(ctx, tx, `gateway = ? AND ended_at = 0`, gateway)
	if err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, `UPDATE enrolment_tokens SET ended_at = ? WHERE gateway = ? AND ended_at = 0`, now.UnixMilli(), gateway)
	if err != nil {
		return fmt.Errorf("withdraw tokens of %s: %w", gateway, err)
	}
	tokens, err := res.RowsAffected()
	if err != nil {
		return fmt.Errorf("withdraw tokens of %s: %w", gateway, err)
	}
	if len(found) == 0 && tokens == 0 {
		if why == WasRevoked {
			return errNone()
		}
		return nil
	}
	if _, err := tx.ExecContext(ctx, `UPDATE certificates SET ended_at = ?, ended_why = ? WHERE gateway = ? AND ended_at = 0`, now.UnixMilli(), why, gateway); err != nil {
		return fmt.Errorf("end certificates of %s: %w", gateway, err)
	}
	site := ""
	detail := map[string]string{"why": why, "tokens": fmt.Sprint(tokens)}
	if reason != "" {
		detail["reason"] = reason
	}
	for _, c := range found {
		site = c.site
		detail["fingerprint"] = c.fingerprint
	}
	return deed(ctx, tx, now, "gateway.revoke", gateway, site, rules.Text{ZH: "吊销了网关的证书", EN: "revoked the gateway's certificates"}, detail)
}
