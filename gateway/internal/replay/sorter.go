package replay

import (
	"cmp"
	"slices"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// heldBack is how long before the newest reading what was read is not handed on: a read may go on in the next record.
const heldBack = 2000 // ms

// A sample is a reading in 24 bytes.
type sample struct {
	ms     int64
	value  float64
	series int32
	status uint8 // quality << 6 | reason
}

// series is a point of a device; all readings of it share the two strings.
type series struct {
	key    device.Key
	device int32
	read   uint32 // the last read that has it
}

// A read is some samples of one device that belong together.
type read struct {
	ms       int64 // when the last of them was read
	from, to int32
}

// A sorter puts readings that come series by series in the order in which they were read: device by device, each read as a whole.
type sorter struct {
	index   map[device.Key]int32
	series  []series
	devices map[string]int32
	gaps    []int64 // by device, ms: readings further apart are two reads

	in     []sample // not handed on yet
	out    []sample // the same by device, then by time
	starts []int32  // by device
	reads  []read
	number uint32 // of the last read

	resets []rules.ReplayReset // still to come, by time
}

func newSorter(all []device.Device) *sorter {
	s := &sorter{index: map[device.Key]int32{}, devices: map[string]int32{}}
	for _, d := range all {
		gap := min(max(d.Poll.Milliseconds()/2, 500), 5000)
		s.gaps = append(s.gaps, gap)
		s.devices[d.ID] = int32(len(s.devices))
	}
	return s
}

// of finds a series, or makes it.
func (s *sorter) of(k device.Key) int32 {
	if i, ok := s.index[k]; ok {
		return i
	}
	d, ok := s.devices[k.Device]
	if !ok { // the gateway itself, or a device that has left
		d = int32(len(s.gaps))
		s.devices[k.Device] = d
		s.gaps = append(s.gaps, 2000)
	}
	i := int32(len(s.series))
	s.index[k] = i
	s.series = append(s.series, series{key: k, device: d})
	return i
}

// flush hands on, as steps of a sheet, the reads that ended at or before a moment; the rest waits.
func (s *sorter) flush(to *Sheet, until int64) {
	s.group()
	slices.SortFunc(s.reads, func(a, b read) int { return cmp.Or(cmp.Compare(a.ms, b.ms), cmp.Compare(a.from, b.from)) })
	s.in = s.in[:0]
	n := len(to.readings)
	to.readings = slices.Grow(to.readings, len(s.out))
	for _, r := range s.reads {
		if r.ms > until {
			s.in = append(s.in, s.out[r.from:r.to]...)
			continue
		}
		s.reset(to, r.ms)
		for _, x := range s.out[r.from:r.to] {
			to.readings = append(to.readings, s.reading(x))
		}
		to.add(rules.ReplayStep{Readings: to.readings[n:len(to.readings):len(to.readings)]})
		n = len(to.readings)
	}
}

// reset hands on what people did up to a moment.
func (s *sorter) reset(to *Sheet, until int64) {
	for len(s.resets) > 0 && s.resets[0].At.UnixMilli() <= until {
		to.add(rules.ReplayStep{Reset: &s.resets[0]})
		s.resets = s.resets[1:]
	}
}

func (s *sorter) reading(x sample) device.Reading {
	k := &s.series[x.series].key
	return device.Reading{Device: k.Device, Point: k.Point, Value: x.value, Quality: device.Quality(x.status >> 6), Reason: device.Reason(x.status & 0x3f), Time: time.UnixMilli(x.ms)}
}

// group makes reads of the samples: a point comes once in a read.
func (s *sorter) group() {
	s.byDevice()
	s.reads = s.reads[:0]
	from := int32(0)
	for d := range s.gaps {
		to := s.starts[d]
		mine := s.out[from:to]
		slices.SortFunc(mine, func(a, b sample) int {
			if a.ms != b.ms {
				return cmp.Compare(a.ms, b.ms)
			}
			return cmp.Compare(a.series, b.series)
		})
		s.number++
		begin := from
		for i := range mine {
			x := &s.series[mine[i].series]
			if i > 0 && (x.read == s.number || mine[i].ms-mine[i-1].ms > s.gaps[d]) {
				s.reads = append(s.reads, read{mine[i-1].ms, begin, from + int32(i)})
				begin = from + int32(i)
				s.number++
			}
			x.read = s.number
		}
		if len(mine) > 0 {
			s.reads = append(s.reads, read{mine[len(mine)-1].ms, begin, to})
		}
		from = to
	}
}

// byDevice fills out: the samples of each device in a row, in the order in which they came. starts holds the end of each row then.
func (s *sorter) byDevice() {
	s.starts = slices.Grow(s.starts[:0], len(s.gaps))[:len(s.gaps)]
	clear(s.starts)
	for i := range s.in {
		s.starts[s.series[s.in[i].series].device]++
	}
	sum := int32(0)
	for d, n := range s.starts {
		s.starts[d] = sum
		sum += n
	}
	s.out = slices.Grow(s.out[:0], len(s.in))[:len(s.in)]
	for i := range s.in {
		d := s.series[s.in[i].series].device
		s.out[s.starts[d]] = s.in[i]
		s.starts[d]++
	}
}
