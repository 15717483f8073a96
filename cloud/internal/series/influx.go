package series

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/api"
	"github.com/influxdata/influxdb-client-go/v2/api/query"

	"github.com/linshao/linshao/drivers/device"
)

// Influx keeps readings in InfluxDB 2: written as lines, read by Flux.
type Influx struct {
	*lines
	reader api.QueryAPI
	bucket string
}

// OpenInflux makes a store on a server. It need not answer yet.
func OpenInflux(s Server) (*Influx, error) {
	l := newLines(s, s.Token)
	return &Influx{lines: l, reader: l.client.QueryAPI(s.Org), bucket: s.Bucket}, nil
}

// Write implements Store: InfluxDB 2 confirms what is in its log on the disk.
func (x *Influx) Write(ctx context.Context, gateway string, rs []device.Reading) error {
	return x.write(ctx, gateway, rs)
}

// quote writes a string of Flux. Names come from gateways, so what could end the string or begin an expression is escaped.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", `\${`, "\n", `\n`, "\r", `\r`).Replace(s) + `"`
}

func (x *Influx) flux(from, to time.Time, labels ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "from(bucket: %s) |> range(start: %s, stop: %s) |> filter(fn: (r) => r._measurement == %s", quote(x.bucket),
		from.UTC().Format(time.RFC3339Nano), to.UTC().Format(time.RFC3339Nano), quote(measurement))
	for i := 0; i+1 < len(labels); i += 2 {
		if labels[i+1] != "" {
			fmt.Fprintf(&b, " and r.%s == %s", labels[i], quote(labels[i+1]))
		}
	}
	return b.String() + ")"
}

// Range implements Store.
func (x *Influx) Range(ctx context.Context, q Query) (Result, error) {
	values := map[int64]float64{}
	var samples []sample
	text := x.flux(q.From, q.To.Add(time.Millisecond), "gateway", q.Gateway, "device", q.Device, "point", q.Point) + ` |> sort(columns: ["_time"])`
	err := x.each(ctx, text, func(r *query.FluxRecord) {
		at := r.Time().UnixMilli()
		if r.Field() == "value" {
			values[at] = number(r)
			return
		}
		quality, reason := fromStatus(int64(number(r)))
		samples = append(samples, sample{at: at, quality: quality, reason: reason})
	})
	if err != nil {
		return Result{}, err
	}
	return thin(q, merge(values, samples)), nil
}

// Latest implements Store.
func (x *Influx) Latest(ctx context.Context, gateway, dev string) ([]device.Reading, error) {
	now := time.Now()
	type half struct {
		at    time.Time
		value float64
	}
	values := map[device.Key]half{}
	var out []device.Reading
	text := x.flux(now.Add(-30*24*time.Hour), now.Add(10*time.Minute), "gateway", gateway, "device", dev) + " |> last()"
	err := x.each(ctx, text, func(r *query.FluxRecord) {
		k := device.Key{Device: fmt.Sprint(r.ValueByKey("device")), Point: fmt.Sprint(r.ValueByKey("point"))}
		if r.Field() == "value" {
			values[k] = half{r.Time(), number(r)}
			return
		}
		reading := device.Reading{Device: k.Device, Point: k.Point, Value: math.NaN(), Time: r.Time().Local()}
		reading.Quality, reading.Reason = fromStatus(int64(number(r)))
		out = append(out, reading)
	})
	if err != nil {
		return nil, err
	}
	for i, r := range out {
		if v, ok := values[r.Key()]; ok && r.Quality != device.Bad && v.at.Equal(r.Time) {
			out[i].Value = v.value
		}
	}
	return out, nil
}

func number(r *query.FluxRecord) float64 {
	switch v := r.Value().(type) {
	case float64:
		return v
	case int64:
		return float64(v)
	}
	return math.NaN()
}

func (x *Influx) each(ctx context.Context, flux string, fn func(*query.FluxRecord)) error {
	res, err := x.reader.Query(ctx, flux)
	if err != nil {
		return fmt.Errorf("ask InfluxDB: %w", err)
	}
	defer res.Close()
	for res.Next() {
		fn(res.Record())
	}
	if err := res.Err(); err != nil {
		return fmt.Errorf("read answer of InfluxDB: %w", err)
	}
	return nil
}
