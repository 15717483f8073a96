package api

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/meter"
	"github.com/linshao/linshao/cloud/internal/series"
)

// meters is the part of the table that is about exchanged meters (换表).
func (a *API) meters(h huma.API) {
	register(a, h, access{auth.See, ofGateway}, get, "/devices/{gateway}/{device}/meters", "The counters of a device, its exchanges (换表), and what a form for one begins with", a.exchanges)
	register(a, h, access{auth.Install, ofGateway}, post, "/devices/{gateway}/{device}/meters", "Note that a meter was exchanged: its counters go on from the old one's", a.exchange)
	register(a, h, access{auth.Install, ofGateway}, post, "/devices/{gateway}/{device}/meters/{id}/undo", "Take back an exchange that was noted wrongly", a.undoExchange)
}

// stepped reads a point with what exchanged meters counted before.
func stepped(from Readings, p org.PointValue) series.Stepped {
	s := series.Stepped{Ranger: from}
	for _, step := range p.Steps {
		s.Steps = append(s.Steps, series.Step(step))
	}
	return s
}

type exchangesIn struct {
	Gateway string `path:"gateway" maxLength:"80"`
	Device  string `path:"device" maxLength:"80"`
	At      int64  `query:"at" minimum:"0" maximum:"253402300799999" doc:"Unix ms: readings around this time are proposed; absent: around that of which the gateway told"`
}

// A Counter is a point that only grows, with what the store knows of both meters.
type Counter struct {
	Point string   `json:"point"`
	Unit  string   `json:"unit"`
	Last  *float64 `json:"last,omitempty" doc:"last value before the time"`
	First *float64 `json:"first,omitempty" doc:"first value after it"`
}

// SwapNotice is what a gateway told of an exchange that nobody has noted yet.
type SwapNotice struct {
	At   int64         `json:"at" doc:"Unix ms"`
	Text incident.Text `json:"text"`
}

type exchangesOut struct {
	Body struct {
		Now       int64            `json:"now" doc:"the server's time, Unix ms"`
		Site      string           `json:"site" doc:"of the device"`
		Counters  []Counter        `json:"counters" doc:"none: it has no meter"`
		Exchanges []meter.Exchange `json:"exchanges" doc:"newest first, with those that were taken back"`
		Noticed   *SwapNotice      `json:"noticed,omitempty"`
	}
}

func (a *API) exchanges(ctx context.Context, in *exchangesIn) (*exchangesOut, error) {
	q, now := a.cfg.DB.Reader(), a.cfg.Now()
	d, err := org.OneDevice(ctx, q, in.Gateway, in.Device)
	if err != nil {
		return nil, err
	}
	out := &exchangesOut{}
	b := &out.Body
	b.Now, b.Site, b.Counters = now.UnixMilli(), d.Site, []Counter{}
	if b.Exchanges, err = meter.Of(ctx, q, in.Gateway, in.Device); err != nil {
		return nil, err
	}
	seen, err := meter.Noticed(ctx, q, in.Gateway, in.Device)
	if err != nil {
		return nil, err
	}
	at := in.At
	if seen != nil {
		b.Noticed = &SwapNotice{At: seen.At, Text: incident.Text{ZH: seen.Text.ZH, EN: seen.Text.EN}}
		if at == 0 {
			at = seen.At
		}
	}
	for _, p := range d.Points {
		if org.Cumulative(p.Unit) {
			b.Counters = append(b.Counters, a.counter(ctx, d, p, at))
		}
	}
	return out, nil
}

// Around an exchange so far is looked for readings of both meters.
const (
	beforeSwap = 48 * time.Hour
	afterSwap  = 24 * time.Hour
)

// counter proposes the readings of both meters; what the store does not know, the person reads from the meters.
func (a *API) counter(ctx context.Context, d org.Device, p org.PointValue, at int64) Counter {
	c := Counter{Point: p.Name, Unit: p.Unit}
	if at == 0 {
		return c
	}
	read := func(from, to time.Time) []series.Bucket {
		res, err := a.cfg.Readings.Range(ctx, reading(d, p, from, to, 1000))
		if err != nil {
			a.cfg.Log.Warn("readings cannot be read", "gateway", d.Gateway, "device", d.ID, "err", err)
		}
		return res.Buckets
	}
	if old := read(time.UnixMilli(at).Add(-beforeSwap), time.UnixMilli(at-1)); len(old) > 0 {
		c.Last = &old[len(old)-1].Max // a counter grows
	}
	if fresh := read(time.UnixMilli(at), time.UnixMilli(at).Add(afterSwap)); len(fresh) > 0 {
		c.First = &fresh[0].Min
	}
	return c
}

