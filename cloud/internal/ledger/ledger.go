// Package ledger says for any device and time: there is data, or why not. It is the one place that knows; charts, the
// integrity strip, site figures and the API all ask it. Ingest feeds its history (history.go) inside its own transactions.
//
// Of cuts a range into spans that touch and never overlap, so that every millisecond of it belongs to exactly one. Data is
// what the series store has: neighbouring values not further apart than three polls, or than the longest silence that
// a deadband allows. A hole between values is cut at every boundary that a source knows and each piece gets the first
// reason of this list that holds:
//
//	not_configured  the device was not in the gateway's inventory then
//	parked …        the gateway or the cloud noted records of that time as gone: evicted, damaged, rejected, write_failed,
//	                restored, parked
//	clock_unknown   the gateway ran without knowing the time, and the cloud never learned it: its readings lie elsewhere
//	gateway_off     between the end of one run of the gateway and the beginning of the next
//	power_cut       the last moments before a power cut, when they are not part of gateway_off
//	bus_down        the line is not there, or all devices of the device's channel were silent at once
//	device_silent   the device alone did not answer, or not yet since the gateway started or got to know it
//	sensor_fault …  the device answered with a reading that is bad, and this is why (drivers/device)
//	link_down       the gateway cannot be reached now; what it recorded since will come
//	late            it is reachable and the newest records are on their way
//	unexplained     none of these: a defect of ours, counted in linshao_ledger_unexplained_total
//
// Pieces of a hole that are no longer than the device's rhythm, or than a minute around a change, belong to the reason
// beside them: nobody can know on which side of a poll something happened.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sort"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/series"
)

// States of a span.
const (
	Data = "data"
	None = "none"
)

// Reasons of the ledger's own, besides those of gaps (inbox) and of bad readings (drivers/device).
const (
	NotConfigured = "not_configured"
	ClockUnknown  = "clock_unknown"
	GatewayOff    = "gateway_off"
	PowerCut      = "power_cut"
	BusDown       = "bus_down"
	DeviceSilent  = "device_silent"
	LinkDown      = "link_down"
	Late          = "late"
	Parked        = "parked"
	Unexplained   = "unexplained"
)

// A Span is a time of one state. Reason is empty when there is data.
type Span struct {
	From   int64  `json:"from" doc:"Unix ms"`
	To     int64  `json:"to" doc:"Unix ms"`
	State  string `json:"state" enum:"data,none"`
	Reason string `json:"reason,omitempty"`
}

// Readings answers which readings there are; series.Store does.
type Readings interface {
	Range(ctx context.Context, q series.Query) (series.Result, error)
}

// Config is what a Ledger needs.
type Config struct {
	DB       *db.DB
	Readings Readings
	Now      func() time.Time
	Log      *slog.Logger
	Registry prometheus.Registerer
}

// A Ledger answers questions about what is there and what is missing.
type Ledger struct {
	cfg         Config
	unexplained prometheus.Counter

	mu    sync.Mutex
	told  map[told]bool // unexplained holes that were counted
	sites map[string]cachedSite
}

type told struct {
	gateway, device string
	from            int64
}

// New makes a ledger.
func New(cfg Config) *Ledger {
	l := &Ledger{cfg: cfg, told: map[told]bool{}, sites: map[string]cachedSite{}, unexplained: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "linshao_ledger_unexplained_total", Help: "Holes in the readings that nothing explains, each counted once. Anything above 0 is a defect."})}
	cfg.Registry.MustRegister(l.unexplained)
	return l
}

// Of answers what there is of a device between two times in Unix ms, of one of its points or, with an empty point, of the
// first that it has. The range ends now at the latest; an empty one has no spans. Errors: org.ErrUnknown.
func (l *Ledger) Of(ctx context.Context, gateway, device, point string, from, to int64) ([]Span, error) {
	s := subject{gateway, device, point}
	to = min(to, l.cfg.Now().UnixMilli())
	if from >= to {
		return []Span{}, nil
	}
	q, err := l.query(ctx, s, from, to)
	if err != nil {
		return nil, err
	}
	p, err := l.presence(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("look for readings of %s %s: %w", s.gateway, s.device, err)
	}
	holes, err := l.explain(ctx, q, p)
	if err != nil {
		return nil, err
	}
	return fill(from, to, holes), nil
}

