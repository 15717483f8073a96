package outbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

const (
	magic      = "LSOUTBOX"
	version    = 2
	headerSize = 64
	recordHead = 48 // bytes of a record before its payload
	segmentExt = ".seg"

	// MaxPayload is the largest payload of one record, in bytes. It is wire.MaxPayload, so that every record fits a message.
	MaxPayload = 60 << 10

	// MaxSeq is above every number that a log gives: at a million records a second it is reached after 146,000 years.
	MaxSeq = 1 << 62
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Record is one entry of the log.
type Record struct {
	Seq     uint64 // counts from 1 in each epoch
	Type    uint32 // wire's record type
	Boot    uint32 // which start of the gateway made it
	Clock   uint32 // quality of WallMs
	WallMs  int64  // Unix milliseconds
	MonoMs  uint64 // milliseconds since the gateway's start
	Payload []byte
}

// header is the first 64 bytes of a segment file.
type header struct {
	stream    uint32
	epoch     uint64 // random; the same in all segments of one log
	first     uint64 // no record of the file has a smaller sequence number
	createdMs int64  // for people; nothing is ordered by it
	before    uint64 // the last record there was when the file was made; 0 none is known. For Inspect
	given     uint64 // numbers below were given out before the file was made, whatever is in it
}

func (h header) encode() []byte {
	b := make([]byte, headerSize)
	copy(b, magic)
	b[8] = version
	binary.LittleEndian.PutUint32(b[12:], h.stream)
	binary.LittleEndian.PutUint64(b[16:], h.epoch)
	binary.LittleEndian.PutUint64(b[24:], h.first)
	binary.LittleEndian.PutUint64(b[32:], uint64(h.createdMs))
	binary.LittleEndian.PutUint64(b[40:], h.given)
	binary.LittleEndian.PutUint64(b[48:], h.before)
	binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
	return b
}

func parseHeader(b []byte) (header, error) {
	if len(b) < headerSize || string(b[:8]) != magic {
		return header{}, errors.New("no segment header")
	}
	if crc32.Checksum(b[:60], castagnoli) != binary.LittleEndian.Uint32(b[60:]) {
		return header{}, errors.New("segment header is damaged")
	}
	if b[8] != version {
		return header{}, fmt.Errorf("segment format %d, this program reads %d", b[8], version)
	}
	return header{
		stream:    binary.LittleEndian.Uint32(b[12:]),
		epoch:     binary.LittleEndian.Uint64(b[16:]),
		first:     binary.LittleEndian.Uint64(b[24:]),
		createdMs: int64(binary.LittleEndian.Uint64(b[32:])),
		given:     binary.LittleEndian.Uint64(b[40:]),
		before:    binary.LittleEndian.Uint64(b[48:]),
	}, nil
}

// seed starts the checksum of every record of a segment with its epoch and first sequence number, so that bytes of another
// file never verify.
func (h header) seed() uint32 { return mix(mix(0, h.epoch), h.first) }

// mix goes on with a checksum over the eight bytes of v. It is written out because crc32.Update would put them on the heap.
func mix(crc uint32, v uint64) uint32 {
	crc = ^crc
	for range 8 {
		crc = castagnoli[byte(crc)^byte(v)] ^ crc>>8
		v >>= 8
	}
	return ^crc
}

// appendRecord adds a record whose sequence number and first checksum are still to be set. sum is that of the payload.
func appendRecord(dst []byte, r Record, sum uint32) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(r.Payload)))
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst = binary.LittleEndian.AppendUint64(dst, r.Seq)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.WallMs))
	dst = binary.LittleEndian.AppendUint64(dst, r.MonoMs)
	dst = binary.LittleEndian.AppendUint32(dst, r.Type)
	dst = binary.LittleEndian.AppendUint32(dst, r.Boot)
	dst = binary.LittleEndian.AppendUint32(dst, r.Clock)
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	return append(dst, r.Payload...)
}

func payloadSum(payload []byte) uint32 { return crc32.Checksum(payload, castagnoli) }

// frameSize is the size of the record at the start of b, whose head is known to be right.
func frameSize(b []byte) int { return recordHead + int(binary.LittleEndian.Uint32(b)) }

// batchStart in byte 43: the record begins a batch, what was written with one write.
const batchStart = 1

func startsBatch(b []byte) bool { return b[43]&batchStart != 0 }

func frameSeq(b []byte) uint64 { return binary.LittleEndian.Uint64(b[8:]) }

