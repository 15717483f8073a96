// Package series keeps readings over time. Three stores answer alike, and one suite holds them to it: an embedded SQLite
// file, VictoriaMetrics, and InfluxDB 2; the last two are written through influxdb-client-go. A bad reading is kept as
// its quality and reason without a value, so that a chart can say why there is none.
package series

import (
	"context"
	"fmt"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// A Store keeps readings. Writing a reading twice is the same as once.
type Store interface {
	// Write makes readings durable before it answers nil. A *RefusedError names those that the store will never take,
	// and then all others are durable. After any other error the caller writes all of them again.
	Write(ctx context.Context, gateway string, rs []device.Reading) error
	// Range answers the readings of one point, thinned to about Query.Max buckets.
	Range(ctx context.Context, q Query) (Result, error)
	// Latest answers the newest reading of every point of a gateway, or of one of its devices when device is not empty.
	Latest(ctx context.Context, gateway, device string) ([]device.Reading, error)
	// Close releases the store.
	Close() error
}

// A Query asks for one point between two times, both included.
type Query struct {
	Gateway, Device, Point string
	From, To               time.Time
	Max                    int           // most buckets wanted; more readings than this are thinned
	Poll                   time.Duration // how often the point is read: a hole of more than three polls is a gap
}

// A Bucket is one reading, or the smallest and the largest of several neighbours. Only values that are not bad count.
type Bucket struct {
	First, Last int64 // times of its first and last value, Unix ms
	Min, Max    float64
	N           int // values in it
}

// A Gap is a time without values. Reason is that of the bad readings in it, or empty when there were no readings at all.
type Gap struct {
	From, To int64 // Unix ms
	Reason   string
}

// A Result is the answer to a Query, in order of time.
type Result struct {
	Buckets     []Bucket
	Downsampled bool
	Gaps        []Gap
	Bad         []Gap // runs of bad readings: times of the first and the last of each
	Uncertain   []Gap // runs of uncertain readings, whose values are among the buckets
}

// RefusedError: the store will never take these readings.
type RefusedError struct {
	Readings []device.Reading
	Why      string // what the store said
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("store refused %d readings for good: %s", len(e.Readings), e.Why)
}
