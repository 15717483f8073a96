package series

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// A Column is readings of one point. Its three slices are of one length; of readings with the same time the last counts.
type Column struct {
	Gateway, Device, Point string
	Times                  []int64   // Unix ms
	Values                 []float64 // in the point's unit; without meaning where the quality is bad
	Status                 []byte    // quality << 6 | reason, as on the wire; nil: all are good
}

// good is the status of a good reading.
const good = byte(device.Good) << 6

// statusOf is a reading's quality and reason in one byte, as on the wire.
func statusOf(q device.Quality, r device.Reason) byte { return byte(q)<<6 | byte(r)&0x3f }

func fromStatus(s byte) (device.Quality, device.Reason) {
	return device.Quality(s >> 6), device.Reason(s & 0x3f)
}

func isBad(s byte) bool { return s>>6 == byte(device.Bad) }

// at is the status of reading i.
func (c *Column) at(i int) byte {
	if c.Status == nil {
		return good
	}
	return c.Status[i]
}

// Reading i of the column.
func (c *Column) Reading(i int) device.Reading {
	r := device.Reading{Device: c.Device, Point: c.Point, Value: c.Values[i], Time: time.UnixMilli(c.Times[i])}
	r.Quality, r.Reason = fromStatus(c.at(i))
	if r.Quality == device.Bad {
		r.Value = math.NaN()
	}
	return r
}

// Add appends a reading.
func (c *Column) Add(at int64, value float64, status byte) {
	if status != good && c.Status == nil {
		c.Status = allGood(make([]byte, 0, len(c.Times)+1), len(c.Times))
	}
	c.Times, c.Values = append(c.Times, at), append(c.Values, value)
	if c.Status != nil {
		c.Status = append(c.Status, status)
	}
}

// AddAll appends the readings of another column.
func (c *Column) AddAll(o *Column) {
	if o.Status != nil && c.Status == nil {
		c.Status = allGood(make([]byte, 0, len(c.Times)+len(o.Times)), len(c.Times))
	}
	if c.Status != nil {
		if o.Status != nil {
			c.Status = append(c.Status, o.Status...)
		} else {
			c.Status = allGood(c.Status, len(o.Times))
		}
	}
	c.Times, c.Values = append(c.Times, o.Times...), append(c.Values, o.Values...)
}

func allGood(b []byte, n int) []byte {
	for range n {
		b = append(b, good)
	}
	return b
}

// Columns groups readings of a gateway by point.
func Columns(gateway string, rs []device.Reading) []Column {
	var out []Column
	place := map[device.Key]int{}
	for _, r := range rs {
		i, ok := place[r.Key()]
		if !ok {
			i = len(out)
			place[r.Key()] = i
			out = append(out, Column{Gateway: gateway, Device: r.Device, Point: r.Point})
		}
		out[i].Add(r.Time.UnixMilli(), r.Value, statusOf(r.Quality, r.Reason))
	}
	return out
}

// normal answers the column in order of time, each time once, and values that no store can hold as bad ones. What it is
// given stays as it was.
func (c Column) normal() Column {
	for i, v := range c.Values {
		if v-v != 0 && !isBad(c.at(i)) { // NaN or infinite
			return c.mended().ordered()
		}
	}
	return c.ordered()
}

func (c Column) mended() Column {
	out := Column{Gateway: c.Gateway, Device: c.Device, Point: c.Point}
	for i, at := range c.Times {
		v, s := c.Values[i], c.at(i)
		if v-v != 0 && !isBad(s) {
			s = statusOf(device.Bad, device.Corrupt)
		}
		out.Add(at, v, s)
	}
	return out
}

func (c Column) ordered() Column {
	sorted := true
	for i := 1; i < len(c.Times) && sorted; i++ {
		sorted = c.Times[i] > c.Times[i-1]
	}
	if sorted {
		return c
	}
	order := make([]int, len(c.Times))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(c.Times[a], c.Times[b]) })
	out := Column{Gateway: c.Gateway, Device: c.Device, Point: c.Point}
	for n, i := range order {
		if n+1 == len(order) || c.Times[order[n+1]] != c.Times[i] {
			out.Add(c.Times[i], c.Values[i], c.at(i))
		}
	}
	return out
}

// part is readings from i to before j.
func (c Column) part(i, j int) Column {
	c.Times, c.Values = c.Times[i:j], c.Values[i:j]
	if c.Status != nil {
		c.Status = c.Status[i:j]
	}
	return c
}
