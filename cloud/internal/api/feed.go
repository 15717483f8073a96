package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/live"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/mode"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/org/window"
	"github.com/linshao/linshao/cloud/internal/rollout"
	"github.com/linshao/linshao/drivers/device"
)

// A Feed turns what ingest and people change into live events. Its methods only note what has changed; Run reads it
// from the database and publishes it, so that ten changes of one thing become one event and ingest never waits.
type Feed struct {
	db  *db.DB
	hub *live.Hub
	log *slog.Logger
	now func() time.Time

	mu        sync.Mutex
	incidents map[string]bool
	gateways  map[string]bool
	readings  map[string]map[device.Key]device.Reading // gateway → newest of each point
	siteOf    map[string]string
	wake      chan struct{}

	devices map[string]map[string]org.Device // of Run alone: gateway → device, until the gateway changes
	modes   []mode.Emergency                 // of Run alone: as they were told last
	windows map[int64]window.Window          // of Run alone: maintenance and snoozes under way, as they were told last
	rollout rollout.Mark                     // of Run alone: as it was told last
}

// NewFeed makes a feed.
func NewFeed(d *db.DB, hub *live.Hub, now func() time.Time, log *slog.Logger) *Feed {
	return &Feed{db: d, hub: hub, now: now, log: log, incidents: map[string]bool{}, gateways: map[string]bool{}, readings: map[string]map[device.Key]device.Reading{},
		siteOf: map[string]string{}, wake: make(chan struct{}, 1), devices: map[string]map[string]org.Device{}}
}

// Incident implements ingest's Observer.
func (f *Feed) Incident(id string) {
	f.mu.Lock()
	f.incidents[id] = true
	f.mu.Unlock()
	f.awake()
}

// Org tells open pages that rounds or duty checks have changed; each asks for what it may see.
func (f *Feed) Org() {
	if err := live.Publish(f.hub, live.Thing{Kind: "org", ID: "rounds", Hint: true}, struct{}{}); err != nil {
		f.log.Error("change of rounds not told", "err", err)
	}
}

// Gateway implements ingest's Observer.
func (f *Feed) Gateway(gateway string) {
	f.mu.Lock()
	f.gateways[gateway] = true
	f.mu.Unlock()
	f.awake()
}

// Wants implements ingest's Observer: some page shows readings of the gateway.
func (f *Feed) Wants(gateway string) bool {
	f.mu.Lock()
	site := f.siteOf[gateway]
	f.mu.Unlock()
	return f.hub.Wants(site, gateway)
}

// Readings implements ingest's Observer.
func (f *Feed) Readings(gateway string, rs []device.Reading) {
	f.mu.Lock()
	f.keep(gateway, rs)
	f.mu.Unlock()
	f.awake()
}

// keep needs mu.
func (f *Feed) keep(gateway string, rs []device.Reading) {
	newest := f.readings[gateway]
	if newest == nil {
		newest = map[device.Key]device.Reading{}
		f.readings[gateway] = newest
	}
	for _, r := range rs {
		if old, ok := newest[r.Key()]; !ok || !r.Time.Before(old.Time) {
			newest[r.Key()] = r
		}
	}
}

// gatewaysOf are the gateways whose readings a scope wants.
func (f *Feed) gatewaysOf(s live.Scope) []string {
	var out []string
	for _, d := range s.Devices {
		if gateway, _, ok := strings.Cut(d, "/"); ok {
			out = append(out, gateway)
		}
	}
	if len(s.Places) == 0 {
		return out
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for gateway, site := range f.siteOf {
		if slices.Contains(s.Places, site) {
			out = append(out, gateway)
		}
	}
	return out
}

// Order tells the open pages that an order was given, or a receipt. Who may read it is seen when they ask.
func (f *Feed) Order(id int64) {
	thing := live.Thing{Kind: "order", ID: strconv.FormatInt(id, 10), Hint: true}
	if err := live.Publish(f.hub, thing, map[string]int64{"id": id}); err != nil {
		f.log.Error("live event of an order not published", "order", id, "err", err)
	}
}

func (f *Feed) awake() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// again is how long the feed waits for a database that does not answer.
const again = time.Second

// modesEvery is how often the feed looks which emergencies are under way. They begin and end by themselves, and by people
// at another cloud process, so that looking is the one way that always sees it.
const modesEvery = 2 * time.Second

// publishModes tells everybody that emergencies have begun, moved or ended; each page reads those that concern it.
func (f *Feed) publishModes(ctx context.Context) error {
	running, err := mode.Running(ctx, f.db.Reader(), tree.Everywhere(), f.now())
	if err != nil || slices.Equal(running, f.modes) {
		return err
	}
	f.modes = running
	return live.Publish(f.hub, live.Thing{Kind: "mode", ID: "street", Hint: true}, struct {
		At int64 `json:"at"`
	}{f.now().UnixMilli()})
}

// Run publishes until ctx ends. A database that does not answer is asked again: what changed meanwhile is told then.
func (f *Feed) Run(ctx context.Context) error {
	retry := time.NewTimer(0)
	defer retry.Stop()
	modes := time.NewTicker(modesEvery)
	defer modes.Stop()
	for loaded := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-f.wake:
		case <-retry.C:
		case <-modes.C:
			if err := errors.Join(f.publishModes(ctx), f.publishWindows(ctx), f.publishRollout(ctx)); err != nil && ctx.Err() == nil {
				f.log.Error("change of mode, maintenance or rollout not told yet", "err", err, "retry_in", modesEvery)
			}
			continue
		}
		var err error
		if !loaded {
			err = f.load(ctx)
			loaded = err == nil
		}
		if err == nil {
			err = f.publish(ctx)
		}
		if err != nil && ctx.Err() == nil {
			f.log.Error("live events not published yet", "err", err, "retry_in", again)
			retry.Reset(again)
		}
	}
}

