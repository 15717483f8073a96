package rules

import "github.com/linshao/linshao/drivers/device"

// inputs are where the readings of one device go. Polls bring points in the same order again and again, so the next is
// usually the one behind the last.
type inputs struct {
	id     string
	after  *inputs // the device whose readings came behind this one's, the last time
	points []string
	inputs []input
	next   int
}

// find is where a point's reading goes; nil when nobody looks at it.
func (d *inputs) find(point string) *input {
	if d.next < len(d.points) && d.points[d.next] == point {
		d.next++
		return &d.inputs[d.next-1]
	}
	for i, name := range d.points {
		if name == point {
			d.next = i + 1
			return &d.inputs[i]
		}
	}
	return nil
}

// device is where readings of a device go, behind those of another; nil when nobody looks at it.
func (e *Engine) device(id string, behind *inputs) *inputs {
	if behind == nil {
		return e.devices[id]
	}
	if behind.after != nil && behind.after.id == id {
		return behind.after
	}
	next := e.devices[id]
	if next != nil {
		behind.after = next
	}
	return next
}

// order puts the index by devices, the points of each as they are read.
func (e *Engine) order(devices []device.Device) {
	e.devices = make(map[string]*inputs, len(devices))
	for _, d := range devices {
		in := &inputs{id: d.ID}
		for _, p := range d.Points {
			if to, ok := e.index[p.Key()]; ok {
				in.points, in.inputs = append(in.points, p.Name), append(in.inputs, to)
			}
		}
		if len(in.points) > 0 {
			e.devices[d.ID] = in
		}
	}
}
