package gashistory

import (
	"fmt"

	"github.com/linshao/linshao/drivers/device"
)

// Plan implements device.Planner: one request for each question that the points need, the answers as long as they may be.
func (d Driver) Plan(_ device.Channel, points []device.Point) ([]device.Transaction, error) {
	var plan []device.Transaction
	at := map[string]int{}
	add := func(point int, what string) {
		i, there := at[what]
		if !there {
			i = len(plan)
			at[what] = i
			plan = append(plan, device.Transaction{What: what, Out: head + tail, In: longest})
		}
		plan[i].Points = append(plan[i].Points, point)
	}
	for i, p := range points {
		if err := CheckPoint(p); err != nil {
			return nil, fmt.Errorf("plan a gas detector's log: %w", err)
		}
		switch r := p.Register; r.Space {
		case spaceCount:
			add(i, "counts")
		case spaceNewest: // the counts tell which two records; an empty log needs neither
			add(i, "counts")
			add(i, "first "+sortNames()[r.Addr>>8-1])
			add(i, "last "+sortNames()[r.Addr>>8-1])
		case spaceRecord:
			add(i, fmt.Sprintf("%s %d", sortNames()[r.Addr>>8-1], r.Addr&0xFF))
		case spaceOffset:
			add(i, "clock")
		default:
			add(i, "expiry")
		}
	}
	return plan, nil
}
