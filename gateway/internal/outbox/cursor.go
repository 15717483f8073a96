package outbox

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"strings"
)

const (
	cursorName  = "cursor"
	cursorMagic = "LSCURSOR"
	cursorSize  = 52
)

// cursor is a hint beside the segments: how far the cloud was, and how the last run ended. Losing it loses nothing: the
// cloud says at hello where it stands, and a log that cannot be sure of its last number skips ahead.
type cursor struct {
	epoch  uint64
	cum    uint64 // acknowledged up to here
	next   uint64 // the next number at an orderly end, otherwise 0
	kernel uint64 // which start of the kernel wrote it; 0 unknown
	clean  bool
}

func (c cursor) encode() []byte {
	b := make([]byte, cursorSize)
	copy(b, cursorMagic)
	binary.LittleEndian.PutUint64(b[8:], c.epoch)
	binary.LittleEndian.PutUint64(b[16:], c.cum)
	binary.LittleEndian.PutUint64(b[24:], c.next)
	binary.LittleEndian.PutUint64(b[32:], c.kernel)
	if c.clean {
		b[40] = 1
	}
	binary.LittleEndian.PutUint32(b[48:], crc32.Checksum(b[:48], castagnoli))
	return b
}

func parseCursor(b []byte) (cursor, bool) {
	if len(b) != cursorSize || string(b[:8]) != cursorMagic || crc32.Checksum(b[:48], castagnoli) != binary.LittleEndian.Uint32(b[48:]) {
		return cursor{}, false
	}
	return cursor{
		epoch:  binary.LittleEndian.Uint64(b[8:]),
		cum:    binary.LittleEndian.Uint64(b[16:]),
		next:   binary.LittleEndian.Uint64(b[24:]),
		kernel: binary.LittleEndian.Uint64(b[32:]),
		clean:  b[40] == 1,
	}, true
}

// kernelBoot identifies the present start of the kernel. As long as it stays the same, what write(2) took is not lost.
func kernelBoot() uint64 {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return 0
	}
	id := strings.TrimSpace(string(b))
	return uint64(crc32.ChecksumIEEE([]byte(id)))<<32 | uint64(crc32.Checksum([]byte(id), castagnoli)) | 1
}
