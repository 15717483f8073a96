package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/linshao/linshao/cloud/internal/ledger"
	"github.com/linshao/linshao/cloud/internal/org"
)

type ledgerIn struct {
	Gateway string `path:"gateway" maxLength:"80"`
	Device  string `path:"device" maxLength:"80"`
	Point   string `query:"point" maxLength:"80" doc:"default: the device's first"`
	From    int64  `query:"from" minimum:"0" maximum:"253402300799999" doc:"Unix ms; default: a day before to"`
	To      int64  `query:"to" minimum:"0" maximum:"253402300799999" doc:"Unix ms; default: now"`
}

// LedgerOfDevice says of every moment whether there is data, or why not.
type LedgerOfDevice struct {
	Spans   []ledger.Span  `json:"spans" doc:"in order, without holes, until now at the latest"`
	Summary ledger.Summary `json:"summary"`
}

type ledgerOut struct{ Body LedgerOfDevice }

func (a *API) ledger(ctx context.Context, in *ledgerIn) (*ledgerOut, error) {
	if err := a.window(&in.From, &in.To, 24*time.Hour, maxRange); err != nil {
		return nil, err
	}
	spans, err := a.cfg.Ledger.Of(ctx, in.Gateway, in.Device, in.Point, in.From, in.To)
	if err != nil {
		return nil, a.unread(err, in.Gateway)
	}
	a.watch(in.Gateway)
	return &ledgerOut{LedgerOfDevice{Spans: spans, Summary: ledger.Sum(spans)}}, nil
}

type siteLedgerIn struct {
	Site string `path:"site" maxLength:"80"`
	From int64  `query:"from" minimum:"0" maximum:"253402300799999" doc:"Unix ms; default: the last midnight of the site"`
	To   int64  `query:"to" minimum:"0" maximum:"253402300799999" doc:"Unix ms; default: now"`
}

type siteLedgerOut struct{ Body ledger.SiteLedger }

func (a *API) siteLedger(ctx context.Context, in *siteLedgerIn) (*siteLedgerOut, error) {
	if in.From == 0 {
		from, err := a.midnight(ctx, in.Site)
		if err != nil {
			return nil, err
		}
		in.From = from
	}
	if err := a.window(&in.From, &in.To, 24*time.Hour, maxSiteRange); err != nil {
		return nil, err
	}
	s, err := a.cfg.Ledger.Site(ctx, in.Site, in.From, in.To)
	if err != nil {
		return nil, a.unread(err, in.Site)
	}
	return &siteLedgerOut{s}, nil
}

// midnight is the begin of the present day at a site, in Unix ms.
func (a *API) midnight(ctx context.Context, site string) (int64, error) {
	_, name, err := org.Zone(ctx, a.cfg.DB.Reader(), site)
	if err != nil {
		return 0, err
	}
	zone := a.cfg.Zone
	if z, err := time.LoadLocation(name); err == nil && name != "" {
		zone = z
	}
	now := a.cfg.Now().In(zone)
	return time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, zone).UnixMilli(), nil
}

// maxSiteRange bounds what is looked through at once: readings of all devices of a site.
const maxSiteRange = 32 * 24 * time.Hour

// window fills in what a range leaves out, and refuses one that makes no sense or is longer than most.
func (a *API) window(from, to *int64, length, most time.Duration) error {
	if *to == 0 {
		*to = a.cfg.Now().UnixMilli()
	}
	if *from == 0 {
		*from = *to - length.Milliseconds()
	}
	if *from >= *to || *to-*from > most.Milliseconds() {
		days := int(most.Hours() / 24)
		return newProblem(http.StatusUnprocessableEntity, "bad_range", fmt.Sprintf("时间范围无效：开始须早于结束，且不超过 %d 天", days),
			fmt.Sprintf("the range is not valid: from must lie before to, by at most %d days", days))
	}
	return nil
}

// unread is the answer when readings cannot be read; what is unknown stays unknown.
func (a *API) unread(err error, of string) error {
	if isUnknown(err) || errors.Is(err, context.Canceled) {
		return err
	}
	a.cfg.Log.Warn("readings cannot be read", "of", of, "err", err)
	return errStore()
}

// watch tells ingest that somebody looks at a gateway.
func (a *API) watch(gateways ...string) {
	if a.cfg.Ingest == nil {
		return
	}
	for _, g := range gateways {
		a.cfg.Ingest.Watch(g)
	}
}
