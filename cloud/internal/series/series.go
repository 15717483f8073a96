// Package series keeps readings over time. Three stores answer alike, and one suite holds them to it: an embedded SQLite
// file, VictoriaMetrics, and InfluxDB 2. A good reading is one value; only one that is not good is stored with its
// quality and reason as well, and a bad one without a value, so that a chart can say why there is none.
//
// InfluxDB is written through influxdb-client-go. VictoriaMetrics was too, and is written as Prometheus remote write now:
// that carries the readings of one point together, bit for bit, and a wrong request is answered by an error. Measured on
// two cores with VictoriaMetrics 1.79, processor seconds of the server per million points in rounds of 120,000, 60, 12
// and 2 readings a point: lines of one reading with quality 1.29, 1.51, 2.51; lines without 0.70, 0.99, 1.95; lines of five
// points 0.73, 0.85, 1.65; import of JSON lines 0.50, 0.69, 2.24; remote write 0.51, 0.68, 2.02; native import 0.40, 0.92,
// 4.29, and its format is the server's own, whose mistakes are logged there and answered by nothing. The client's points
// cost 3.9 s of our own per million besides, remote write 0.14.
package series

import (
	"context"
	"fmt"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// A Store keeps readings. Writing a reading twice is the same as once; of two different ones of the same point and time
// the later written counts, in VictoriaMetrics its quality alone.
type Store interface {
	// Write makes readings durable before it answers nil; a Buffered store can only say later when they are. A
	// *RefusedError names those that the store will never take, and then all others are as if it had answered nil. After
	// any other error the caller writes all of them again.
	Write(ctx context.Context, columns []Column) error
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
	Report                 time.Duration // longest silence of a point that is only sent when it changes: no gap; 0: every reading is sent
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

// A Refusal is readings that a store will never take, and what it said.
type Refusal struct {
	Column
	Why string
}

// RefusedError: the store will never take these readings.
type RefusedError struct {
	Refusals []Refusal
	Warning  string // what the operator of the store must look at; mostly empty
}

func (e *RefusedError) Error() string {
	n := 0
	for _, r := range e.Refusals {
		n += len(r.Times)
	}
	if n == 0 {
		return e.Warning
	}
	return fmt.Sprintf("store refused %d readings for good: %s", n, e.Refusals[0].Why)
}

// orNil is nil when nothing was refused.
func (e *RefusedError) orNil() error {
	if len(e.Refusals) == 0 && e.Warning == "" {
		return nil
	}
	return e
}

func (e *RefusedError) add(c Column, why string) {
	e.Refusals = append(e.Refusals, Refusal{c, why})
}
