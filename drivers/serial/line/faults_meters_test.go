package line_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"

	"github.com/linshao/linshao/drivers/device"
)

// digits is the number at a place, 8 digits.
func digits(place uint64, generation uint32) uint64 { return mix(place, generation) % 100_000_000 }

// bcd is 8 digits, the last two first.
func bcd(n uint64) (out []byte) {
	for range 4 {
		out = append(out, byte(n/10%10<<4|n%10))
		n /= 100
	}
	return out
}

func sum8(b []byte) byte {
	n := 0
	for _, x := range b {
		n += int(x)
	}
	return byte(n % 256)
}

// meters645 are the DL/T 645 meters …01 to …03. Each has single values, a block of three, and a long value of seven in three frames.
type meters645 struct {
	*world
	latched [4]uint32 // by meter: when the value whose next frames are asked for stood there
}

const (
	block645 = 0x0201FF00
	long645  = 0x06000001
)

func place645(meter byte, di uint32, at int) uint64 {
	return uint64(meter)<<40 | uint64(di)<<8 | uint64(at)
}

func frame645(meter, control byte, data []byte) []byte {
	b := []byte{0x68, meter, 0, 0, 0, 0, 0x20, 0x68, control, byte(len(data))}
	for _, x := range data {
		b = append(b, x+0x33)
	}
	return append(b, sum8(b), 0x16)
}

// values are n values of an identifier from the given one.
func values645(meter byte, di uint32, from, n int, generation uint32) (out []byte) {
	for i := range n {
		out = append(out, bcd(digits(place645(meter, di, from+i), generation))...)
	}
	return out
}

func reply645(meter byte, di uint32) []byte {
	return frame645(meter, 0x91, append(binary.LittleEndian.AppendUint32(nil, di), values645(meter, di, 0, 1, 1)...))
}

func reply188(meter byte, di uint32) []byte {
	return frame188(0x30, meter, 0x81, append([]byte{byte(di), byte(di >> 8), 0}, values188(meter, di, 1)...))
}

func (m *meters645) Answer(request []byte) []byte {
	meter, control, data := open645(request)
	if meter < 1 || meter > 3 || len(data) < 4 {
		return nil
	}
	m.generation++
	di := binary.LittleEndian.Uint32(data)
	out := bytes.Clone(data[:4])
	switch {
	case control == 0x12 && len(data) == 5 && di == long645 && data[4] <= 2:
		if data[4] == 1 {
			return m.preambled(frame645(meter, 0xB2, append(append(out, values645(meter, di, 3, 3, m.latched[meter])...), 1)))
		}
		return m.preambled(frame645(meter, 0x92, append(append(out, values645(meter, di, 6, 1, m.latched[meter])...), 2)))
	case control != 0x11 || len(data) != 4:
		return nil
	}
	switch di {
	case long645:
		m.latched[meter] = m.generation
		return m.preambled(frame645(meter, 0xB1, append(out, values645(meter, di, 0, 3, m.generation)...)))
	case block645:
		return m.preambled(frame645(meter, 0x91, append(out, values645(meter, di, 0, 3, m.generation)...)))
	}
	return m.preambled(frame645(meter, 0x91, append(out, values645(meter, di, 0, 1, m.generation)...)))
}

// preambled puts 0 to 4 of them before a frame.
func (m *meters645) preambled(b []byte) []byte {
	return append(bytes.Repeat([]byte{0xFE}, int(m.generation%5)), b...)
}

// open645 takes a request out of its frame; meter 0 when it is damaged.
func open645(b []byte) (meter, control byte, data []byte) {
	b = bytes.TrimLeft(b, "\xFE")
	n := len(b) - 2
	if n < 10 || b[0] != 0x68 || b[7] != 0x68 || int(b[9]) != n-10 || sum8(b[:n]) != b[n] || b[n+1] != 0x16 || b[6] != 0x20 || !bytes.Equal(b[2:6], make([]byte, 4)) {
		return 0, 0, nil
	}
	for _, x := range b[10:n] {
		data = append(data, x-0x33)
	}
	return b[1], b[8], data
}

func (m *meters645) Lie(r *rand.Rand, request, _ []byte) []byte {
	if request == nil {
		return frame645(9, 0x91, append([]byte{0, 1, 1, 2}, values645(9, 0, 0, 1, m.generation)...))
	}
	meter, control, data := open645(request)
	di := binary.LittleEndian.Uint32(data)
	reply := control | 0x80
	tail := bytes.Clone(data[4:])
	switch r.IntN(7) {
	case 0: // another meter's
		return frame645(meter%3+1, reply, append(append(bytes.Clone(data[:4]), values645(meter%3+1, di, 0, 1, m.generation)...), tail...))
	case 1: // another identifier's
		return frame645(meter, reply, append(append([]byte{data[0], data[1], data[2] + 1, data[3]}, values645(meter, di+1, 0, 3, m.generation)...), tail...))
	case 2: // too short
		return frame645(meter, reply, append(append(bytes.Clone(data[:4]), 0x12), tail...))
	case 3: // too short for an identifier
		return frame645(meter, reply, data[:3])
	case 4: // another frame's, or of a read that needs none
		return frame645(meter, 0x92, append(append(bytes.Clone(data[:4]), values645(meter, di, 0, 3, m.generation+7)...), 7))
	case 5: // what says the same to a write
		return frame645(meter, 0x94, append(bytes.Clone(data[:4]), values645(meter, di, 0, 1, m.generation+7)...))
	}
	return frame645(meter, reply|0x40, []byte{byte(1) << r.IntN(7)})
}

