package series

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// selector of a metric, with %q-quoted labels, which is PromQL's quoting too.
func selector(metric string, labels ...string) string {
	var b strings.Builder
	b.WriteString("{__name__=~\"" + metric + "\"")
	for i := 0; i+1 < len(labels); i += 2 {
		if labels[i+1] != "" { // a name that ends in ~ asks for a regular expression
			name, op := strings.TrimSuffix(labels[i], "~"), "="
			if name != labels[i] {
				op = "=~"
			}
			fmt.Fprintf(&b, ",%s%s%q", name, op, labels[i+1])
		}
	}
	return b.String() + "}"
}

const (
	valueMetric  = measurement + "_value"
	statusMetric = measurement + "_status"
	againMetric  = measurement + "_again" // status of readings that may have been written before
)

func (q Query) selector(metric string) string {
	return selector(metric, "gateway", q.Gateway, "device", q.Device, "point", q.Point)
}

// Range implements Store. Many readings are summed up by the server.
func (v *Victoria) Range(ctx context.Context, q Query) (Result, error) { return ranged(ctx, v, q) }

func (v *Victoria) tally(ctx context.Context, q Query) (tally, error) {
	query := fmt.Sprintf("count_over_time(%s[%dms]) keep_metric_names", q.selector(valueMetric+"|"+statusMetric+"|"+againMetric), q.To.UnixMilli()-q.From.UnixMilli()+1)
	var n tally
	err := v.instant(ctx, query, q.To, func(labels map[string]string, x float64) {
		if labels["__name__"] == valueMetric {
			n.values = int(x)
		} else {
			n.statuses += int(x)
		}
	})
	return n, err
}

// statuses answers the readings that are not good, and those that were written again.
func (v *Victoria) statuses(ctx context.Context, q Query) ([]noted, error) {
	found := map[int64]byte{}
	for _, metric := range []string{statusMetric, againMetric} { // the second counts more
		if err := v.export(ctx, q, metric, func(at int64, x float64) { found[at] = byte(x) }); err != nil {
			return nil, err
		}
	}
	out := make([]noted, 0, len(found))
	for at, s := range found {
		out = append(out, noted{at, s})
	}
	slices.SortFunc(out, func(a, b noted) int { return cmp.Compare(a.at, b.at) })
	return out, nil
}

func (v *Victoria) values(ctx context.Context, q Query) (map[int64]float64, error) {
	out := map[int64]float64{}
	err := v.export(ctx, q, valueMetric, func(at int64, x float64) { out[at] = x })
	return out, err
}

func (v *Victoria) export(ctx context.Context, q Query, metric string, each func(at int64, x float64)) error {
	body, err := v.get(ctx, "/api/v1/export", url.Values{"match[]": {q.selector(metric)}, "start": {seconds(q.From)}, "end": {seconds(q.To)}})
	if err != nil {
		return err
	}
	defer body.Close()
	dec := json.NewDecoder(bufio.NewReader(body))
	for {
		var e struct {
			Values     []float64 `json:"values"`
			Timestamps []int64   `json:"timestamps"`
		}
		if err := dec.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read export: %w", err)
		}
		if len(e.Values) != len(e.Timestamps) {
			return fmt.Errorf("read export: %d values at %d times", len(e.Values), len(e.Timestamps))
		}
		for i, at := range e.Timestamps {
			if at >= q.From.UnixMilli() && at <= q.To.UnixMilli() {
				each(at, e.Values[i])
			}
		}
	}
}

func seconds(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

// rollup asks for several functions over the buckets of a query in one request; set gets a bucket's number.
func (v *Victoria) rollup(ctx context.Context, q Query, metric string, functions []string, set func(function string, slot int64, x float64)) error {
	width, parts := bucketWidth(q), make([]string, len(functions))
	for i, f := range functions {
		parts[i] = fmt.Sprintf(`label_set(%s_over_time(%s[%dms]),"rollup",%q)`, f, q.selector(metric), width, f)
	}
	first := q.From.UnixMilli() + width - 1 // a window ends at its time and does not hold the time at its beginning
	last := first + (q.To.UnixMilli()-q.From.UnixMilli())/width*width
	body, err := v.get(ctx, "/api/v1/query_range", url.Values{"query": {"(" + strings.Join(parts, ",") + ")"}, "nocache": {"1"},
		"start": {seconds(time.UnixMilli(first))}, "end": {seconds(time.UnixMilli(last))}, "step": {fmt.Sprintf("%dms", width)}})
	if err != nil {
		return err
	}
	defer body.Close()
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string `json:"metric"`
				Values []stamped         `json:"values"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(body).Decode(&answer); err != nil {
		return fmt.Errorf("read answer of VictoriaMetrics: %w", err)
	}
	for _, r := range answer.Data.Result {
		for _, x := range r.Values {
			set(r.Metric["rollup"], (x.at-q.From.UnixMilli())/width, x.value)
		}
	}
	return nil
}

func (v *Victoria) buckets(ctx context.Context, q Query) ([]Bucket, error) {
	slots := map[int64]*Bucket{}
	err := v.rollup(ctx, q, valueMetric, []string{"count", "min", "max", "tfirst", "tlast"}, func(f string, slot int64, x float64) {
		b := slots[slot]
		if b == nil {
			b = &Bucket{}
			slots[slot] = b
		}
		switch f {
		case "count":
			b.N = int(x)
		case "min":
			b.Min = x
		case "max":
			b.Max = x
		case "tfirst":
			b.First = int64(math.Round(x * 1000))
		case "tlast":
			b.Last = int64(math.Round(x * 1000))
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

func (v *Victoria) summed(ctx context.Context, q Query) ([]rolledStatus, error) {
	slots := map[int64]*rolledStatus{}
	err := v.rollup(ctx, q, statusMetric, []string{"min", "max", "last", "tfirst", "tlast"}, func(f string, slot int64, x float64) {
		s := slots[slot]
		if s == nil {
			s = &rolledStatus{}
			slots[slot] = s
		}
		switch f {
		case "min":
			s.lowest = byte(x)
		case "max":
			s.highest = byte(x)
		case "last":
			s.latest = byte(x)
		case "tfirst":
			s.first = int64(math.Round(x * 1000))
		case "tlast":
			s.last = int64(math.Round(x * 1000))
		}
	})
	return ordered(slots), err
}

func ordered(slots map[int64]*rolledStatus) []rolledStatus {
	out := make([]rolledStatus, 0, len(slots))
	for _, s := range slots {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b rolledStatus) int { return cmp.Compare(a.first, b.first) })
	return out
}

// stamped is a pair of a time in seconds and a number as text.
type stamped struct {
	at    int64 // Unix ms
	value float64
}

// UnmarshalJSON reads [1795332988.999,"5"].
func (s *stamped) UnmarshalJSON(b []byte) error {
	var pair [2]json.RawMessage
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	var at float64
	var text string
	if err := errors.Join(json.Unmarshal(pair[0], &at), json.Unmarshal(pair[1], &text)); err != nil {
		return err
	}
	s.at = int64(math.Round(at * 1000))
	var err error
	s.value, err = strconv.ParseFloat(text, 64)
	return err
}
