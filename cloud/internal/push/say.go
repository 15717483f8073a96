package push

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

const (
	lookEvery = 2 * time.Second  // how soon a new revision is noticed
	sayAgain  = 10 * time.Second // while it is not answered
	askAgain  = 30 * time.Second // while the gateway waits for a better moment
)

// said is when a revision was last said to which session.
type said struct {
	session  int64
	revision int64
	at       time.Time
}

// open is a revision that the gateway has not decided on.
type open struct {
	gateway, site, state string
	session, revision    int64
	watch                int64
	parts                []byte
}

// Run says what is wanted until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := s.Turn(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("configuration cannot be pushed", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Turn says all that is due now.
func (s *Service) Turn(ctx context.Context) error {
	all, err := s.open(ctx)
	if err != nil {
		return err
	}
	now := s.cfg.Now()
	var downs []Down
	for _, o := range all {
		if s.cfg.Lease != nil && !s.cfg.Lease.Mine(o.gateway) {
			delete(s.said, o.gateway)
			continue
		}
		last, again := s.said[o.gateway], sayAgain
		switch o.state {
		case Waits:
			again = askAgain
		case Trial:
			again = time.Hour // it answers by itself; at a new session it may have been put back
		}
		if last.session == o.session && last.revision == o.revision && now.Sub(last.at) < again {
			continue
		}
		s.said[o.gateway] = said{o.session, o.revision, now}
		payload, err := wire.Sign(s.cfg.Key, &wire.Down{Gateway: o.gateway, Kind: &wire.Down_Config{Config: &wire.Config{
			Revision: uint64(o.revision), Site: o.site, Parts: o.parts, WatchS: uint32(o.watch)}}})
		if err != nil {
			return err
		}
		downs = append(downs, Down{o.gateway, payload})
	}
	if len(downs) > 0 {
		s.cfg.Publish(downs)
	}
	return nil
}

// open are the newest revisions of gateways that are there and have not decided on them.
func (s *Service) open(ctx context.Context) (all []open, err error) {
	rows, err := s.cfg.DB.Reader().QueryContext(ctx, `SELECT c.gateway, g.site, c.state, g.session, c.revision, c.watch_s, c.parts FROM gateway_configs c JOIN gateways g ON g.id = c.gateway
		WHERE g.online = 1 AND c.state IN ('', 'waits', 'trial') AND c.revision = (SELECT max(n.revision) FROM gateway_configs n WHERE n.gateway = c.gateway) ORDER BY c.gateway`)
	if err != nil {
		return nil, fmt.Errorf("list open configurations: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var o open
		if err := rows.Scan(&o.gateway, &o.site, &o.state, &o.session, &o.revision, &o.watch, &o.parts); err != nil {
			return nil, fmt.Errorf("list open configurations: %w", err)
		}
		all = append(all, o)
	}
	return all, rows.Err()
}

// ConfigState takes a gateway's answer, inside the transaction that takes the event. A gateway that has decided on more revisions
// than the cloud knows, whose database was put back, is asked anew with a newer one.
func (s *Service) ConfigState(ctx context.Context, tx *sql.Tx, gateway string, a *wire.ConfigState) error {
	mistakes := []ConfigMistake{}
	for _, m := range a.GetMistakes() {
		mistakes = append(mistakes, ConfigMistake{m.GetFile(), int(m.GetLine()), int(m.GetCol()), incident.Text{ZH: m.GetText().GetZh(), EN: m.GetText().GetEn()}})
	}
	text, err := json.Marshal(mistakes)
	if err != nil {
		return fmt.Errorf("keep answer of %s: %w", gateway, err)
	}
	revision, have := int64(min(a.GetRevision(), 1<<53)), int64(min(a.GetHave(), 1<<53))
	why := rules.Text{ZH: a.GetWhy().GetZh(), EN: a.GetWhy().GetEn()}
	if have > revision && a.GetState() == Refused {
		if _, err := tx.ExecContext(ctx, `UPDATE gateway_configs SET revision = CAST(? AS BIGINT) + 1, state = '' WHERE gateway = ? AND revision = ?
			AND revision = (SELECT max(n.revision) FROM gateway_configs n WHERE n.gateway = ?)`, have, gateway, revision, gateway); err != nil {
			return fmt.Errorf("renew revision of %s: %w", gateway, err)
		}
		return nil
	}
	fresh, err := db.Changed(tx.ExecContext(ctx, `UPDATE gateway_configs SET state = ?, why_zh = ?, why_en = ?, mistakes = ?, in_force = ?, answered_at = ? WHERE gateway = ? AND revision = ? AND answered_at <= ?`,
		a.GetState(), why.ZH, why.EN, string(text), int64(min(a.GetInForce(), 1<<53)), a.GetAtMs(), gateway, revision, a.GetAtMs()))
	if err != nil {
		return fmt.Errorf("take answer of %s: %w", gateway, err)
	}
	s.answered.WithLabelValues(known(a.GetState())).Inc()
	if !fresh || a.GetState() != Refused && a.GetState() != Reverted {
		return nil
	}
	note := rules.Text{ZH: fmt.Sprintf("网关没有采用云端的配置（第 %d 版）：%s", revision, why.ZH), EN: fmt.Sprintf("the gateway did not take the cloud's configuration (revision %d): %s", revision, why.EN)}
	if a.GetState() == Reverted {
		note = rules.Text{ZH: fmt.Sprintf("网关退回了云端的配置（第 %d 版）：%s", revision, why.ZH), EN: fmt.Sprintf("the gateway took the cloud's configuration back (revision %d): %s", revision, why.EN)}
	}
	_, err = org.NoteOnce(ctx, tx, org.Entry{At: time.UnixMilli(a.GetAtMs()), Gateway: gateway, Kind: org.RulesRefused, Text: note})
	return err
}

// known keeps what a gateway says from making labels.
func known(state string) string {
	switch state {
	case Waits, Trial, Applied, Refused, Reverted:
		return state
	}
	return "other"
}