type subject struct{ gateway, device, point string }

// query of the subject. A device that left has the rhythm of a slow one; one that never was is unknown.
func (l *Ledger) query(ctx context.Context, s subject, from, to int64) (series.Query, error) {
	q := series.Query{Gateway: s.gateway, Device: s.device, Point: s.point, From: time.UnixMilli(from), To: time.UnixMilli(to), Poll: time.Minute}
	d, err := org.OneDevice(ctx, l.cfg.DB.Reader(), s.gateway, s.device)
	if errors.Is(err, org.ErrUnknown) {
		return q, l.left(ctx, s, err)
	}
	if err != nil {
		return q, err
	}
	for _, p := range d.Points {
		if p.Name == s.point || s.point == "" {
			q.Point, q.Poll, q.Report = p.Name, time.Duration(p.PollMs)*time.Millisecond, time.Duration(p.ReportMs)*time.Millisecond
			return q, nil
		}
	}
	if s.point == "" {
		return q, nil
	}
	return q, fmt.Errorf("point %s of %s %s: %w", s.point, s.gateway, s.device, org.ErrUnknown)
}

// left is nil for a device that was there once.
func (l *Ledger) left(ctx context.Context, s subject, unknown error) error {
	var n int
	err := l.cfg.DB.Reader().QueryRowContext(ctx, `SELECT count(*) FROM memberships WHERE gateway = ? AND device = ?`, s.gateway, s.device).Scan(&n)
	if err != nil {
		return fmt.Errorf("look for device %s of %s: %w", s.device, s.gateway, err)
	}
	if n == 0 {
		return unknown
	}
	return nil
}

// Explain gives gaps of a chart, which shows the readings of the result, their reasons. A gap that has several is cut.
func (l *Ledger) Explain(ctx context.Context, q series.Query, gaps []series.Gap, res series.Result) ([]Span, error) {
	p := presence{bad: res.Bad, limit: q.Silence().Milliseconds()}
	for _, g := range gaps {
		behind := sort.Search(len(res.Buckets), func(i int) bool { return res.Buckets[i].First >= g.To })
		p.holes = append(p.holes, hole{g.From, g.To, q.Limit(res.Buckets, behind)})
	}
	return l.explain(ctx, q, p)
}

// fill puts data between the holes, which are in order and do not overlap.
func fill(from, to int64, holes []Span) []Span {
	out := []Span{}
	at := from
	for _, h := range holes {
		if h.From > at {
			out = append(out, Span{From: at, To: h.From, State: Data})
		}
		out = append(out, h)
		at = h.To
	}
	if at < to {
		out = append(out, Span{From: at, To: to, State: Data})
	}
	return out
}

// A Summary adds up spans.
type Summary struct {
	Share   float64          `json:"share" doc:"per cent of the time for which data could be here by now; 100 when there is no such time"`
	DataMs  int64            `json:"dataMs"`
	DueMs   int64            `json:"dueMs" doc:"the time that the share is of: all but not_configured and late"`
	Reasons map[string]int64 `json:"reasons" doc:"reason → ms"`
}

// Sum adds up spans.
func Sum(spans []Span) Summary {
	s := Summary{Reasons: map[string]int64{}}
	for _, p := range spans {
		n := p.To - p.From
		if p.State == Data {
			s.DataMs += n
		} else {
			s.Reasons[p.Reason] += n
		}
		if p.Reason != NotConfigured && p.Reason != Late {
			s.DueMs += n
		}
	}
	s.Share = share(s.DataMs, s.DueMs)
	return s
}

// share in per cent. What is not all is never rounded up to all.
func share(data, due int64) float64 {
	if due == 0 {
		return 100
	}
	return float64(data*10_000/due) / 100
}
