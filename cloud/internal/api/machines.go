package api

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/org"
)

// machines is the part of the table about devices, gateways as machines, and the cloud itself.
func (a *API) machines(h huma.API) {
	register(a, h, access{auth.See, anything}, get, "/devices", "Devices with their state, the worst first", a.devices)
	register(a, h, access{auth.See, ofGateway}, get, "/devices/{gateway}/{device}/past", "What a device did: when it answered, its alerts and their limit, its calibration, how far it is trusted now", a.devicePast)
	register(a, h, access{auth.See, anything}, get, "/machines", "Gateways as machines: online, version, clock, configuration", a.gatewayStates)
	register(a, h, access{auth.See, ofGateway}, get, "/machines/{gateway}", "One gateway with what it says of itself", a.gatewayState)
	a.rollouts(h)
	register(a, h, access{auth.See, street}, get, "/system", "How the cloud itself is doing", a.ownState)
}

type machinesIn struct {
	Search string `query:"search" maxLength:"80" doc:"in id, site and version"`
	State  string `query:"state" enum:"online,offline" doc:"default: both"`
	Sort   string `query:"sort" enum:"room" doc:"room: those first whose room for readings ends first, then those that never said; default: those that are offline first"`
	Offset int    `query:"offset" minimum:"0" maximum:"100000"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type machinesOut struct {
	Body struct {
		Gateways []org.GatewayState `json:"gateways" doc:"those that are offline first"`
		Total    int                `json:"total"`
		Online   int                `json:"online" doc:"of all that the caller may see"`
		All      int                `json:"all"`
		Versions map[string]int     `json:"versions" doc:"how many run which"`
		Rules    string             `json:"rules" doc:"hash of the rules that this cloud was shipped with"`
		Next     int                `json:"next,omitempty" doc:"offset of the next page; absent: this is the last"`
	}
}

func (a *API) gatewayStates(ctx context.Context, in *machinesIn) (*machinesOut, error) {
	all, err := org.Gateways(ctx, a.cfg.DB.Reader(), scope(ctx))
	if err != nil {
		return nil, err
	}
	out := &machinesOut{}
	b := &out.Body
	b.Gateways, b.All, b.Versions, b.Rules = []org.GatewayState{}, len(all), map[string]int{}, a.cfg.Rules.Book.Hash()
	words := strings.Fields(strings.ToLower(in.Search))
	var list []org.GatewayState
	for _, g := range all {
		b.Versions[g.Version]++
		if g.Online {
			b.Online++
		}
		text := strings.ToLower(g.ID + "\n" + g.Site + "\n" + g.SiteName + "\n" + g.Version)
		if (in.State == "" || g.Online == (in.State == "online")) && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			list = append(list, g)
		}
	}
	if in.Sort == "room" {
		byRoom(list, a.cfg.Now().UnixMilli())
	}
	b.Total = len(list)
	if in.Offset < len(list) {
		b.Gateways = list[in.Offset:min(len(list), in.Offset+in.Limit)]
	}
	if in.Offset+in.Limit < len(list) {
		b.Next = in.Offset + in.Limit
	}
	return out, nil
}

// byRoom sorts those first whose room for readings ends first. A time that is not known is none.
func byRoom(list []org.GatewayState, now int64) {
	slices.SortStableFunc(list, func(a, b org.GatewayState) int {
		x, known := a.Left(now)
		y, other := b.Left(now)
		switch {
		case known && !other:
			return -1
		case other && !known:
			return 1
		}
		return cmp.Compare(x, y)
	})
}

type machineIn struct {
	Gateway string `path:"gateway" maxLength:"64"`
}

type machineOut struct {
	Body struct {
		org.GatewayState
		Own []org.PointValue `json:"own" doc:"what it says of itself: up since, waiting records, free disk"`
	}
}

func (a *API) gatewayState(ctx context.Context, in *machineIn) (*machineOut, error) {
	all, err := org.Gateways(ctx, a.cfg.DB.Reader(), scope(ctx))
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(g org.GatewayState) bool { return g.ID == in.Gateway })
	if i < 0 {
		return nil, errNotFound()
	}
	out := &machineOut{}
	out.Body.GatewayState, out.Body.Own = all[i], []org.PointValue{}
	d, err := org.OneDevice(ctx, a.cfg.DB.Reader(), in.Gateway, "gateway")
	if isUnknown(err) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	latest, err := a.cfg.Readings.Latest(ctx, in.Gateway, "gateway")
	if err != nil {
		return nil, a.unread(err, in.Gateway)
	}
	for _, p := range d.Points {
		for _, r := range latest {
			if r.Point == p.Name {
				p.Set(r)
			}
		}
		out.Body.Own = append(out.Body.Own, p)
	}
	return out, nil
}

// OwnFigure is one of the cloud's own counters.
type OwnFigure struct {
	Name  string  `json:"name" doc:"as /metrics calls it"`
	Help  string  `json:"help"`
	Value float64 `json:"value" doc:"sum over all labels; of times the mean in seconds"`
	Count uint64  `json:"count,omitempty" doc:"of times: how many were taken"`
}

type ownStateOut struct {
	Body struct {
		Version string      `json:"version"`
		Now     int64       `json:"now" doc:"Unix ms"`
		Waiting int64       `json:"waiting" doc:"records that have arrived and are not in the store of readings yet"`
		Store   bool        `json:"store" doc:"the store of readings answers"`
		Figures []OwnFigure `json:"figures"`
	}
}

// ownState tells how the cloud itself is doing.
func (a *API) ownState(ctx context.Context, _ *none) (*ownStateOut, error) {
	out := &ownStateOut{}
	b := &out.Body
	b.Version, b.Now, b.Figures = a.cfg.Version, a.cfg.Now().UnixMilli(), []OwnFigure{}
	waiting, err := inbox.Waiting(ctx, a.cfg.DB.Reader())
	if err != nil {
		return nil, err
	}
	for _, n := range waiting {
		b.Waiting += n
	}
	_, err = a.cfg.Readings.Latest(ctx, "gateway", "gateway")
	b.Store = err == nil
	families, err := a.cfg.Gatherer.Gather()
	if err != nil {
		return nil, err
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "linshao_") {
			continue
		}
		one := OwnFigure{Name: f.GetName(), Help: f.GetHelp()}
		for _, m := range f.GetMetric() {
			one.Value += m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetHistogram().GetSampleSum()
			one.Count += m.GetHistogram().GetSampleCount()
		}
		if one.Count > 0 {
			one.Value /= float64(one.Count)
		}
		b.Figures = append(b.Figures, one)
	}
	return out, nil
}
