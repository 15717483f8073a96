package config

import (
	"slices"

	"github.com/linshao/linshao/drivers/device"
)

// SpaceGateway is the place, the `at` of a profile, of a point that the gateway itself works out: no driver reads it.
const SpaceGateway = "gateway"

// own says whether the gateway itself works a point out.
func own(p device.Point) bool { return p.Register.Space == SpaceGateway }

// takeOwn puts aside the points that no driver reads.
func (c *Channel) takeOwn(devices []device.Device) {
	for i, d := range devices {
		for _, p := range d.Points {
			if own(p) {
				c.Own = append(c.Own, p)
			}
		}
		devices[i].Points = slices.DeleteFunc(slices.Clone(d.Points), own)
	}
}

// whole are the channel's devices with all of their points.
func (c Channel) whole() []device.Device {
	if len(c.Own) == 0 {
		return c.Devices
	}
	devices := slices.Clone(c.Devices)
	for i, d := range devices {
		for _, p := range c.Own {
			if p.Device == d.ID {
				devices[i].Points = append(slices.Clip(devices[i].Points), p)
			}
		}
	}
	return devices
}
