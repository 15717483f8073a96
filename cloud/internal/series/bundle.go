package series

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/linshao/linshao/cloud/wire"
)

// A bundle holds what arrived together of the points of one gateway: one row instead of a thousand.
//
//	uvarint number of points · per point, by number: uvarint distance of its series number to the one before, uvarint
//	length of its block · the blocks · CRC32C of all that, little endian
//
// A row of table blocks is one block and its CRC32C.

// numbered is a column with the number of its series.
type numbered struct {
	series int64
	Column
}

func sealed(b []byte) []byte { return binary.LittleEndian.AppendUint32(b, wire.Checksum(b)) }

func unsealed(b []byte) ([]byte, error) {
	n := len(b) - 4
	if n < 0 || binary.LittleEndian.Uint32(b[n:]) != wire.Checksum(b[:n]) {
		return nil, errBlock
	}
	return b[:n], nil
}

// packBundle makes a bundle of columns, each in order of time, each of another series.
func packBundle(columns []numbered) []byte {
	slices.SortFunc(columns, func(a, b numbered) int { return cmp.Compare(a.series, b.series) })
	var blocks []byte
	head := binary.AppendUvarint(nil, uint64(len(columns)))
	last := int64(0)
	for i := range columns {
		n := len(blocks)
		blocks = appendBlock(blocks, &columns[i].Column)
		head = binary.AppendUvarint(head, uint64(columns[i].series-last))
		head = binary.AppendUvarint(head, uint64(len(blocks)-n))
		last = columns[i].series
	}
	return sealed(append(head, blocks...))
}

// openBundle decodes the columns of a bundle; only that of one series when it is not 0.
func openBundle(b []byte, only int64) ([]numbered, error) {
	b, err := unsealed(b)
	if err != nil {
		return nil, err
	}
	n, b, ok := uvarint(b)
	if !ok || n > uint64(len(b)) {
		return nil, errBlock
	}
	type place struct {
		series int64
		size   uint64
	}
	places := make([]place, n)
	series := int64(0)
	for i := range places {
		var d uint64
		if d, b, ok = uvarint(b); !ok {
			return nil, errBlock
		}
		if places[i].size, b, ok = uvarint(b); !ok {
			return nil, errBlock
		}
		series += int64(d)
		places[i].series = series
	}
	var out []numbered
	for _, p := range places {
		if p.size > uint64(len(b)) {
			return nil, errBlock
		}
		if only == 0 || only == p.series {
			c, _, err := readBlock(b[:p.size])
			if err != nil {
				return nil, err
			}
			out = append(out, numbered{p.series, c})
		}
		b = b[p.size:]
	}
	return out, nil
}

// openRow decodes a row of table blocks.
func openRow(b []byte) (Column, error) {
	b, err := unsealed(b)
	if err != nil {
		return Column{}, err
	}
	c, _, err := readBlock(b)
	return c, err
}
