package evidence

import "encoding/binary"

// playable is how many bytes of a fragmented MP4 that was cut off somewhere a player can take: the initialisation segment and
// every whole fragment. 0: not even that.
func playable(b []byte) (n int) {
	begun, open := false, false
	for at := 0; ; {
		kind, size, ok := boxAt(b, at)
		if !ok {
			return n
		}
		at += size
		switch kind {
		case "ftyp", "moov":
			begun = begun || kind == "moov"
		case "moof":
			open = true
		case "mdat":
			if open {
				n, open = at, false
			}
		}
		if !begun {
			continue
		}
		if !open {
			n = at
		}
	}
}

// boxAt is the box at a place; false when it is not whole.
func boxAt(b []byte, at int) (kind string, size int, ok bool) {
	if len(b)-at < 8 {
		return "", 0, false
	}
	n := binary.BigEndian.Uint32(b[at:])
	if n < 8 || int64(n) > int64(len(b)-at) {
		return "", 0, false
	}
	return string(b[at+4 : at+8]), int(n), true
}
