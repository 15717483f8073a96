package api

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/health"
	"github.com/linshao/linshao/cloud/internal/org"
)

type devicesIn struct {
	Search string `query:"search" maxLength:"80" doc:"in name, id, place and site"`
	Kind   string `query:"kind" maxLength:"80" doc:"default: all"`
	State  string `query:"state" enum:"good,suspect,faulty,offline,silent,unknown,overdue" doc:"default: all; overdue: whose calibration is overdue"`
	Site   string `query:"site" maxLength:"80" doc:"default: all that the caller may see"`
	Node   string `query:"node" maxLength:"80" doc:"this node and all below it"`
	Offset int    `query:"offset" minimum:"0" maximum:"100000"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type devicesOut struct {
	Body struct {
		At      int64                 `json:"at" doc:"the server's time for which all of it holds, Unix ms"`
		Devices []health.DeviceHealth `json:"devices" doc:"those that need somebody most come first"`
		Total   int                   `json:"total" doc:"devices that the filters let through"`
		All     int                   `json:"all" doc:"devices without any filter"`
		States  map[string]int        `json:"states" doc:"how many there are of each state, by the other filters"`
		Kinds   []string              `json:"kinds" doc:"that there are"`
		Next    int                   `json:"next,omitempty" doc:"offset of the next page; absent: this is the last"`
	}
}

// trouble orders states by how much they need somebody.
func trouble(state string) int {
	return slices.Index([]string{"faulty", "offline", "suspect", "silent", "unknown", "good"}, state)
}

// devices lists devices, the worst first.
func (a *API) devices(ctx context.Context, in *devicesIn) (*devicesOut, error) {
	ask, err := a.ask(ctx, in.Node)
	if err != nil {
		return nil, err
	}
	all, err := health.All(ctx, a.cfg.DB.Reader(), ask)
	if err != nil {
		return nil, err
	}
	out := &devicesOut{}
	b := &out.Body
	b.At, b.All, b.States, b.Devices = ask.Now.UnixMilli(), len(all), map[string]int{}, []health.DeviceHealth{}
	var list []health.DeviceHealth
	for _, d := range all {
		if !slices.Contains(b.Kinds, d.Kind) {
			b.Kinds = append(b.Kinds, d.Kind)
		}
		if !in.takes(d) {
			continue
		}
		b.States[d.State]++
		if in.State == "" || d.State == in.State || in.State == health.Overdue && d.Overdue {
			list = append(list, d)
		}
	}
	slices.Sort(b.Kinds)
	slices.SortStableFunc(list, func(x, y health.DeviceHealth) int {
		return cmp.Or(cmp.Compare(trouble(x.State), trouble(y.State)), cmp.Compare(scored(x), scored(y)), cmp.Compare(x.SiteName, y.SiteName))
	})
	b.Total = len(list)
	if in.Offset < len(list) {
		b.Devices = list[in.Offset:min(len(list), in.Offset+in.Limit)]
	}
	if in.Offset+in.Limit < len(list) {
		b.Next = in.Offset + in.Limit
	}
	return out, nil
}

// takes says whether the filters but that of the state let a device through.
func (in *devicesIn) takes(d health.DeviceHealth) bool {
	if in.Kind != "" && d.Kind != in.Kind || in.Site != "" && d.Site != in.Site {
		return false
	}
	for word := range strings.FieldsSeq(strings.ToLower(in.Search)) {
		if !strings.Contains(strings.ToLower(d.Name+"\n"+d.Device+"\n"+d.Place+"\n"+d.SiteName+"\n"+d.Site+"\n"+d.Gateway), word) {
			return false
		}
	}
	return true
}

// scored is a device's score; of one that is not known that of the worst.
func scored(d health.DeviceHealth) int {
	if d.Score == nil {
		return -1
	}
	return *d.Score
}

type pastIn struct {
	Gateway string `path:"gateway" maxLength:"80"`
	Device  string `path:"device" maxLength:"80"`
	Hours   int    `query:"hours" minimum:"1" maximum:"720" default:"24" doc:"until now"`
}

type pastOut struct {
	Body struct {
		org.DevicePast
		Health *health.DeviceHealth `json:"health,omitempty" doc:"absent for what has no health, such as a line"`
	}
}

// devicePast tells what a device did, and how far it is trusted now.
func (a *API) devicePast(ctx context.Context, in *pastIn) (*pastOut, error) {
	q, now := a.cfg.DB.Reader(), a.cfg.Now()
	if _, err := org.OneDevice(ctx, q, in.Gateway, in.Device); err != nil {
		return nil, err
	}
	out := &pastOut{}
	var err error
	if out.Body.DevicePast, err = org.PastOf(ctx, q, in.Gateway, in.Device, now.Add(-time.Duration(in.Hours)*time.Hour).UnixMilli(), now.UnixMilli()); err != nil {
		return nil, err
	}
	ask, err := a.ask(ctx, "")
	if err != nil {
		return nil, err
	}
	if ask.Site, err = org.SiteOf(ctx, q, in.Gateway); err != nil {
		return nil, err
	}
	all, err := health.All(ctx, q, ask)
	if i := slices.IndexFunc(all, func(d health.DeviceHealth) bool { return d.Gateway == in.Gateway && d.Device == in.Device }); i >= 0 {
		out.Body.Health = &all[i]
	}
	return out, err
}
