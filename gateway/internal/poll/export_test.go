package poll

import (
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// NoteForTest is how the driver of a device tells the tape of an exchange.
func NoteForTest(p device.Point) func(device.Exchange) {
	t := newTape([]*unit{{points: []device.Point{p}}}, nil, time.Now)
	t.turn(&p)
	return t.note
}
