package series

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// Victoria keeps readings in VictoriaMetrics: written as lines, read by its own HTTP interface.
type Victoria struct {
	*lines
	base string
	auth string
}

// OpenVictoria makes a store on a server. It need not answer yet.
func OpenVictoria(s Server) (*Victoria, error) {
	v := &Victoria{base: strings.TrimSuffix(s.URL, "/")}
	if s.Token != "" {
		user, password, ok := strings.Cut(s.Token, ":")
		if !ok {
			return nil, errors.New("VictoriaMetrics asks for user:password, not for a token")
		}
		v.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	v.lines = newLines(s, "")
	if v.auth != "" { // the client would send "Token …", which VictoriaMetrics refuses
		v.lines.client.HTTPService().SetAuthorization(v.auth)
	}
	return v, nil
}

// Write implements Store. VictoriaMetrics confirms before it has anything on its disk, so it is made to flush.
func (v *Victoria) Write(ctx context.Context, gateway string, rs []device.Reading) error {
	err := v.write(ctx, gateway, rs)
	var refused *RefusedError
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	body, ferr := v.get(ctx, "/internal/force_flush", nil)
	if ferr != nil {
		return fmt.Errorf("flush: %w", ferr)
	}
	return errors.Join(err, body.Close())
}

func (v *Victoria) get(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.base+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask VictoriaMetrics: %w", err)
	}
	if v.auth != "" {
		req.Header.Set("Authorization", v.auth)
	}
	resp, err := v.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask VictoriaMetrics: %w", err)
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 500)) // what can be read of an error's words is enough
		resp.Body.Close()
		return nil, fmt.Errorf("ask VictoriaMetrics: %s: %s", resp.Status, said)
	}
	return resp.Body, nil
}

// selector of a field, with %q-quoted labels, which is PromQL's quoting too.
func selector(field string, labels ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s_%s{", measurement, field)
	for i := 0; i+1 < len(labels); i += 2 {
		if labels[i+1] != "" {
			fmt.Fprintf(&b, "%s=%q,", labels[i], labels[i+1])
		}
	}
	return strings.TrimSuffix(b.String(), ",") + "}"
}

// exported is one line of /api/v1/export.
type exported struct {
	Values     []float64 `json:"values"`
	Timestamps []int64   `json:"timestamps"`
}

// Range implements Store.
func (v *Victoria) Range(ctx context.Context, q Query) (Result, error) {
	values := map[int64]float64{}
	if err := v.export(ctx, q, "value", func(at int64, x float64) { values[at] = x }); err != nil {
		return Result{}, err
	}
	var samples []sample
	if err := v.export(ctx, q, "status", func(at int64, x float64) {
		quality, reason := fromStatus(int64(x))
		samples = append(samples, sample{at: at, quality: quality, reason: reason})
	}); err != nil {
		return Result{}, err
	}
	slices.SortStableFunc(samples, func(a, b sample) int { return cmp.Compare(a.at, b.at) })
	samples = slices.CompactFunc(samples, func(a, b sample) bool { return a.at == b.at }) // written twice, not merged yet
	return thin(q, merge(values, samples)), nil
}

func (v *Victoria) export(ctx context.Context, q Query, field string, each func(at int64, x float64)) error {
	body, err := v.get(ctx, "/api/v1/export", url.Values{
		"match[]": {selector(field, "gateway", q.Gateway, "device", q.Device, "point", q.Point)},
		"start":   {seconds(q.From)}, "end": {seconds(q.To)}})
	if err != nil {
		return err
	}
	defer body.Close()
	dec := json.NewDecoder(bufio.NewReader(body))
	for {
		var e exported
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

// vector is the answer to an instant query.
type vector struct {
	Data struct {
		Result []struct {
			Metric map[string]string  `json:"metric"`
			Value  [2]json.RawMessage `json:"value"`
		} `json:"result"`
	} `json:"data"`
}

// latestBack is how far back the newest reading is looked for.
const latestBack = "30d"

// Latest implements Store.
func (v *Victoria) Latest(ctx context.Context, gateway, dev string) ([]device.Reading, error) {
	found := map[device.Key]*device.Reading{}
	at := map[device.Key]int64{}
	of := func(k device.Key) *device.Reading {
		if found[k] == nil {
			found[k] = &device.Reading{Device: k.Device, Point: k.Point, Value: math.NaN(), Reason: device.NotRead}
		}
		return found[k]
	}
	steps := []struct {
		function, field string
		set             func(k device.Key, x float64)
	}{
		{"tlast_over_time", "status", func(k device.Key, x float64) {
			at[k] = int64(math.Round(x * 1000))
			of(k).Time = time.UnixMilli(at[k])
		}},
		{"last_over_time", "status", func(k device.Key, x float64) { of(k).Quality, of(k).Reason = fromStatus(int64(x)) }},
		{"last_over_time", "value", func(k device.Key, x float64) {
			if of(k).Quality != device.Bad {
				of(k).Value = x
			}
		}},
	}
	for _, s := range steps {
		query := s.function + "(" + selector(s.field, "gateway", gateway, "device", dev) + "[" + latestBack + "])"
		if err := v.instant(ctx, query, s.set); err != nil {
			return nil, err
		}
	}
	out := make([]device.Reading, 0, len(found))
	for _, r := range found {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b device.Reading) int {
		return cmp.Or(cmp.Compare(a.Device, b.Device), cmp.Compare(a.Point, b.Point))
	})
	return out, nil
}

func (v *Victoria) instant(ctx context.Context, query string, set func(device.Key, float64)) error {
	// A gateway's clock may be a little ahead.
	body, err := v.get(ctx, "/api/v1/query", url.Values{"query": {query}, "time": {seconds(time.Now().Add(10 * time.Minute))}, "nocache": {"1"}})
	if err != nil {
		return err
	}
	defer body.Close()
	var answer vector
	if err := json.NewDecoder(body).Decode(&answer); err != nil {
		return fmt.Errorf("read answer of VictoriaMetrics: %w", err)
	}
	for _, r := range answer.Data.Result {
		var text string
		if err := json.Unmarshal(r.Value[1], &text); err != nil {
			return fmt.Errorf("read answer of VictoriaMetrics: %w", err)
		}
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("read answer of VictoriaMetrics: %w", err)
		}
		set(device.Key{Device: r.Metric["device"], Point: r.Metric["point"]}, x)
	}
	return nil
}
