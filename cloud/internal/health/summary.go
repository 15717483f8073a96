package health

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// StateCounts counts devices by their state now.
type StateCounts struct {
	Devices int     `json:"devices"`
	Good    int     `json:"good" doc:"answers, fresh, score of 90 or more"`
	Suspect int     `json:"suspect" doc:"answers; something is doubtful, or its calibration is overdue"`
	Faulty  int     `json:"faulty" doc:"answers, and failed a test"`
	Offline int     `json:"offline" doc:"its gateway says that it does not answer"`
	Silent  int     `json:"silent" doc:"its readings have stopped, and nobody says why"`
	Unknown int     `json:"unknown" doc:"its gateway is silent, or nothing was heard of it yet"`
	Overdue int     `json:"overdue" doc:"calibrations that are overdue"`
	Online  float64 `json:"online" doc:"share that answers and is fresh, 0 to 1"`
}

func (c *StateCounts) add(v view) {
	c.Devices++
	switch v.state {
	case Good:
		c.Good++
	case Suspect:
		c.Suspect++
	case Faulty:
		c.Faulty++
	case Offline:
		c.Offline++
	case Silent:
		c.Silent++
	default:
		c.Unknown++
	}
	if v.overdue {
		c.Overdue++
	}
}

func (c *StateCounts) share() {
	if c.Devices > 0 {
		c.Online = float64(c.Good+c.Suspect+c.Faulty) / float64(c.Devices)
	}
}

// A HealthPart is one part of what was asked for.
type HealthPart struct {
	ID   string `json:"id" doc:"of the node, or the kind of devices"`
	Name string `json:"name,omitempty"`
	StateCounts
}

// A SilentGateway does not report.
type SilentGateway struct {
	Gateway  string `json:"gateway"`
	Site     string `json:"site"`
	SiteName string `json:"siteName"`
	Since    int64  `json:"since" doc:"Unix ms"`
	LastSeen int64  `json:"lastSeen" doc:"Unix ms"`
	Devices  int    `json:"devices" doc:"that nobody knows of while it is silent"`
}

// A BareZone has detectors, and none of them can be trusted now.
type BareZone struct {
	Site      string `json:"site"`
	SiteName  string `json:"siteName"`
	Zone      string `json:"zone"`
	Detectors int    `json:"detectors"`
}

// A Overview is how well a part of the street can be seen at a moment.
type Overview struct {
	At        int64           `json:"at" doc:"the server's time for which all of it holds, Unix ms"`
	Sites     int             `json:"sites"`
	Gateways  int             `json:"gateways"`
	Counts    StateCounts     `json:"counts"`
	Histogram [10]int         `json:"histogram" doc:"devices by score: 0–9, 10–19, … 90–100; those whose score is not known are in none"`
	Kinds     []HealthPart    `json:"kinds" doc:"by kind of device"`
	Nodes     []HealthPart    `json:"nodes" doc:"by the nodes directly below the asked one; sites that hang on none of them are not in it"`
	Silent    []SilentGateway `json:"silentGateways" doc:"longest first, at most 100"`
	SilentAll int             `json:"silentGatewaysAll"`
	Uncovered []BareZone      `json:"uncoveredZones" doc:"zones with gas or CO detectors of which none can be trusted now, at most 100"`
	Bare      int             `json:"uncoveredZonesAll"`
	Repair    Repair          `json:"repair" doc:"of the last 30 days"`
}

const (
	mostRows   = 100
	repairDays = 30
)

// SilentAfter is when a gateway of which nothing was found wrong counts as silent all the same: ingest finds it far sooner, unless
// nobody has its shard.
const SilentAfter = 10 * time.Minute

// An Ask is what a question is about.
type Ask struct {
	Scope tree.Scope // what the asker may see
	Node  string     // this node and all below it; empty: the whole scope
	Site  string     // this site alone; empty: all
	Now   time.Time
	Zone  *time.Location
}

func (a Ask) today() int64 { return dayNumber(a.Now.In(a.Zone).Format(time.DateOnly)) }

