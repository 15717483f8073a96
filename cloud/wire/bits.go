package wire

import (
	"encoding/binary"
	"math/bits"
)

// Limits of the codes below.
const (
	riceEscape = 32 // zeros that announce a number written in full
	lengthBits = 6  // of a number's length in bits; 63 stands for 64
	longLength = 63
)

// A bitWriter collects bits, lowest first.
type bitWriter struct {
	buf []byte
	acc uint64
	n   uint // bits in acc, below 64
}

func (w *bitWriter) reset() { w.buf, w.acc, w.n = w.buf[:0], 0, 0 }

// put writes the n lowest bits of v, which has none above them; n is at most 64.
func (w *bitWriter) put(v uint64, n uint) {
	w.acc |= v << w.n
	if w.n+n < 64 {
		w.n += n
		return
	}
	w.buf = binary.LittleEndian.AppendUint64(w.buf, w.acc)
	w.acc = v >> (64 - w.n)
	w.n += n - 64
}

func (w *bitWriter) flag(b bool) {
	if b {
		w.put(1, 1)
	} else {
		w.put(0, 1)
	}
}

// rice writes v with k low bits behind the rest in unary.
func (w *bitWriter) rice(v uint64, k uint) {
	q := v >> k
	if q >= riceEscape {
		w.put(0, riceEscape)
		w.put(v, 64)
		return
	}
	w.put(1<<q, uint(q)+1)
	w.put(v&(1<<k-1), k)
}

// gamma writes a number that is mostly small; it is below 1<<32.
func (w *bitWriter) gamma(v uint64) {
	v++
	n := uint(bits.Len64(v)) - 1
	w.put(1<<n, n+1)
	w.put(v&(1<<n-1), n)
}

// number writes a number of any size.
func (w *bitWriter) number(v uint64) {
	n := uint(bits.Len64(v))
	if n >= longLength {
		w.put(longLength, lengthBits)
		w.put(v, 64)
		return
	}
	w.put(uint64(n), lengthBits)
	w.put(v, n)
}

// finish answers all bits, filled up with zeros to whole bytes.
func (w *bitWriter) finish() []byte {
	for ; w.n > 0; w.n -= min(w.n, 8) {
		w.buf = append(w.buf, byte(w.acc))
		w.acc >>= 8
	}
	return w.buf
}

// A bitReader is the inverse of a bitWriter. Reading beyond the end gives zeros and sets bad.
type bitReader struct {
	b   []byte // not yet in acc
	acc uint64
	n   uint // bits of acc that count; those above are a copy of what comes next
	bad bool
}

// fill makes n at least 56 as long as there are bytes.
func (r *bitReader) fill() {
	if len(r.b) >= 8 {
		r.acc |= binary.LittleEndian.Uint64(r.b) << r.n
		r.b = r.b[(63-r.n)>>3:]
		r.n |= 56
		return
	}
	for r.n <= 56 && len(r.b) > 0 {
		r.acc |= uint64(r.b[0]) << r.n
		r.b = r.b[1:]
		r.n += 8
	}
}

// get reads n bits, at most 56.
func (r *bitReader) get(n uint) uint64 {
	if r.n < n {
		if r.fill(); r.n < n {
			r.bad, r.acc, r.n, r.b = true, 0, 0, nil
			return 0
		}
	}
	v := r.acc & (1<<n - 1)
	r.acc >>= n
	r.n -= n
	return v
}

// wide reads n bits, at most 64.
func (r *bitReader) wide(n uint) uint64 {
	low := r.get(min(n, 32))
	return low | r.get(n-min(n, 32))<<32
}

func (r *bitReader) flag() bool { return r.get(1) != 0 }

// unary reads zeros up to a one, or limit zeros.
func (r *bitReader) unary(limit uint) uint {
	if r.n < limit+1 {
		r.fill()
	}
	zeros := min(uint(bits.TrailingZeros64(r.acc)), limit)
	if zeros < limit {
		r.get(zeros + 1)
	} else {
		r.get(limit)
	}
	return zeros
}

func (r *bitReader) rice(k uint) uint64 {
	if r.n < 40 {
		r.fill()
	}
	// Nearly always the whole code is there and short.
	if q := uint(bits.TrailingZeros64(r.acc)); q+1+k <= r.n && q < riceEscape {
		v := uint64(q)<<k | r.acc>>(q+1)&(1<<k-1)
		r.acc >>= q + 1 + k
		r.n -= q + 1 + k
		return v
	}
	q := r.unary(riceEscape)
	if q == riceEscape {
		return r.wide(64)
	}
	if k <= 32 {
		return uint64(q)<<k | r.get(k)
	}
	return uint64(q)<<k | r.wide(k)
}

func (r *bitReader) gamma() uint64 {
	n := r.unary(32)
	return 1<<n - 1 + r.get(n)
}

func (r *bitReader) number() uint64 {
	n := uint(r.get(lengthBits))
	if n == longLength {
		n = 64
	}
	return r.wide(n)
}

// ended says that all was read, and nothing read that was not there.
func (r *bitReader) ended() bool { return !r.bad && len(r.b) == 0 && r.n < 8 && r.acc == 0 }

// zigzag gives small numbers of both signs small codes.
func zigzag(v int64) uint64 { return uint64(v)<<1 ^ uint64(v>>63) }

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }
