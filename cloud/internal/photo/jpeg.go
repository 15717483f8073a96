package photo

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// Markers of a JPEG.
const (
	sof0, dht, soi, eoi, sos = 0xc0, 0xc4, 0xd8, 0xd9, 0xda
	dqt, dri                 = 0xdb, 0xdd
	app0, app1, app2, app14  = 0xe0, 0xe1, 0xe2, 0xee
)

// cleanJPEG keeps the segments that the picture needs, up to its end.
func cleanJPEG(in []byte) ([]byte, error) {
	out := append(make([]byte, 0, len(in)), 0xff, soi)
	turned, shown := false, false
	for at := 2; ; {
		for at < len(in) && in[at] == 0xff && at+1 < len(in) && in[at+1] == 0xff { // fill bytes
			at++
		}
		if at+2 > len(in) {
			return nil, errCut
		}
		if in[at] != 0xff {
			return nil, errors.New("no marker where one must be")
		}
		marker := in[at+1]
		if marker == eoi {
			if !shown {
				return nil, errors.New("it has no picture")
			}
			return append(out, 0xff, eoi), nil
		}
		if at+4 > len(in) {
			return nil, errCut
		}
		n := int(binary.BigEndian.Uint16(in[at+2:]))
		if n < 2 || at+2+n > len(in) {
			return nil, errCut
		}
		segment := in[at : at+2+n]
		at += len(segment)
		if keepJPEG(marker, segment[4:]) {
			out = append(out, segment...)
		} else if o := orientation(segment[4:]); marker == app1 && o > 1 && !turned {
			out, turned = append(out, exifOf(o)...), true
		}
		if marker == sos {
			end := at + scanEnd(in[at:])
			out, at, shown = append(out, in[at:end]...), end, true
		}
	}
}

// keepJPEG says whether the picture needs a segment.
func keepJPEG(marker byte, body []byte) bool {
	switch {
	case marker >= sof0 && marker <= 0xcf && marker != 0xc8, marker == sos, marker == dqt, marker == dri, marker == app0 && bytes.HasPrefix(body, []byte("JFIF\x00")), marker == app14:
		return true
	}
	return marker == app2 && bytes.HasPrefix(body, []byte("ICC_PROFILE\x00"))
}

// scanEnd is where the compressed data of a scan end: at the next marker.
func scanEnd(b []byte) int {
	for i := 0; i+1 < len(b); i++ {
		if b[i] == 0xff && b[i+1] != 0 && b[i+1] != 0xff && (b[i+1] < 0xd0 || b[i+1] > 0xd7) {
			return i
		}
	}
	return len(b)
}

// orientation reads from an Exif segment how the picture is to be turned, 1 to 8; 0 when it does not say.
func orientation(body []byte) int {
	tiff, ok := bytes.CutPrefix(body, []byte("Exif\x00\x00"))
	if !ok || len(tiff) < 8 {
		return 0
	}
	var order binary.ByteOrder = binary.BigEndian
	if string(tiff[:2]) == "II" {
		order = binary.LittleEndian
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at+2 > uint64(len(tiff)) {
		return 0
	}
	for n := uint64(order.Uint16(tiff[at:])); n > 0; n-- {
		entry := at + 2 + (n-1)*12
		if entry+12 > uint64(len(tiff)) || order.Uint16(tiff[entry:]) != 0x0112 {
			continue
		}
		if v := int(order.Uint16(tiff[entry+8:])); v >= 1 && v <= 8 {
			return v
		}
	}
	return 0
}

// exifOf is an Exif segment that says how the picture is to be turned, and nothing else.
func exifOf(orientation int) []byte {
	body := []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00")
	body[len(body)-7] = byte(orientation) // a short stands in the first two of the value's four bytes
	return append([]byte{0xff, app1, 0, byte(len(body) + 2)}, body...)
}
