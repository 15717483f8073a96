package wire

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/drivers/device"
)

// A Decoder reads the payloads of telemetry records; it may be used by several goroutines.
type Decoder struct{ pool sync.Pool }

// NewDecoder makes a decoder.
func NewDecoder() (*Decoder, error) {
	return &Decoder{pool: sync.Pool{New: func() any { return new(decoding) }}}, nil
}

// A Column is what a payload has of one series, one entry a reading in each slice. The slices are valid during the call
// that gives them; the names are for keeping.
type Column struct {
	Device, Point string
	Times         []int64   // Unix ms
	Status        []byte    // quality << 6 | reason
	Values        []float64 // NaN where the quality is bad
}

// Quality of reading i.
func (c *Column) Quality(i int) device.Quality { return device.Quality(c.Status[i] >> 6) }

// Reason of reading i.
func (c *Column) Reason(i int) device.Reason { return device.Reason(c.Status[i] & 0x3f) }

// Reading is reading i.
func (c *Column) Reading(i int) device.Reading {
	return device.Reading{Device: c.Device, Point: c.Point, Value: c.Values[i], Quality: c.Quality(i), Reason: c.Reason(i), Time: time.UnixMilli(c.Times[i])}
}

// Readings decodes one payload, series by series. A malformed one is an error, never a wrong reading; the whole payload is
// refused.
func (d *Decoder) Readings(payload []byte) ([]device.Reading, error) {
	var out []device.Reading
	_, err := d.Columns(payload, func(c Column, all int) {
		if out == nil {
			// What is claimed is not made room for before it is there: a few bytes can claim thousands.
			out = make([]device.Reading, 0, min(all, 16*len(payload)))
		}
		for i := range c.Times {
			out = append(out, c.Reading(i))
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Columns decodes one payload and gives each series to f, together with how many readings the payload has in all. It
// answers the other fields of the message. After an error, such as ErrVersion, f may have been given a part of the payload.
func (d *Decoder) Columns(payload []byte, f func(c Column, all int)) (*Readings, error) {
	var head Readings
	if err := proto.Unmarshal(payload, &head); err != nil {
		return nil, fmt.Errorf("decode readings: %w", err)
	}
	x, _ := d.pool.Get().(*decoding)
	defer d.pool.Put(x)
	if err := x.decode(head.GetColumns(), f); err != nil {
		return nil, fmt.Errorf("decode readings: %w", err)
	}
	head.Columns = nil
	return &head, nil
}

// decoding is the state of reading one payload; its buffers are used again.
type decoding struct {
	r       bitReader
	left    int // readings that may still come
	devices []string
	points  []string
	shape   []int32 // of the present device, in arena
	shapes  [][]int32
	arena   []int32
	forms   []column
	times   timesReader
	status  []byte
	values  []float64
	numbers []int64
}

// ErrVersion: the payload is of a later version of the format than this program knows; nothing is wrong with it.
var ErrVersion = errors.New("columns of a version that is not known")

var errDamaged = errors.New("columns are damaged")

func (x *decoding) decode(b []byte, f func(c Column, all int)) error {
	version, b, err := readUvarint(b)
	if err != nil {
		return err
	}
	if version > columnsVersion {
		return ErrVersion
	}
	if version < columnsVersion {
		return errDamaged // there was none before
	}
	count, b, err := readUvarint(b)
	if err != nil || count == 0 || count > MaxReadings {
		return errDamaged
	}
	room := maxNames
	if x.devices, b, err = readNames(b, x.devices[:0], count, &room); err != nil {
		return err
	}
	if x.points, b, err = readNames(b, x.points[:0], count, &room); err != nil {
		return err
	}
	x.r, x.left = bitReader{b: b}, int(count)
	x.shapes, x.arena = x.shapes[:0], x.arena[:0]
	x.forms = slices.Grow(x.forms[:0], len(x.points))[:len(x.points)]
	clear(x.forms)
	x.times.begin()
	for _, device := range x.devices {
		if err := x.readShape(); err != nil {
			return err
		}
		for _, p := range x.shape {
			c := Column{Device: device, Point: x.points[p]}
			if err := x.readSeries(&c, &x.forms[p]); err != nil {
				return err
			}
			f(c, int(count))
		}
	}
	if x.left != 0 || !x.r.ended() {
		return errDamaged
	}
	return nil
}

// readShape reads which points the next device has.
func (x *decoding) readShape() error {
	back := x.r.gamma()
	if back > 0 {
		if back > uint64(len(x.shapes)) {
			return errDamaged
		}
		x.shape = x.shapes[len(x.shapes)-int(back)]
		return nil
	}
	n := x.r.gamma() + 1
	if n > uint64(x.left) || x.r.bad { // a series has a reading at least
		return errDamaged
	}
	from, expect := len(x.arena), int64(0)
	for range n {
		p := expect + unzigzag(x.r.gamma())
		if p < 0 || p >= int64(len(x.points)) || x.r.bad {
			return errDamaged
		}
		x.arena = append(x.arena, int32(p))
		expect = p + 1
	}
	x.shape = x.arena[from:]
	x.shapes = append(x.shapes, x.shape)
	return nil
}

func (x *decoding) readSeries(c *Column, like *column) (err error) {
	if c.Times, err = x.times.read(&x.r, x.left); err != nil {
		return err
	}
	n := len(c.Times)
	x.left -= n
	x.status = slices.Grow(x.status[:0], n)[:n]
	values, err := x.readStatus(x.status)
	if err != nil {
		return err
	}
	x.values = slices.Grow(x.values[:0], n)[:n]
	if values > 0 {
		if err := x.readValues(x.values[:values], like); err != nil {
			return err
		}
	}
	if values < n {
		x.spread(values)
	}
	c.Status, c.Values = x.status, x.values
	return nil
}

// spread moves the values to the readings that have one.
func (x *decoding) spread(values int) {
	for i := len(x.status) - 1; i >= 0; i-- {
		if x.status[i]>>6 == byte(device.Bad) {
			x.values[i] = math.NaN()
			continue
		}
		values--
		x.values[i] = x.values[values]
	}
}

// readStatus answers how many of the readings have a value.
func (x *decoding) readStatus(status []byte) (values int, err error) {
	if x.r.flag() {
		for i := range status {
			status[i] = allGood
		}
		return len(status), nil
	}
	for i := 0; i < len(status); {
		s := byte(x.r.get(8))
		n := x.r.gamma() + 1
		if n > uint64(len(status)-i) || x.r.bad || device.Quality(s>>6) > device.Good {
			return 0, errDamaged
		}
		for range n {
			status[i] = s
			i++
		}
		if s>>6 != byte(device.Bad) {
			values += int(n)
		}
	}
	return values, nil
}

func (x *decoding) readValues(to []float64, like *column) error {
	if !x.r.flag() {
		if like.form = form(x.r.get(6)); !like.form.valid() {
			return errDamaged
		}
		like.first = 0
	}
	m := like.first + unzigzag(x.r.number())
	like.first = m
	x.numbers = slices.Grow(x.numbers[:0], len(to))[:len(to)]
	x.numbers[0] = m
	if len(to) > 1 {
		if err := x.readRest(x.numbers); err != nil {
			return err
		}
	}
	if x.r.bad {
		return errDamaged
	}
	like.form.values(x.numbers, to)
	return nil
}

// readRest reads all numbers but the first.
func (x *decoding) readRest(ms []int64) error {
	k := uint(x.r.get(lowBits))
	if k == allZero {
		for i := range ms {
			ms[i] = ms[0]
		}
		return nil
	}
	kind := int(x.r.get(predictorBits))
	if kind >= predictors {
		return errDamaged
	}
	p := predictor{kind: kind, last: ms[0], smooth: ms[0]}
	for i := 1; i < len(ms); i++ {
		m := p.next() + unzigzag(x.r.rice(k))
		p.saw(m)
		ms[i] = m
	}
	return nil
}
