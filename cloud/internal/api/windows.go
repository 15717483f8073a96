package api

import (
	"context"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/org/window"
)

// windows is the part of the table that is about sites under maintenance (检修).
func (a *API) windows(h huma.API) {
	register(a, h, access{auth.See, ofSite}, get, "/sites/{site}/windows", "When a site is, will be and was under maintenance (检修)", a.siteWindows)
	register(a, h, access{auth.Dispatch, ofSite}, post, "/sites/{site}/windows", "Announce a maintenance window: alerts of class B and C are recorded and nobody is told meanwhile", a.announceWindow)
	register(a, h, access{auth.Dispatch, ofSite}, post, "/sites/{site}/windows/{window}/end", "End a maintenance window now, or call it off", a.endWindow)
	register(a, h, access{auth.See, anything}, get, "/windows", "Sites under maintenance (检修) and snoozed devices (静默) now, the oldest first", a.quietNow)
	register(a, h, access{auth.See, ofGateway}, get, "/devices/{gateway}/{device}/snooze", "Whether a device is snoozed (静默), by whom and until when", a.snooze)
	register(a, h, access{auth.Work, ofGateway}, post, "/devices/{gateway}/{device}/snooze", "Snooze a device: its alerts of class B and C are recorded and nobody is told, for 10, 30 or 60 minutes", a.beginSnooze)
	register(a, h, access{auth.Work, ofGateway}, post, "/devices/{gateway}/{device}/snooze/end", "End the snooze of a device now; what still lasts is told", a.endSnooze)
}

// shownWindows is how many windows are shown of those to come, and of those that are over.
const shownWindows = 10

type siteWindowsIn struct {
	Site string `path:"site" maxLength:"80"`
}

type siteWindowsOut struct {
	Body struct {
		Now     int64           `json:"now" doc:"the server's time, Unix ms"`
		Windows []window.Window `json:"windows" doc:"those that run or will, the next first, then those that are over, newest first"`
	}
}

func (a *API) siteWindows(ctx context.Context, in *siteWindowsIn) (*siteWindowsOut, error) {
	q, now := a.cfg.DB.Reader(), a.cfg.Now()
	if err := a.knownSite(ctx, in.Site); err != nil {
		return nil, err
	}
	out := &siteWindowsOut{}
	out.Body.Now = now.UnixMilli()
	var err error
	out.Body.Windows, err = window.Of(ctx, q, in.Site, now, shownWindows)
	return out, err
}

// knownSite says org.ErrUnknown of a site that neither a gateway nor the organisation names.
func (a *API) knownSite(ctx context.Context, site string) error {
	q := a.cfg.DB.Reader()
	_, err := org.OneSite(ctx, q, site)
	if err == nil || !isUnknown(err) {
		return err
	}
	_, err = tree.PathOf(ctx, q, site)
	return err
}

type announceWindowIn struct {
	Site string `path:"site" maxLength:"80"`
	Body struct {
		From   int64  `json:"from,omitempty" minimum:"0" maximum:"253402300799999" doc:"Unix ms; absent: now"`
		Until  int64  `json:"until" minimum:"1" maximum:"253402300799999" doc:"when it ends by itself, Unix ms; 7 days after its begin at most"`
		Reason string `json:"reason" minLength:"1" maxLength:"200"`
		Crew   string `json:"crew" minLength:"1" maxLength:"100" doc:"who works there, and how they are reached"`
	}
}

func (a *API) announceWindow(ctx context.Context, in *announceWindowIn) (*siteWindowsOut, error) {
	if err := a.knownSite(ctx, in.Site); err != nil {
		return nil, err
	}
	b := in.Body
	if _, err := a.cfg.Windows.Announce(ctx, window.Window{Site: in.Site, From: b.From, Until: b.Until, Reason: b.Reason, Crew: b.Crew, Who: callerOf(ctx).user.Name}); err != nil {
		return nil, err
	}
	a.cfg.Changed()
	return a.siteWindows(ctx, &siteWindowsIn{in.Site})
}

type endWindowIn struct {
	Site   string `path:"site" maxLength:"80"`
	Window int64  `path:"window" minimum:"1"`
}

func (a *API) endWindow(ctx context.Context, in *endWindowIn) (*siteWindowsOut, error) {
	if err := a.cfg.Windows.End(ctx, in.Site, in.Window, callerOf(ctx).user.Name); err != nil {
		return nil, err
	}
	a.cfg.Changed()
	return a.siteWindows(ctx, &siteWindowsIn{in.Site})
}

// windowsLinger is for how long a window that is over is looked at: by then what follows from its end is written.
const windowsLinger = 4 * time.Second

// publishWindows tells the cells of sites whose maintenance has begun or ended, and what people were told of at its end.
func (f *Feed) publishWindows(ctx context.Context) error {
	now := f.now()
	running, err := window.Running(ctx, f.db.Reader(), now.Add(-windowsLinger), now)
	if err != nil {
		return err
	}
	is, sites := map[int64]window.Window{}, map[string]bool{}
	for _, w := range running {
		is[w.ID] = w
		if _, known := f.windows[w.ID]; !known {
			sites[w.Site] = true
			if w.Device != "" { // a site's window changes no incident that is there when it begins
				if err := f.released(ctx, w); err != nil {
					return err
				}
			}
		}
	}
	for id, w := range f.windows {
		if _, still := is[id]; !still {
			sites[w.Site] = true
			if err := f.released(ctx, w); err != nil {
				return err
			}
		}
	}
	f.windows = is
	if len(sites) == 0 {
		return nil
	}
	return f.publishCells(ctx, sites)
}

// released names the incidents of a site or a device that may have become quiet, or are so no longer, among those that have
// changed.
func (f *Feed) released(ctx context.Context, w window.Window) error {
	rows, err := f.db.Reader().QueryContext(ctx, `SELECT DISTINCT i.id FROM incidents i WHERE i.site = ? AND i.handling IN ('open', 'handling')
		AND (? = '' AND i.quiet = 0 OR EXISTS (SELECT 1 FROM incident_alerts a WHERE a.incident = i.id AND a.gateway = ? AND a.device = ?)) ORDER BY i.id LIMIT 200`, w.Site, w.Device, w.Gateway, w.Device)
	if err != nil {
		return fmt.Errorf("list open incidents of %s: %w", w.Site, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return fmt.Errorf("list open incidents of %s: %w", w.Site, err)
		}
		f.Incident(id)
	}
	return rows.Err()
}
