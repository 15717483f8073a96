package wire

import (
	"fmt"
	"math"
	"time"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/drivers/device"
)

// An Encoder makes the payloads of telemetry records. It reuses its buffers, so one goroutine uses it at a time.
type Encoder struct {
	msg    Readings
	names  map[string]uint32
	index  map[device.Key]int // into series
	series []seen
	last   int    // series of the reading before
	round  uint32 // counts payloads
	raw    []byte
	zstd   *zstd.Encoder
}

// seen is a series that some payload had. Gateways read the same points in the same order for years, so the series after
// the last one is tried before the map.
type seen struct {
	key   device.Key
	round uint32 // of the payload that place belongs to
	place uint32 // in that payload's dictionary
}

// NewEncoder makes an encoder.
func NewEncoder() (*Encoder, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(128<<10))
	if err != nil {
		return nil, fmt.Errorf("start zstd: %w", err)
	}
	return &Encoder{names: map[string]uint32{}, index: map[device.Key]int{}, zstd: z}, nil
}

// Encode makes one payload of at most MaxReadings readings. Times are kept to the millisecond.
func (e *Encoder) Encode(rs []device.Reading) ([]byte, error) {
	if len(rs) == 0 || len(rs) > MaxReadings {
		return nil, fmt.Errorf("encode %d readings: a record holds 1 to %d", len(rs), MaxReadings)
	}
	e.reset()
	last := rs[0].Time.UnixMilli()
	e.msg.BaseMs = last
	for _, r := range rs {
		at := r.Time.UnixMilli()
		e.msg.DeltaMs = append(e.msg.DeltaMs, at-last)
		last = at
		e.msg.Index = append(e.msg.Index, e.seriesOf(r.Key()))
		e.msg.Status = append(e.msg.Status, byte(r.Quality)<<6|byte(r.Reason)&0x3f)
		if r.Quality != device.Bad {
			e.msg.Values = append(e.msg.Values, r.Value)
		}
	}
	var err error
	if e.raw, err = (proto.MarshalOptions{}).MarshalAppend(e.raw[:0], &e.msg); err != nil {
		return nil, fmt.Errorf("encode readings: %w", err)
	}
	return e.zstd.EncodeAll(e.raw, make([]byte, 0, len(e.raw)/2+64)), nil
}

// maxSeen bounds the series that an encoder remembers: far more than a site has.
const maxSeen = 1 << 18

func (e *Encoder) reset() {
	e.round++
	if e.round == 0 || len(e.series) > maxSeen {
		clear(e.index)
		e.series, e.round = e.series[:0], 1
	}
	e.last = -1
	clear(e.names)
	e.msg.Names, e.msg.Series = e.msg.Names[:0], e.msg.Series[:0]
	e.msg.Index, e.msg.DeltaMs = e.msg.Index[:0], e.msg.DeltaMs[:0]
	e.msg.Status, e.msg.Values = e.msg.Status[:0], e.msg.Values[:0]
}

// seriesOf is the place of a series in the present payload's dictionary.
func (e *Encoder) seriesOf(k device.Key) uint32 {
	i := e.last + 1
	if i >= len(e.series) || e.series[i].key != k {
		var ok bool
		if i, ok = e.index[k]; !ok {
			i = len(e.series)
			e.index[k] = i
			e.series = append(e.series, seen{key: k})
		}
	}
	e.last = i
	s := &e.series[i]
	if s.round != e.round {
		s.round, s.place = e.round, uint32(len(e.msg.Series)/2)
		e.msg.Series = append(e.msg.Series, e.nameOf(k.Device), e.nameOf(k.Point))
	}
	return s.place
}

func (e *Encoder) nameOf(s string) uint32 {
	n, ok := e.names[s]
	if !ok {
		n = uint32(len(e.msg.Names))
		e.names[s] = n
		e.msg.Names = append(e.msg.Names, s)
	}
	return n
}

// maxRaw bounds the memory that one payload can claim when decompressed.
const maxRaw = 1 << 20

// A Decoder reads the payloads of telemetry records; it may be used by several goroutines.
type Decoder struct{ zstd *zstd.Decoder }

// NewDecoder makes a decoder.
func NewDecoder() (*Decoder, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxRaw), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("start zstd: %w", err)
	}
	return &Decoder{z}, nil
}

// Readings decodes one payload. A malformed one is an error, never a wrong reading; the whole payload is refused.
func (d *Decoder) Readings(payload []byte) ([]device.Reading, error) {
	raw, err := d.zstd.DecodeAll(payload, nil)
	if err != nil {
		return nil, fmt.Errorf("decompress readings: %w", err)
	}
	var msg Readings
	if err := proto.Unmarshal(raw, &msg); err != nil {
		return nil, fmt.Errorf("decode readings: %w", err)
	}
	if err := msg.check(); err != nil {
		return nil, fmt.Errorf("decode readings: %w", err)
	}
	out := make([]device.Reading, len(msg.Index))
	at, value := msg.BaseMs, 0
	for i, series := range msg.Index {
		at += msg.DeltaMs[i]
		r := device.Reading{
			Device:  msg.Names[msg.Series[2*series]],
			Point:   msg.Names[msg.Series[2*series+1]],
			Value:   math.NaN(),
			Quality: device.Quality(msg.Status[i] >> 6),
			Reason:  device.Reason(msg.Status[i] & 0x3f),
			Time:    time.UnixMilli(at),
		}
		if r.Quality != device.Bad {
			r.Value = msg.Values[value]
			value++
		}
		out[i] = r
	}
	return out, nil
}

func (m *Readings) check() error {
	n := len(m.Index)
	if n == 0 || n > MaxReadings || len(m.DeltaMs) != n || len(m.Status) != n || len(m.Series)%2 != 0 {
		return fmt.Errorf("columns of %d, %d, %d entries", n, len(m.DeltaMs), len(m.Status))
	}
	for _, name := range m.Series {
		if int(name) >= len(m.Names) {
			return fmt.Errorf("name %d of %d", name, len(m.Names))
		}
	}
	values := 0
	for i, series := range m.Index {
		if int(series) >= len(m.Series)/2 {
			return fmt.Errorf("series %d of %d", series, len(m.Series)/2)
		}
		quality := device.Quality(m.Status[i] >> 6)
		if quality > device.Good {
			return fmt.Errorf("quality %d", quality)
		}
		if quality != device.Bad {
			values++
		}
	}
	if values != len(m.Values) {
		return fmt.Errorf("%d values for %d readings that have one", len(m.Values), values)
	}
	return nil
}
