package app

import (
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
)

// newest is the payload of the live lane: the last reading of every point, as many as one message holds.
func (a *App) newest() []byte {
	points := config.GatewayPoints()
	for _, d := range a.cfg.Site.Subjects() {
		points = append(points, d.Points...)
	}
	var rs []device.Reading
	for _, p := range points {
		if r, ok := a.latest.Of(p.Key()); ok {
			rs = append(rs, r)
		}
	}
	if len(rs) == 0 {
		return nil
	}
	encoder, err := wire.NewEncoder() // its memory is not worth keeping: the lane is used while history goes up
	if err != nil {
		a.cfg.Log.Error("encode newest readings", "error", err)
		return nil
	}
	payload, _, err := encoder.EncodeFirst(&wire.Readings{}, rs)
	if err != nil {
		a.cfg.Log.Error("encode newest readings", "error", err)
		return nil
	}
	return payload
}
