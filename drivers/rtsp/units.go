package rtsp

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph265"
	mch264 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	mch265 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/pion/rtp"
)

// largestUnit is the most that one access unit may have, in bytes: a key frame of 8 megapixels has about one.
const largestUnit = 4 << 20

// Bounds of what a camera may make us keep before a picture is complete.
const (
	longestSet = 4 << 10  // bytes of one parameter set; those of cameras have less than a hundred
	mostPieces = 16 << 10 // packets of a unit; the largest unit has a quarter of it
)

// A unit is one access unit: all slices of one picture, without its parameter sets.
type unit struct {
	stamp uint32 // its RTP time, 1/90000 s
	pts   int64  // the same without wraps, from the session's first packet on
	dts   int64  // when it must be decoded; differs from pts where frames are sent out of order
	key   bool
	lost  bool   // something before it is missing
	lead  bool   // H.265: it needs pictures from before the key frame that it follows (RASL)
	data  []byte // NAL units, each after four bytes of length
	set   *set   // the parameters that it needs
	// Of the slices alone, for messages between them may carry the time of day while the picture stands still.
	sum    uint64 // fingerprint of a key frame
	weight int    // bytes
}

// unpacker makes units of a session's RTP packets. It has no clock.
type unpacker struct {
	codec codec
	avc   *rtph264.Decoder
	hevc  *rtph265.Decoder
	seq   uint16
	begun bool
	lost  bool // since the last unit
	gap   int  // packets missed so far
	open  int  // packets since the last unit

	stamp  uint32 // of the last packet
	pts    int64
	params params
	set    *set
	order  reorder
}

// reorder is what finds decoding times; a new one is needed after a loss.
type reorder interface {
	Extract(unit [][]byte, pts int64) (dts int64, err error)
}

func newUnpacker(s stream) *unpacker {
	u := &unpacker{codec: s.codec, params: s.params}
	u.empty()
	u.set = u.params.make(s.codec)
	u.restart()
	return u
}

// empty forgets the pieces of what is not complete.
func (u *unpacker) empty() {
	u.open = 0
	if u.codec == h265 {
		u.hevc = &rtph265.Decoder{}
		_ = u.hevc.Init() // fails only for options that we do not set
		return
	}
	u.avc = &rtph264.Decoder{PacketizationMode: 1}
	_ = u.avc.Init()
}

func (u *unpacker) restart() {
	if u.codec == h265 {
		d := &mch265.DTSExtractor{}
		d.Initialize()
		u.order = d
		return
	}
	d := &mch264.DTSExtractor{}
	d.Initialize()
	u.order = d
}

// take gives the unit that a packet has completed, if it has.
func (u *unpacker) take(p *rtp.Packet) (unit, bool) {
	if u.begun {
		if missing := p.SequenceNumber - u.seq - 1; missing != 0 {
			u.lost = true
			u.gap += int(missing)
		}
		u.pts += int64(int32(p.Timestamp - u.stamp)) // right over the wrap after 13 hours
	}
	u.begun, u.seq, u.stamp = true, p.SequenceNumber, p.Timestamp
	if u.open++; u.open > mostPieces {
		u.empty()
		u.lost = true
	}
	nals, err := u.decode(p)
	if err != nil {
		u.lost = u.lost || !errors.Is(err, rtph264.ErrMorePacketsNeeded) && !errors.Is(err, rtph265.ErrMorePacketsNeeded)
		return unit{}, false
	}
	u.open = 0
	return u.assemble(nals)
}

func (u *unpacker) decode(p *rtp.Packet) ([][]byte, error) {
	if u.codec == h265 {
		return u.hevc.Decode(p)
	}
	return u.avc.Decode(p)
}