// Frames implements linetest.Devices.
func (*meters645) Frames(got []byte) (frames [][]byte) {
	for at := 0; at+12 <= len(got); at++ {
		if n := 12 + int(got[at+9]); at+n <= len(got) && got[at] == 0x68 && got[at+7] == 0x68 && got[at+n-1] == 0x16 && sum8(got[at:at+n-2]) == got[at+n-2] {
			frames = append(frames, got[at:at+n])
		}
	}
	return frames
}

func points645() (lists [][]device.Point) {
	for _, meter := range []string{"200000000001", "200000000002", "200000000003"} {
		list := func(formats []string, di ...uint32) {
			var points []device.Point
			for i, format := range formats {
				points = append(points, device.Point{Device: meter, Name: format, Address: meter, Register: device.Register{Addr: di[i%len(di)], Type: format}})
			}
			lists = append(lists, points)
		}
		list([]string{"XXXXXXXX", "XXXXXXXX", "XXXXXXXX"}, 0x00010000, 0x00020000, 0x02010100)
		list([]string{"XXXXXXXX@0", "XXXXXXXX@4", "XXXXXXXX@8"}, block645)
		list([]string{"XXXXXXXX@0", "XXXXXXXX@12", "XXXXXXXX@20", "XXXXXXXX@24"}, long645)
		list([]string{"XXXXXXXX"}, 0x02020100)
	}
	return lists
}

func truth645(p device.Point, generation uint32) float64 {
	return float64(digits(place645(p.Address[11]-'0', p.Register.Addr, at(p)), generation))
}

// at is which value of a block a point is.
func at(p device.Point) (n int) {
	_, place, _ := bytes.Cut([]byte(p.Register.Type), []byte{'@'})
	for _, x := range place {
		n = 10*n + int(x-'0')
	}
	return n / 4
}

// meters188 are the gas meters …01 to …03.
type meters188 struct{ *world }

func place188(meter byte, di uint32, at int) uint64 {
	return 1<<60 | uint64(meter)<<40 | uint64(di)<<8 | uint64(at)
}

func frame188(kind, meter, control byte, data []byte) []byte {
	b := append([]byte{0x68, kind, meter, 0x44, 0x33, 0x22, 0x11, 0, 0x33, control, byte(len(data))}, data...)
	return append(b, sum8(b), 0x16)
}

func values188(meter byte, di uint32, generation uint32) (out []byte) {
	for i := range 3 {
		out = append(out, bcd(digits(place188(meter, di, i), generation))...)
	}
	return out
}

// open188 takes a request out of its frame; meter 0 when it is damaged.
func open188(b []byte) (meter byte, data []byte) {
	b = bytes.TrimLeft(b, "\xFE")
	n := len(b) - 2
	if n < 11 || !bytes.Equal(b[3:11], []byte{0x44, 0x33, 0x22, 0x11, 0, 0x33, 1, 3}) || b[0] != 0x68 || b[1] != 0x30 || n != 14 || sum8(b[:n]) != b[n] || b[n+1] != 0x16 {
		return 0, nil
	}
	return b[2], b[11:n]
}

func (m *meters188) Answer(request []byte) []byte {
	meter, data := open188(request)
	if meter < 1 || meter > 3 {
		return nil
	}
	m.generation++
	b := frame188(0x30, meter, 0x81, append(bytes.Clone(data), values188(meter, uint32(binary.LittleEndian.Uint16(data)), m.generation)...))
	return append(bytes.Repeat([]byte{0xFE}, int(m.generation%5)), b...)
}

func (m *meters188) Lie(r *rand.Rand, request, _ []byte) []byte {
	if request == nil {
		return frame188(0x30, 9, 0x81, append([]byte{0x1F, 0x90, 0}, values188(9, 0x901F, m.generation)...))
	}
	meter, data := open188(request)
	di := uint32(binary.LittleEndian.Uint16(data))
	switch r.IntN(6) {
	case 0: // another meter's
		return frame188(0x30, meter%3+1, 0x81, append(bytes.Clone(data), values188(meter%3+1, di, m.generation)...))
	case 1: // a water meter's of the same number
		return frame188(0x10, meter, 0x81, append(bytes.Clone(data), values188(meter+9, di, m.generation)...))
	case 2: // another identifier's
		return frame188(0x30, meter, 0x81, append([]byte{data[0] + 1, data[1], data[2]}, values188(meter, di+1, m.generation)...))
	case 3: // too short
		return frame188(0x30, meter, 0x81, append(bytes.Clone(data), 0x12))
	case 4: // what says the same to a write
		return frame188(0x30, meter, 0x84, append(bytes.Clone(data), values188(meter, di, m.generation+7)...))
	}
	return frame188(0x30, meter, 0xC1, []byte{0, 0, 0})
}

// Frames implements linetest.Devices.
func (*meters188) Frames(got []byte) (frames [][]byte) {
	for at := 0; at+13 <= len(got); at++ {
		if n := 13 + int(got[at+10]); at+n <= len(got) && got[at] == 0x68 && got[at+n-1] == 0x16 && sum8(got[at:at+n-2]) == got[at+n-2] {
			frames = append(frames, got[at:at+n])
		}
	}
	return frames
}

func points188() (lists [][]device.Point) {
	for _, meter := range []string{"33001122334401", "33001122334402", "33001122334403"} {
		for _, di := range []uint32{0x901F, 0xD120} {
			var points []device.Point
			for _, format := range []string{"XXXXXXXX@0", "XXXXXXXX@4", "XXXXXXXX@8"} {
				points = append(points, device.Point{Device: meter, Name: format, Address: meter, Register: device.Register{Space: "gas", Addr: di, Type: format}})
			}
			lists = append(lists, points)
		}
	}
	return lists
}

func truth188(p device.Point, generation uint32) float64 {
	return float64(digits(place188(p.Address[13]-'0', p.Register.Addr, at(p)), generation))
}
