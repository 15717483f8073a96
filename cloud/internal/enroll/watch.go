package enroll

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"time"

	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/rules"
)

// Cutter ends connections.
type Cutter interface {
	// Cut ends the connections made with ended certificates, by their fingerprints, and those of barred gateways.
	Cut(ended map[string]bool, barred map[string]bool)
}

// Times of a watch.
const (
	lookEvery = 300 * time.Millisecond // so that a revocation anywhere ends connections here in the same second
	tellEvery = 10 * time.Minute
	lookBack  = time.Hour // other workers' clocks may be behind
)

// Wake lets Run look now.
func (s *Service) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run ends connections whose certificates have ended or expired, calls changed when files about certificates must be written
// anew, and tells of certificates that come to their end, until ctx ends.
func (s *Service) Run(ctx context.Context, cutter Cutter, changed func(context.Context)) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var mark string
	var told time.Time
	for {
		if now := s.cfg.Now(); now.Sub(told) >= tellEvery || now.Before(told) {
			told = now
			if err := s.Tell(ctx); err != nil && ctx.Err() == nil {
				s.cfg.Log.Error("ends of certificates not told", "err", err)
			}
		}
		if err := s.look(ctx, cutter, changed, &mark); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("ended certificates not read", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-s.wake:
		}
	}
}

// look acts on what is new. Mark is what it saw before: one cheap question says whether there is anything.
func (s *Service) look(ctx context.Context, cutter Cutter, changed func(context.Context), mark *string) error {
	now := s.cfg.Now()
	var all, ended, newest, over int64
	err := s.cfg.DB.Reader().QueryRowContext(ctx, `SELECT count(*), coalesce(sum(CASE WHEN ended_at <> 0 THEN 1 ELSE 0 END), 0), coalesce(max(ended_at), 0),
		coalesce(sum(CASE WHEN ended_at = 0 AND not_after < ? THEN 1 ELSE 0 END), 0) FROM certificates`, now.UnixMilli()).Scan(&all, &ended, &newest, &over)
	if err != nil {
		return fmt.Errorf("look for ended certificates: %w", err)
	}
	seen := fmt.Sprint(all, ended, newest, over)
	if seen == *mark {
		return nil
	}
	barred, fresh, err := s.over(ctx, now)
	if err != nil {
		return err
	}
	s.barred.Store(&barred)
	if changed != nil { // first: who is cut off must not be let in again by files of before
		changed(ctx)
	}
	if len(fresh) > 0 && cutter != nil {
		cutter.Cut(fresh, barred)
	}
	*mark = seen
	return nil
}

// over answers the certificates that ended or expired since the last time, and the barred gateways. These are read last: what
// ends in between is then barred at once, and cut with the next look; the other way round it would be cut and not barred.
func (s *Service) over(ctx context.Context, now time.Time) (barred, fresh map[string]bool, err error) {
	barred, fresh = map[string]bool{}, map[string]bool{}
	s.mu.Lock()
	defer s.mu.Unlock()
	since := int64(0)
	if len(s.cut) > 0 {
		since = now.Add(-lookBack).UnixMilli()
	}
	rows, err := s.ended(ctx, since, now)
	if err != nil {
		return nil, nil, err
	}
	if err := each(rows, func(fingerprint string) { fresh[fingerprint] = !s.cut[fingerprint] }); err != nil {
		return nil, nil, err
	}
	maps.DeleteFunc(fresh, func(_ string, new bool) bool { return !new })
	if rows, err = s.cfg.DB.Reader().QueryContext(ctx, `SELECT gateway FROM certificates GROUP BY gateway HAVING min(ended_at) > 0`); err != nil {
		return nil, nil, fmt.Errorf("read barred gateways: %w", err)
	}
	if err := each(rows, func(gateway string) { barred[gateway] = true }); err != nil {
		return nil, nil, err
	}
	maps.Copy(s.cut, fresh)
	return barred, fresh, nil
}

func (s *Service) ended(ctx context.Context, since int64, now time.Time) (*sql.Rows, error) {
	rows, err := s.cfg.DB.Reader().QueryContext(ctx, `SELECT fingerprint FROM certificates WHERE ended_at > ? OR (ended_at = 0 AND not_after < ?)`, since, now.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("read ended certificates: %w", err)
	}
	return rows, nil
}

func each(rows *sql.Rows, fn func(string)) error {
	defer rows.Close()
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return fmt.Errorf("read certificate: %w", err)
		}
		fn(v)
	}
	return rows.Err()
}

// Ends that are told, as the share of a certificate's life that is left: a quarter (22 days of 90: it should have renewed a
// week before), a twelfth, none.
func stage(c certificate, now time.Time) int {
	left, life := c.notAfter-now.UnixMilli(), c.notAfter-c.issued
	switch {
	case left <= 0:
		return 3
	case left <= life/12:
		return 2
	case left <= life/4:
		return 1
	}
	return 0
}

// Tell writes into the journal which gateways have not renewed their certificates though they should have, each stage once,
// whatever the number of workers.
func (s *Service) Tell(ctx context.Context) error {
	now := s.cfg.Now()
	late, err := find(ctx, s.cfg.DB.Reader(), `ended_at = 0 AND told < 3 AND not_after < ?`, now.Add(s.cfg.Life).UnixMilli())
	if err != nil {
		return err
	}
	for _, c := range late {
		n := stage(c, now)
		if n == 0 {
			continue
		}
		err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
			var newer int
			if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM certificates WHERE gateway = ? AND ended_at = 0 AND issued_at > ?`, c.gateway, c.issued).Scan(&newer); err != nil {
				return fmt.Errorf("look for newer certificates of %s: %w", c.gateway, err)
			}
			res, err := tx.ExecContext(ctx, `UPDATE certificates SET told = ? WHERE fingerprint = ? AND told < ?`, n, c.fingerprint, n)
			if err != nil {
				return fmt.Errorf("note end of certificate of %s: %w", c.gateway, err)
			}
			if done, err := res.RowsAffected(); err != nil || done == 0 || newer > 0 {
				return err
			}
			return org.Note(ctx, tx, org.Entry{At: now, Gateway: c.gateway, Kind: org.CertEnding, Text: ending(c, n)})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func ending(c certificate, n int) rules.Text {
	day := time.UnixMilli(c.notAfter).UTC().Format(time.DateOnly)
	if n == 3 {
		return rules.Text{ZH: fmt.Sprintf("证书已于 %s 过期，网关连不上：确认是它之后执行 cloud gateway renew-ok %s（30 天内），或重新注册", day, c.gateway),
			EN: fmt.Sprintf("the certificate expired on %s and the gateway cannot connect: when you are sure of it, cloud gateway renew-ok %s (within 30 days), or enrol it anew", day, c.gateway)}
	}
	return rules.Text{ZH: fmt.Sprintf("证书 %s 到期，网关一直没有续期：看它能否访问云端的网页地址", day),
		EN: fmt.Sprintf("the certificate ends on %s and the gateway has not renewed it: can it reach the address of the cloud's page?", day)}
}
