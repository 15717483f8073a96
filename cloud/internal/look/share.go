package look

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/wire"
)

const (
	learnTime  = 6 * time.Second // in which a gateway's clock must be known
	learnEvery = 250 * time.Millisecond
	shareEvery = 500 * time.Millisecond // between two looks at what other processes want to know
	sweepEvery = 15 * time.Second
	keptFor    = 2 * time.Hour
)

// learn finds out when the look ends on the gateway's own clock, and says why that cannot be known. Without it nobody could hold a
// message of this session back and open the camera with it later.
func (s *Service) learn(ctx context.Context, l *look) (why string) {
	limit := time.NewTimer(learnTime)
	defer limit.Stop()
	tick := time.NewTicker(learnEvery)
	defer tick.Stop()
	for first := true; ; first = false {
		if mono, boot, ok := s.cfg.Clock(l.Gateway, l.session); ok {
			l.boot, l.until = boot, ends(mono)
			return ""
		}
		if first {
			s.cfg.Watch(l.Gateway)
		}
		if s.cfg.Shared {
			var boot, until int64
			err := s.cfg.DB.Reader().QueryRowContext(ctx, `SELECT boot, until_ms FROM looks WHERE id = ?`, l.id).Scan(&boot, &until)
			if err == nil && until > 0 {
				l.boot, l.until = uint32(boot), uint64(until)
				return ""
			}
		}
		select {
		case <-ctx.Done():
			return "left"
		case <-limit.C:
			return "soon"
		case <-tick.C:
		}
	}
}

// ends is a look's end on a gateway's clock: a little before the minute is over, which the gateway would not grant.
func ends(mono uint64) uint64 { return mono + uint64((wire.LookTime - time.Second).Milliseconds()) }

// Run tells other processes the clocks of the gateways of this one, and ends what was left behind, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	var share <-chan time.Time
	if s.cfg.Shared {
		t := time.NewTicker(shareEvery)
		defer t.Stop()
		share = t.C
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-share:
			err = s.Share(ctx)
		case <-sweep.C:
			err = s.Sweep(ctx)
		}
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("looks at cameras not minded", "err", err)
		}
	}
}

// Share tells other processes what they want to know of the gateways of this one. Run does it twice a second.
func (s *Service) Share(ctx context.Context) error {
	all, err := s.list(ctx, `SELECT id, gateway, device, site, who, about, session FROM looks WHERE state = 'shown' AND until_ms = 0 AND until > ?`, s.cfg.Now().UnixMilli())
	if err != nil {
		return err
	}
	for _, l := range all {
		mono, boot, ok := s.cfg.Clock(l.Gateway, l.session)
		if !ok {
			continue
		}
		if err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE looks SET boot = ?, until_ms = ? WHERE id = ? AND until_ms = 0`, int64(boot), int64(ends(mono)), l.id)
			return err
		}); err != nil {
			return fmt.Errorf("tell a gateway's clock: %w", err)
		}
	}
	return nil
}

// Sweep ends looks that nobody came for, and those of a process that is gone, and forgets what is old. Run does it now and then.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.cfg.Now()
	all, err := s.list(ctx, `SELECT id, gateway, device, site, who, about, session FROM looks WHERE state IN ('open', 'shown') AND until <= ?`, now.Add(-restTime).UnixMilli())
	if err != nil {
		return err
	}
	for _, l := range all {
		why := "unclaimed"
		if l.session != 0 {
			why = "lost"
		}
		if err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error { return s.end(ctx, tx, l, why, 0, 0) }); err != nil {
			return err
		}
	}
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM looks WHERE opened < ? AND state IN ('over', 'refused')`, now.Add(-keptFor).UnixMilli())
		return err
	})
}

// list reads looks.
func (s *Service) list(ctx context.Context, query string, args ...any) (all []*look, err error) {
	rows, err := s.cfg.DB.Reader().QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list looks: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		l := &look{}
		var session int64
		if err := rows.Scan(&l.id, &l.Gateway, &l.Device, &l.site, &l.Who, &l.about, &session); err != nil {
			return nil, fmt.Errorf("list looks: %w", err)
		}
		l.session = uint64(session)
		all = append(all, l)
	}
	return all, rows.Err()
}
