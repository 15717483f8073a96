package command

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

const (
	desireEvery = 2 * time.Second  // how soon a change of mode is noticed
	desireAgain = 10 * time.Second // while it is not answered
)

// Desired is the mode that a gateway is to be in, and what it says to that. Times are Unix ms.
type Desired struct {
	Revision   int64         `json:"revision" doc:"0: nothing was ever asked of it"`
	Emergency  bool          `json:"emergency"`
	Until      int64         `json:"until,omitempty" doc:"when the emergency ends by itself"`
	Reason     string        `json:"reason,omitempty"`
	Who        string        `json:"who,omitempty"`
	Made       int64         `json:"made,omitempty"`
	Applied    bool          `json:"applied" doc:"the gateway has answered this revision and goes by it"`
	InForce    bool          `json:"inForce" doc:"emergency mode, as the gateway said last; its own files may want it too"`
	Answered   int64         `json:"answered,omitempty" doc:"the revision that it answered last"`
	AnsweredAt int64         `json:"answeredAt,omitempty"`
	Why        incident.Text `json:"why" doc:"why it is not applied; empty otherwise"`
}

// DesiredOf answers what is wanted of a gateway.
func DesiredOf(ctx context.Context, q db.Querier, gateway string) (d Desired, err error) {
	var ok bool
	err = q.QueryRowContext(ctx, `SELECT revision, emergency, until_ms, reason, who, made, answered, ok, in_force, why_zh, why_en, answered_at FROM desired WHERE gateway = ?`, gateway).
		Scan(&d.Revision, &d.Emergency, &d.Until, &d.Reason, &d.Who, &d.Made, &d.Answered, &ok, &d.InForce, &d.Why.ZH, &d.Why.EN, &d.AnsweredAt)
	if errors.Is(err, sql.ErrNoRows) {
		return Desired{Applied: true}, nil
	}
	if err != nil {
		return d, fmt.Errorf("read what is wanted of %s: %w", gateway, err)
	}
	d.Applied = ok && d.Answered == d.Revision
	if !d.Applied && d.Why == (incident.Text{}) {
		d.Why = incident.Text{ZH: "网关还没有回答", EN: "the gateway has not answered yet"}
	}
	return d, nil
}

// peer is a gateway that is there.
type peer struct {
	id, site string
	session  uint64
}

// pushed is when something was last said to which session.
type pushed struct {
	session  uint64
	revision int64
	at       time.Time
}

// desire looks at the modes of all gateways that are ours and there, and says what each is to be in: when it connects, when it
// changes, and again until it answers.
func (s *Service) desire(ctx context.Context) error {
	now := s.cfg.Now()
	if now.Sub(s.desired) < desireEvery {
		return nil
	}
	s.desired = now
	peers, err := s.peers(ctx)
	if err != nil {
		return err
	}
	var downs []Down
	for _, p := range peers {
		if s.cfg.Lease != nil && !s.cfg.Lease.Mine(p.id) {
			delete(s.pushed, p.id)
			continue
		}
		payload, err := s.want(ctx, p, now)
		if err != nil {
			return err
		}
		if payload != nil {
			downs = append(downs, Down{p.id, payload})
		}
	}
	if len(downs) > 0 {
		s.cfg.Publish(downs)
	}
	return nil
}

