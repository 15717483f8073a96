package sdk

import (
	"fmt"
	"math"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/sdk/driverpb"
)

func channelToWire(ch device.Channel) *driverpb.Channel {
	return &driverpb.Channel{
		Id:        ch.ID,
		Driver:    ch.Driver,
		Address:   ch.Address,
		Baud:      uint32(ch.Serial.Baud),
		Parity:    string(ch.Serial.Parity),
		StopBits:  uint32(ch.Serial.StopBits),
		TimeoutNs: int64(ch.Timeout),
		PauseNs:   int64(ch.Pause),
	}
}

func channelFromWire(ch *driverpb.Channel) device.Channel {
	return device.Channel{
		ID:      ch.GetId(),
		Driver:  ch.GetDriver(),
		Address: ch.GetAddress(),
		Serial: device.Serial{
			Baud:     int(ch.GetBaud()),
			Parity:   device.Parity(ch.GetParity()),
			StopBits: int(ch.GetStopBits()),
		},
		Timeout: time.Duration(ch.GetTimeoutNs()),
		Pause:   time.Duration(ch.GetPauseNs()),
	}
}

func pointToWire(p device.Point) *driverpb.Point {
	w := &driverpb.Point{
		Device: p.Device, Name: p.Name, Unit: p.Unit, Address: p.Address,
		Register: registerToWire(p.Register),
		Scale:    p.Scale, Offset: p.Offset, Min: p.Min, Max: p.Max,
		Labels: p.Labels, Writable: p.Writable,
	}
	if len(p.Special) > 0 {
		w.Special = make(map[int64]uint32, len(p.Special))
		for raw, why := range p.Special {
			w.Special[raw] = uint32(why)
		}
	}
	return w
}

func pointFromWire(w *driverpb.Point) device.Point {
	p := device.Point{
		Device: w.GetDevice(), Name: w.GetName(), Unit: w.GetUnit(), Address: w.GetAddress(),
		Register: registerFromWire(w.GetRegister()),
		Scale:    w.GetScale(), Offset: w.GetOffset(), Min: w.GetMin(), Max: w.GetMax(),
		Labels: w.GetLabels(), Writable: w.GetWritable(),
	}
	if len(w.GetSpecial()) > 0 {
		p.Special = make(map[int64]device.Reason, len(w.GetSpecial()))
		for raw, why := range w.GetSpecial() {
			p.Special[raw] = device.Reason(why)
		}
	}
	return p
}

func registerToWire(r device.Register) *driverpb.Register {
	w := &driverpb.Register{
		Space: r.Space, Addr: r.Addr, Type: r.Type, Swap: r.Swap,
		MaxRegisters: uint32(r.MaxRegisters), Even: r.Even,
	}
	for _, h := range r.Holes {
		w.Holes = append(w.Holes, &driverpb.Extent{First: h.First, Last: h.Last})
	}
	return w
}

func registerFromWire(w *driverpb.Register) device.Register {
	r := device.Register{
		Space: w.GetSpace(), Addr: w.GetAddr(), Type: w.GetType(), Swap: w.GetSwap(),
		MaxRegisters: int(w.GetMaxRegisters()), Even: w.GetEven(),
	}
	for _, h := range w.GetHoles() {
		r.Holes = append(r.Holes, device.Extent{First: h.GetFirst(), Last: h.GetLast()})
	}
	return r
}

func pointsToWire(ps []device.Point) []*driverpb.Point {
	ws := make([]*driverpb.Point, len(ps))
	for i, p := range ps {
		ws[i] = pointToWire(p)
	}
	return ws
}

func readingsToWire(rs []device.Reading) []*driverpb.Reading {
	ws := make([]*driverpb.Reading, len(rs))
	for i, r := range rs {
		ws[i] = &driverpb.Reading{Value: r.Value, Quality: uint32(r.Quality), Reason: uint32(r.Reason)}
		if !r.Time.IsZero() {
			ws[i].TimeNs = r.Time.UnixNano()
		}
	}
	return ws
}

// readingsFromWire believes the child as little as it can: a reading belongs to the point that was asked for, an unknown
// quality is Bad, a bad reading has no value, and one that contradicts itself is a mismatch.
func readingsFromWire(points []device.Point, ws []*driverpb.Reading) ([]device.Reading, error) {
	if len(ws) != len(points) {
		return nil, fmt.Errorf("driver answered %d readings for %d points", len(ws), len(points))
	}
	rs := make([]device.Reading, len(ws))
	for i, w := range ws {
		var at time.Time
		if w.GetTimeNs() != 0 {
			at = time.Unix(0, w.GetTimeNs())
		}
		rs[i] = readingFromWire(points[i], w, at)
	}
	return rs, nil
}

func readingFromWire(p device.Point, w *driverpb.Reading, at time.Time) device.Reading {
	if w.GetQuality() > uint32(device.Good) || w.GetReason() > math.MaxUint8 {
		return device.BadReading(p, device.Mismatch, at)
	}
	r := device.Reading{
		Device: p.Device, Point: p.Name, Value: w.GetValue(),
		Quality: device.Quality(w.GetQuality()), Reason: device.Reason(w.GetReason()), Time: at,
	}
	noNumber, noReason := math.IsNaN(r.Value) || math.IsInf(r.Value, 0), r.Reason == device.ReasonNone
	switch {
	case noReason != (r.Quality == device.Good), noNumber && r.Quality != device.Bad:
		return device.BadReading(p, device.Mismatch, at)
	case r.Quality == device.Bad:
		return device.BadReading(p, r.Reason, at)
	}
	return r
}
