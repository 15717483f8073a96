package api

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/series"
)

// Usual is how far a point went on the days before an incident, so that a reader sees whether its limit is far from what it
// always does.
type Usual struct {
	Point string   `json:"point,omitempty" doc:"that of the rule's limit; absent: the rule compares nothing that the device measures"`
	Unit  string   `json:"unit,omitempty"`
	Above bool     `json:"above" doc:"the limit is an upper one, and value the highest; else the lowest"`
	Over  int      `json:"over" doc:"over how many days before the incident"`
	Days  int      `json:"days" doc:"on how many of them there are values"`
	Value *float64 `json:"value,omitempty" doc:"absent while fewer than 7 days have values"`
}

const (
	usualDays  = 30
	usualLeast = 7                // days with values; fewer say nothing of what is usual
	usualAside = 10 * time.Minute // before the incident: what led to it is no history
)

type usualOut struct{ Body Usual }

// usual looks back before an incident. What lies there does not change but by what comes late, so that an answer is kept for
// a while.
func (a *API) usual(ctx context.Context, in *incidentIn) (*usualOut, error) {
	now := a.cfg.Now()
	if u, ok := a.usuals.get(in.ID, now); ok {
		return &usualOut{u}, nil
	}
	i, err := incident.Get(ctx, a.cfg.DB.Reader(), in.ID)
	if err != nil {
		return nil, err
	}
	u, err := a.lookBack(ctx, i)
	if err != nil {
		return nil, err
	}
	a.usuals.put(in.ID, u, now)
	return &usualOut{u}, nil
}

func (a *API) lookBack(ctx context.Context, in incident.Incident) (Usual, error) {
	limit := in.Detail.Limit
	if limit == nil {
		return Usual{}, nil
	}
	dev, err := org.OneDevice(ctx, a.cfg.DB.Reader(), in.Gateway, in.Device)
	if errors.Is(err, org.ErrUnknown) {
		return Usual{}, nil
	}
	if err != nil {
		return Usual{}, err
	}
	n := slices.IndexFunc(dev.Points, func(p org.PointValue) bool { return p.Name == limit.Point })
	if n < 0 || len(dev.Points[n].Labels) > 0 { // a state is not higher one day than the other
		return Usual{}, nil
	}
	p, to := dev.Points[n], time.UnixMilli(in.Since).Add(-usualAside)
	res, err := a.cfg.Readings.Range(ctx, reading(dev, p, to.AddDate(0, 0, -usualDays), to, usualDays*24))
	if err != nil {
		a.cfg.Log.Warn("readings cannot be read", "gateway", in.Gateway, "device", in.Device, "err", err)
		return Usual{}, errStore()
	}
	zone, err := a.zoneOf(ctx, in.Site)
	if err != nil {
		return Usual{}, err
	}
	u := Usual{Point: p.Name, Unit: p.Unit, Above: limit.Above, Over: usualDays}
	u.measure(res, zone)
	return u, nil
}

// zoneOf is the time zone in which the people of a site count days.
func (a *API) zoneOf(ctx context.Context, site string) (*time.Location, error) {
	_, name, err := org.Zone(ctx, a.cfg.DB.Reader(), site)
	if err != nil {
		return nil, err
	}
	if zone, err := time.LoadLocation(name); err == nil && name != "" {
		return zone, nil
	}
	if a.cfg.Zone != nil {
		return a.cfg.Zone, nil
	}
	return time.UTC, nil
}

// measure takes the highest, or the lowest, of what was good.
func (u *Usual) measure(res series.Result, zone *time.Location) {
	days, value := map[string]bool{}, math.NaN()
	for _, b := range res.Buckets {
		if slices.ContainsFunc(res.Uncertain, func(g series.Gap) bool { return g.From <= b.Last && g.To >= b.First }) {
			continue
		}
		days[time.UnixMilli(b.First).In(zone).Format(time.DateOnly)] = true
		switch {
		case u.Above && !(b.Max <= value):
			value = b.Max
		case !u.Above && !(b.Min >= value):
			value = b.Min
		}
	}
	if u.Days = min(len(days), u.Over); u.Days >= usualLeast { // 30 days from noon to noon touch 31
		u.Value = &value
	}
}

// usuals keeps what was looked back on.
type usuals struct {
	mu   sync.Mutex
	kept map[string]keptUsual
}

type keptUsual struct {
	Usual
	at time.Time
}

const (
	keepUsual  = 10 * time.Minute
	mostUsuals = 500
)

func (k *usuals) get(id string, now time.Time) (Usual, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	u, ok := k.kept[id]
	return u.Usual, ok && now.Sub(u.at) < keepUsual
}

func (k *usuals) put(id string, u Usual, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kept == nil || len(k.kept) >= mostUsuals {
		k.kept = map[string]keptUsual{}
	}
	k.kept[id] = keptUsual{u, now}
}