// assemble sorts parameter sets from slices.
func (u *unpacker) assemble(nals [][]byte) (unit, bool) {
	var slices [][]byte
	size, key, lead, other := 0, false, false, false
	for _, n := range nals {
		if len(n) < 2 {
			continue
		}
		if is, changed := u.params.note(u.codec, n); is {
			other = other || changed
			continue
		}
		kind := kindOf(u.codec, n)
		if kind == partOther {
			continue
		}
		key = key || kind == partKey
		lead = lead || u.codec == h265 && (n[0]>>1&0x3f == 8 || n[0]>>1&0x3f == 9)
		slices = append(slices, n)
		size += 4 + len(n)
	}
	if other {
		u.set = u.params.make(u.codec)
	}
	if !hasSlice(u.codec, slices) || size > largestUnit {
		return unit{}, false
	}
	out := unit{stamp: u.stamp, pts: u.pts, dts: u.pts, key: key, lost: u.lost, lead: lead, set: u.set, data: make([]byte, 0, size)}
	for _, n := range slices {
		out.data = append(binary.BigEndian.AppendUint32(out.data, uint32(len(n))), n...)
	}
	out.weigh(u.codec, slices)
	u.decodingTime(&out, slices)
	u.lost = false
	return out, true
}

func (out *unit) weigh(c codec, nals [][]byte) {
	for _, n := range nals {
		if kindOf(c, n) == partExtra {
			continue
		}
		out.weight += len(n)
		if out.key {
			out.sum = sumOf(out.sum, n)
		}
	}
}

// decodingTime is the presentation time where frames come in order, and wherever the order cannot be found out.
func (u *unpacker) decodingTime(out *unit, slices [][]byte) {
	if out.lost {
		u.restart()
	}
	if out.set == nil {
		return
	}
	whole := slices
	if out.key { // the extractor reads the order from the parameter sets
		whole = append(u.params.all(u.codec), slices...)
	}
	dts, err := u.order.Extract(whole, out.pts)
	if err != nil {
		u.restart()
		return
	}
	out.dts = dts
}

// Parts of an access unit.
type part uint8

const (
	partOther part = iota // delimiters, fillers: not kept
	partSlice
	partKey
	partExtra // messages (SEI): kept, but no picture
)

func kindOf(c codec, nal []byte) part {
	if c == h265 {
		switch kind := nal[0] >> 1 & 0x3f; {
		case kind >= 16 && kind <= 21:
			return partKey
		case kind <= 31:
			return partSlice
		case kind == 39 || kind == 40:
			return partExtra
		}
		return partOther
	}
	switch kind := nal[0] & 0x1f; {
	case kind == 5:
		return partKey
	case kind >= 1 && kind <= 4:
		return partSlice
	case kind == 6:
		return partExtra
	}
	return partOther
}

func hasSlice(c codec, nals [][]byte) bool {
	for _, n := range nals {
		if k := kindOf(c, n); k == partSlice || k == partKey {
			return true
		}
	}
	return false
}

// params are a stream's parameter sets; vps for H.265 alone.
type params struct{ vps, sps, pps []byte }

// note keeps a parameter set that has changed, and says whether the NAL unit is one at all. One that is too long is none of
// a camera's.
func (p *params) note(c codec, nal []byte) (is, changed bool) {
	var where *[]byte
	switch {
	case c == h265 && nal[0]>>1&0x3f == 32:
		where = &p.vps
	case c == h265 && nal[0]>>1&0x3f == 33, c == h264 && nal[0]&0x1f == 7:
		where = &p.sps
	case c == h265 && nal[0]>>1&0x3f == 34, c == h264 && nal[0]&0x1f == 8:
		where = &p.pps
	default:
		return false, false
	}
	if len(nal) > longestSet || bytes.Equal(*where, nal) {
		return true, false
	}
	*where = bytes.Clone(nal)
	return true, true
}

func (p *params) all(c codec) [][]byte {
	if c == h265 {
		return [][]byte{p.vps, p.sps, p.pps}
	}
	return [][]byte{p.sps, p.pps}
}
