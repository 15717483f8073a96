package series

import (
	"context"
	"fmt"
	"strings"
	"sync"
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
	newest newest
	mu     sync.Mutex // one write at a time
}

// OpenInflux makes a store on a server. It need not answer yet.
func OpenInflux(s Server) (*Influx, error) {
	l := newLines(s)
	x := &Influx{lines: l, reader: l.client.QueryAPI(s.Org), bucket: s.Bucket}
	x.newest.latest = x.Latest
	return x, nil
}

// Write implements Store: InfluxDB 2 confirms what is in its log on the disk.
func (x *Influx) Write(ctx context.Context, columns []Column) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.newest.learn(ctx, columns); err != nil {
		return err
	}
	fit := make([]Column, 0, len(columns))
	for _, c := range columns {
		if len(c.Times) > 0 {
			fit = append(fit, c.normal())
		}
	}
	var refused RefusedError
	if err := bisect(fit, &refused, func(cs []Column) error { return x.write(ctx, cs, x.newest.of) }); err != nil {
		return err
	}
	x.newest.wrote(fit)
	return refused.orNil()
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

func (x *Influx) of(q Query, field string) string {
	return x.flux(q.From, q.To.Add(time.Millisecond), "gateway", q.Gateway, "device", q.Device, "point", q.Point, "_field", field)
}

// Range implements Store. Many readings are summed up by the server.
func (x *Influx) Range(ctx context.Context, q Query) (Result, error) { return ranged(ctx, x, q) }

func (x *Influx) tally(ctx context.Context, q Query) (tally, error) {
	var n tally
	err := x.each(ctx, x.of(q, "")+" |> count()", func(r *query.FluxRecord) {
		if r.Field() == "value" {
			n.values += int(number(r))
		} else {
			n.statuses += int(number(r))
		}
	})
	return n, err
}

func (x *Influx) statuses(ctx context.Context, q Query) ([]noted, error) {
	var out []noted
	err := x.each(ctx, x.of(q, "status")+` |> sort(columns: ["_time"])`, func(r *query.FluxRecord) {
		out = append(out, noted{r.Time().UnixMilli(), byte(number(r))})
	})
	return out, err
}

func (x *Influx) values(ctx context.Context, q Query) (map[int64]float64, error) {
	out := map[int64]float64{}
	err := x.each(ctx, x.of(q, "value"), func(r *query.FluxRecord) { out[r.Time().UnixMilli()] = number(r) })
	return out, err
}

// windowed asks for several functions over windows of time; set gets the beginning of a window and the record.
func (x *Influx) windowed(ctx context.Context, q Query, field string, functions []string, set func(function string, slot int64, r *query.FluxRecord)) error {
	var b strings.Builder
	width := bucketWidth(q)
	fmt.Fprintf(&b, "w = %s |> window(every: %dms, offset: %dms)\n", x.of(q, field), width, q.From.UnixMilli()%width)
	for _, f := range functions {
		fmt.Fprintf(&b, "w |> %s() |> yield(name: %q)\n", f, f)
	}
	return x.each(ctx, b.String(), func(r *query.FluxRecord) { set(r.Result(), r.Start().UnixMilli(), r) })
}

func (x *Influx) buckets(ctx context.Context, q Query) ([]Bucket, error) {
	slots := map[int64]*Bucket{}
	err := x.windowed(ctx, q, "value", []string{"count", "min", "max", "first", "last"}, func(f string, slot int64, r *query.FluxRecord) {
		b := slots[slot]
		if b == nil {
			b = &Bucket{}
			slots[slot] = b
		}
		switch f {
		case "count":
			b.N = int(number(r))
		case "min":
			b.Min = number(r)
		case "max":
			b.Max = number(r)
		case "first":
			b.First = r.Time().UnixMilli()
		case "last":
			b.Last = r.Time().UnixMilli()
		}
	})
	out := make([]Bucket, 0, len(slots))
	for _, b := range slots {
		if b.N > 0 {
			out = append(out, *b)
		}
	}
	return out, err
}

func (x *Influx) summed(ctx context.Context, q Query) ([]rolledStatus, error) {
	slots := map[int64]*rolledStatus{}
	err := x.windowed(ctx, q, "status", []string{"min", "max", "first", "last"}, func(f string, slot int64, r *query.FluxRecord) {
		s := slots[slot]
		if s == nil {
			s = &rolledStatus{}
			slots[slot] = s
		}
		switch f {
		case "min":
			s.lowest = byte(number(r))
		case "max":
			s.highest = byte(number(r))
		case "first":
			s.first = r.Time().UnixMilli()
		case "last":
			s.last, s.latest = r.Time().UnixMilli(), byte(number(r))
		}
	})
	return ordered(slots), err
}

// Latest implements Store.
func (x *Influx) Latest(ctx context.Context, gateway, dev string) ([]device.Reading, error) {
	now := time.Now()
	found := map[device.Key]newestOf{}
	var order []device.Key
	text := x.flux(now.Add(-latestBack), now.Add(aheadOf), "gateway", gateway, "device", dev) + " |> last()"
	err := x.each(ctx, text, func(r *query.FluxRecord) {
		k := device.Key{Device: fmt.Sprint(r.ValueByKey("device")), Point: fmt.Sprint(r.ValueByKey("point"))}
		n, ok := found[k]
		if !ok {
			order = append(order, k)
		}
		if r.Field() == "value" {
			n.valueAt, n.value = r.Time().UnixMilli(), number(r)
		} else {
			n.statusAt, n.status = r.Time().UnixMilli(), byte(number(r))
		}
		found[k] = n
	})
	return readings(order, found), err
}

func number(r *query.FluxRecord) float64 {
	switch v := r.Value().(type) {
	case float64:
		return v
	case int64:
		return float64(v)
	}
	return 0
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