// load learns the sites of the gateways known from before.
func (f *Feed) load(ctx context.Context) error {
	rows, err := f.db.Reader().QueryContext(ctx, `SELECT id, site FROM gateways`)
	if err != nil {
		return fmt.Errorf("list gateways: %w", err)
	}
	defer rows.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	for rows.Next() {
		var gateway, site string
		if err := rows.Scan(&gateway, &site); err != nil {
			return fmt.Errorf("list gateways: %w", err)
		}
		f.siteOf[gateway] = site
	}
	return rows.Err()
}

// publish tells what changed. What a database out of reach kept back is told the next time; a page that hears it twice shows
// the same.
func (f *Feed) publish(ctx context.Context) (err error) {
	f.mu.Lock()
	incidents, gateways, readings := f.incidents, f.gateways, f.readings
	f.incidents, f.gateways, f.readings = map[string]bool{}, map[string]bool{}, map[string]map[device.Key]device.Reading{}
	f.mu.Unlock()
	defer func() {
		if db.Transient(err) {
			f.putBack(incidents, gateways, readings)
		}
	}()
	cells := map[string]bool{}
	for id := range incidents {
		in, err := incident.Get(ctx, f.db.Reader(), id)
		if err != nil {
			return fmt.Errorf("read incident %s: %w", id, err)
		}
		if err := live.Publish(f.hub, live.Thing{Kind: "incident", ID: id, Site: in.Site, Nodes: nodesOf(in)}, in); err != nil {
			return err
		}
		cells[in.Site] = true
	}
	if err := f.publishSites(ctx, gateways, cells); err != nil {
		return err
	}
	if err := f.publishCells(ctx, cells); err != nil {
		return err
	}
	for gateway, newest := range readings {
		if err := f.publishReadings(ctx, gateway, newest); err != nil {
			return err
		}
	}
	return nil
}

// nodesOf are the nodes that may see an incident beside its site's: as the list of incidents has it.
func nodesOf(in incident.Incident) (nodes []string) {
	if in.Node != "" {
		nodes = append(nodes, in.Node)
	}
	if in.Assignee != nil && in.Assignee.Kind == "node" {
		nodes = append(nodes, in.Assignee.ID)
	}
	return nodes
}

func (f *Feed) putBack(incidents, gateways map[string]bool, readings map[string]map[device.Key]device.Reading) {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.Copy(f.incidents, incidents)
	maps.Copy(f.gateways, gateways)
	for gateway, newest := range readings {
		f.keep(gateway, slices.Collect(maps.Values(newest)))
	}
}

// publishSites tells the sites of gateways, and names them among the cells.
func (f *Feed) publishSites(ctx context.Context, gateways, cells map[string]bool) error {
	if len(gateways) == 0 {
		return nil
	}
	sites := map[string]bool{}
	for gateway := range gateways {
		delete(f.devices, gateway)
		site, err := org.SiteOf(ctx, f.db.Reader(), gateway)
		if err != nil {
			return err
		}
		f.mu.Lock()
		f.siteOf[gateway] = site
		f.mu.Unlock()
		sites[site] = true
	}
	delete(sites, "")
	maps.Copy(cells, sites)
	if len(sites) == 0 {
		return nil
	}
	ids := slices.Collect(maps.Keys(sites))
	list := make([]org.Site, len(ids))
	for i, id := range ids {
		var err error
		if list[i], err = org.OneSite(ctx, f.db.Reader(), id); err != nil {
			return err
		}
	}
	if err := burden(ctx, f.db.Reader(), tree.Everywhere(), list, ids...); err != nil {
		return err
	}
	for _, s := range list {
		if err := live.Publish(f.hub, live.Thing{Kind: "site", ID: s.ID, Site: s.ID}, s); err != nil {
			return err
		}
	}
	return nil
}

func (f *Feed) publishReadings(ctx context.Context, gateway string, newest map[device.Key]device.Reading) error {
	known, err := f.devicesOf(ctx, gateway)
	if err != nil {
		return err
	}
	byDevice := map[string][]org.PointValue{}
	for key, r := range newest {
		for _, p := range known[key.Device].Points {
			if p.Name == key.Point {
				p.Set(r)
				byDevice[key.Device] = append(byDevice[key.Device], p)
			}
		}
	}
	for id, points := range byDevice {
		f.hub.Readings(known[id].Site, live.Readings{Gateway: gateway, Device: id, Points: points})
	}
	return nil
}

func (f *Feed) devicesOf(ctx context.Context, gateway string) (map[string]org.Device, error) {
	if known, ok := f.devices[gateway]; ok {
		return known, nil
	}
	site, err := org.SiteOf(ctx, f.db.Reader(), gateway)
	if err != nil {
		return nil, err
	}
	list, err := org.DevicesOf(ctx, f.db.Reader(), site)
	if err != nil {
		return nil, err
	}
	known := map[string]org.Device{}
	for _, d := range list {
		if d.Gateway == gateway {
			known[d.ID] = d
		}
	}
	f.devices[gateway] = known
	return known, nil
}
