package street

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// A series is the values of one point at the times of its payload. Places is how many decimals its meter shows.
type series struct {
	device, point string
	places        int
	values        []float64
}

// readings makes the payload of a telemetry record from series that share their times (Unix ms, an even grid): the columns of
// cloud/wire/DESIGN.md in their plainest form. The series of one device stand together.
func readings(times []int64, all []series) []byte {
	var devices, points []string
	for _, s := range all {
		devices, points = with(devices, s.device), with(points, s.point)
	}
	b := binary.AppendUvarint(nil, 1)
	b = binary.AppendUvarint(b, uint64(len(all)*len(times)))
	b = spell(spell(b, devices), points)
	w := bitWriter{}
	forms, firsts := map[string]int{}, map[string]int64{}
	for i, s := range all {
		if i == 0 || all[i-1].device != s.device {
			w.shape(all[i:], points)
		}
		w.times(times, i == 0)
		w.put(1, 1) // all are good
		w.values(s, forms, firsts)
	}
	var m message
	m.bytes(15, append(b, w.finish()...))
	return m
}

func with(names []string, name string) []string {
	for _, n := range names {
		if n == name {
			return names
		}
	}
	return append(names, name)
}

// spell writes names in full.
func spell(b []byte, names []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(names)))
	for _, n := range names {
		b = binary.AppendUvarint(b, uint64(len(n))<<1)
		b = binary.AppendUvarint(b, 0) // nothing from the name before
		b = append(b, n...)
	}
	return b
}

// A bitWriter collects bits, lowest first.
type bitWriter struct {
	buf  []byte
	used uint // bits of the last byte; 0: a new one begins
}

func (w *bitWriter) put(v uint64, n uint) {
	for ; n > 0; n-- {
		if w.used == 0 {
			w.buf = append(w.buf, 0)
		}
		w.buf[len(w.buf)-1] |= byte(v&1) << w.used
		w.used = (w.used + 1) % 8
		v >>= 1
	}
}

func (w *bitWriter) gamma(v uint64) {
	n := uint(bits.Len64(v+1)) - 1
	w.put(1<<n, n+1)
	w.put((v+1)&(1<<n-1), n)
}

func (w *bitWriter) number(v uint64) {
	n := uint(bits.Len64(v))
	if n >= 63 {
		w.put(63, 6)
		w.put(v, 64)
		return
	}
	w.put(uint64(n), 6)
	w.put(v, n)
}

func (w *bitWriter) rice(v uint64, k uint) {
	q := v >> k
	if q >= 32 {
		w.put(0, 32)
		w.put(v, 64)
		return
	}
	w.put(1<<q, uint(q)+1)
	w.put(v&(1<<k-1), k)
}

func (w *bitWriter) finish() []byte { return w.buf }

func signed(v int64) uint64 { return uint64(v)<<1 ^ uint64(v>>63) }

// shape says which points the first device of the series has; always as a new shape.
func (w *bitWriter) shape(of []series, points []string) {
	n := 1
	for n < len(of) && of[n].device == of[0].device {
		n++
	}
	w.gamma(0)
	w.gamma(uint64(n) - 1)
	expect := 0
	for _, s := range of[:n] {
		at := 0
		for points[at] != s.point {
			at++
		}
		w.gamma(signed(int64(at - expect)))
		expect = at + 1
	}
}

// times writes the times of a series: those of the series before, or a new vector on a grid.
func (w *bitWriter) times(times []int64, first bool) {
	if !first {
		w.gamma(1)
		return
	}
	w.gamma(0)
	w.put(0, 1)
	w.gamma(uint64(len(times)) - 1)
	w.number(signed(times[0]))
	if len(times) > 1 {
		w.put(0, 2) // grid
		w.number(signed(times[1] - times[0]))
		w.put(63, 6) // none lies beside it
	}
}

// values writes the values of a series as whole numbers of its last decimal.
func (w *bitWriter) values(s series, forms map[string]int, firsts map[string]int64) {
	form, scale := s.places, math.Pow10(s.places) // via 0
	if forms[s.point] == form {
		w.put(1, 1)
	} else {
		w.put(0, 1)
		w.put(uint64(form), 6)
		forms[s.point], firsts[s.point] = form, 0
	}
	whole := make([]int64, len(s.values))
	for i, v := range s.values {
		whole[i] = int64(math.Round(v * scale))
	}
	w.number(signed(whole[0] - firsts[s.point]))
	firsts[s.point] = whole[0]
	if len(whole) == 1 {
		return
	}
	sum := uint64(0)
	for i := 1; i < len(whole); i++ {
		sum += signed(whole[i] - whole[i-1])
	}
	if sum == 0 {
		w.put(63, 6)
		return
	}
	k := uint(bits.Len64(sum / uint64(len(whole)-1)))
	w.put(uint64(k), 6)
	w.put(0, 2) // against the one before
	for i := 1; i < len(whole); i++ {
		w.rice(signed(whole[i]-whole[i-1]), k)
	}
}
