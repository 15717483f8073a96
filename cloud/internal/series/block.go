package series

import (
	"encoding/binary"
	"errors"
	"math"
)

// A block is a column of one point in bytes, in order of time:
//
//	uvarint n · times · statuses · values
//	times:    varint first, then runs (uvarint length, varint distance) until n-1 distances are told
//	statuses: runs (uvarint length, byte status) until n are told
//	values:   one byte scale. 0…9: varint of the first value × 10^scale, then of each difference to the one before, exact.
//	          255: 8 bytes a value, the bits exclusive-or those of the one before, big endian without leading zero bytes
//	          behind a byte with their number. Bad readings have no value.
//
// A point that is read at an even pace and moves in its own steps takes one or two bytes a reading.

const (
	scaleRaw   = 255
	maxScale   = 9
	maxDecoded = 1 << 20 // readings of one block: a damaged length must not claim memory
)

var errBlock = errors.New("damaged block")

var powers = [maxScale + 1]float64{1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// appendBlock appends a column that is in order of time.
func appendBlock(b []byte, c *Column) []byte {
	b = binary.AppendUvarint(b, uint64(len(c.Times)))
	b = appendTimes(b, c.Times)
	b = appendStatuses(b, c)
	return appendValues(b, c)
}

func appendTimes(b []byte, times []int64) []byte {
	b = binary.AppendVarint(b, times[0])
	for i := 1; i < len(times); {
		d, j := times[i]-times[i-1], i+1
		for j < len(times) && times[j]-times[j-1] == d {
			j++
		}
		b = binary.AppendUvarint(b, uint64(j-i))
		b = binary.AppendVarint(b, d)
		i = j
	}
	return b
}

func appendStatuses(b []byte, c *Column) []byte {
	for i := 0; i < len(c.Times); {
		s, j := c.at(i), i+1
		if c.Status == nil {
			j = len(c.Times)
		}
		for j < len(c.Times) && c.Status[j] == s {
			j++
		}
		b = append(binary.AppendUvarint(b, uint64(j-i)), s)
		i = j
	}
	return b
}

func appendValues(b []byte, c *Column) []byte {
	start, scale := len(b), scaleOf(c)
	b = append(b, scale)
	var last int64
	var lastBits uint64
	for i, v := range c.Values {
		if c.Status != nil && isBad(c.Status[i]) {
			continue
		}
		if scale == scaleRaw {
			bits := math.Float64bits(v)
			b = appendBits(b, bits^lastBits)
			lastBits = bits
			continue
		}
		n, ok := scaled(v, scale)
		if !ok { // the scale was guessed from a few values
			return appendRaw(b[:start], c)
		}
		b = binary.AppendVarint(b, n-last)
		last = n
	}
	return b
}

func appendRaw(b []byte, c *Column) []byte {
	b = append(b, scaleRaw)
	var last uint64
	for i, v := range c.Values {
		if c.Status != nil && isBad(c.Status[i]) {
			continue
		}
		bits := math.Float64bits(v)
		b = appendBits(b, bits^last)
		last = bits
	}
	return b
}

func appendBits(b []byte, x uint64) []byte {
	n := 8
	for n > 0 && x>>(8*n-8) == 0 {
		n--
	}
	b = append(b, byte(n))
	for ; n > 0; n-- {
		b = append(b, byte(x>>(8*n-8)))
	}
	return b
}

// scaleOf is the number of decimal places that hold all values exactly, or scaleRaw.
func scaleOf(c *Column) byte {
	scale := byte(0)
	for i, v := range c.Values {
		if c.Status != nil && isBad(c.Status[i]) {
			continue
		}
		for {
			if _, ok := scaled(v, scale); ok {
				break
			}
			if scale++; scale > maxScale {
				return scaleRaw
			}
		}
	}
	return scale
}

// scaled answers v × 10^scale if that is a whole number from which v comes back bit by bit.
func scaled(v float64, scale byte) (int64, bool) {
	x := math.RoundToEven(v * powers[scale])
	if x < -1<<53 || x > 1<<53 || x != x {
		return 0, false
	}
	n := int64(x)
	return n, float64(n)/powers[scale] == v && (n != 0 || !math.Signbit(v))
}

// readBlock decodes a block and answers what is behind it. A damaged one is an error, never a wrong length.
func readBlock(b []byte) (Column, []byte, error) {
	n, b, ok := uvarint(b)
	if !ok || n == 0 || n > maxDecoded {
		return Column{}, nil, errBlock
	}
	c := Column{Times: make([]int64, 0, min(n, 4096)), Values: make([]float64, 0, min(n, 4096))}
	if b, ok = c.readTimes(b, int(n)); !ok {
		return Column{}, nil, errBlock
	}
	if b, ok = c.readStatuses(b); !ok {
		return Column{}, nil, errBlock
	}
	if b, ok = c.readValues(b); !ok {
		return Column{}, nil, errBlock
	}
	return c, b, nil
}

func uvarint(b []byte) (uint64, []byte, bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 {
		return 0, nil, false
	}
	return n, b[size:], true
}

func varint(b []byte) (int64, []byte, bool) {
	n, size := binary.Varint(b)
	if size <= 0 {
		return 0, nil, false
	}
	return n, b[size:], true
}

func (c *Column) readTimes(b []byte, n int) ([]byte, bool) {
	at, b, ok := varint(b)
	if !ok {
		return nil, false
	}
	c.Times = append(c.Times, at)
	for len(c.Times) < n {
		var run uint64
		var d int64
		if run, b, ok = uvarint(b); !ok || run == 0 || run > uint64(n-len(c.Times)) {
			return nil, false
		}
		if d, b, ok = varint(b); !ok {
			return nil, false
		}
		for range run {
			next := at + d // wraps as the distance did, if two times lie further apart than it can say
			if next <= at {
				return nil, false
			}
			at = next
			c.Times = append(c.Times, at)
		}
	}
	return b, true
}

func (c *Column) readStatuses(b []byte) ([]byte, bool) {
	n := len(c.Times)
	for i := 0; i < n; {
		run, rest, ok := uvarint(b)
		if !ok || run == 0 || run > uint64(n-i) || len(rest) == 0 {
			return nil, false
		}
		s := rest[0]
		b = rest[1:]
		if s == good && i == 0 && int(run) == n {
			return b, true
		}
		if c.Status == nil {
			c.Status = make([]byte, 0, n)
		}
		for range run {
			c.Status = append(c.Status, s)
		}
		i += int(run)
	}
	return b, true
}

func (c *Column) readValues(b []byte) ([]byte, bool) {
	if len(b) == 0 {
		return nil, false
	}
	scale := b[0]
	b = b[1:]
	if scale > maxScale && scale != scaleRaw {
		return nil, false
	}
	var last int64
	var bits uint64
	for i := range c.Times {
		if c.Status != nil && isBad(c.Status[i]) {
			c.Values = append(c.Values, 0)
			continue
		}
		if scale == scaleRaw {
			var x uint64
			var ok bool
			if x, b, ok = readBits(b); !ok {
				return nil, false
			}
			bits ^= x
			c.Values = append(c.Values, math.Float64frombits(bits))
			continue
		}
		d, rest, ok := varint(b)
		if !ok {
			return nil, false
		}
		b, last = rest, last+d
		c.Values = append(c.Values, float64(last)/powers[scale])
	}
	return b, true
}

func readBits(b []byte) (uint64, []byte, bool) {
	if len(b) == 0 || b[0] > 8 || len(b) <= int(b[0]) {
		return 0, nil, false
	}
	n := int(b[0])
	var x uint64
	for _, c := range b[1 : 1+n] {
		x = x<<8 | uint64(c)
	}
	return x, b[1+n:], true
}
