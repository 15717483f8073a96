package device

import (
	"context"
	"time"
)

// A Driver opens channels. In process or out is invisible to the caller.
type Driver interface {
	// Open connects to the channel. It does not retry: the gateway's poll does, with back-off.
	Open(ctx context.Context, ch Channel) (Conn, error)
}

// A Conn is an open channel, used by one goroutine at a time.
type Conn interface {
	// Read reads the points, all of which share one device address, in as few requests as it can, and answers one
	// reading per point in the same order. What the device or line does wrong is in the readings' quality; a reading's
	// time is when its answer arrived. An error means that the channel itself is gone and must be closed and opened anew.
	Read(ctx context.Context, points []Point) ([]Reading, error)
	// Write sets a point to a value in the point's unit. It answers errors.ErrUnsupported for a read-only point and
	// returns nil only when the device has confirmed the write.
	Write(ctx context.Context, p Point, v float64) error
	// Close releases the channel. It may be called from another goroutine to interrupt a Read.
	Close() error
}

// A Planner is a Driver that can say beforehand how it will read a device: for the bus-time planner, which refuses what a
// line cannot carry, and for people. A driver of cameras or of another process is none.
type Planner interface {
	// Plan answers the requests of one Read of the points, which share one device address. It touches no device.
	Plan(ch Channel, points []Point) ([]Transaction, error)
}

// A Transaction is one request and its answer, as they will stand on the wire.
type Transaction struct {
	What   string // for people: "holding 0x0000–0x0009"
	Out    int    // bytes of the request, with its framing
	In     int    // bytes of a right answer, with its framing
	Points []int  // which of the points it answers, by index
	// Every is how long the answer serves: reads that come sooner do without the request. 0: it is part of each read.
	Every time.Duration
}