// dayNumber counts days since 1970; 0 of what is no day.
func dayNumber(day string) int64 {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return 0
	}
	return t.Unix() / 86400
}

// dayOfNumber is the inverse of dayNumber.
func dayOfNumber(n int64) string {
	if n == 0 {
		return ""
	}
	return time.Unix(n*86400, 0).UTC().Format(time.DateOnly)
}

// sites answers an SQL condition that a column holds a site that the question is about.
func (a Ask) sites(column string) (condition string, args []any) {
	where, args := a.Scope.Sites(column)
	if a.Node != "" {
		inner, more := tree.Below(a.Node).Sites(column)
		where, args = where+" AND "+inner, append(slices.Clone(args), more...)
	}
	if a.Site != "" {
		where, args = where+" AND "+column+" = ?", append(slices.Clone(args), a.Site)
	}
	return where, args
}

// one is a gateway with its sensors.
type one struct {
	contact
	siteName string
	sensors  []sensor
}

// read visits the gateways of a question.
func (a Ask) read(ctx context.Context, q db.Querier, fn func(one)) error {
	where, args := a.sites("g.site")
	err := each(ctx, q, `SELECT g.id, g.site, coalesce(s.name, g.site), g.online, g.since, g.last_seen, h.body FROM gateways g
		LEFT JOIN sites s ON s.id = g.site LEFT JOIN health_digests h ON h.gateway = g.id WHERE g.retired = 0 AND `+where, args, func(rows *sql.Rows) error {
		var o one
		var body []byte
		if err := rows.Scan(&o.gateway, &o.site, &o.siteName, &o.online, &o.sinceMs, &o.seenMs, &body); err != nil {
			return err
		}
		if body != nil {
			o.sensors, _ = decode(body) // a damaged digest is made anew within ten minutes; until then nothing is known
		}
		fn(o)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read health: %w", err)
	}
	return nil
}

// Sum answers how well a part of the street can be seen now.
func Sum(ctx context.Context, q db.Querier, a Ask) (Overview, error) {
	now, today := a.Now.UnixMilli(), a.today()
	s := Overview{At: now, Kinds: []HealthPart{}, Nodes: []HealthPart{}, Silent: []SilentGateway{}, Uncovered: []BareZone{}}
	top, parts, err := childrenOf(ctx, q, a.Node)
	if err != nil {
		return s, err
	}
	kinds, zones, sites := map[string]*StateCounts{}, map[[2]string]*cover{}, map[string]bool{}
	err = a.read(ctx, q, func(o one) {
		s.Gateways++
		sites[o.site] = true
		silent := o.silent(now, SilentAfter.Milliseconds())
		if silent > 0 {
			s.Silent = append(s.Silent, SilentGateway{o.gateway, o.site, o.siteName, silent, o.seenMs, len(o.sensors)})
		}
		part := parts[top[o.site]]
		for i := range o.sensors {
			n := &o.sensors[i]
			v := n.see(now, silent, today)
			s.Counts.add(v)
			if v.score >= 0 {
				s.Histogram[min(v.score/10, 9)]++
			}
			if kinds[n.kind] == nil {
				kinds[n.kind] = &StateCounts{}
			}
			kinds[n.kind].add(v)
			if part != nil {
				part.add(v)
			}
			if detects(n.kind) && n.zone != "" {
				key := [2]string{o.site, n.zone}
				if zones[key] == nil {
					zones[key] = &cover{name: o.siteName}
				}
				zones[key].add(v)
			}
		}
	})
	if err != nil {
		return s, err
	}
	s.Sites = len(sites)
	s.finish(kinds, parts, zones)
	s.Repair, err = Repairs(ctx, q, a, now-repairDays*24*time.Hour.Milliseconds(), now)
	return s, err
}

func (s *Overview) finish(kinds map[string]*StateCounts, parts map[string]*HealthPart, zones map[[2]string]*cover) {
	s.Counts.share()
	for kind, c := range kinds {
		c.share()
		s.Kinds = append(s.Kinds, HealthPart{ID: kind, StateCounts: *c})
	}
	slices.SortFunc(s.Kinds, func(a, b HealthPart) int { return cmp.Compare(a.ID, b.ID) })
	for _, p := range parts {
		p.share()
		s.Nodes = append(s.Nodes, *p)
	}
	slices.SortFunc(s.Nodes, func(a, b HealthPart) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(s.Silent, func(a, b SilentGateway) int {
		return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Gateway, b.Gateway))
	})
	s.SilentAll = len(s.Silent)
	s.Silent = s.Silent[:min(len(s.Silent), mostRows)]
	for key, c := range zones {
		if c.trusted == 0 {
			s.Uncovered = append(s.Uncovered, BareZone{key[0], c.name, key[1], c.detectors})
		}
	}
	slices.SortFunc(s.Uncovered, func(a, b BareZone) int { return cmp.Or(cmp.Compare(a.Site, b.Site), cmp.Compare(a.Zone, b.Zone)) })
	s.Bare = len(s.Uncovered)
	s.Uncovered = s.Uncovered[:min(len(s.Uncovered), mostRows)]
}

