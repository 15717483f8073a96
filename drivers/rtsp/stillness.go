package rtsp

import (
	"hash/fnv"
	"time"
)

// The evidence for a frozen picture.
const (
	quietShare = 0.05 // of its key frame's size is a frame in which nothing moves, at most
	sameKeys   = 2    // different key frames that a still picture may alternate between
	fewestKeys = 4    // key frames, at least
)

// stillness suspects that a picture is frozen, without decoding it. A picture is frozen when for a long time (a minute) its
// key frames repeat byte for byte and the frames between them carry next to nothing. A sensor's noise makes the key frames
// of a living camera differ even when nothing moves, so a quiet night scene is not called frozen. Two different key frames
// may alternate, because H.264 makes neighbours differ in one number (idr_pic_id).
//
// It misses rather than cries: a frozen camera that still draws its clock into the picture, that changes its quantiser or
// counts that number upwards looks alive. What it can take for frozen though it lives: a perfectly black picture, as of a
// covered lens with the sensor's noise clipped away. Such a camera sees nothing either.
type stillness struct {
	after time.Duration

	open   bool // a key frame has begun the group of frames that is being gathered
	group  group
	last   time.Duration // when the last complete group began
	closed int           // complete groups so far

	run      [sameKeys]uint64 // the different key frames of the run
	distinct int
	keys     int // key frames in the run
	since    time.Duration
}

// group is a key frame and the frames up to the next one.
type group struct {
	at     time.Duration
	sum    uint64
	bytes  int // of the key frame
	others int // frames after it
	rest   int // their bytes
}

// frame takes one whole frame.
func (s *stillness) frame(at time.Duration, key bool, sum uint64, bytes int) {
	if key {
		if s.open {
			s.close()
		}
		s.open, s.group = true, group{at: at, sum: sum, bytes: bytes}
		return
	}
	s.group.others++
	s.group.rest += bytes
}

// close judges the group that the next key frame has ended.
func (s *stillness) close() {
	g := s.group
	s.closed++
	s.last = g.at
	if float64(g.rest) > quietShare*float64(g.bytes)*float64(g.others) {
		s.distinct, s.keys = 0, 0
		return
	}
	for _, sum := range s.run[:s.distinct] {
		if sum == g.sum {
			s.keys++
			return
		}
	}
	if s.distinct == 0 || s.distinct == sameKeys {
		s.distinct, s.keys, s.since = 0, 0, g.at
	}
	s.run[s.distinct] = g.sum
	s.distinct++
	s.keys++
}

// frozen is unknown until two groups are complete.
func (s *stillness) frozen() (frozen, known bool) {
	return s.keys >= fewestKeys && s.last-s.since >= s.after, s.closed >= 2
}

// sumOf is a frame's fingerprint; pieces of one frame go in one after the other.
func sumOf(before uint64, piece []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte{
		byte(before), byte(before >> 8), byte(before >> 16), byte(before >> 24),
		byte(before >> 32), byte(before >> 40), byte(before >> 48), byte(before >> 56),
	})
	_, _ = h.Write(piece)
	return h.Sum64()
}
