package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/drivers/device"
)

// ErrTooLarge: the readings are more than one payload holds. EncodeFirst says how many are not.
var ErrTooLarge = fmt.Errorf("more readings than a payload of %d bytes holds", MaxPayload)

// Limits of a payload's dictionary, far above what a site has.
const (
	maxName  = 255     // bytes of a device id or point name
	maxNames = 1 << 18 // bytes of all names together
	maxSeen  = 1 << 18 // series that an encoder remembers
)

// roomEnvelope is left for what stands around the columns: the fields of Readings.
const roomEnvelope = 64

// An Encoder makes the payloads of telemetry records. It reuses its buffers, so one goroutine uses it at a time.
// What it remembers from one payload to the next makes it fast, and is in no payload: each stands for itself.
type Encoder struct {
	round uint32 // counts payloads
	index map[device.Key]int32
	all   []member
	last  int32 // series of the reading before

	devices, points dictionary
	order           []int32 // series in the order of their devices' and their own first readings
	place           []int32 // per reading: its series
	times           []int64
	status          []byte
	values          []float64
	numbers         []int64
	vectors         vectors
	shapes          [][]int32
	forms           []column // per point of this payload
	bits            bitWriter
	buf             []byte
}

// member is a series that some payload had. Gateways read the same points in the same order for years, so the series after
// the last one is tried before the map.
type member struct {
	key           device.Key
	device, point int32 // places in the encoder's dictionaries
	round         uint32
	count         int32 // readings in this payload; then where its next one goes
	next          int32 // next series of the device in this payload; -1: none
}

// column is what the last series with a point's name was like.
type column struct {
	form  form
	first int64
}

// NewEncoder makes an encoder.
func NewEncoder() (*Encoder, error) {
	return &Encoder{index: map[device.Key]int32{}, devices: newDictionary(), points: newDictionary(), vectors: vectors{byHash: map[uint64]int32{}}}, nil
}

// Encode makes one payload of readings; ErrTooLarge when they do not fit. Times are kept to the millisecond, values to the
// bit; a bad reading has no value. Readings of one series keep their order, series come out one after the other.
func (e *Encoder) Encode(rs []device.Reading) ([]byte, error) {
	if len(rs) > MaxReadings {
		return nil, fmt.Errorf("encode %d readings: %w", len(rs), ErrTooLarge)
	}
	payload, n, err := e.EncodeFirst(&Readings{}, rs)
	if err == nil && n < len(rs) {
		return nil, fmt.Errorf("encode %d readings: %w", len(rs), ErrTooLarge)
	}
	return payload, err
}

// EncodeFirst makes one payload of as many of the first readings as fit, and says how many they are. head has the other
// fields; its columns are overwritten.
func (e *Encoder) EncodeFirst(head *Readings, rs []device.Reading) (payload []byte, n int, err error) {
	if len(rs) == 0 {
		return nil, 0, errors.New("encode readings: there are none")
	}
	const most = MaxPayload - roomEnvelope
	for n = min(len(rs), MaxReadings); ; {
		if err := e.encode(rs[:n]); err != nil {
			return nil, 0, fmt.Errorf("encode readings: %w", err)
		}
		size := len(e.buf)
		if e.devices.bytes+e.points.bytes > maxNames {
			size = max(size, 2*most)
		}
		if size <= most {
			break
		}
		n = max(1, min(n-1, n*most/size*15/16))
	}
	head.Columns = e.buf
	if payload, err = proto.Marshal(head); err != nil {
		return nil, 0, fmt.Errorf("encode readings: %w", err)
	}
	return payload, n, nil
}

// encode puts the columns of all readings into buf.
func (e *Encoder) encode(rs []device.Reading) error {
	e.reset()
	if err := e.sort(rs); err != nil {
		return err
	}
	e.scatter(rs)
	e.bits.reset()
	e.writeSeries()
	b := binary.AppendUvarint(e.buf[:0], columnsVersion)
	b = binary.AppendUvarint(b, uint64(len(rs)))
	b = e.points.append(e.devices.append(b))
	e.buf = append(b, e.bits.finish()...)
	return nil
}

func (e *Encoder) reset() {
	e.round++
	if e.round == 0 || len(e.all) > maxSeen {
		clear(e.index)
		e.all, e.round = e.all[:0], 1
		e.devices, e.points = newDictionary(), newDictionary()
	}
	e.last = -1
	e.order, e.shapes = e.order[:0], e.shapes[:0]
	e.devices.begin()
	e.points.begin()
	e.vectors.begin()
}

// sort finds the series of every reading and counts their readings.
func (e *Encoder) sort(rs []device.Reading) error {
	e.place = slices.Grow(e.place[:0], len(rs))[:len(rs)]
	for i := range rs {
		r := &rs[i]
		at := e.last + 1
		if at >= int32(len(e.all)) || e.all[at].key.Point != r.Point || e.all[at].key.Device != r.Device {
			var err error
			if at, err = e.find(r.Key()); err != nil {
				return err
			}
		}
		e.last = at
		m := &e.all[at]
		if m.round != e.round {
			m.round, m.count, m.next = e.round, 0, -1
			e.points.use(m.point, -1)
			if tail := e.devices.use(m.device, at); tail >= 0 {
				e.all[tail].next = at
			}
		}
		m.count++
		e.place[i] = at
		if r.Quality > device.Good || r.Reason > 0x3f {
			return fmt.Errorf("quality %d, reason %d of %s.%s cannot be told", r.Quality, r.Reason, r.Device, r.Point)
		}
	}
	return nil
}

