package look

import (
	"encoding/binary"
	"fmt"
)

// A unit is the beginning of a fragmented MP4, or one fragment.
type unit struct {
	begins bool
	data   []byte
}

// cutter finds the units in what a camera's connection sends piece by piece.
type cutter struct{ rest []byte }

// add takes the next piece and answers the units that are whole with it.
func (c *cutter) add(b []byte) (units []unit, err error) {
	c.rest = append(c.rest, b...)
	for at := 0; len(c.rest)-at >= 8; {
		size := int64(binary.BigEndian.Uint32(c.rest[at:]))
		if size < 8 || int64(at)+size > unitMost {
			return units, fmt.Errorf("a box of %d bytes", size)
		}
		if size > int64(len(c.rest)-at) {
			break
		}
		kind := string(c.rest[at+4 : at+8])
		at += int(size)
		if kind == "moov" || kind == "mdat" {
			units = append(units, unit{kind == "moov", c.rest[:at:at]})
			c.rest = append([]byte(nil), c.rest[at:]...)
			at = 0
		}
	}
	if len(c.rest) > unitMost {
		return units, fmt.Errorf("%d bytes without an end of a fragment", len(c.rest))
	}
	return units, nil
}
