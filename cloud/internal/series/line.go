package series

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"
	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
	"github.com/influxdata/influxdb-client-go/v2/api/write"

	"github.com/linshao/linshao/drivers/device"
)

// A Server is where a store other than the embedded one is found.
type Server struct {
	URL    string
	Token  string // InfluxDB 2: its token. VictoriaMetrics: "user:password", or empty
	Org    string // InfluxDB 2
	Bucket string // InfluxDB 2
}

// measurement names all readings. Fields: value, absent when bad; status = quality * 64 + reason.
const measurement = "linshao"

const (
	linesOfRequest = 5000
	requestLimit   = 30 * time.Second
)

// lines writes the line protocol. It never uses the client's asynchronous writer, which loses what a server does not take.
type lines struct {
	client influxdb2.Client
	writer api.WriteAPIBlocking
	http   *http.Client
}

func newLines(s Server, token string) *lines {
	c := &http.Client{Timeout: requestLimit, Transport: &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, Proxy: nil}}
	opts := influxdb2.DefaultOptions().SetPrecision(time.Millisecond).SetHTTPClient(c).SetLogLevel(0)
	opts.WriteOptions().SetMaxRetries(0)
	client := influxdb2.NewClientWithOptions(strings.TrimSuffix(s.URL, "/"), token, opts)
	return &lines{client: client, writer: client.WriteAPIBlocking(s.Org, s.Bucket), http: c}
}

// Close releases the connections.
func (l *lines) Close() error {
	l.client.Close()
	l.http.CloseIdleConnections()
	return nil
}

func toPoint(gateway string, r device.Reading) *write.Point {
	r = clean(r)
	p := write.NewPointWithMeasurement(measurement).AddTag("gateway", gateway).AddTag("device", r.Device).AddTag("point", r.Point).
		AddField("status", status(r)).SetTime(r.Time.Truncate(time.Millisecond))
	if r.Quality != device.Bad {
		p.AddField("value", r.Value)
	}
	return p.SortTags()
}

// write writes readings; those that the server refuses for good end in a RefusedError, all others are taken.
func (l *lines) write(ctx context.Context, gateway string, rs []device.Reading) error {
	var refused RefusedError
	for begin := 0; begin < len(rs); begin += linesOfRequest {
		if err := l.some(ctx, gateway, rs[begin:min(begin+linesOfRequest, len(rs))], &refused); err != nil {
			return err
		}
	}
	if len(refused.Readings) > 0 {
		return &refused
	}
	return nil
}

// some halves what the server refuses until the culprits stand alone. Stores disagree on what else of such a request
// they have kept; writing it again is the same as once.
func (l *lines) some(ctx context.Context, gateway string, rs []device.Reading, refused *RefusedError) error {
	points := make([]*write.Point, len(rs))
	for i, r := range rs {
		points[i] = toPoint(gateway, r)
	}
	err := l.writer.WritePoint(ctx, points...)
	if err == nil {
		return nil
	}
	if !final(err) {
		return fmt.Errorf("write %d readings: %w", len(rs), err)
	}
	if len(rs) == 1 {
		refused.Readings, refused.Why = append(refused.Readings, rs[0]), err.Error()
		return nil
	}
	half := len(rs) / 2
	if err := l.some(ctx, gateway, rs[:half], refused); err != nil {
		return err
	}
	return l.some(ctx, gateway, rs[half:], refused)
}

// final says whether the server will never take this request as it is. A wrong token or bucket is the operator's to
// mend, so it is not: readings wait.
func final(err error) bool {
	var he *influxhttp.Error
	if !errors.As(err, &he) {
		return false
	}
	switch he.StatusCode {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// merge joins the two fields of readings, each ordered by time.
func merge(values map[int64]float64, statuses []sample) []sample {
	for i, s := range statuses {
		v, ok := values[s.at]
		if !ok && s.quality != device.Bad { // half of a reading: the other half is not visible yet
			statuses[i].quality, statuses[i].reason = device.Bad, device.NotRead
		}
		statuses[i].value = v
	}
	return statuses
}