type exchangeIn struct {
	Gateway string `path:"gateway" maxLength:"80"`
	Device  string `path:"device" maxLength:"80"`
	Body    struct {
		At       int64           `json:"at" minimum:"1" maximum:"253402300799999" doc:"Unix ms: from then on readings are the new meter's"`
		Serial   string          `json:"serial,omitempty" maxLength:"60" doc:"of the new meter"`
		Reason   string          `json:"reason" minLength:"1" maxLength:"200"`
		Readings []meter.Reading `json:"readings" minItems:"1" maxItems:"20"`
	}
}

func (a *API) exchange(ctx context.Context, in *exchangeIn) (*exchangesOut, error) {
	b := in.Body
	at, err := a.swappedAt(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := a.cfg.Meters.Note(ctx, meter.Exchange{Gateway: in.Gateway, Device: in.Device, At: at, Serial: b.Serial, Reason: b.Reason, Readings: b.Readings, Who: callerOf(ctx).user.Name}); err != nil {
		return nil, err
	}
	a.cfg.Feed.Gateway(in.Gateway)
	return a.exchanges(ctx, &exchangesIn{Gateway: in.Gateway, Device: in.Device})
}

// swappedAt is when the first reading of the new meter came. People say it to the minute, or guess it: a reading of the old meter
// that were taken for one of the new would stand out of the chart. What the store does not show stays as it was said.
func (a *API) swappedAt(ctx context.Context, in *exchangeIn) (int64, error) {
	b := in.Body
	d, err := org.OneDevice(ctx, a.cfg.DB.Reader(), in.Gateway, in.Device)
	if err != nil {
		return 0, err
	}
	for _, r := range b.Readings {
		n := slices.IndexFunc(d.Points, func(p org.PointValue) bool { return p.Name == r.Point })
		if n < 0 || r.Last == r.First {
			continue
		}
		p, said := d.Points[n], time.UnixMilli(b.At)
		res, err := a.cfg.Readings.Range(ctx, reading(d, p, said.Add(-misjudged), said.Add(afterSwap), 5000))
		if err != nil {
			a.cfg.Log.Warn("readings cannot be read", "gateway", in.Gateway, "device", in.Device, "err", err)
			return 0, errStore()
		}
		if at, ok := stepIn(res.Buckets, r); ok {
			return at, nil
		}
	}
	return b.At, nil
}

// misjudged is how much too late a person may say it.
const misjudged = 2 * time.Hour

// stepIn finds where the readings of one meter become those of the other: nearer to what the new one showed first than to what
// the old one showed last, and nearer to the old one just before.
func stepIn(buckets []series.Bucket, r meter.Reading) (int64, bool) {
	fresh := func(v float64) bool { return math.Abs(v-r.First) < math.Abs(v-r.Last) }
	for i, b := range buckets {
		switch low, high := fresh(b.Min), fresh(b.Max); {
		case low != high: // both are in it
			return b.Last, true
		case low && i > 0 && !fresh(buckets[i-1].Max):
			return b.First, true
		}
	}
	return 0, false
}

type undoExchangeIn struct {
	Gateway string `path:"gateway" maxLength:"80"`
	Device  string `path:"device" maxLength:"80"`
	ID      int64  `path:"id" minimum:"1"`
}

func (a *API) undoExchange(ctx context.Context, in *undoExchangeIn) (*exchangesOut, error) {
	if err := a.cfg.Meters.Undo(ctx, in.Gateway, in.Device, in.ID, callerOf(ctx).user.Name); err != nil {
		return nil, err
	}
	a.cfg.Feed.Gateway(in.Gateway)
	return a.exchanges(ctx, &exchangesIn{Gateway: in.Gateway, Device: in.Device})
}