// cover counts the detectors of a zone.
type cover struct {
	name               string
	detectors, trusted int
}

func (c *cover) add(v view) {
	c.detectors++
	if v.trusted() {
		c.trusted++
	}
}

// detects says whether devices of a kind are there to notice gas.
func detects(kind string) bool { return kind == "gas" || kind == "co" }

// childrenOf answers the nodes directly below one, and for each site below which of them it is.
func childrenOf(ctx context.Context, q db.Querier, node string) (top map[string]string, parts map[string]*HealthPart, err error) {
	top, parts = map[string]string{}, map[string]*HealthPart{}
	err = each(ctx, q, `SELECT id, name FROM nodes WHERE parent = ?`, []any{node}, func(rows *sql.Rows) error {
		var p HealthPart
		err := rows.Scan(&p.ID, &p.Name)
		parts[p.ID] = &p
		return err
	})
	if err == nil {
		err = each(ctx, q, `WITH RECURSIVE part(id, top) AS (SELECT id, id FROM nodes WHERE parent = ?
			UNION SELECT n.id, p.top FROM nodes n JOIN part p ON n.parent = p.id) SELECT s.site, p.top FROM part p JOIN node_sites s ON s.node = p.id`,
			[]any{node}, func(rows *sql.Rows) error {
				var site, of string
				err := rows.Scan(&site, &of)
				top[site] = of
				return err
			})
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read nodes below %q: %w", node, err)
	}
	return top, parts, nil
}

// A DeviceHealth is one device at a moment.
type DeviceHealth struct {
	Gateway  string          `json:"gateway"`
	Device   string          `json:"device"`
	Name     string          `json:"name"`
	Kind     string          `json:"kind"`
	Place    string          `json:"place,omitempty"`
	Zone     string          `json:"zone,omitempty"`
	Site     string          `json:"site"`
	SiteName string          `json:"siteName"`
	State    string          `json:"state" enum:"good,suspect,faulty,offline,silent,unknown"`
	Trust    string          `json:"trust" enum:"fresh,stale,unknown" doc:"stale: it is older than the device's own interval lets it be; unknown: nothing was ever heard"`
	Since    int64           `json:"since,omitempty" doc:"of the state, Unix ms; absent: not known"`
	AgeMs    *int64          `json:"ageMs" doc:"of its newest usable reading, by the server's clock; null: there is none"`
	Score    *int            `json:"score" doc:"0 to 100; null: not known"`
	Own      bool            `json:"own,omitempty" doc:"the score is the street's own, for the gateway told none lately"`
	Reasons  []incident.Text `json:"reasons" doc:"why it is not good"`
	Reason   string          `json:"reason,omitempty" doc:"why it does not answer, in one word"`
	Due      string          `json:"calibrationDue,omitempty" doc:"day on which its calibration is due"`
	Overdue  bool            `json:"overdue,omitempty" doc:"its calibration is overdue"`
}
