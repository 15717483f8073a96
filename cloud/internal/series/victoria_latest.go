package series

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

const (
	latestBack = 30 * 24 * time.Hour // how far back the newest reading is looked for
	latestNear = time.Hour           // where nearly all are found
	aheadOf    = 10 * time.Minute    // a gateway's clock may be a little ahead
	queryBytes = 8 << 10             // VictoriaMetrics takes 16 KiB
)

// newestOf is the newest value and the newest status of a point; of what good readings consist, and what else there is.
type newestOf struct {
	valueAt, statusAt int64
	value             float64
	status            byte
}

func (n newestOf) reading(k device.Key) device.Reading {
	r := device.Reading{Device: k.Device, Point: k.Point, Value: n.value, Quality: device.Good, Time: time.UnixMilli(max(n.valueAt, n.statusAt))}
	if n.statusAt >= n.valueAt {
		r.Quality, r.Reason = fromStatus(n.status)
		if r.Quality != device.Bad && n.statusAt != n.valueAt { // half of a reading: the other half is not visible yet
			r.Quality, r.Reason = device.Bad, device.NotRead
		}
	}
	if r.Quality == device.Bad {
		r.Value = math.NaN()
	}
	return r
}

// Latest implements Store. Only points that were silent for an hour are looked for in a longer time.
func (v *Victoria) Latest(ctx context.Context, gateway, dev string) ([]device.Reading, error) {
	found := map[device.Key]newestOf{}
	if err := v.newestIn(ctx, latestNear, found, "gateway", gateway, "device", dev); err != nil {
		return nil, err
	}
	silent, err := v.silent(ctx, gateway, dev, found)
	if err != nil {
		return nil, err
	}
	for len(silent) > 0 {
		n, size := 0, 0
		for n < len(silent) && size+len(silent[n]) < queryBytes/8 { // it is there six times, quoted
			size += len(silent[n])
			n++
		}
		n = max(n, 1)
		found2 := map[device.Key]newestOf{}
		if err := v.newestIn(ctx, latestBack, found2, "gateway", gateway, "device~", strings.Join(silent[:n], "|")); err != nil {
			return nil, err
		}
		for k, x := range found2 {
			if _, ok := found[k]; !ok {
				found[k] = x
			}
		}
		silent = silent[n:]
	}
	return readings(slices.Collect(maps.Keys(found)), found), nil
}

// readings in order of device and point.
func readings(keys []device.Key, found map[device.Key]newestOf) []device.Reading {
	slices.SortFunc(keys, func(a, b device.Key) int {
		return cmp.Or(cmp.Compare(a.Device, b.Device), cmp.Compare(a.Point, b.Point))
	})
	out := make([]device.Reading, len(keys))
	for i, k := range keys {
		out[i] = found[k].reading(k)
	}
	return out
}

// silent lists the devices, as regular expressions, with points that are not among those found.
func (v *Victoria) silent(ctx context.Context, gateway, dev string, found map[device.Key]newestOf) ([]string, error) {
	now := time.Now()
	body, err := v.get(ctx, "/api/v1/series", url.Values{"match[]": {selector(valueMetric+"|"+statusMetric, "gateway", gateway, "device", dev)},
		"start": {seconds(now.Add(-latestBack))}, "end": {seconds(now.Add(aheadOf))}})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var answer struct {
		Data []struct{ Device, Point string }
	}
	if err := json.NewDecoder(body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("read answer of VictoriaMetrics: %w", err)
	}
	var out []string
	for _, s := range answer.Data {
		if _, ok := found[device.Key{Device: s.Device, Point: s.Point}]; !ok {
			out = append(out, regexp.QuoteMeta(s.Device))
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func (v *Victoria) newestIn(ctx context.Context, back time.Duration, found map[device.Key]newestOf, labels ...string) error {
	labels = append([]string{}, labels...)
	var parts []string
	for _, metric := range []string{valueMetric, statusMetric, againMetric} {
		for _, f := range []string{"last", "tlast"} {
			parts = append(parts, fmt.Sprintf(`label_set(%s_over_time(%s[%dms]),"rollup",%q)`, f, selector(metric, labels...), (back+aheadOf).Milliseconds(), f+metric))
		}
	}
	again := map[device.Key]newestOf{}
	err := v.instant(ctx, "("+strings.Join(parts, ",")+")", time.Now().Add(aheadOf), func(labels map[string]string, x float64) {
		k := device.Key{Device: labels["device"], Point: labels["point"]}
		n, a := found[k], again[k]
		switch labels["rollup"] {
		case "last" + againMetric:
			a.status = byte(x)
		case "tlast" + againMetric:
			a.statusAt = int64(math.Round(x * 1000))
		case "last" + valueMetric:
			n.value = x
		case "tlast" + valueMetric:
			n.valueAt = int64(math.Round(x * 1000))
		case "last" + statusMetric:
			n.status = byte(x)
		case "tlast" + statusMetric:
			n.statusAt = int64(math.Round(x * 1000))
		}
		found[k], again[k] = n, a
	})
	for k, a := range again {
		if n := found[k]; a.statusAt > 0 && a.statusAt >= n.statusAt {
			n.statusAt, n.status = a.statusAt, a.status
			found[k] = n
		}
	}
	return err
}

func (v *Victoria) instant(ctx context.Context, query string, at time.Time, set func(labels map[string]string, x float64)) error {
	body, err := v.get(ctx, "/api/v1/query", url.Values{"query": {query}, "time": {seconds(at)}, "nocache": {"1"}})
	if err != nil {
		return err
	}
	defer body.Close()
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string `json:"metric"`
				Value  stamped           `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(body).Decode(&answer); err != nil {
		return fmt.Errorf("read answer of VictoriaMetrics: %w", err)
	}
	for _, r := range answer.Data.Result {
		set(r.Metric, r.Value.value)
	}
	return nil
}
