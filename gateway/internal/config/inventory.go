package config

import (
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/gateway/internal/health"
)

// GatewayDevice is the id, kind and model of the gateway itself among the devices.
const GatewayDevice = "gateway"

// siteSubject is what rules about the whole site speak of; no device can have this id.
const siteSubject = "site"

// HealthEvery is how often the gateway reports itself and its channels.
const HealthEvery = 10 * time.Second

// GatewayPoints are the points that the gateway reports about itself.
func GatewayPoints() []device.Point {
	return []device.Point{
		{Device: GatewayDevice, Name: "uptime", Unit: "s"},
		{Device: GatewayDevice, Name: "backlog_events"},
		{Device: GatewayDevice, Name: "backlog_telemetry"},
		{Device: GatewayDevice, Name: "disk_free", Unit: "MiB"},
		{Device: GatewayDevice, Name: "buffer_time", Unit: "s"}, // for how long it can keep readings that the cloud does not get
	}
}

// inventory is what the cloud is told about the site.
func (l *loader) inventory() *wire.Inventory {
	s := l.site
	inv := &wire.Inventory{Site: s.ID, Name: s.Name, ConfigHash: l.hash.String()}
	if s.Location != nil {
		inv.Timezone = s.Location.String()
	}
	inv.Devices = append(inv.Devices, &wire.Device{Id: GatewayDevice, Name: s.Gateway, Kind: GatewayDevice, Model: GatewayDevice, PollMs: uint32(HealthEvery.Milliseconds())})
	inv.Models = append(inv.Models, &wire.Model{Name: GatewayDevice, Points: wirePoints(GatewayPoints())})
	seen, silence := map[string]bool{}, s.silences()
	for _, d := range s.Devices() {
		inv.Devices = append(inv.Devices, &wire.Device{Id: d.ID, Name: d.Name, Kind: d.Kind, Model: d.Model,
			Place: d.Place, Zone: d.Zone, Channel: d.Channel, PollMs: uint32(d.Poll.Milliseconds()), Outputs: s.wireOutputs(d)})
		if !seen[d.Model] {
			seen[d.Model] = true
			points := wirePoints(d.Points)
			for _, p := range points {
				p.ReportMs = silence[[2]string{d.Model, p.GetName()}]
			}
			points = append(points, healthPoint()) // last: the first is what a device is judged by
			inv.Models = append(inv.Models, &wire.Model{Name: d.Model, Points: points})
		}
	}
	s.addChannels(inv)
	return inv
}

// healthPoint is what the gateway tells of every device by itself: how far it can be trusted (package health).
func healthPoint() *wire.Point {
	return &wire.Point{Name: health.PointName, Unit: health.Point("").Unit, ReportMs: uint32((health.Silence + time.Minute).Milliseconds())}
}

// wireOutputs are the points of a device that may be written, with the value toward which they always may.
func (s *Site) wireOutputs(d device.Device) (out []*wire.Output) {
	for _, p := range d.Points {
		if len(p.Writable) == 0 {
			continue
		}
		o := &wire.Output{Point: p.Name, Values: p.Writable}
		if v, known := action.SafeValue(d.Kind, p.Name); known {
			o.Safe = &v
		} else if set := s.Outputs[p.Key()]; set.Safe != nil {
			o.Safe = &set.Safe.Value
		}
		out = append(out, o)
	}
	return out
}

func wirePoints(points []device.Point) []*wire.Point {
	out := make([]*wire.Point, len(points))
	for i, p := range points {
		out[i] = &wire.Point{Name: p.Name, Unit: p.Unit, Labels: p.Labels, Writable: len(p.Writable) > 0}
	}
	return out
}
