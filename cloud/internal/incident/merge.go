package incident

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/rules"
)

// Merging says which alerts are of one cause, and so one incident. A time of 0 turns that cause off; with the zero Merging
// each alert is its own incident.
type Merging struct {
	Device    time.Duration // alerts of one device about the same danger, one so long after the other
	Zone      time.Duration // the same danger in one zone
	Bus       time.Duration // devices of one line fall silent
	Gateway   time.Duration // devices of several lines of a gateway fall silent, and half of all its devices are
	Flood     time.Duration // more than FloodOver alerts of a site in this time: what comes then goes into one incident per danger
	FloodOver int
	Quiet     time.Duration     // of an incident, until people are told of alerts that joined it; 0: at once
	Dangers   map[string]string // rule → what it is about, one of Dangers; for rules that are not shipped
}

// Causes.
const (
	CauseDevice  = "device"
	CauseZone    = "zone"
	CauseBus     = "bus"
	CauseGateway = "gateway"
	CauseFlood   = "flood"
	CauseHand    = "hand" // people merged
)

// A Cause is why alerts are one incident.
type Cause struct {
	Kind string `json:"kind" enum:"bus,gateway,zone,flood,device,hand"`
	Key  string `json:"key" doc:"what it is of: a device, zone, line, gateway or site"`
	Text Text   `json:"text"`
}

// wide orders causes: an incident has the widest of those by which alerts came into it.
func wide(kind string) int {
	return slices.Index([]string{"", CauseDevice, CauseZone, CauseBus, CauseGateway, CauseFlood, CauseHand}, kind)
}

// crowd says that an incident holds what is not known to be one danger at one place: class A is never put into it.
func crowd(kind string) bool {
	return kind == CauseBus || kind == CauseGateway || kind == CauseFlood
}

// A key is a cause by which an alert may join an incident.
type key struct {
	kind   string
	of     []string
	within time.Duration
}

// String is as the key is kept. What stands in it comes from gateways: no part reaches into the next.
func (k key) String() string {
	var b strings.Builder
	b.WriteString(k.kind)
	for _, part := range k.of {
		b.WriteString("\x1f" + strings.ReplaceAll(part, "\x1f", " "))
	}
	return b.String()
}

// keys of an alert, the narrowest first. That of a flood is the last.
func (m Merging) keys(a *Alert) []key {
	list := []key{{CauseDevice, []string{a.Gateway, a.Device, a.danger}, m.Device}}
	if a.Zone != "" && !maintenance(a.danger) {
		list = append(list, key{CauseZone, []string{a.site, a.Zone, a.danger}, m.Zone})
	}
	if a.danger == faultSilence && a.channel != "" {
		list = append(list, key{CauseBus, []string{a.Gateway, a.channel}, m.Bus}, key{CauseGateway, []string{a.Gateway}, m.Gateway})
	}
	list = append(list, key{CauseFlood, []string{a.site, group(a.danger)}, m.Flood})
	return slices.DeleteFunc(list, func(k key) bool { return k.within <= 0 })
}

// surroundings are what the decision needs to know besides the alert.
type surroundings struct {
	name, place   string // of its device
	zone, channel string
	recent        int // alerts of the site within the time of a flood, without this one; counted no further than it matters
	burst         int // alerts of the rule and device within a minute, without this one
}

// look asks about an alert that has come: all in one question, for each costs its way to the server.
func (s *Service) look(ctx context.Context, tx *sql.Tx, a *Alert) (surroundings, error) {
	m := s.cfg.Merging
	var w surroundings
	err := tx.QueryRowContext(ctx, `SELECT coalesce(d.name, ''), coalesce(d.place, ''), coalesce(d.zone, ''), coalesce(d.channel, ''),
		(SELECT count(*) FROM (SELECT 1 FROM incident_alerts WHERE site = ? AND at > ? AND at <= ? AND counts = 1 LIMIT ?) f),
		(SELECT count(*) FROM incident_alerts b WHERE b.gateway = ? AND b.device = ? AND b.rule = ? AND b.at > ? AND b.at <= ?)
		FROM (SELECT 1 AS n) one LEFT JOIN devices d ON d.gateway = ? AND d.id = ?`,
		a.site, a.at-m.Flood.Milliseconds(), a.at, m.FloodOver+1, a.Gateway, a.Device, a.Rule, a.at-chatterIn, a.at, a.Gateway, a.Device).
		Scan(&w.name, &w.place, &w.zone, &w.channel, &w.recent, &w.burst)
	if err != nil {
		return w, fmt.Errorf("look around alert %s of %s: %w", a.ID, a.Gateway, err)
	}
	return w, nil
}

// A home is where an alert goes: into an incident, or, with none, into its own. Even that may be the begin of a flood.
type home struct {
	incident string
	by       key
}

