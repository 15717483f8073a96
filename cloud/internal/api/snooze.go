package api

import (
	"context"
	"errors"

	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/window"
)

type snoozeIn struct {
	Gateway string `path:"gateway" maxLength:"80"`
	Device  string `path:"device" maxLength:"80"`
}

type snoozeOut struct {
	Body struct {
		Now    int64          `json:"now" doc:"the server's time, Unix ms"`
		Site   string         `json:"site" doc:"of the device"`
		Snooze *window.Window `json:"snooze,omitempty" doc:"the one that is in force"`
		Never  *incident.Text `json:"never,omitempty" doc:"why this device cannot be snoozed"`
	}
}

func (a *API) snooze(ctx context.Context, in *snoozeIn) (*snoozeOut, error) {
	q, now := a.cfg.DB.Reader(), a.cfg.Now()
	d, err := org.OneDevice(ctx, q, in.Gateway, in.Device)
	if err != nil {
		return nil, err
	}
	out := &snoozeOut{}
	out.Body.Now, out.Body.Site = now.UnixMilli(), d.Site
	if loud, ok := errors.AsType[*org.Refusal](window.Loud(d)); ok {
		out.Body.Never = &incident.Text{ZH: loud.Text.ZH, EN: loud.Text.EN}
	}
	out.Body.Snooze, err = window.Snoozed(ctx, q, in.Gateway, in.Device, now)
	return out, err
}

type beginSnoozeIn struct {
	Gateway string `path:"gateway" maxLength:"80"`
	Device  string `path:"device" maxLength:"80"`
	Body    struct {
		Minutes int    `json:"minutes" enum:"10,30,60"`
		Reason  string `json:"reason" minLength:"1" maxLength:"200"`
	}
}

func (a *API) beginSnooze(ctx context.Context, in *beginSnoozeIn) (*snoozeOut, error) {
	w := window.Window{Gateway: in.Gateway, Device: in.Device, Reason: in.Body.Reason, Who: callerOf(ctx).user.Name}
	if _, err := a.cfg.Windows.Snooze(ctx, w, in.Body.Minutes); err != nil {
		return nil, err
	}
	return a.snoozeChanged(ctx, &snoozeIn{in.Gateway, in.Device})
}

func (a *API) endSnooze(ctx context.Context, in *snoozeIn) (*snoozeOut, error) {
	if err := a.cfg.Windows.Unsnooze(ctx, in.Gateway, in.Device, callerOf(ctx).user.Name); err != nil {
		return nil, err
	}
	return a.snoozeChanged(ctx, in)
}

func (a *API) snoozeChanged(ctx context.Context, in *snoozeIn) (*snoozeOut, error) {
	a.cfg.Changed()
	a.cfg.Feed.Gateway(in.Gateway)
	return a.snooze(ctx, in)
}

type quietNowOut struct {
	Body struct {
		Now     int64           `json:"now" doc:"the server's time, Unix ms"`
		Windows []window.Window `json:"windows" doc:"the oldest first"`
	}
}

// quietNow lists what is kept quiet in the caller's part of the street.
func (a *API) quietNow(ctx context.Context, _ *none) (*quietNowOut, error) {
	out := &quietNowOut{}
	now := a.cfg.Now()
	out.Body.Now = now.UnixMilli()
	var err error
	out.Body.Windows, err = window.Now(ctx, a.cfg.DB.Reader(), scope(ctx), now)
	return out, err
}
