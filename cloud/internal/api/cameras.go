package api

import (
	"context"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/evidence"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
)

// A LiveCamera is one that may be opened for a minute.
type LiveCamera struct {
	Gateway string `json:"gateway"`
	Device  string `json:"device"`
	Name    string `json:"name"`
	Place   string `json:"place"`
	Online  bool   `json:"online"`
}

type camerasOut struct {
	Body struct {
		Cameras []LiveCamera `json:"cameras"`
		May     bool         `json:"may" doc:"whether the caller may open them"`
	}
}

type gatewayCamerasIn struct {
	Gateway string `path:"gateway" maxLength:"64"`
}

// gatewayCameras lists all of a gateway.
func (a *API) gatewayCameras(ctx context.Context, in *gatewayCamerasIn) (*camerasOut, error) {
	return a.camerasOf(ctx, in.Gateway, func(org.Device) bool { return true })
}

// incidentCameras lists those that see where an incident is: of the zone of its device, and those whose clips it has.
func (a *API) incidentCameras(ctx context.Context, in *incidentIn) (*camerasOut, error) {
	q := a.cfg.DB.Reader()
	i, err := incident.Get(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	clips, err := evidence.Of(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, c := range clips {
		seen[c.Camera] = true
	}
	zone := i.Device // an alert may be about a zone
	if d, err := org.OneDevice(ctx, q, i.Gateway, i.Device); err == nil {
		zone = d.Zone
	} else if !isUnknown(err) {
		return nil, err
	}
	return a.camerasOf(ctx, i.Gateway, func(d org.Device) bool { return seen[d.ID] || zone != "" && d.Zone == zone })
}

func (a *API) camerasOf(ctx context.Context, gateway string, which func(org.Device) bool) (*camerasOut, error) {
	all, err := org.CamerasOf(ctx, a.cfg.DB.Reader(), gateway)
	if err != nil {
		return nil, err
	}
	out := &camerasOut{}
	out.Body.Cameras = []LiveCamera{}
	for _, d := range all {
		if which(d) {
			out.Body.Cameras = append(out.Body.Cameras, LiveCamera{d.Gateway, d.ID, d.Name, d.Place, d.Online})
		}
	}
	params := map[string]string{"gateway": gateway}
	out.Body.May = a.check(ctx, access{auth.Look, ofGateway}, func(name string) string { return params[name] }) == nil
	return out, nil
}
