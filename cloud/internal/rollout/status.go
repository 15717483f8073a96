package rollout

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// A Rollout is how a version is brought to gateways. Times are Unix ms.
type Rollout struct {
	ID      int64         `json:"id" doc:"0: nothing was ever rolled out"`
	Version string        `json:"version,omitempty"`
	Ring    int           `json:"ring" doc:"1: one gateway, 2: 5 %, 3: all"`
	StepMs  int64         `json:"stepMs" doc:"how long a ring was well before the next; 0: a person goes on"`
	WatchS  int64         `json:"watchSeconds" doc:"for how long a gateway must run it well to keep it; 0: as it likes"`
	Stopped bool          `json:"stopped"`
	Why     incident.Text `json:"why" doc:"why it was stopped"`
	Who     string        `json:"who,omitempty"`
	Reason  string        `json:"reason,omitempty"`
	Began   int64         `json:"began,omitempty"`
	Moved   int64         `json:"moved,omitempty" doc:"when this ring came"`
	Resumed int64         `json:"resumed,omitempty" doc:"when a person let it go on: what was before does not stop it"`
}

// A Gateway is how one stands with the newest rollout.
type Gateway struct {
	Gateway    string        `json:"gateway"`
	Site       string        `json:"site"`
	Online     bool          `json:"online"`
	Ring       int           `json:"ring"`
	State      string        `json:"state" enum:"later,asked,waits,refused,trial,applied,reverted" doc:"later: its ring has not come"`
	Why        incident.Text `json:"why" doc:"why it does not run the version"`
	Version    string        `json:"version" doc:"that it runs"`
	AnsweredAt int64         `json:"answeredAt,omitempty"`
}

func newest(ctx context.Context, q db.Querier) (o Rollout, err error) {
	err = q.QueryRowContext(ctx, `SELECT id, version, ring, step_ms, watch_s, stopped, why_zh, why_en, who, reason, began, moved, resumed FROM rollouts ORDER BY id DESC LIMIT 1`).
		Scan(&o.ID, &o.Version, &o.Ring, &o.StepMs, &o.WatchS, &o.Stopped, &o.Why.ZH, &o.Why.EN, &o.Who, &o.Reason, &o.Began, &o.Moved, &o.Resumed)
	if errors.Is(err, sql.ErrNoRows) {
		return Rollout{}, nil
	}
	if err != nil {
		return o, fmt.Errorf("read rollout: %w", err)
	}
	return o, nil
}

// Status answers the newest rollout, and how gateways of a part of the street stand with it.
func Status(ctx context.Context, q db.Querier, part tree.Scope) (o Rollout, all []Gateway, err error) {
	all = []Gateway{}
	if o, err = newest(ctx, q); err != nil || o.ID == 0 {
		return o, all, err
	}
	where, args := part.Sites("g.site")
	rows, err := q.QueryContext(ctx, `SELECT r.gateway, g.site, g.online, r.ring, r.state, r.why_zh, r.why_en, g.version, r.answered_at
		FROM rollout_gateways r JOIN gateways g ON g.id = r.gateway WHERE r.rollout = ? AND `+where+` ORDER BY r.ring, r.gateway`, append([]any{o.ID}, args...)...)
	if err != nil {
		return o, nil, fmt.Errorf("list gateways of rollout: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var g Gateway
		if err := rows.Scan(&g.Gateway, &g.Site, &g.Online, &g.Ring, &g.State, &g.Why.ZH, &g.Why.EN, &g.Version, &g.AnsweredAt); err != nil {
			return o, nil, fmt.Errorf("list gateways of rollout: %w", err)
		}
		switch {
		case g.State != "":
		case g.Ring > o.Ring:
			g.State, g.Why = "later", incident.Text{ZH: "还没轮到", EN: "its ring has not come"}
		case o.Stopped:
			g.State, g.Why = "later", incident.Text{ZH: "已停止，不再下发", EN: "it was stopped before"}
		default:
			g.State, g.Why = "asked", incident.Text{ZH: "网关还没有回答", EN: "the gateway has not answered yet"}
		}
		all = append(all, g)
	}
	return o, all, rows.Err()
}

// A Version is what was published for gateways.
type Version struct {
	Version   string `json:"version"`
	Published int64  `json:"published" doc:"Unix ms"`
	Files     []File `json:"files" doc:"one for each kind of machine"`
}

// A File is an update for one kind of machine.
type File struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	Size int64  `json:"size" doc:"bytes"`
}

// Versions answers what is published, newest first.
func Versions(ctx context.Context, q db.Querier) ([]Version, error) {
	rows, err := q.QueryContext(ctx, `SELECT version, os, arch, size, published FROM artifacts ORDER BY published DESC, version DESC, os, arch`)
	if err != nil {
		return nil, fmt.Errorf("list versions: %w", err)
	}
	defer rows.Close()
	all, at := []Version{}, map[string]int{}
	for rows.Next() {
		var v Version
		var f File
		if err := rows.Scan(&v.Version, &f.OS, &f.Arch, &f.Size, &v.Published); err != nil {
			return nil, fmt.Errorf("list versions: %w", err)
		}
		i, known := at[v.Version]
		if !known {
			i, all = len(all), append(all, v)
			at[v.Version] = i
		}
		all[i].Files = append(all[i].Files, f)
	}
	return all, rows.Err()
}

// A Mark changes when a rollout does, or how a gateway stands with it.
type Mark struct {
	rollout, moved, resumed, answered, gateways, files int64
	ring                                               int
	stopped                                            bool
}

// Marked answers the mark of the newest rollout.
func Marked(ctx context.Context, q db.Querier) (m Mark, err error) {
	o, err := newest(ctx, q)
	if err != nil {
		return m, err
	}
	m.rollout, m.moved, m.resumed, m.ring, m.stopped = o.ID, o.Moved, o.Resumed, o.Ring, o.Stopped
	if err := q.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM artifacts), count(*), coalesce(sum(answered_at % 1000000007), 0) FROM rollout_gateways WHERE rollout = ?`, o.ID).Scan(&m.files, &m.gateways, &m.answered); err != nil {
		return m, fmt.Errorf("read rollout: %w", err)
	}
	return m, nil
}
