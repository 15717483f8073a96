package series

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net/http"

	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/encoding/protowire"
)

// maxRequest bounds a remote write before compression; VictoriaMetrics takes 32 MiB.
const maxRequest = 8 << 20

// remoteWrite makes requests of the Prometheus remote-write protocol 1.0. Its memory is kept between requests.
type remoteWrite struct {
	raw, labels, body, packed []byte
}

// add appends a column. The status is written of readings that are not good. Of all that are not newer than the time
// known it is written to a metric of its own, which counts more: of two samples with the same time the server keeps either.
func (w *remoteWrite) add(c *Column, known int64) {
	w.labels = w.labels[:0]
	for _, l := range [...][2]string{{"device", c.Device}, {"gateway", c.Gateway}, {"point", c.Point}} {
		w.labels = label(w.labels, l[0], l[1])
	}
	w.body = append(label(w.body[:0], "__name__", valueMetric), w.labels...)
	begin := len(w.body)
	for i, at := range c.Times {
		if c.Status == nil || !isBad(c.Status[i]) {
			w.body = appendSample(w.body, c.Values[i], at)
		}
	}
	w.end(begin)
	if c.Status != nil {
		w.statuses(c, statusMetric, func(s byte, at int64) bool { return s != good && at > known })
	}
	if c.Times[0] <= known {
		w.statuses(c, againMetric, func(_ byte, at int64) bool { return at <= known })
	}
}

func (w *remoteWrite) statuses(c *Column, metric string, wanted func(s byte, at int64) bool) {
	w.body = append(label(w.body[:0], "__name__", metric), w.labels...)
	begin := len(w.body)
	for i, at := range c.Times {
		if s := c.at(i); wanted(s, at) {
			w.body = appendSample(w.body, float64(s), at)
		}
	}
	w.end(begin)
}

// end appends the series in body to the request, unless it has no samples.
func (w *remoteWrite) end(labelsEnd int) {
	if len(w.body) == labelsEnd {
		return
	}
	w.raw = protowire.AppendTag(w.raw, 1, protowire.BytesType) // WriteRequest.timeseries
	w.raw = protowire.AppendBytes(w.raw, w.body)
}

func label(b []byte, name, value string) []byte {
	size := protowire.SizeTag(1) + protowire.SizeBytes(len(name)) + protowire.SizeTag(2) + protowire.SizeBytes(len(value))
	b = protowire.AppendTag(b, 1, protowire.BytesType) // TimeSeries.labels
	b = protowire.AppendVarint(b, uint64(size))
	b = protowire.AppendTag(b, 1, protowire.BytesType)
	b = protowire.AppendString(b, name)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	return protowire.AppendString(b, value)
}

// appendSample is TimeSeries.samples: value as field 1, double; time as field 2, varint.
func appendSample(b []byte, value float64, at int64) []byte {
	b = append(b, 2<<3|2, byte(10+protowire.SizeVarint(uint64(at))), 1<<3|1)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(value))
	b = append(b, 2<<3)
	return protowire.AppendVarint(b, uint64(at))
}

// answered is what a server said to a request that it did not carry out.
type answered struct {
	code int
	said string
}

func (e *answered) Error() string {
	return fmt.Sprintf("%d %s: %s", e.code, http.StatusText(e.code), e.said)
}

// push sends the request and empties it.
func (v *Victoria) push(ctx context.Context, w *remoteWrite) error {
	if len(w.raw) == 0 {
		return nil
	}
	if n := s2.MaxEncodedLen(len(w.raw)); cap(w.packed) < n {
		w.packed = make([]byte, n)
	}
	packed := s2.EncodeSnappy(w.packed[:cap(w.packed)], w.raw)
	w.raw = w.raw[:0]
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.base+"/api/v1/write", bytes.NewReader(packed))
	if err != nil {
		return fmt.Errorf("write to VictoriaMetrics: %w", err)
	}
	req.Header.Set("Content-Encoding", "snappy")
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	body, err := v.do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, body) // read to its end, so that the connection can be used again
	if cerr := body.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("write to VictoriaMetrics: %w", err)
	}
	return nil
}
