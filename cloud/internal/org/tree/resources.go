package tree

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/linshao/linshao/cloud/internal/db"
)

// A Resource is an entry of a node that helps in need: a fire post, extinguishers, a valve, a pump.
type Resource struct {
	Node     string `json:"node"`
	NodeName string `json:"nodeName"`
	Kind     string `json:"kind" doc:"free words"`
	Name     string `json:"name"`
	Phone    string `json:"phone,omitempty"`
	Position string `json:"position,omitempty" doc:"where it is, in people's words"`
	Stock    int    `json:"stock" doc:"how many there are"`
}

// A DeviceCount counts the devices of a kind.
type DeviceCount struct {
	Kind   string `json:"kind"`
	Total  int    `json:"total"`
	Online int    `json:"online" doc:"those that answer"`
}

// A Part is what of the street is asked for: the scope, and of that what lies at and below a node. An empty Node or Kind
// leaves nothing out.
type Part struct {
	Scope Scope
	Node  string
	Kind  string // of a resource or of a device
}

// where adds to a condition of the scope that of the node and of the kind.
func (p Part) where(in func(Scope) (string, []any), kind string) (string, []any) {
	where, args := in(p.Scope)
	if p.Node != "" {
		below, more := in(Below(p.Node))
		where, args = where+" AND "+below, append(args, more...)
	}
	if p.Kind != "" {
		where, args = where+" AND "+kind+" = ?", append(args, p.Kind)
	}
	return where, args
}

// Resources answers the resources of a part of the street, by kind, node and name.
func Resources(ctx context.Context, q db.Querier, p Part) ([]Resource, error) {
	where, args := p.where(func(s Scope) (string, []any) { return s.Nodes("e.node") }, "e.kind")
	rows, err := q.QueryContext(ctx, `SELECT e.node, n.name, e.kind, e.name, e.phone, e.position, e.stock FROM node_entries e JOIN nodes n ON n.id = e.node
		WHERE e.record = '`+ResourceRecord+`' AND `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list resources: %w", err)
	}
	defer rows.Close()
	out := []Resource{}
	for rows.Next() {
		var r Resource
		if err := rows.Scan(&r.Node, &r.NodeName, &r.Kind, &r.Name, &r.Phone, &r.Position, &r.Stock); err != nil {
			return nil, fmt.Errorf("read resource: %w", err)
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Resource) int { // the same whatever the database sorts by
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Node, b.Node), strings.Compare(a.Name, b.Name))
	})
	return out, rows.Err()
}

// CountDevices counts the devices of the sites in a part of the street, by kind.
func CountDevices(ctx context.Context, q db.Querier, p Part) ([]DeviceCount, error) {
	where, args := p.where(func(s Scope) (string, []any) { return s.Sites("g.site") }, "d.kind")
	rows, err := q.QueryContext(ctx, `SELECT d.kind, count(*), sum(CASE WHEN g.online = 1 AND (d.kind = 'gateway' OR d.online = 1) THEN 1 ELSE 0 END)
		FROM devices d JOIN gateways g ON g.id = d.gateway WHERE d.kind <> 'channel' AND (`+where+`) GROUP BY d.kind`, args...)
	if err != nil {
		return nil, fmt.Errorf("count devices: %w", err)
	}
	defer rows.Close()
	out := []DeviceCount{}
	for rows.Next() {
		var c DeviceCount
		if err := rows.Scan(&c.Kind, &c.Total, &c.Online); err != nil {
			return nil, fmt.Errorf("count devices: %w", err)
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b DeviceCount) int { return strings.Compare(a.Kind, b.Kind) })
	return out, rows.Err()
}
