package uplink_test

import (
	"fmt"
	"math"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

// The large compound of the proof long_outage: 1,000 readings a second.
const (
	outageDevices = 250
	outagePoints  = 20
	outagePoll    = 5 * time.Second
	outageBeat    = 50 // devices read in a second
)

// compound plays its devices. The same seed makes the same readings at any time.
type compound struct {
	seed   uint64
	models []*wire.Model
	names  [outageDevices]string
	points [outagePoints]string
}

func newCompound(seed uint64) *compound {
	c := &compound{seed: seed}
	model := &wire.Model{Name: "meter"}
	for p := range outagePoints {
		c.points[p] = fmt.Sprintf("point_%d", p)
		model.Points = append(model.Points, &wire.Point{Name: c.points[p], Unit: "W"})
	}
	for d := range outageDevices {
		c.names[d] = fmt.Sprintf("socket-%03d", d)
	}
	c.models = []*wire.Model{model}
	return c
}

func (c *compound) inventory() *wire.Event {
	v := &wire.Inventory{Site: "compound", Name: "小区", Timezone: "Asia/Shanghai", Models: c.models}
	for _, name := range c.names {
		v.Devices = append(v.Devices, &wire.Device{Id: name, Name: name, Kind: "meter", Model: "meter", PollMs: uint32(outagePoll.Milliseconds())})
	}
	return &wire.Event{Kind: &wire.Event_Inventory{Inventory: v}}
}

// second appends what is read in a second of real time: a fifth of the devices, one after the other, every device's points
// at one moment that is never quite the same in its round.
func (c *compound) second(rs []device.Reading, unix int64) []device.Reading {
	round := int(unix / 5)
	for n := range outageBeat {
		d := int(unix%5)*outageBeat + n
		at := time.UnixMilli(unix*1000 + int64(n)*20 + int64(3+3*c.noise(d, round, 99)))
		load := 200 + 80*math.Sin(float64(d)+float64(round)/50)
		warm := 21 + float64(d%5) + math.Sin(float64(round)/300+float64(d))
		for p := range outagePoints {
			rs = append(rs, device.Reading{Device: c.names[d], Point: c.points[p], Value: c.value(d, round, p, load, warm), Quality: device.Good, Time: at})
		}
	}
	return rs
}

// value is that of six kinds of points, as meters and sockets have them, rounded as drivers/device.Judge does.
func (c *compound) value(d, round, p int, load, warm float64) float64 {
	n := c.noise(d, round, p)
	switch p % 6 {
	case 0:
		return step(230+float64(d%7)/2+n*0.6, 0.1)
	case 1:
		return step(load/230+n*0.02, 0.01)
	case 2:
		return step(load+n*3, 0.1)
	case 3:
		return step(1000+float64(d*37)+200*float64(round%1e6)/720/1000, 0.001)
	case 4:
		return step(warm, 0.1)
	}
	return float64((d + p) % 2)
}

func step(v, step float64) float64 { return math.Round(math.Round(v/step)*step*1e6) / 1e6 }

// noise is a number from -1 to 1.
func (c *compound) noise(d, round, p int) float64 {
	x := (c.seed + uint64(d*1_000_003+round*7919+p+1)) * 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	return float64((x^x>>27)>>11)/(1<<52) - 1
}