func (e *Encoder) find(k device.Key) (int32, error) {
	if at, ok := e.index[k]; ok {
		return at, nil
	}
	if len(k.Device) > maxName || len(k.Point) > maxName {
		return 0, fmt.Errorf("a name of more than %d bytes: %.40s.%.40s", maxName, k.Device, k.Point)
	}
	at := int32(len(e.all))
	e.index[k] = at
	e.all = append(e.all, member{key: k, device: e.devices.place(k.Device), point: e.points.place(k.Point)})
	return at, nil
}

// scatter puts times, values and status into columns, series by series.
func (e *Encoder) scatter(rs []device.Reading) {
	n := len(rs)
	e.times, e.status = slices.Grow(e.times[:0], n)[:n], slices.Grow(e.status[:0], n)[:n]
	e.values, e.numbers = slices.Grow(e.values[:0], n)[:n], slices.Grow(e.numbers[:0], n)[:n]
	at := int32(0)
	for _, d := range e.devices.used {
		for s := d.first; s >= 0; s = e.all[s].next {
			e.order = append(e.order, s)
			at, e.all[s].count = at+e.all[s].count, at
		}
	}
	for i := range rs {
		r := &rs[i]
		m := &e.all[e.place[i]]
		e.times[m.count] = r.Time.UnixMilli()
		e.values[m.count] = r.Value
		e.status[m.count] = byte(r.Quality)<<6 | byte(r.Reason)
		m.count++ // ends as the end of the series
	}
}

// writeSeries writes the bits: per device its shape, and per series of it times, status and values.
func (e *Encoder) writeSeries() {
	e.forms = slices.Grow(e.forms[:0], len(e.points.used))[:len(e.points.used)]
	clear(e.forms)
	order, begin := e.order, int32(0)
	for range e.devices.used {
		n := 1
		for n < len(order) && e.all[order[n]].device == e.all[order[0]].device {
			n++
		}
		e.writeShape(order[:n])
		for _, s := range order[:n] {
			m := &e.all[s]
			e.vectors.write(&e.bits, e.times[begin:m.count])
			e.writeStatus(e.status[begin:m.count])
			e.writeValues(&e.forms[e.points.number(m.point)], begin, m.count)
			begin = m.count
		}
		order = order[n:]
	}
}

// writeShape says which points a device has: mostly those of the device before.
func (e *Encoder) writeShape(series []int32) {
	for back := range e.shapes {
		shape := e.shapes[len(e.shapes)-1-back]
		if e.same(shape, series) {
			e.bits.gamma(uint64(back) + 1)
			return
		}
	}
	e.bits.gamma(0)
	e.bits.gamma(uint64(len(series)) - 1)
	expect := int64(0)
	for _, s := range series {
		p := int64(e.points.number(e.all[s].point))
		e.bits.gamma(zigzag(p - expect))
		expect = p + 1
	}
	e.shapes = append(e.shapes, series)
}

// same says whether a device's series have the points of a shape, which is the series of an earlier device.
func (e *Encoder) same(shape, series []int32) bool {
	if len(shape) != len(series) {
		return false
	}
	for i, s := range series {
		if e.all[s].point != e.all[shape[i]].point {
			return false
		}
	}
	return true
}

const allGood = byte(device.Good) << 6

func (e *Encoder) writeStatus(status []byte) {
	plain := true
	for _, s := range status {
		plain = plain && s == allGood
	}
	if e.bits.flag(plain); plain {
		return
	}
	for i := 0; i < len(status); {
		n := 1
		for i+n < len(status) && status[i+n] == status[i] {
			n++
		}
		e.bits.put(uint64(status[i]), 8)
		e.bits.gamma(uint64(n) - 1)
		i += n
	}
}

// writeValues writes the values of the readings that have one.
func (e *Encoder) writeValues(c *column, begin, end int32) {
	values := e.values[begin:begin]
	for i := begin; i < end; i++ {
		if e.status[i]>>6 != byte(device.Bad) {
			values = append(values, e.values[i]) // moves up, in place
		}
	}
	if len(values) == 0 {
		return
	}
	ms := e.numbers[:len(values)]
	f := numbers(values, ms, c.form)
	if e.bits.flag(f == c.form); f != c.form {
		e.bits.put(uint64(f), 6)
		c.form, c.first = f, 0
	}
	e.bits.number(zigzag(ms[0] - c.first))
	c.first = ms[0]
	if len(ms) > 1 {
		e.writeRest(ms)
	}
}

// writeRest writes all numbers but the first, each from what was to be expected.
func (e *Encoder) writeRest(ms []int64) {
	var sums [predictors]uint64
	before, smooth, slope := ms[0], ms[0], int64(0)
	for _, m := range ms[1:] {
		d := m - before
		sums[predictLast] += limited(zigzag(d))
		sums[predictSmooth] += limited(zigzag(m - smooth))
		sums[predictLine] += limited(zigzag(d - slope))
		smooth += (m - smooth) >> smoothShift
		before, slope = m, d
	}
	if sums[predictLast] == 0 {
		e.bits.put(allZero, lowBits)
		return
	}
	best := predictLast
	for p := range sums {
		if sums[p] < sums[best] {
			best = p
		}
	}
	k := riceLow(sums[best], len(ms)-1)
	e.bits.put(uint64(k), lowBits)
	e.bits.put(uint64(best), predictorBits)
	p := predictor{kind: best, last: ms[0], smooth: ms[0]}
	for _, m := range ms[1:] {
		e.bits.rice(zigzag(m-p.next()), k)
		p.saw(m)
	}
}

// limited keeps a sum of many from overflowing.
func limited(u uint64) uint64 { return min(u, 1<<48) }

// riceLow is the number of low bits with which n numbers of that sum are about shortest.
func riceLow(sum uint64, n int) uint {
	mean := sum / uint64(n) * 11 / 16
	return min(uint(bits.Len64(mean)), mostLow)
}
