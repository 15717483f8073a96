// Package wall knows what a street's command centre sees at one glance: the state of every site, the numbers over them, what
// waits for somebody, and how the last day went. The API shows it on the wall; the live stream tells changes of single sites.
// It promises that everything of one snapshot is of one moment, so that no two figures on the wall contradict each other.
package wall

import (
	"context"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// A Cell is the state of one site. Short names: there are hundreds of them in an answer.
type Cell struct {
	ID          string `json:"id" doc:"the site; empty: what is about no site"`
	Name        string `json:"n,omitempty"`
	Group       string `json:"g,omitempty" doc:"the group that it is shown in"`
	A           int    `json:"A,omitempty" doc:"incidents of severity A that are not closed, but those of maintenance"`
	B           int    `json:"B,omitempty"`
	C           int    `json:"C,omitempty"`
	Maintenance int    `json:"m,omitempty" doc:"incidents that are not closed and about the devices themselves"`
	Quiet       int    `json:"q,omitempty" doc:"incidents of a maintenance window or of a snoozed device that nobody was told of; they are in none of the other counts"`
	Window      bool   `json:"w,omitempty" doc:"under maintenance (检修) now"`
	Off         bool   `json:"off,omitempty" doc:"a gateway of it is silent"`
	Never       bool   `json:"never,omitempty" doc:"in the organisation, and no gateway has reported for it yet"`
	Since       int64  `json:"t,omitempty" doc:"since when it is silent, Unix ms"`
}

// A Group is a part of the street whose sites are shown together.
type Group struct {
	ID   string `json:"id" doc:"a node of the organisation; empty: sites that hang on none"`
	Name string `json:"name"`
}

// Numbers are the figures that cannot be counted from the cells.
type Numbers struct {
	Counts      incident.Counts `json:"counts" doc:"the same as those of the list of incidents"`
	ClosedToday int             `json:"closedToday" doc:"incidents of dangers closed since midnight; those of devices' own faults are not in it, as in reports"`
	TakeMs      int64           `json:"takeMs,omitempty" doc:"median time from when an incident was opened until it was taken, of those of dangers taken today; as the first response of reports; absent: none was"`
	Taken       int             `json:"taken" doc:"how many that median is of"`
}

// An HourBar is one hour's incidents by severity.
type HourBar struct {
	A int `json:"A"`
	B int `json:"B"`
	C int `json:"C"`
}

// An UnderEmergency is a part of the street in emergency mode (急).
type UnderEmergency struct {
	Node  string `json:"node"`
	Name  string `json:"name"`
	From  int64  `json:"from"`
	Until int64  `json:"until"`
	Why   string `json:"why,omitempty"`
}

// A Snapshot is all of the wall at one moment.
type Snapshot struct {
	At          int64               `json:"at" doc:"Unix ms"`
	Groups      []Group             `json:"groups"`
	Sites       []Cell              `json:"sites" doc:"by group, then by name"`
	Elsewhere   Cell                `json:"elsewhere" doc:"what is about no site"`
	Numbers     Numbers             `json:"numbers"`
	Queue       []incident.Incident `json:"queue" doc:"what is not closed, most urgent first: not taken before taken"`
	BarsFrom    int64               `json:"barsFrom" doc:"begin of the first hour, Unix ms"`
	Bars        []HourBar           `json:"bars" doc:"incidents that began, by hour, oldest first"`
	Emergencies []UnderEmergency    `json:"emergencies"`
}

// View says what is to be seen, and when.
type View struct {
	Part tree.Scope
	Now  time.Time // in the zone of the street: today is its day
}

const (
	queueLength = 24 // more than a wall has room for: it shows as many as stand in it whole
	barHours    = 24
)

// Read answers the snapshot of a part of the street.
func Read(ctx context.Context, d *db.DB, v View) (Snapshot, error) {
	s := Snapshot{At: v.Now.UnixMilli(), Groups: []Group{}, Sites: []Cell{}, Emergencies: []UnderEmergency{}}
	err := d.View(ctx, func(q db.Querier) error {
		cells, err := cells(ctx, q, v.Now, v.Part)
		if err != nil {
			return err
		}
		nodes, err := readNodes(ctx, q)
		if err != nil {
			return err
		}
		s.place(cells, nodes)
		if s.Queue, err = incident.Urgent(ctx, q, v.Part, queueLength); err != nil {
			return err
		}
		if err := s.figures(ctx, q, v); err != nil {
			return err
		}
		return s.emergencies(ctx, q, v, nodes)
	})
	return s, err
}

// place puts the cells into their groups.
func (s *Snapshot) place(cells map[string]Cell, nodes nodes) {
	seen := map[string]bool{}
	for _, c := range cells {
		if c.ID == "" {
			s.Elsewhere = c
			continue
		}
		g := nodes.group(nodes.of[c.ID])
		if c.Group = g.ID; c.Name == "" {
			c.Name = nodes.byID[nodes.of[c.ID]].Name
		}
		if !seen[g.ID] {
			seen[g.ID] = true
			s.Groups = append(s.Groups, g)
		}
		s.Sites = append(s.Sites, c)
	}
	slices.SortFunc(s.Groups, func(a, b Group) int { return last(a.ID == "", b.ID == "", a.ID, b.ID) })
	slices.SortFunc(s.Sites, func(a, b Cell) int {
		if a.Group != b.Group {
			return last(a.Group == "", b.Group == "", a.Group, b.Group)
		}
		return last(false, false, a.Name+"\x00"+a.ID, b.Name+"\x00"+b.ID)
	})
}

// CellsOf answers the state of some sites now, without their groups: what the live stream tells.
func CellsOf(ctx context.Context, q db.Querier, now time.Time, sites ...string) (map[string]Cell, error) {
	return cells(ctx, q, now, tree.Everywhere(), sites...)
}