// open is an incident that an alert may join.
type open struct {
	incident, cause, severity string
	at                        int64
	active                    bool
}

// place decides by which cause an alert joins which incident. Class A joins only the same danger at the same device or zone.
// Nothing joins what is closed, what is on trial, or what people took it out of.
func (s *Service) place(ctx context.Context, tx *sql.Tx, a *Alert, w surroundings) (home, error) {
	keys := s.cfg.Merging.keys(a)
	if len(keys) == 0 {
		return home{}, nil
	}
	found, err := candidates(ctx, tx, a, keys)
	if err != nil {
		return home{}, err
	}
	for _, k := range keys {
		c, ok := found[k.String()]
		if ok && a.Severity == string(rules.SeverityA) && (crowd(k.kind) || crowd(c.cause)) {
			continue
		}
		near := ok && max(a.at-c.at, c.at-a.at) <= k.within.Milliseconds() && !(crowd(k.kind) && c.severity == string(rules.SeverityA)) // nothing crowds round class A
		switch k.kind {
		case CauseDevice:
			near = near || ok && c.active
		case CauseGateway:
			if near && c.cause != CauseGateway {
				if near, err = dark(ctx, tx, a.Gateway); err != nil {
					return home{}, err
				}
			}
		case CauseFlood:
			if !s.flooded(a, w, near) {
				continue
			}
			if !near {
				return home{by: k}, nil
			}
		}
		if near {
			return home{c.incident, k}, nil
		}
	}
	return home{}, nil
}

// flooded says that the site is in a flood, in which class A never drowns. A flood begins above its limit, and ends below
// half of it.
func (s *Service) flooded(a *Alert, w surroundings, before bool) bool {
	limit := s.cfg.Merging.FloodOver
	if before {
		limit /= 2
	}
	return a.counts && a.Severity != string(rules.SeverityA) && w.recent+1 > limit
}

// mostKeys is the most that an alert has.
const mostKeys = 4

func candidates(ctx context.Context, tx *sql.Tx, a *Alert, keys []key) (map[string]open, error) {
	args := []any{a.Gateway, a.Device, a.danger}
	for i := range mostKeys {
		name := ""
		if i < len(keys) {
			name = keys[i].String()
		}
		args = append(args, name)
	}
	rows, err := tx.QueryContext(ctx, `SELECT k.key, k.incident, k.at, i.active, i.cause, i.severity FROM incident_keys k JOIN incidents i ON i.id = k.incident
		LEFT JOIN incident_apart x ON x.incident = k.incident AND x.gateway = ? AND x.device = ? AND x.danger = ?
		WHERE k.key IN (?`+strings.Repeat(", ?", mostKeys-1)+`) AND i.handling <> 'closed' AND i.shadow = 0 AND x.incident IS NULL`, args...)
	if err != nil {
		return nil, fmt.Errorf("find incidents of the same cause: %w", err)
	}
	defer rows.Close()
	found := map[string]open{}
	for rows.Next() {
		var name string
		var c open
		if err := rows.Scan(&name, &c.incident, &c.at, &c.active, &c.cause, &c.severity); err != nil {
			return nil, fmt.Errorf("find incidents of the same cause: %w", err)
		}
		found[name] = c
	}
	return found, rows.Err()
}

// dark says that half of a gateway's devices do not answer.
func dark(ctx context.Context, tx *sql.Tx, gateway string) (bool, error) {
	var all, silent int
	err := tx.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(CASE WHEN online = 0 THEN 1 ELSE 0 END), 0) FROM devices
		WHERE gateway = ? AND kind NOT IN ('channel', 'gateway')`, gateway).Scan(&all, &silent)
	if err != nil {
		return false, fmt.Errorf("count silent devices of %s: %w", gateway, err)
	}
	return silent > 0 && 2*silent >= all, nil
}

// remember makes an incident the one that alerts of the same causes join from now on. One that came into a flood says
// nothing of its zone or line.
func (s *Service) remember(ctx context.Context, tx *sql.Tx, a *Alert, by key) error {
	var rows []string
	var args []any
	for _, k := range s.cfg.Merging.keys(a) {
		if (k.kind == CauseFlood) != (by.kind == CauseFlood) && k.kind != CauseDevice {
			continue
		}
		rows, args = append(rows, "(?, ?, ?)"), append(args, k.String(), a.incident, a.at)
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO incident_keys (key, incident, at) VALUES `+strings.Join(rows, ", ")+`
		ON CONFLICT (key) DO UPDATE SET incident = excluded.incident, at = excluded.at WHERE excluded.at >= incident_keys.at`, args...)
	if err != nil {
		return fmt.Errorf("remember causes of incident %s: %w", a.incident, err)
	}
	return nil
}
