package line

import (
	"context"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
)

// Silence shows to tests how long the line rests between two frames.
func (p *Port) Silence() time.Duration { return p.timing.silence }

// OpenRough opens a line over a test's wire that needs no operating system, and so knows the time of a bubble.
func OpenRough(r *linetest.Rough, ch device.Channel) *Port {
	r.Plug()
	return newPort(rough{r}, ch)
}

// rough is a wire.
type rough struct{ *linetest.Rough }

func (r rough) read(buf []byte) (int, uint64, error) {
	n, err := r.Read(buf, readTimeout)
	return n, 0, err
}

func (r rough) write(b []byte, _ time.Time) error             { return r.Write(b) }
func (rough) set(device.Serial) error                         { return nil }
func (rough) forget(context.Context) (life uint64, err error) { return 0, nil }

func (r rough) close() error {
	r.Unplug()
	return nil
}
