package outbox

import "os"

// What the tests of the package outbox_test reach: the disk under a log, the kernel's identity, the record parser.

type (
	Disk = disk
	File = file
)

const (
	HeaderSize  = headerSize
	RecordHead  = recordHead
	MaxUnsynced = maxUnsynced
)

// OnDisk makes a config use another disk.
func OnDisk(c Config, d Disk) Config { c.disk = d; return c }

// OnKernel makes a config believe in another start of the kernel.
func OnKernel(c Config, id uint64) Config { c.kernel = id; return c }

// RealDisk is the operating system's.
func RealDisk() Disk { return osDisk{} }

// Scan reads a whole segment file's bytes as recovery does.
func Scan(data []byte) (records []Record, ok bool) {
	h, err := parseHeader(data)
	if err != nil {
		return nil, false
	}
	expect := h.first
	for off := headerSize; off < len(data); {
		r, n, err := parseRecord(data[off:], h.seed(), int64(off))
		if err != nil || r.Seq < expect {
			skip := resync(data[off:], h.seed(), int64(off), expect)
			if skip < 0 {
				break
			}
			off += skip
			continue
		}
		records = append(records, r)
		expect = r.Seq + 1
		off += n
	}
	return records, true
}

var _ = os.O_RDONLY
