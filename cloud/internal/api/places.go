package api

import (
	"context"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/drivers/device"
)

type sitesOut struct {
	Body struct {
		Sites []org.Site `json:"sites"`
		Total int        `json:"total" doc:"of all sites, also of those that were not asked for"`
	}
}

type sitesIn struct {
	Offline bool `query:"offline" doc:"only those whose gateway is silent"`
}

func (a *API) sites(ctx context.Context, in *sitesIn) (*sitesOut, error) {
	out := &sitesOut{}
	sites, err := org.Sites(ctx, a.cfg.DB.Reader(), scope(ctx))
	if err != nil {
		return nil, err
	}
	out.Body.Total = len(sites)
	if in.Offline {
		sites = slices.DeleteFunc(sites, func(s org.Site) bool { return s.Online })
	}
	out.Body.Sites = sites
	return out, burden(ctx, a.cfg.DB.Reader(), scope(ctx), sites)
}

// burden fills in what is open at sites of a part of the street; ids name them when they are few.
func burden(ctx context.Context, q db.Querier, part tree.Scope, sites []org.Site, ids ...string) error {
	open, err := incident.OpenOf(ctx, q, part, ids...)
	if err != nil {
		return err
	}
	silences, err := incident.SilencesOf(ctx, q, part, ids...)
	for i := range sites {
		s := &sites[i]
		s.Open, s.Silence = open[s.ID], silences[s.ID]
	}
	return err
}

type siteIn struct {
	Site string `path:"site" maxLength:"80"`
}

// SiteDetail is a site with its devices in the place of their counts.
type SiteDetail struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	Gateway  string       `json:"gateway"`
	Timezone string       `json:"timezone,omitempty"`
	Online   bool         `json:"online"`
	LastSeen int64        `json:"lastSeen"`
	Open     org.Open     `json:"open"`
	Devices  []org.Device `json:"devices"`
}

type siteOut struct{ Body SiteDetail }

func (a *API) site(ctx context.Context, in *siteIn) (*siteOut, error) {
	q := a.cfg.DB.Reader()
	s, err := org.OneSite(ctx, q, in.Site)
	if err != nil {
		return nil, err
	}
	open, err := incident.OpenOf(ctx, q, scope(ctx), s.ID)
	if err != nil {
		return nil, err
	}
	d := SiteDetail{ID: s.ID, Name: s.Name, Gateway: s.Gateway, Timezone: s.Timezone, Online: s.Online, LastSeen: s.LastSeen, Open: open[s.ID]}
	if d.Devices, err = org.DevicesOf(ctx, q, in.Site); err != nil {
		return nil, err
	}
	byGateway := map[string][]device.Reading{}
	for i, dev := range d.Devices {
		latest, ok := byGateway[dev.Gateway]
		if !ok {
			a.watch(dev.Gateway)
			latest = a.latest(ctx, dev.Gateway, "")
			byGateway[dev.Gateway] = latest
		}
		fill(&d.Devices[i], latest)
	}
	return &siteOut{d}, nil
}

// latest answers the newest readings. When the store does not answer, devices are shown without values rather than not at all.
func (a *API) latest(ctx context.Context, gateway, dev string) []device.Reading {
	rs, err := a.cfg.Readings.Latest(ctx, gateway, dev)
	if err != nil {
		a.cfg.Log.Warn("newest values cannot be read", "gateway", gateway, "err", err)
	}
	return rs
}

func fill(d *org.Device, latest []device.Reading) {
	for _, r := range latest {
		if r.Device != d.ID {
			continue
		}
		for i := range d.Points {
			if d.Points[i].Name == r.Point {
				d.Points[i].Set(r)
			}
		}
	}
}

type deviceIn struct {
	Gateway string `path:"gateway" maxLength:"80"`
	Device  string `path:"device" maxLength:"80"`
}

type deviceOut struct{ Body org.Device }

func (a *API) device(ctx context.Context, in *deviceIn) (*deviceOut, error) {
	d, err := org.OneDevice(ctx, a.cfg.DB.Reader(), in.Gateway, in.Device)
	if err != nil {
		return nil, err
	}
	a.watch(in.Gateway)
	fill(&d, a.latest(ctx, in.Gateway, in.Device))
	return &deviceOut{d}, nil
}

