package rulebook

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/rules"
)

// Over what time figures of a rule are counted.
const (
	FiredIn  = 7 * 24 * time.Hour
	ClosedIn = 90 * 24 * time.Hour
)

// A RuleStep is one rung of a rule.
type RuleStep struct {
	Severity rules.Severity `json:"severity" enum:"A,B,C"`
	Mode     rules.Mode     `json:"mode" enum:"armed,notify-only,shadow" doc:"as shipped; a site may set another"`
}

// A Rule is a shipped rule and how it has done in a part of the street. Times are Unix ms.
type RuleFigures struct {
	ID       string       `json:"id"`
	Version  string       `json:"version" doc:"first 12 hex digits of the SHA-256 of what it says"`
	Title    rules.Spoken `json:"title"`
	Kind     string       `json:"kind" doc:"what it judges"`
	Steps    []RuleStep   `json:"steps" doc:"from below: severity and mode of the rule and of the rungs of its ladder"`
	Fired    int          `json:"fired" doc:"alerts of the last 7 days"`
	Sites    int          `json:"sites" doc:"sites where it has fired in the last 7 days"`
	Subjects int          `json:"subjects" doc:"devices that it has fired for in the last 7 days"`
	Real     int          `json:"real" doc:"its alerts of the last 90 days whose incident was closed as real"`
	False    int          `json:"false" doc:"closed as a false alarm"`
	Other    int          `json:"other" doc:"closed as a drill or a fault of the device"`
	Last     int64        `json:"last,omitempty" doc:"when it fired last; absent: never"`
	Others   int          `json:"others" doc:"gateways whose newest alert of it is of another version"`
}

// Rules answers all rules, in the order of their files.
func (b *Book) Rules(ctx context.Context, q db.Querier, in tree.Scope, now time.Time) ([]RuleFigures, error) {
	var out []RuleFigures
	for _, info := range b.set.Rules() {
		r, err := b.figures(ctx, q, in, info, now)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func (b *Book) figures(ctx context.Context, q db.Querier, in tree.Scope, info rules.Info, now time.Time) (RuleFigures, error) {
	r := RuleFigures{ID: info.ID, Version: info.Version, Title: rules.Spoken(info.Title), Kind: info.Kind, Steps: []RuleStep{{info.Severity, info.Mode}}}
	for _, g := range info.Ladder {
		r.Steps = append(r.Steps, RuleStep{g.Severity, g.Mode})
	}
	where, args := in.Sites("a.site")
	since := func(d time.Duration) []any { return append([]any{info.ID, now.Add(-d).UnixMilli()}, args...) }
	err := q.QueryRowContext(ctx, `SELECT count(*), count(DISTINCT a.site), count(DISTINCT a.gateway || '/' || a.device) FROM incident_alerts a
		WHERE a.rule = ? AND a.at >= ? AND `+where, since(FiredIn)...).Scan(&r.Fired, &r.Sites, &r.Subjects)
	if err != nil {
		return r, fmt.Errorf("count alerts of rule %s: %w", info.ID, err)
	}
	err = q.QueryRowContext(ctx, `SELECT coalesce(sum(CASE WHEN i.outcome = 'real' THEN 1 ELSE 0 END), 0), coalesce(sum(CASE WHEN i.outcome = 'false_alarm' THEN 1 ELSE 0 END), 0),
		coalesce(sum(CASE WHEN i.outcome IN ('drill', 'device_fault') THEN 1 ELSE 0 END), 0)
		FROM incident_alerts a JOIN incidents i ON i.id = a.incident WHERE a.rule = ? AND a.at >= ? AND i.handling = 'closed' AND `+where, since(ClosedIn)...).Scan(&r.Real, &r.False, &r.Other)
	if err != nil {
		return r, fmt.Errorf("count outcomes of rule %s: %w", info.ID, err)
	}
	err = q.QueryRowContext(ctx, `SELECT a.at FROM incident_alerts a WHERE a.rule = ? AND `+where+` ORDER BY a.at DESC LIMIT 1`, append([]any{info.ID}, args...)...).Scan(&r.Last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return r, fmt.Errorf("find last alert of rule %s: %w", info.ID, err)
	}
	where, args = in.Sites("g.site")
	err = q.QueryRowContext(ctx, `SELECT count(*) FROM rule_versions v JOIN gateways g ON g.id = v.gateway WHERE v.rule = ? AND v.version <> ? AND `+where,
		append([]any{info.ID, info.Version}, args...)...).Scan(&r.Others)
	if err != nil {
		return r, fmt.Errorf("count versions of rule %s: %w", info.ID, err)
	}
	return r, nil
}

// A Detail is a rule with all that there is to tell.
type RuleDetail struct {
	RuleFigures
	Text  string            `json:"text" doc:"as its file has it, comments and all"`
	File  string            `json:"file"`
	Says  rules.Description `json:"says"`
	Hash  string            `json:"hash" doc:"of all shipped rules"`
	Sites []SiteRule        `json:"where" doc:"sites with a gateway, and what is known of their rules"`
}

// A SiteRule is what is known of a rule at a site.
type SiteRule struct {
	Site     string `json:"site"`
	Name     string `json:"name"`
	Gateway  string `json:"gateway"`
	Subjects int    `json:"subjects" doc:"devices of the kind that the rule judges"`
	Fired    int    `json:"fired" doc:"alerts of the last 7 days"`
	Version  string `json:"version,omitempty" doc:"of the newest alert of the rule; absent: none came"`
	Hash     string `json:"hash,omitempty" doc:"of all rules in force, as the gateway said last; absent: it has not said"`
}

// Detail answers one rule; false when there is no such rule.
func (b *Book) Detail(ctx context.Context, q db.Querier, in tree.Scope, id string, now time.Time) (RuleDetail, bool, error) {
	info, ok := b.info(id)
	if !ok {
		return RuleDetail{}, false, nil
	}
	d := RuleDetail{Hash: b.hash}
	var err error
	if d.RuleFigures, err = b.figures(ctx, q, in, info, now); err != nil {
		return d, true, err
	}
	d.Text, d.File = b.text(id)
	d.Says, _ = b.set.Describe(id)
	d.Sites, err = sitesOf(ctx, q, in, info, now)
	return d, true, err
}

func sitesOf(ctx context.Context, q db.Querier, in tree.Scope, info rules.Info, now time.Time) ([]SiteRule, error) {
	where, args := in.Sites("s.id")
	rows, err := q.QueryContext(ctx, `SELECT s.id, s.name, g.id, (SELECT count(*) FROM devices d WHERE d.gateway = g.id AND d.kind = ?),
		(SELECT count(*) FROM incident_alerts a WHERE a.rule = ? AND a.at >= ? AND a.gateway = g.id), coalesce(v.version, ''), coalesce(r.hash, '')
		FROM sites s JOIN gateways g ON g.site = s.id LEFT JOIN rule_versions v ON v.gateway = g.id AND v.rule = ? LEFT JOIN gateway_rules r ON r.gateway = g.id
		WHERE `+where+` ORDER BY 5 DESC, s.name, g.id`, append([]any{info.Kind, info.ID, now.Add(-FiredIn).UnixMilli(), info.ID}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("list sites of rule %s: %w", info.ID, err)
	}
	defer rows.Close()
	out := []SiteRule{}
	for rows.Next() {
		var s SiteRule
		if err := rows.Scan(&s.Site, &s.Name, &s.Gateway, &s.Subjects, &s.Fired, &s.Version, &s.Hash); err != nil {
			return nil, fmt.Errorf("read site of rule %s: %w", info.ID, err)
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
