package serial

import (
	"errors"
	"fmt"

	"github.com/linshao/linshao/drivers/device"
)

// preambles is how many bytes wake the receiver before a frame: ours always, a meter's at most.
const preambles = 4

// Plan implements device.Planner.
func (DLT645) Plan(_ device.Channel, points []device.Point) ([]device.Transaction, error) {
	return planMeter(dlt645{}, points), nil
}

// Plan implements device.Planner.
func (CJT188) Plan(_ device.Channel, points []device.Point) ([]device.Transaction, error) {
	return planMeter(cjt188{}, points), nil
}

// planMeter is one request for each data identifier, as meterLine.Read asks them of a meter that answers each in one frame.
// A point that cannot be read costs nothing.
func planMeter(d dialect, points []device.Point) []device.Transaction {
	type identifier struct {
		space string
		di    uint32
	}
	var plan []device.Transaction
	at := map[identifier]int{}
	for i, p := range points {
		t, err := d.parse(p)
		if err != nil {
			continue
		}
		id := identifier{p.Register.Space, p.Register.Addr}
		n, asked := at[id]
		if !asked {
			n = len(plan)
			at[id] = n
			plan = append(plan, device.Transaction{What: d.name(id.di), Out: len(d.appendRead(nil, t.address, id.di, 0))})
		}
		plan[n].In = max(plan[n].In, preambles+d.overhead()+t.format.need())
		plan[n].Points = append(plan[n].Points, i)
	}
	return plan
}

// Plan implements device.Planner: as the speaker of the points' protocol reads them.
func (s Shared) Plan(ch device.Channel, points []device.Point) ([]device.Transaction, error) {
	if len(points) == 0 {
		return nil, nil
	}
	protocol := points[0].Protocol
	speaker, known := s[protocol]
	if !known {
		return nil, fmt.Errorf("plan %s: %w: %q", points[0].Device, errNobody, protocol)
	}
	planner, can := speaker.(device.Planner)
	if !can {
		return nil, fmt.Errorf("plan %s: %s: %w", points[0].Device, protocol, errors.ErrUnsupported)
	}
	return planner.Plan(ch, points)
}
