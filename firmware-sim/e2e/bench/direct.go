package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"time"

	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/firmware-sim/e2e/process"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// direct feeds VictoriaMetrics without anything between, by remote write in requests made beforehand: what the machine
// and the store can do. Each request holds as much as a round of the cloud, and each is followed by a flush.
type direct struct {
	store    *process.Process
	address  string
	columns  map[string]map[device.Key][]device.Reading
	held     int
	requests [][]byte
}

// store alone: its points a second, and its processor seconds per million.
type ceiling struct{ rate, cpu float64 }

const directReadings = 1 << 19

func newDirect(ctx context.Context, dir string) (*direct, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	port, err := freeport.Find()
	if err != nil {
		return nil, err
	}
	d := &direct{address: fmt.Sprintf("127.0.0.1:%d", port), columns: map[string]map[device.Key][]device.Reading{}}
	d.store, err = process.Victoria(ctx, dir, port)
	return d, err
}

func (d *direct) stop() {
	if d.store != nil {
		_ = d.store.Stop() // what it leaves behind is deleted
	}
}

// add takes readings of a gateway.
func (d *direct) add(gateway string, rs []device.Reading) {
	of := d.columns[gateway]
	if of == nil {
		of = map[device.Key][]device.Reading{}
		d.columns[gateway] = of
	}
	for _, r := range rs {
		of[r.Key()] = append(of[r.Key()], r)
	}
	if d.held += len(rs); d.held >= directReadings {
		d.close()
	}
}

// close makes a request of what was added.
func (d *direct) close() {
	var raw []byte
	for gateway, of := range d.columns {
		for key, rs := range of {
			raw = appendSeries(raw, "linshao_value", gateway, key, rs, func(r device.Reading) (float64, bool) { return r.Value, r.Quality != device.Bad })
			raw = appendSeries(raw, "linshao_status", gateway, key, rs, func(r device.Reading) (float64, bool) {
				return float64(byte(r.Quality)<<6 | byte(r.Reason)), r.Quality != device.Good
			})
		}
		clear(of)
	}
	d.held, d.requests = 0, append(d.requests, s2.EncodeSnappy(nil, raw))
}

func appendSeries(b []byte, metric, gateway string, k device.Key, rs []device.Reading, value func(device.Reading) (float64, bool)) []byte {
	var body []byte
	for _, l := range [][2]string{{"__name__", metric}, {"device", k.Device}, {"gateway", gateway}, {"point", k.Point}} {
		label := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), l[0])
		label = protowire.AppendString(protowire.AppendTag(label, 2, protowire.BytesType), l[1])
		body = protowire.AppendBytes(protowire.AppendTag(body, 1, protowire.BytesType), label)
	}
	labels := len(body)
	for _, r := range rs {
		v, ok := value(r)
		if !ok {
			continue
		}
		at := uint64(r.Time.UnixMilli())
		body = append(body, 2<<3|2, byte(10+protowire.SizeVarint(at)), 1<<3|1)
		body = binary.LittleEndian.AppendUint64(body, math.Float64bits(v))
		body = protowire.AppendVarint(append(body, 2<<3), at)
	}
	if len(body) == labels {
		return b
	}
	return protowire.AppendBytes(protowire.AppendTag(b, 1, protowire.BytesType), body)
}

// run feeds the store and counts what it then holds.
func (d *direct) run(ctx context.Context, total source) (ceiling, error) {
	if d.held > 0 {
		d.close()
	}
	before, err := cpu(d.store.Pid())
	if err != nil {
		return ceiling{}, err
	}
	began := time.Now()
	for _, body := range d.requests {
		if err := d.post(ctx, "/api/v1/write", body); err != nil {
			return ceiling{}, err
		}
		if err := d.post(ctx, "/internal/force_flush", nil); err != nil {
			return ceiling{}, err
		}
	}
	seconds := time.Since(began).Seconds()
	after, err := cpu(d.store.Pid())
	if err != nil {
		return ceiling{}, err
	}
	if err := verifyVictoria(ctx, d.address, total); err != nil {
		return ceiling{}, err
	}
	d.requests, d.columns = nil, nil
	err = d.store.Stop()
	d.store = nil
	n := float64(total.readings)
	return ceiling{n / seconds, (after - before).Seconds() / n * 1e6}, err
}

func (d *direct) post(ctx context.Context, path string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+d.address+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("feed store: %w", err)
	}
	request.Header.Set("Content-Encoding", "snappy")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("feed store: %w", err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s", response.Status, said)
	}
	return err
}
