package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// Words for whom a deed's rung tells: who has the incident, and who answers for them.
const (
	assignee = "assignee" // the person, the team, or who answers for the node that it was dispatched to
	superior = "superior" // who answers at the assignee's place, and who answers for the node above
)

// asked is the rung of a deed that asks somebody in person to act; ok is false of other kinds.
func asked(in incident.Incident, kind string) (r Rung, ok bool) {
	r.By = []string{Group, SMS, Mail}
	if in.Severity == "A" {
		r.By = Means()
	}
	switch kind {
	case incident.KindAssigned, incident.KindRework:
		r.Tell = []string{assignee}
	case incident.KindUrged:
		r.Tell = []string{assignee, superior}
	case incident.KindLate:
		r.Tell = []string{assignee, Responsible, Deputy}
	case incident.KindDisputed:
		r.Tell = []string{Responsible, Deputy} // who may give it to somebody else
	default:
		return Rung{}, false
	}
	return r, true
}

// asking says in a message what a deed asks for; empty of other kinds.
func asking(in incident.Incident, kind string) string {
	to := ""
	if in.Assignee != nil {
		to = plain(in.Assignee.Name)
	}
	switch kind {
	case incident.KindAssigned:
		return "已分拨给 " + to + "，请处置"
	case incident.KindRework:
		return "核查未通过，请 " + to + " 重办"
	case incident.KindUrged:
		return fmt.Sprintf("督办（第 %d 次）", in.Urged)
	case incident.KindLate:
		return "办理超时"
	case incident.KindDisputed:
		return to + " 申请退单，请处理"
	}
	return ""
}

// assigned answers who an incident was dispatched to.
func (d *directory) assigned(ctx context.Context) ([]Person, error) {
	switch {
	case d.to == nil:
		return nil, nil
	case d.to.Kind == "person":
		return d.named(ctx, d.to.ID)
	}
	path, err := d.place(ctx)
	if err != nil || len(path) == 0 {
		return nil, err
	}
	if _, team, ok := strings.Cut(d.to.ID, "/"); ok {
		for _, e := range path[len(path)-1].Entries {
			if e.Record == tree.TeamRecord && e.Name == team && e.Phone != "" {
				return []Person{{e.Name, e.Phone, e.Kind}}, nil
			}
		}
	}
	return one(tree.Responsible(path, d.day()), "处置责任人"), nil
}

// above answers who answers for the assignee: at their place, and for the node above the one where that is found.
func (d *directory) above(ctx context.Context) ([]Person, error) {
	path, err := d.place(ctx)
	if err != nil {
		return nil, err
	}
	first := tree.Responsible(path, d.day())
	if first == nil {
		return nil, nil
	}
	i := slices.IndexFunc(path, func(n tree.Node) bool { return n.ID == first.Node })
	return append(one(first, "责任人"), one(tree.Responsible(path[:i], d.day()), "上级责任人")...), nil
}

// place is the path to the assignee's node; to the incident's own when it is a person's or nobody's.
func (d *directory) place(ctx context.Context) ([]tree.Node, error) {
	if d.to == nil || d.to.Kind == "person" {
		return d.path, nil
	}
	node, _, _ := strings.Cut(d.to.ID, "/")
	path, err := tree.Path(ctx, d.q, node)
	if errors.Is(err, org.ErrUnknown) { // it is no more
		return d.path, nil
	}
	return path, err
}

// named finds a person's phone in the organisation: on the incident's path first, then anywhere. Of two people of one name
// elsewhere neither is called; a mailbox of that name is reached all the same.
func (d *directory) named(ctx context.Context, name string) ([]Person, error) {
	rows, err := d.q.QueryContext(ctx, `SELECT id, owner_phone FROM nodes WHERE owner = ? UNION SELECT id, deputy_phone FROM nodes WHERE deputy = ?
		UNION SELECT node, phone FROM node_entries WHERE name = ? AND record = 'contact' ORDER BY 1, 2`, name, name, name)
	if err != nil {
		return nil, fmt.Errorf("find phone of %s: %w", name, err)
	}
	defer rows.Close()
	var near, far []string
	for rows.Next() {
		var node, phone string
		if err := rows.Scan(&node, &phone); err != nil {
			return nil, fmt.Errorf("find phone of %s: %w", name, err)
		}
		switch here := slices.ContainsFunc(d.path, func(n tree.Node) bool { return n.ID == node }); {
		case phone == "":
		case here:
			near = append(near, phone)
		case !slices.Contains(far, phone):
			far = append(far, phone)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("find phone of %s: %w", name, err)
	}
	p := Person{Name: name, Role: "处置人"}
	switch {
	case len(near) > 0:
		p.Phone = near[len(near)-1]
	case len(far) == 1:
		p.Phone = far[0]
	}
	return []Person{p}, nil
}
