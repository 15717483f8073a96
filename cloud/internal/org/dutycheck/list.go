package dutycheck

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// A Respondent is one person of a check.
type Respondent struct {
	Name  string `json:"name"`
	Phone string `json:"phone,omitempty" doc:"masked"`
	Role  string `json:"role,omitempty"`
	At    int64  `json:"at,omitempty" doc:"when the answer came, Unix ms; absent: not yet"`
	Who   string `json:"who,omitempty" doc:"who answered, if another one did in this person's place"`
	How   string `json:"how,omitempty" doc:"link or page"`
}

// A Check is one question and its answers.
type Check struct {
	ID     int64        `json:"id"`
	Node   string       `json:"node"`
	Place  string       `json:"place" doc:"name of the node"`
	Role   string       `json:"role,omitempty"`
	Source string       `json:"source" enum:"hand,plan,centre" doc:"who asks: somebody by hand, a plan at a random moment, a monitoring centre"`
	Centre string       `json:"centre,omitempty" doc:"which centre"`
	Who    string       `json:"who,omitempty" doc:"who asked by hand"`
	At     int64        `json:"at" doc:"Unix ms"`
	Until  int64        `json:"until" doc:"an answer counts until then, Unix ms"`
	State  string       `json:"state" enum:"open,answered,missed,untold" doc:"untold: no message of it arrived, so nobody could know"`
	People []Respondent `json:"people"`
}

// has says whether a person was asked.
func (c Check) has(name string) bool {
	return slices.ContainsFunc(c.People, func(p Respondent) bool { return p.Name == name })
}

// Get answers a check. An unknown one: org.ErrUnknown.
func Get(ctx context.Context, q db.Querier, id int64) (Check, error) {
	list, err := read(ctx, q, `c.id = ?`, id, 1)
	if err != nil {
		return Check{}, err
	}
	if len(list) == 0 {
		return Check{}, fmt.Errorf("duty check %d: %w", id, org.ErrUnknown)
	}
	return list[0], nil
}

// List answers the newest checks of a part of the street; of one node and all below it, if one is named.
func List(ctx context.Context, q db.Querier, in tree.Scope, node string, limit int) ([]Check, error) {
	where, args := in.Nodes("c.node")
	if node != "" {
		more, also := tree.Below(node).Nodes("c.node")
		where, args = where+` AND `+more, append(args, also...)
	}
	return read(ctx, q, where, append(args, limit)...)
}

func read(ctx context.Context, q db.Querier, where string, args ...any) ([]Check, error) {
	rows, err := q.QueryContext(ctx, `SELECT c.id, c.node, coalesce(n.name, c.node), c.role, c.source, c.centre, c.who, c.at, c.until_ms, c.state
		FROM duty_checks c LEFT JOIN nodes n ON n.id = c.node WHERE `+where+` ORDER BY c.id DESC LIMIT ?`, args...)
	if err != nil {
		return nil, fmt.Errorf("read duty checks: %w", err)
	}
	list := []Check{}
	for rows.Next() {
		c := Check{People: []Respondent{}}
		if err := rows.Scan(&c.ID, &c.Node, &c.Place, &c.Role, &c.Source, &c.Centre, &c.Who, &c.At, &c.Until, &c.State); err != nil {
			return nil, errors.Join(fmt.Errorf("read duty check: %w", err), rows.Close())
		}
		list = append(list, c)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("read duty checks: %w", err)
	}
	for i := range list {
		if err := people(ctx, q, &list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func people(ctx context.Context, q db.Querier, c *Check) (err error) {
	rows, err := q.QueryContext(ctx, `SELECT name, phone, role, at, who, how FROM duty_answers WHERE check_id = ? ORDER BY role, name, phone`, c.ID)
	if err != nil {
		return fmt.Errorf("read answers of duty check %d: %w", c.ID, err)
	}
	defer func(rows *sql.Rows) { err = errors.Join(err, rows.Close()) }(rows)
	for rows.Next() {
		var p Respondent
		if err := rows.Scan(&p.Name, &p.Phone, &p.Role, &p.At, &p.Who, &p.How); err != nil {
			return fmt.Errorf("read answers of duty check %d: %w", c.ID, err)
		}
		if p.Phone = tree.Mask(p.Phone); p.Who == p.Name {
			p.Who = ""
		}
		c.People = append(c.People, p)
	}
	return rows.Err()
}
