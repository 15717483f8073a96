package rollout

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

// silent is how long a gateway is not heard after it took a version up before that speaks against the version.
const silent = 15 * time.Minute

// How a gateway speaks for or against a version.
const (
	aside    = iota // not there, or not to be counted
	open            // it has not decided, or tries it
	well            // it has applied it
	refused         // it did not take it
	reverted        // it took it back
	lost            // it is silent since it tries it
	gone            // it is silent after it had applied it
)

// counts is how many gateways there are of each, of those whose ring has come.
type counts struct {
	of    [gone + 1]int
	worse [gone + 1]string // one of them
	last  int64            // when the last one applied it
}

// count looks at all gateways whose ring has come. What was so before a person let the rollout go on counts no more, and a gateway
// that was away before it took the version up says nothing about it.
func (s *Service) count(ctx context.Context, tx *sql.Tx, o *Rollout) (c counts, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT r.gateway, r.state, r.answered_at, g.online, g.since FROM rollout_gateways r JOIN gateways g ON g.id = r.gateway
		WHERE r.rollout = ? AND r.ring <= ? AND g.retired = 0 ORDER BY r.gateway`, o.ID, o.Ring)
	if err != nil {
		return c, fmt.Errorf("judge rollout: %w", err)
	}
	defer rows.Close()
	before := s.cfg.Now().Add(-silent).UnixMilli()
	for rows.Next() {
		var gateway, state string
		var answered, since int64
		var online bool
		if err := rows.Scan(&gateway, &state, &answered, &online, &since); err != nil {
			return c, fmt.Errorf("judge rollout: %w", err)
		}
		kind, away := aside, !online && since < before && since >= o.Resumed
		switch {
		case state == "reverted" && answered >= o.Resumed:
			kind = reverted
		case state == "trial" && away:
			kind = lost
		case state == "applied" && away:
			kind = gone
		case state == "applied":
			kind, c.last = well, max(c.last, answered)
		case state == "refused":
			kind = refused
		case state == "trial", online && (state == "" || state == "waits"):
			kind = open
		}
		c.of[kind]++
		c.worse[kind] = gateway
	}
	return c, rows.Err()
}

// against says which gateway speaks against the version, and how; empty: none does. When all have it, one in twenty may fall
// silent for reasons of its own.
func (c *counts) against(ring int) (gateway string, why rules.Text) {
	switch {
	case c.of[reverted] > 0:
		gateway = c.worse[reverted]
		return gateway, rules.Text{ZH: "网关 " + gateway + " 退回了这个版本，自动停止", EN: "gateway " + gateway + " took the version back: stopped by itself"}
	case c.of[lost] > 0:
		gateway = c.worse[lost]
		return gateway, rules.Text{ZH: "网关 " + gateway + " 试运行后没有声音，自动停止", EN: "gateway " + gateway + " is silent since it tries the version: stopped by itself"}
	case c.of[gone] > 0 && (ring < All || 20*c.of[gone] > c.of[gone]+c.of[well]):
		gateway = c.worse[gone]
		return gateway, rules.Text{ZH: "网关 " + gateway + " 更新后失联，自动停止", EN: "gateway " + gateway + " fell silent after it had applied the version: stopped by itself"}
	}
	return "", why
}

// judge stops a rollout that makes gateways worse, and goes to the next ring when this one was well for long enough.
func (s *Service) judge(ctx context.Context, tx *sql.Tx, o *Rollout) error {
	c, err := s.count(ctx, tx, o)
	if err != nil {
		return err
	}
	now := s.cfg.Now()
	if gateway, why := c.against(o.Ring); gateway != "" {
		o.Stopped = true
		if _, err := tx.ExecContext(ctx, `UPDATE rollouts SET stopped = 1, why_zh = ?, why_en = ? WHERE id = ?`, why.ZH, why.EN, o.ID); err != nil {
			return fmt.Errorf("stop rollout: %w", err)
		}
		if _, err := org.NoteOnce(ctx, tx, org.Entry{At: now, Gateway: gateway, Kind: wire.NoticeUpdate, Text: why}); err != nil {
			return err
		}
		return audit.Add(ctx, tx, audit.Entry{Act: "update.stop", Kind: "update", About: o.Version, Text: why})
	}
	if o.Ring == All || o.StepMs == 0 || c.of[open] > 0 || c.of[well] <= c.of[refused] || now.UnixMilli()-max(o.Moved, c.last) < o.StepMs {
		return nil
	}
	o.Ring, o.Moved = o.Ring+1, now.UnixMilli()
	if _, err := tx.ExecContext(ctx, `UPDATE rollouts SET ring = ?, moved = ? WHERE id = ?`, o.Ring, o.Moved, o.ID); err != nil {
		return fmt.Errorf("move rollout: %w", err)
	}
	return audit.Add(ctx, tx, audit.Entry{Act: "update.ring", Kind: "update", About: o.Version, Detail: map[string]string{"ring": strconv.Itoa(o.Ring)}})
}
