package photo

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// cleanPNG keeps the chunks that the picture needs, up to its end.
func cleanPNG(in []byte) ([]byte, error) {
	out := append(make([]byte, 0, len(in)), pngSignature...)
	shown := false
	for at := len(pngSignature); ; {
		if at+12 > len(in) {
			return nil, errCut
		}
		n := int64(binary.BigEndian.Uint32(in[at:]))
		if n > int64(len(in)-at-12) {
			return nil, errCut
		}
		chunk := in[at : at+12+int(n)]
		at += len(chunk)
		body := chunk[4 : len(chunk)-4]
		if crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(chunk[len(chunk)-4:]) {
			return nil, errors.New("its checksum is wrong")
		}
		kind := string(body[:4])
		if slices.Contains([]string{"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "cHRM", "sRGB", "iCCP", "sBIT", "pHYs", "bKGD"}, kind) {
			out = append(out, chunk...)
		}
		shown = shown || kind == "IDAT"
		if kind == "IEND" {
			if !shown {
				return nil, errors.New("it has no picture")
			}
			return out, nil
		}
	}
}

// cleanWebP keeps the chunks that the picture needs, and answers its size.
func cleanWebP(in []byte) (out []byte, width, height int, err error) {
	size := int64(binary.LittleEndian.Uint32(in[4:]))
	if size < 4 || size+8 > int64(len(in)) {
		return nil, 0, 0, errCut
	}
	in = in[:size+8]
	out = append(make([]byte, 0, len(in)), in[:12]...)
	shown := false
	for at := 12; at < len(in); {
		if at+8 > len(in) {
			return nil, 0, 0, errCut
		}
		n := int64(binary.LittleEndian.Uint32(in[at+4:]))
		end := int64(at) + 8 + n
		if end > int64(len(in)) {
			return nil, 0, 0, errCut
		}
		kind, body := string(in[at:at+4]), in[at+8:end]
		end = min(end+n&1, int64(len(in)))
		if slices.Contains([]string{"VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF", "ICCP"}, kind) {
			from := len(out)
			out = append(out, in[at:end]...)
			if kind == "VP8X" && n >= 10 {
				out[from+8] &^= 0x0c // it has no Exif and no XMP any more
			}
			if w, h := webpSize(kind, body); width == 0 && w > 0 {
				width, height = w, h
			}
			shown = shown || kind == "VP8 " || kind == "VP8L" || kind == "ANMF"
		}
		at = int(end)
	}
	if !shown {
		return nil, 0, 0, errors.New("it has no picture")
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out, width, height, nil
}

// webpSize reads the size from the head of a chunk; zeros when it tells none.
func webpSize(kind string, b []byte) (width, height int) {
	switch {
	case kind == "VP8X" && len(b) >= 10:
		return 1 + int(b[4]) + int(b[5])<<8 + int(b[6])<<16, 1 + int(b[7]) + int(b[8])<<8 + int(b[9])<<16
	case kind == "VP8L" && len(b) >= 5 && b[0] == 0x2f:
		bits := binary.LittleEndian.Uint32(b[1:])
		return 1 + int(bits&0x3fff), 1 + int(bits>>14&0x3fff)
	case kind == "VP8 " && len(b) >= 10 && b[3] == 0x9d && b[4] == 0x01 && b[5] == 0x2a:
		return int(binary.LittleEndian.Uint16(b[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(b[8:]) & 0x3fff)
	}
	return 0, 0
}
