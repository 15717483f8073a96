package ledger

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/linshao/linshao/cloud/internal/org"
)

const (
	siteAge     = 30 * time.Second // how old the answer for a site may be
	maxSites    = 1000             // answers kept
	siteReaders = 4                // devices looked at together
)

// A DeviceShare is how much there is of one device.
type DeviceShare struct {
	Gateway string `json:"gateway"`
	Device  string `json:"device"`
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Summary
}

// A SiteLedger is how much there is of the devices of a site.
type SiteLedger struct {
	From    int64 `json:"from" doc:"Unix ms"`
	To      int64 `json:"to" doc:"Unix ms"`
	Summary `doc:"of all devices together"`
	Devices []DeviceShare `json:"devices" doc:"the smallest share first"`
}

type cachedSite struct {
	at       time.Time
	from, to int64
	answer   SiteLedger
}

// Site adds up all devices of a site between two times in Unix ms. The answer may be half a minute old. Errors: org.ErrUnknown.
func (l *Ledger) Site(ctx context.Context, site string, from, to int64) (SiteLedger, error) {
	now := l.cfg.Now()
	to = min(to, now.UnixMilli())
	l.mu.Lock()
	kept, ok := l.sites[site]
	l.mu.Unlock()
	if ok && kept.from == from && to-kept.to < siteAge.Milliseconds() && to >= kept.to && now.Sub(kept.at) < siteAge {
		return kept.answer, nil
	}
	answer, err := l.site(ctx, site, from, to)
	if err != nil {
		return SiteLedger{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.sites) >= maxSites {
		clear(l.sites)
	}
	l.sites[site] = cachedSite{now, from, to, answer}
	return answer, nil
}

func (l *Ledger) site(ctx context.Context, site string, from, to int64) (SiteLedger, error) {
	if _, err := org.OneSite(ctx, l.cfg.DB.Reader(), site); err != nil {
		return SiteLedger{}, err
	}
	devices, err := org.DevicesOf(ctx, l.cfg.DB.Reader(), site)
	if err != nil {
		return SiteLedger{}, err
	}
	devices = slices.DeleteFunc(devices, func(d org.Device) bool { return len(d.Points) == 0 }) // nothing is read of them
	out := SiteLedger{From: from, To: to, Devices: make([]DeviceShare, len(devices)), Summary: Summary{Reasons: map[string]int64{}}}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(siteReaders)
	for i, d := range devices {
		group.Go(func() error {
			spans, err := l.Of(ctx, d.Gateway, d.ID, "", from, to)
			if errors.Is(err, org.ErrUnknown) { // it has just left
				err = nil
			}
			out.Devices[i] = DeviceShare{Gateway: d.Gateway, Device: d.ID, Name: d.Name, Kind: d.Kind, Summary: Sum(spans)}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return SiteLedger{}, err
	}
	for _, d := range out.Devices {
		out.DataMs += d.DataMs
		out.DueMs += d.DueMs
		for reason, ms := range d.Reasons {
			out.Reasons[reason] += ms
		}
	}
	out.Share = share(out.DataMs, out.DueMs)
	slices.SortStableFunc(out.Devices, func(a, b DeviceShare) int { return cmp.Compare(a.Share, b.Share) })
	return out, nil
}
