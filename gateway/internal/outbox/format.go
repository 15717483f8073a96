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
	version    = 1
	headerSize = 64
	recordHead = 44 // bytes of a record before its payload
	segmentExt = ".seg"

	// MaxPayload is the largest payload of one record, in bytes. It is wire.MaxPayload, so that every record fits a message.
	MaxPayload = 60 << 10
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
}

func (h header) encode() []byte {
	b := make([]byte, headerSize)
	copy(b, magic)
	b[8] = version
	binary.LittleEndian.PutUint32(b[12:], h.stream)
	binary.LittleEndian.PutUint64(b[16:], h.epoch)
	binary.LittleEndian.PutUint64(b[24:], h.first)
	binary.LittleEndian.PutUint64(b[32:], uint64(h.createdMs))
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
	}, nil
}

// seed starts every checksum of a segment with its epoch and first sequence number, so that bytes of another file never verify.
func (h header) seed() uint32 {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], h.epoch)
	binary.LittleEndian.PutUint64(b[8:], h.first)
	return crc32.Checksum(b[:], castagnoli)
}

// appendRecord adds a record whose sequence number and checksum are still to be set.
func appendRecord(dst []byte, r Record) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(r.Payload)))
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst = binary.LittleEndian.AppendUint64(dst, r.Seq)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.WallMs))
	dst = binary.LittleEndian.AppendUint64(dst, r.MonoMs)
	dst = binary.LittleEndian.AppendUint32(dst, r.Type)
	dst = binary.LittleEndian.AppendUint32(dst, r.Boot)
	dst = binary.LittleEndian.AppendUint32(dst, r.Clock)
	return append(dst, r.Payload...)
}

// frameSize is the size of the record at the start of b, which is known to be whole.
func frameSize(b []byte) int { return recordHead + int(binary.LittleEndian.Uint32(b)) }

func frameSeq(b []byte) uint64 { return binary.LittleEndian.Uint64(b[8:]) }

// number gives the records of b the sequence numbers from first on.
func number(b []byte, first uint64) {
	for ; len(b) > 0; b = b[frameSize(b):] {
		binary.LittleEndian.PutUint64(b[8:], first)
		first++
	}
}

// seal sets the checksum of every record of b.
func seal(b []byte, seed uint32) {
	for ; len(b) > 0; b = b[frameSize(b):] {
		binary.LittleEndian.PutUint32(b[4:], recordSum(b[:frameSize(b)], seed))
	}
}

// recordSum covers the length and everything after the checksum itself.
func recordSum(frame []byte, seed uint32) uint32 {
	return crc32.Update(crc32.Update(seed, castagnoli, frame[:4]), castagnoli, frame[8:])
}

var (
	errShort   = errors.New("record is cut off")
	errDamaged = errors.New("record is damaged")
)

// parseRecord reads the record at the start of b. Its payload is a part of b.
func parseRecord(b []byte, seed uint32) (Record, int, error) {
	if len(b) < recordHead {
		return Record{}, 0, errShort
	}
	length := binary.LittleEndian.Uint32(b)
	if length > MaxPayload {
		return Record{}, 0, errDamaged
	}
	size := recordHead + int(length)
	if len(b) < size {
		return Record{}, 0, errShort
	}
	if recordSum(b[:size], seed) != binary.LittleEndian.Uint32(b[4:]) {
		return Record{}, 0, errDamaged
	}
	return decode(b[:size]), size, nil
}

func decode(frame []byte) Record {
	return Record{
		Seq:     frameSeq(frame),
		WallMs:  int64(binary.LittleEndian.Uint64(frame[16:])),
		MonoMs:  binary.LittleEndian.Uint64(frame[24:]),
		Type:    binary.LittleEndian.Uint32(frame[32:]),
		Boot:    binary.LittleEndian.Uint32(frame[36:]),
		Clock:   binary.LittleEndian.Uint32(frame[40:]),
		Payload: frame[recordHead:len(frame):len(frame)],
	}
}

// resync finds the next whole record after damage at the start of b, where the record with number expect should be.
// It returns its offset, or -1. The number must come after expect and be near it, which keeps the search cheap; the seeded
// checksum decides.
func resync(b []byte, seed uint32, expect uint64) int {
	for off := 1; off+recordHead <= len(b); off++ {
		seq := frameSeq(b[off:])
		if seq < expect || seq-expect >= 1<<32 {
			continue
		}
		if _, _, err := parseRecord(b[off:], seed); err == nil {
			return off
		}
	}
	return -1
}

// lost is how many records may have been in n damaged bytes.
func lost(n int64) uint64 { return uint64((n + recordHead - 1) / recordHead) }

func segmentName(first uint64) string { return fmt.Sprintf("%016x%s", first, segmentExt) }

func parseSegmentName(name string) (first uint64, ok bool) {
	hex, found := strings.CutSuffix(name, segmentExt)
	if !found || len(hex) != 16 {
		return 0, false
	}
	first, err := strconv.ParseUint(hex, 16, 64)
	return first, err == nil && segmentName(first) == name
}
