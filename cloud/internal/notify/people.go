package notify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/duty"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// A Person is somebody whom a message is for.
type Person struct {
	Name  string `json:"name"`
	Phone string `json:"phone,omitempty"`
	Role  string `json:"role"` // 责任人, 代理人, 街道, or the kind of a contact, team or resource
}

// directory finds the people of a site within one transaction.
type directory struct {
	q    db.Querier
	site string
	node string             // of the organisation, when it is about no site
	to   *incident.Assignee // who has the incident; nil: nobody
	at   time.Time
	path []tree.Node // from the root to the site's node
	read bool
}

// people answers those whom a rung tells, each once.
func (d *directory) people(ctx context.Context, tell []string) ([]Person, error) {
	var out []Person
	for _, whom := range tell {
		found, err := d.find(ctx, whom)
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			if !slices.ContainsFunc(out, func(o Person) bool { return o.Phone == p.Phone && (p.Phone != "" || o.Name == p.Name) }) {
				out = append(out, p)
			}
		}
	}
	return out, nil
}

func (d *directory) find(ctx context.Context, whom string) ([]Person, error) {
	if err := d.load(ctx); err != nil {
		return nil, err
	}
	if whom == assignee { // who needs no path
		return d.assigned(ctx)
	}
	if len(d.path) == 0 {
		return nil, nil
	}
	day := d.day()
	switch whom {
	case superior:
		return d.above(ctx)
	case Responsible:
		return one(tree.Responsible(d.path, day), "责任人"), nil
	case Deputy:
		return d.deputy(day), nil
	case Street:
		return d.onDuty(ctx)
	}
	kind := strings.TrimSpace(strings.TrimPrefix(whom, EntryOf))
	for _, n := range slices.Backward(d.path) {
		var out []Person
		for _, e := range n.Entries {
			if e.Kind == kind && e.Phone != "" {
				out = append(out, Person{e.Name, e.Phone, e.Kind})
			}
		}
		if len(out) > 0 {
			return out, nil
		}
	}
	return nil, nil
}

func (d *directory) day() string { return d.at.Format(time.DateOnly) }

// onDuty answers who has a shift at the street now, else who answers for it.
func (d *directory) onDuty(ctx context.Context) ([]Person, error) {
	holders, err := duty.OnDuty(ctx, d.q, d.path[0].ID, "", d.at)
	if err != nil {
		return nil, err
	}
	var out []Person
	for _, h := range holders {
		out = append(out, Person{h.Name, h.Phone, cmp.Or(h.Role, "街道")})
	}
	return out, nil
}

// deputy is the other one of the two where the responsible person is found; who has handed over is away, and is not asked.
func (d *directory) deputy(day string) []Person {
	first := tree.Responsible(d.path, day)
	if first == nil {
		return nil
	}
	i := slices.IndexFunc(d.path, func(n tree.Node) bool { return n.ID == first.Node })
	if b := d.path[i].Deputy; b != nil && first.As == "owner" {
		return []Person{{b.Name, b.Phone, "代理人"}}
	}
	return one(tree.Responsible(d.path[:i], day), "上级责任人")
}

func one(d *tree.Duty, role string) []Person {
	if d == nil {
		return nil
	}
	return []Person{{d.Name, d.Phone, role}}
}

// load reads the nodes above the site. A site that hangs on none is looked after by the street, when there is one.
func (d *directory) load(ctx context.Context) error {
	if d.read {
		return nil
	}
	path, err := incident.Path(ctx, d.q, incident.Incident{Site: d.site, Progress: incident.Progress{Node: d.node}})
	if err == nil && len(path) == 0 {
		path, err = streetOf(ctx, d.q)
	}
	if err != nil {
		return fmt.Errorf("find who answers for site %s: %w", d.site, err)
	}
	d.path, d.read = path, true
	return nil
}

// streetOf answers the only root of the tree; nothing when there are several or none.
func streetOf(ctx context.Context, q db.Querier) ([]tree.Node, error) {
	rows, err := q.QueryContext(ctx, `SELECT id FROM nodes WHERE parent = '' LIMIT 2`)
	if err != nil {
		return nil, fmt.Errorf("read roots: %w", err)
	}
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		ids = append(ids, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(ids) != 1 {
		return nil, err
	}
	return tree.Path(ctx, q, ids[0])
}

func writePeople(list []Person) (string, error) {
	if len(list) == 0 {
		return "", nil
	}
	b, err := json.Marshal(list)
	return string(b), err
}

func readPeople(text string) (list []Person, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("read whom a message is for: %w", err)
	}
	return list, nil
}
