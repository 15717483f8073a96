package evidence

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	format "github.com/linshao/linshao/cloud/wire/evidence"
	"github.com/linshao/linshao/rules"
)

const (
	lookEvery   = 30 * time.Second // for what another process or an earlier life has left
	expireEvery = time.Hour
	expireBatch = 100
	abandoned   = 30 * 24 * time.Hour // an upload of which nothing has come for so long will never be whole
)

// Run looks through what has arrived and deletes what is old, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var expired time.Time
	for {
		if err := s.Finish(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("evidence not looked through", "err", err)
		}
		if time.Since(expired) >= expireEvery {
			expired = time.Now()
			if err := s.Expire(ctx); err != nil && ctx.Err() == nil {
				s.cfg.Log.Error("old evidence not deleted", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-tick.C:
		}
	}
}

type ref struct{ gateway, id, alert string }

// list reads bundles.
func (s *Service) list(ctx context.Context, query string, args ...any) (all []ref, err error) {
	rows, err := s.cfg.DB.Reader().QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list evidence: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r ref
		if err := rows.Scan(&r.gateway, &r.id, &r.alert); err != nil {
			return nil, fmt.Errorf("list evidence: %w", err)
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// Finish looks through every bundle of which all bytes are here.
func (s *Service) Finish(ctx context.Context) error {
	all, err := s.list(ctx, `SELECT gateway, id, alert FROM evidence WHERE state = 'arrived' ORDER BY heard`)
	if err != nil {
		return err
	}
	for _, r := range all {
		if err := s.finish(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) finish(ctx context.Context, r ref) error {
	state, why, err := s.judge(ctx, r)
	if err != nil {
		return err
	}
	incident := ""
	err = s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE evidence SET state = ?, why_zh = ?, why_en = ?, finished = ? WHERE gateway = ? AND id = ? AND state = 'arrived'`,
			state, why.ZH, why.EN, s.cfg.Now().UnixMilli(), r.gateway, r.id); err != nil {
			return fmt.Errorf("finish evidence %s: %w", r.id, err)
		}
		var err error
		incident, err = Incident(ctx, tx, r.gateway, r.alert)
		return err
	})
	if err == nil && incident != "" {
		s.cfg.Changed(incident)
	}
	return err
}

// judge reads a bundle's file and gives it its last name. Also what is refused is kept for people to look at.
func (s *Service) judge(ctx context.Context, r ref) (state string, why rules.Text, err error) {
	from, to := s.path(r.gateway, r.id, partial), s.path(r.gateway, r.id, whole)
	path := from
	if _, err := os.Stat(from); errors.Is(err, os.ErrNotExist) {
		path = to // renamed by a life that ended before it could say so
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return Refused, rules.Text{ZH: "云端的文件不见了", EN: "its file here is gone"}, nil
	}
	if err != nil {
		return "", why, fmt.Errorf("read evidence: %w", err)
	}
	defer f.Close()
	keys, err := Keys(ctx, s.cfg.DB.Reader(), r.gateway)
	if err != nil {
		return "", why, err
	}
	v, err := format.Verify(f, func(string) []ed25519.PublicKey { return keys })
	if err != nil {
		return "", why, err
	}
	state = Whole
	if len(v.Faults) == 0 && v.Head.ID != r.id {
		v.Faults = append(v.Faults, rules.Text{ZH: "内容是另一份证据包", EN: "it is another bundle than it is called"})
	}
	if len(v.Faults) > 0 {
		state, why = Refused, v.Faults[0]
	} else if why, err = s.chain(ctx, r.gateway, v.Head); err != nil {
		return "", why, err
	}
	if path == from {
		if err := os.Rename(from, to); err != nil {
			return "", why, fmt.Errorf("keep evidence: %w", err)
		}
		if err := syncDir(filepath.Dir(to)); err != nil {
			return "", why, err
		}
	}
	return state, why, nil
}

// chain says what does not fit between a bundle and its neighbours here. It does not make it less whole, and people must see it.
func (s *Service) chain(ctx context.Context, gateway string, h *format.Head) (why rules.Text, err error) {
	m := h.Manifest
	var twin, before, after int
	err = s.cfg.DB.Reader().QueryRowContext(ctx, `SELECT
		coalesce(sum(CASE WHEN number = ? AND id <> ? THEN 1 ELSE 0 END), 0),
		coalesce(sum(CASE WHEN number = ? AND id <> ? THEN 1 ELSE 0 END), 0),
		coalesce(sum(CASE WHEN number = ? AND previous <> ? THEN 1 ELSE 0 END), 0)
		FROM evidence WHERE gateway = ? AND number > 0`, int64(m.Number), h.ID, int64(m.Number)-1, m.Previous, int64(m.Number)+1, h.ID, gateway).Scan(&twin, &before, &after)
	switch {
	case err != nil:
		return why, fmt.Errorf("look up chain of evidence: %w", err)
	case twin > 0:
		return rules.Text{ZH: "链有疑问：这台网关有两份同号的证据包", EN: "the chain is in doubt: this gateway has two bundles of this number"}, nil
	case before+after > 0:
		return rules.Text{ZH: "链有疑问：与前一份或后一份证据包接不上", EN: "the chain is in doubt: it does not fit the bundle before or behind it"}, nil
	}
	return why, nil
}

// Expire deletes bundles that are older than they may get and that neither an open incident nor a person holds; a hold goes with its
// incident into the one that it was merged into.
func (s *Service) Expire(ctx context.Context) error {
	if s.cfg.Keep <= 0 {
		return nil
	}
	now := s.cfg.Now()
	for {
		all, err := s.list(ctx, `SELECT gateway, id, alert FROM evidence e WHERE (state IN ('whole', 'refused') AND finished < ? OR state = 'uploading' AND heard < ?) AND NOT EXISTS (
			SELECT 1 FROM incident_alerts a JOIN incidents i ON i.id = a.incident WHERE a.gateway = e.gateway AND a.alert = e.alert AND (i.handling <> 'closed' OR EXISTS (
			SELECT 1 FROM evidence_holds h JOIN incidents held ON held.id = h.incident WHERE held.id = i.id OR held.merged_into = i.id))) ORDER BY heard LIMIT ?`,
			now.Add(-s.cfg.Keep).UnixMilli(), now.Add(-max(s.cfg.Keep, abandoned)).UnixMilli(), expireBatch)
		if err != nil || len(all) == 0 {
			return err
		}
		for _, r := range all {
			if err := s.expire(ctx, r, now); err != nil {
				return err
			}
		}
	}
}

// expire deletes the file first: what is left of a stop in between is looked for again.
func (s *Service) expire(ctx context.Context, r ref, now time.Time) error {
	for _, suffix := range []string{partial, whole} {
		if err := os.Remove(s.path(r.gateway, r.id, suffix)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("delete evidence: %w", err)
		}
	}
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		ours, err := db.Changed(tx.ExecContext(ctx, `UPDATE evidence SET state = 'expired', finished = ? WHERE gateway = ? AND id = ? AND state <> 'expired'`, now.UnixMilli(), r.gateway, r.id))
		if err != nil || !ours {
			return err
		}
		return audit.Add(ctx, tx, audit.Entry{At: now, Act: "evidence.expire", Kind: "evidence", About: r.id, Detail: map[string]string{"gateway": r.gateway, "alert": r.alert}})
	})
}
