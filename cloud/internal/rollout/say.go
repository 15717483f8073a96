package rollout

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/wire"
)

const (
	lookEvery = 5 * time.Second
	sayAgain  = 30 * time.Second
)

type said struct {
	session, rollout int64
	at               time.Time
}

// Run rolls out until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := s.Turn(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("programs cannot be rolled out", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Turn judges the rollout, goes on when it is time, and says what is due.
func (s *Service) Turn(ctx context.Context) error {
	o, err := newest(ctx, s.cfg.DB.Reader())
	if err != nil || o.ID == 0 || o.Stopped {
		return err
	}
	if err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		if o, err = newest(ctx, tx); err != nil || o.Stopped {
			return err
		}
		if err := join(ctx, tx, o.ID); err != nil {
			return err
		}
		return s.judge(ctx, tx, &o)
	}); err != nil || o.Stopped {
		return err
	}
	return s.say(ctx, o)
}

// say tells gateways whose ring has come, until they have decided.
func (s *Service) say(ctx context.Context, o Rollout) error {
	files, err := s.files(ctx, o.Version)
	if err != nil {
		return err
	}
	rows, err := s.cfg.DB.Reader().QueryContext(ctx, `SELECT r.gateway, g.site, g.session FROM rollout_gateways r JOIN gateways g ON g.id = r.gateway
		WHERE r.rollout = ? AND r.ring <= ? AND g.online = 1 AND r.state IN ('', 'waits', 'trial')`, o.ID, o.Ring)
	if err != nil {
		return fmt.Errorf("list gateways of rollout: %w", err)
	}
	defer rows.Close()
	now := s.cfg.Now()
	var downs []Down
	for rows.Next() {
		var gateway, site string
		var session int64
		if err := rows.Scan(&gateway, &site, &session); err != nil {
			return fmt.Errorf("list gateways of rollout: %w", err)
		}
		last := s.said[gateway]
		if s.cfg.Lease != nil && !s.cfg.Lease.Mine(gateway) || last.session == session && last.rollout == o.ID && now.Sub(last.at) < sayAgain {
			continue
		}
		s.said[gateway] = said{session, o.ID, now}
		payload, err := wire.Sign(s.cfg.Key, &wire.Down{Gateway: gateway, Kind: &wire.Down_Update{Update: &wire.Update{Revision: uint64(o.ID), Site: site, Version: o.Version,
			Url: s.cfg.URL, Token: s.token(gateway, now.Add(tokenLife)), Artifacts: files, WatchS: uint32(o.WatchS)}}})
		if err != nil {
			return err
		}
		downs = append(downs, Down{gateway, payload})
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("list gateways of rollout: %w", err)
	}
	if len(downs) > 0 {
		s.cfg.Publish(downs)
	}
	return nil
}

func (s *Service) files(ctx context.Context, version string) (all []*wire.Artifact, err error) {
	rows, err := s.cfg.DB.Reader().QueryContext(ctx, `SELECT os, arch, sha256, size FROM artifacts WHERE version = ?`, version)
	if err != nil {
		return nil, fmt.Errorf("list files of %s: %w", version, err)
	}
	defer rows.Close()
	for rows.Next() {
		a := &wire.Artifact{}
		if err := rows.Scan(&a.Os, &a.Arch, &a.Sha256, &a.Size); err != nil {
			return nil, fmt.Errorf("list files of %s: %w", version, err)
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

// UpdateState takes a gateway's answer, inside the transaction that takes the event.
func (s *Service) UpdateState(ctx context.Context, tx *sql.Tx, gateway string, a *wire.UpdateState) error {
	switch a.GetState() {
	case "waits", "refused", "trial", "applied", "reverted":
	default:
		return nil // of a newer gateway
	}
	if _, err := tx.ExecContext(ctx, `UPDATE rollout_gateways SET state = ?, why_zh = ?, why_en = ?, version = ?, answered_at = ? WHERE rollout = ? AND gateway = ?`,
		a.GetState(), a.GetWhy().GetZh(), a.GetWhy().GetEn(), a.GetVersion(), s.cfg.Now().UnixMilli(), int64(min(a.GetRevision(), 1<<53)), gateway); err != nil {
		return fmt.Errorf("take answer of %s: %w", gateway, err)
	}
	return nil
}