// peers are the gateways that are there and are, or are to be, in another mode than the ordinary one, or were.
func (s *Service) peers(ctx context.Context) (all []peer, err error) {
	rows, err := s.cfg.DB.Reader().QueryContext(ctx, `SELECT g.id, g.site, g.session FROM gateways g WHERE g.online = 1
		AND (EXISTS (SELECT 1 FROM desired d WHERE d.gateway = g.id) OR EXISTS (SELECT 1 FROM modes m WHERE m.until_ms > ?)) ORDER BY g.id`, s.cfg.Now().UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("list gateways for modes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p peer
		var session int64
		if err := rows.Scan(&p.id, &p.site, &session); err != nil {
			return nil, fmt.Errorf("list gateways for modes: %w", err)
		}
		p.session = uint64(session)
		all = append(all, p)
	}
	return all, rows.Err()
}

// want answers what is to be said to a gateway now; nil: nothing.
func (s *Service) want(ctx context.Context, p peer, now time.Time) ([]byte, error) {
	m, err := modeOf(ctx, s.cfg.DB.Reader(), p.site, now)
	if err != nil {
		return nil, err
	}
	d, err := DesiredOf(ctx, s.cfg.DB.Reader(), p.id)
	if err != nil {
		return nil, err
	}
	if m.Emergency != d.Emergency || m.Emergency && m.Until != d.Until {
		if d, err = s.change(ctx, p, m, now); err != nil {
			return nil, err
		}
	}
	last := s.pushed[p.id]
	answered := d.Answered == d.Revision
	if d.Revision == 0 || last.session == p.session && last.revision == d.Revision && (answered || now.Sub(last.at) < desireAgain) {
		return nil, nil
	}
	s.pushed[p.id] = pushed{p.session, d.Revision, now}
	w := &wire.Desired{Revision: uint64(d.Revision), Site: p.site, Emergency: d.Emergency, Reason: d.Reason}
	if d.Emergency {
		w.LeftMs = uint64(max(1, d.Until-now.UnixMilli()))
	}
	return wire.Sign(s.cfg.Key, &wire.Down{Gateway: p.id, Kind: &wire.Down_Desired{Desired: w}})
}

// modeOf is the mode of a site's node.
func modeOf(ctx context.Context, q db.Querier, site string, now time.Time) (tree.Mode, error) {
	var node string
	err := q.QueryRowContext(ctx, `SELECT node FROM node_sites WHERE site = ?`, site).Scan(&node)
	if errors.Is(err, sql.ErrNoRows) {
		return tree.Mode{}, nil
	}
	if err != nil {
		return tree.Mode{}, fmt.Errorf("find node of site %s: %w", site, err)
	}
	return tree.ModeOf(ctx, q, node, now)
}

// change makes a new revision of what is wanted, unless another worker has.
func (s *Service) change(ctx context.Context, p peer, m tree.Mode, now time.Time) (d Desired, err error) {
	err = s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		if d, err = DesiredOf(ctx, tx, p.id); err != nil {
			return err
		}
		if m.Emergency == d.Emergency && m.Until == d.Until {
			return nil
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO desired (gateway, revision, emergency, until_ms, reason, who, made, answered, ok, in_force, why_zh, why_en, answered_at)
			VALUES (?, 1, ?, ?, ?, ?, ?, 0, 0, 0, '', '', 0) ON CONFLICT (gateway) DO UPDATE SET revision = desired.revision + 1, emergency = excluded.emergency,
			until_ms = excluded.until_ms, reason = excluded.reason, who = excluded.who, made = excluded.made, why_zh = '', why_en = ''`,
			p.id, m.Emergency, m.Until, m.Reason, m.Who, now.UnixMilli()); err != nil {
			return fmt.Errorf("change what is wanted of %s: %w", p.id, err)
		}
		if d, err = DesiredOf(ctx, tx, p.id); err != nil {
			return err
		}
		return audit.Add(ctx, tx, audit.Entry{Act: "gateway.mode", Kind: "gateway", About: p.id, Site: p.site, Node: m.Node, Detail: map[string]string{
			"emergency": strconv.FormatBool(m.Emergency), "revision": strconv.FormatInt(d.Revision, 10), "reason": m.Reason, "by": m.Who}})
	})
	return d, err
}

// Applied takes a gateway's answer to what is wanted of it, inside the transaction that takes the event. A gateway that has a
// newer revision than the cloud, whose database was put back, is asked anew with a newer one.
func (s *Service) Applied(ctx context.Context, tx *sql.Tx, gateway string, a *wire.Applied) error {
	why := rules.Text{ZH: a.GetWhy().GetZh(), EN: a.GetWhy().GetEn()}
	revision, have := int64(min(a.GetRevision(), 1<<53)), int64(min(a.GetHave(), 1<<53))
	fresh, err := db.Changed(tx.ExecContext(ctx, `UPDATE desired SET answered = ?, ok = ?, in_force = ?, why_zh = ?, why_en = ?, answered_at = ?, revision = CASE WHEN revision < ? THEN CAST(? AS BIGINT) + 1 ELSE revision END
		WHERE gateway = ? AND revision = ?`, revision, a.GetOk(), a.GetEmergency(), why.ZH, why.EN, a.GetAtMs(), have, have, gateway, revision))
	if err != nil {
		return fmt.Errorf("take answer of %s: %w", gateway, err)
	}
	if !fresh || a.GetOk() {
		return nil
	}
	_, err = org.NoteOnce(ctx, tx, org.Entry{At: time.UnixMilli(a.GetAtMs()), Gateway: gateway, Kind: org.RulesRefused, Text: rules.Text{
		ZH: "网关没有采用云端要的模式：" + why.ZH, EN: "the gateway did not take the mode that the cloud wants: " + why.EN}})
	return err
}