// number gives the records of b, a batch, the sequence numbers from first on, and marks the first.
func number(b []byte, first uint64) {
	if len(b) > 0 {
		b[43] |= batchStart
	}
	for ; len(b) > 0; b = b[frameSize(b):] {
		binary.LittleEndian.PutUint64(b[8:], first)
		first++
	}
}

// seal sets the first checksum of every record of b, which will be written at offset off of its file.
func seal(b []byte, seed uint32, off int64) {
	for len(b) > 0 {
		n := frameSize(b)
		binary.LittleEndian.PutUint32(b[4:], headSum(b, seed, off))
		b, off = b[n:], off+int64(n)
	}
}

// headSum covers the file, the place in it, and the head but for the checksum itself; with the head also the payload's
// checksum. So a record verifies only where it was written: a copy of it in some payload is no record.
func headSum(frame []byte, seed uint32, off int64) uint32 {
	return crc32.Update(crc32.Update(mix(seed, uint64(off)), castagnoli, frame[:4]), castagnoli, frame[8:recordHead])
}

var (
	errShort   = errors.New("record is cut off")
	errDamaged = errors.New("record is damaged")
)

// parseHead verifies the head at the start of b, which lies at offset off of its file, and returns the record's size.
func parseHead(b []byte, seed uint32, off int64) (size int, err error) {
	if len(b) < recordHead {
		return 0, errShort
	}
	if binary.LittleEndian.Uint32(b) > MaxPayload || headSum(b, seed, off) != binary.LittleEndian.Uint32(b[4:]) {
		return 0, errDamaged
	}
	return frameSize(b), nil
}

// parseRecord reads the record at the start of b. Its payload is a part of b.
func parseRecord(b []byte, seed uint32, off int64) (Record, int, error) {
	size, err := parseHead(b, seed, off)
	if err != nil {
		return Record{}, 0, err
	}
	if len(b) < size {
		return Record{}, 0, errShort
	}
	if payloadSum(b[recordHead:size]) != binary.LittleEndian.Uint32(b[44:]) {
		return Record{}, 0, errDamaged
	}
	return decode(b[:size]), size, nil
}

// decode reads a record that is known to be right.
func decode(frame []byte) Record {
	return Record{
		Seq:     frameSeq(frame),
		WallMs:  wallMs(frame),
		MonoMs:  binary.LittleEndian.Uint64(frame[24:]),
		Type:    binary.LittleEndian.Uint32(frame[32:]),
		Boot:    binary.LittleEndian.Uint32(frame[36:]),
		Clock:   binary.LittleEndian.Uint32(frame[40:]) & 0xffffff,
		Payload: frame[recordHead:len(frame):len(frame)],
	}
}

func wallMs(frame []byte) int64 { return int64(binary.LittleEndian.Uint64(frame[16:])) }

// resync finds the next whole record after damage at the start of b, which lies at offset at of its file; there the record
// with number expect should be. It returns its offset in b, or -1. A number that is not near, and after it a head that does
// not verify, cost a few bytes of work each, so the search takes a time in proportion to b whatever b holds.
func resync(b []byte, seed uint32, at int64, expect uint64) int {
	for off := 1; off+recordHead <= len(b); off++ {
		seq := frameSeq(b[off:])
		if seq < expect || seq-expect >= 1<<32 {
			continue
		}
		if _, _, err := parseRecord(b[off:], seed, at+int64(off)); err == nil {
			return off
		}
	}
	return -1
}

// lost is how many records may have been in n damaged bytes.
func lost(n int64) uint64 { return uint64((n + recordHead - 1) / recordHead) }

// lostIn is how many records may have been in b, a torn end that begins at offset off. A head that is still right says where
// the next one would begin.
func lostIn(b []byte, seed uint32, off int64) (n uint64) {
	for len(b) > 0 {
		size, err := parseHead(b, seed, off)
		if err != nil {
			return n + lost(int64(len(b)))
		}
		n++
		size = min(size, len(b))
		b, off = b[size:], off+int64(size)
	}
	return n
}

func segmentName(first uint64) string { return fmt.Sprintf("%016x%s", first, segmentExt) }

func parseSegmentName(name string) (first uint64, ok bool) {
	hex, found := strings.CutSuffix(name, segmentExt)
	if !found || len(hex) != 16 {
		return 0, false
	}
	first, err := strconv.ParseUint(hex, 16, 64)
	return first, err == nil && segmentName(first) == name
}