type seriesIn struct {
	Gateway string `path:"gateway" maxLength:"80"`
	Device  string `path:"device" maxLength:"80"`
	Point   string `path:"point" maxLength:"80"`
	From    int64  `query:"from" minimum:"0" maximum:"253402300799999" doc:"Unix ms; default: an hour before to"`
	To      int64  `query:"to" minimum:"0" maximum:"253402300799999" doc:"Unix ms; default: now"`
	Max     int    `query:"max" minimum:"1" maximum:"5000" default:"600" doc:"most points wanted"`
}

// Series are readings of one point. Each point is [time, smallest, largest]. The first may lie before the window, so that
// a line can be drawn into it.
type Series struct {
	Unit        string       `json:"unit"`
	From        int64        `json:"from"`
	To          int64        `json:"to"`
	Downsampled bool         `json:"downsampled"`
	Points      [][3]float64 `json:"points"`
	Gaps        []SeriesSpan `json:"gaps" doc:"times without values, and why"`
	Bad         []SeriesSpan `json:"bad" doc:"runs of readings that were bad, and why"`
	Uncertain   []SeriesSpan `json:"uncertain" doc:"runs of readings that were uncertain, and why"`
}

// A SeriesSpan is a time and a reason.
type SeriesSpan struct {
	From   int64  `json:"from"`
	To     int64  `json:"to"`
	Reason string `json:"reason"`
}

type seriesOut struct{ Body Series }

const maxRange = 400 * 24 * time.Hour

func (a *API) series(ctx context.Context, in *seriesIn) (*seriesOut, error) {
	now := a.cfg.Now().UnixMilli()
	if err := a.window(&in.From, &in.To, time.Hour, maxRange); err != nil {
		return nil, err
	}
	dev, err := org.OneDevice(ctx, a.cfg.DB.Reader(), in.Gateway, in.Device)
	if err != nil {
		return nil, err
	}
	a.watch(in.Gateway)
	for _, p := range dev.Points {
		if p.Name == in.Point {
			return a.points(ctx, in, dev, p, now)
		}
	}
	return nil, errNotFound()
}

// reading asks for a point's readings of a time, in so many buckets at most.
func reading(d org.Device, p org.PointValue, from, to time.Time, most int) series.Query {
	return series.Query{Gateway: d.Gateway, Device: d.ID, Point: p.Name, From: from, To: to, Max: most,
		Poll: time.Duration(p.PollMs) * time.Millisecond, Report: time.Duration(p.ReportMs) * time.Millisecond}
}

func (a *API) points(ctx context.Context, in *seriesIn, dev org.Device, p org.PointValue, now int64) (*seriesOut, error) {
	q := reading(dev, p, time.UnixMilli(in.From), time.UnixMilli(min(in.To, max(now, in.From+1))), in.Max)
	res, err := series.WithLead(ctx, stepped(a.cfg.Readings, p), q)
	if err != nil {
		a.cfg.Log.Warn("readings cannot be read", "gateway", in.Gateway, "device", in.Device, "err", err)
		return nil, errStore()
	}
	out := Series{Unit: p.Unit, From: in.From, To: in.To, Downsampled: res.Downsampled, Points: make([][3]float64, len(res.Buckets)), Gaps: []SeriesSpan{},
		Bad: spans(res.Bad), Uncertain: spans(res.Uncertain)}
	for i, b := range res.Buckets {
		out.Points[i] = [3]float64{float64(b.First), b.Min, b.Max}
	}
	why, err := a.cfg.Ledger.Explain(ctx, q, withHead(q, res), res)
	if err != nil {
		return nil, err
	}
	for _, g := range why {
		out.Gaps = append(out.Gaps, SeriesSpan{From: g.From, To: g.To, Reason: g.Reason})
	}
	return &seriesOut{out}, nil
}

// withHead are the gaps with that before the first value, which a store takes for a window that begins early.
func withHead(q series.Query, res series.Result) []series.Gap {
	head := series.Gap{From: q.From.UnixMilli(), To: q.To.UnixMilli()}
	if len(res.Buckets) > 0 {
		head.To = res.Buckets[0].First
	}
	if len(res.Gaps) > 0 && res.Gaps[0].From < head.To || head.To-head.From <= q.Limit(res.Buckets, 0) {
		return res.Gaps
	}
	return append([]series.Gap{head}, res.Gaps...)
}

func spans(of []series.Gap) []SeriesSpan {
	out := make([]SeriesSpan, len(of))
	for i, g := range of {
		out[i] = SeriesSpan(g)
	}
	return out
}
