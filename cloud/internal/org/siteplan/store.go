package siteplan

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
)

// ErrChanged: another person has changed the plan since it was read.
var ErrChanged = errors.New("the plan was changed meanwhile")

// Read answers the plan of a site and its revision; the revision is empty when nobody has drawn one.
func Read(ctx context.Context, q db.Querier, site string) (Plan, string, error) {
	var content string
	err := q.QueryRowContext(ctx, `SELECT content FROM drawings WHERE kind = 'plan' AND subject = ?`, site).Scan(&content)
	if errors.Is(err, sql.ErrNoRows) {
		return Plan{Shapes: []Shape{}, Pins: []Pin{}}, "", nil
	}
	if err != nil {
		return Plan{}, "", fmt.Errorf("read plan of %s: %w", site, err)
	}
	p, err := decode(site, content)
	return p, revision(content), err
}

func decode(site, content string) (Plan, error) {
	var p Plan
	if err := json.Unmarshal([]byte(content), &p); err != nil {
		return Plan{}, fmt.Errorf("read plan of %s: %w", site, err)
	}
	return p.tidy(), nil
}

func revision(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:8])
}

// All answers the plans of a part of the street, by site.
func All(ctx context.Context, q db.Querier, part org.Part) ([]Sited, error) {
	in, args := part.Sites("subject")
	rows, err := q.QueryContext(ctx, `SELECT subject, content FROM drawings WHERE kind = 'plan' AND `+in+` ORDER BY subject`, args...)
	if err != nil {
		return nil, fmt.Errorf("list plans: %w", err)
	}
	defer rows.Close()
	var out []Sited
	for rows.Next() {
		var site, content string
		if err := rows.Scan(&site, &content); err != nil {
			return nil, fmt.Errorf("list plans: %w", err)
		}
		p, err := decode(site, content)
		if err != nil {
			return nil, err
		}
		out = append(out, Sited{site, p})
	}
	return out, rows.Err()
}

// Save keeps the plan of a site that was drawn from the revision was, which is empty when there was none. The error may be
// ErrChanged or Mistakes; then nothing is changed.
func Save(ctx context.Context, d *db.DB, s Sited, was string) error {
	if ms := s.Plan.Check(); ms != nil {
		return ms
	}
	s.Plan = s.Plan.tidy()
	return d.Update(ctx, func(tx *sql.Tx) error {
		_, now, err := Read(ctx, tx, s.Site)
		if err != nil {
			return err
		}
		if now != was {
			return ErrChanged
		}
		ms, err := strange(ctx, tx, s)
		if err != nil {
			return err
		}
		if ms != nil {
			return ms
		}
		return put(ctx, tx, s)
	})
}

// Import puts the plans of a file in the place of those of the same sites. The error may be Mistakes with lines and columns;
// then nothing is changed.
func Import(ctx context.Context, d *db.DB, f *File) error {
	return d.Update(ctx, func(tx *sql.Tx) error {
		var ms Mistakes
		for i, s := range f.Plans {
			more, err := strange(ctx, tx, s)
			if err != nil {
				return err
			}
			for _, m := range more {
				m.Path = fmt.Sprintf("plans[%d].%s", i, m.Path)
				ms = append(ms, m)
			}
		}
		if ms != nil {
			return f.placed(ms)
		}
		for _, s := range f.Plans {
			if err := put(ctx, tx, s); err != nil {
				return err
			}
		}
		return nil
	})
}

// strange are mistakes that only the organisation shows. Devices may be pinned before they report.
func strange(ctx context.Context, tx *sql.Tx, s Sited) (Mistakes, error) {
	var ms Mistakes
	n := 0
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT site FROM node_sites WHERE site = ? UNION SELECT id FROM sites WHERE id = ?) AS known`, s.Site, s.Site).Scan(&n); err != nil {
		return nil, fmt.Errorf("look for site %s: %w", s.Site, err)
	}
	if n == 0 {
		ms.add("site", "没有站点 %q：先在组织里登记，或等它的网关上报", "there is no site %q: note it in the organisation, or wait for its gateway", s.Site)
		return ms, nil
	}
	for i, h := range s.Plan.Shapes {
		if h.Node == "" {
			continue
		}
		if err := tx.QueryRowContext(ctx, `WITH RECURSIVE part(id) AS (SELECT node FROM node_sites WHERE site = ?
			UNION SELECT n.id FROM nodes n JOIN part p ON n.parent = p.id) SELECT count(*) FROM part WHERE id = ?`, s.Site, h.Node).Scan(&n); err != nil {
			return nil, fmt.Errorf("look for node %s: %w", h.Node, err)
		}
		if n == 0 {
			ms.add(fmt.Sprintf("shapes[%d].node", i), "节点 %q 不是站点 %s 的节点，也不在它之下", "node %q is neither that of site %s nor below it", h.Node, s.Site)
		}
	}
	return ms, nil
}

func put(ctx context.Context, tx *sql.Tx, s Sited) error {
	text, err := json.Marshal(s.Plan)
	if err != nil {
		return fmt.Errorf("encode plan of %s: %w", s.Site, err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO drawings (kind, subject, content) VALUES ('plan', ?, ?)
		ON CONFLICT (kind, subject) DO UPDATE SET content = excluded.content`, s.Site, string(text)); err != nil {
		return fmt.Errorf("keep plan of %s: %w", s.Site, err)
	}
	return audit.Add(ctx, tx, audit.Entry{Act: "site.plan", Kind: "site", About: s.Site, Site: s.Site,
		Detail: map[string]string{"shapes": strconv.Itoa(len(s.Plan.Shapes)), "pins": strconv.Itoa(len(s.Plan.Pins))}})
}

// Remove takes the plan of a site away, with its picture: it is laid out by itself again. The error may be ErrChanged.
func Remove(ctx context.Context, d *db.DB, site, was string) error {
	return d.Update(ctx, func(tx *sql.Tx) error {
		_, now, err := Read(ctx, tx, site)
		if err != nil {
			return err
		}
		if now != was {
			return ErrChanged
		}
		for _, query := range []string{`DELETE FROM drawings WHERE kind = 'plan' AND subject = ?`, `DELETE FROM plan_pictures WHERE site = ?`} {
			if _, err := tx.ExecContext(ctx, query, site); err != nil {
				return fmt.Errorf("remove plan of %s: %w", site, err)
			}
		}
		return audit.Add(ctx, tx, audit.Entry{Act: "site.plan_remove", Kind: "site", About: site, Site: site})
	})
}
