package outbox

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Errors of Append.
var (
	// ErrClosed: the log was closed; appending to it is a bug of the caller.
	ErrClosed = errors.New("outbox is closed")
	// ErrTooLarge: the payload exceeds MaxPayload. Repeating does not help; split it.
	ErrTooLarge = fmt.Errorf("payload exceeds %d bytes", MaxPayload)
	// ErrUnavailable: the disk takes nothing now. The record was not kept and has no number: try again later, or give it up
	// with Drop, which makes the loss a Gap.
	ErrUnavailable = errors.New("storage is unavailable")
)

// ErrInUse: another process has the folder. Open and Repair return it.
var ErrInUse = errors.New("another gateway uses this folder")

// Config of a log. Only Dir, Stream and Quota are needed.
type Config struct {
	Dir    string // folder of this one log, made when missing
	Stream uint32 // wire's stream number
	Quota  int64  // bytes of segment files; the oldest segment is deleted to stay below
	// Sync zero: fsync before Append returns. Otherwise Append returns after write(2), and fsync follows within this time
	// or 64 KiB.
	Sync    time.Duration
	Segment int64     // bytes of a segment file; 0 chooses 256 KiB for Sync zero, otherwise 1 MiB
	Boot    uint32    // which start of the gateway this is; goes into every record
	Started time.Time // start of the process, origin of Record.MonoMs; zero is the time of Open
	// Reserve is how many bytes of disk are held for the time when it is full; 0 none. The events log has DefaultReserve.
	Reserve int64
	// MakeRoom is asked to free disk space in another log when this one has only unacknowledged records left to evict.
	// The events log is given the telemetry log's EvictOldest. Nil: this log evicts its own.
	MakeRoom func() bool
	Log      *slog.Logger // nil discards

	disk   disk   // nil: the real one
	kernel uint64 // 0: the real one
	tiny   bool   // a quota below the smallest is right
}

// Gap is a range of sequence numbers whose records do not exist (any more).
type Gap struct {
	Stream      uint32
	Epoch       uint64
	First, Last uint64
	Reason      string // one of the Reason constants, as in wire.Gap
}

// Reasons of gaps.
const (
	ReasonDamaged  = "damaged"      // the file was damaged or is missing
	ReasonEvicted  = "evicted"      // the quota or a full disk took unacknowledged records
	ReasonPowerCut = "power_cut"    // numbers skipped because records not yet on disk may have carried them; possibly none did
	ReasonWrite    = "write_failed" // given up by Drop
	ReasonRestored = "restored"     // the cloud knows numbers that this log never gave: it was restored from a copy
)

// Stats of a log, for metrics.
type Stats struct {
	Bytes, Segments  int64  // on disk
	Unsent           int64  // bytes of the files that hold what the cloud does not have
	Written          uint64 // bytes since Open
	Backlog          uint64 // records the cloud does not have
	Appended, Fsyncs uint64 // since Open
	Reserve          int64  // bytes held for a full disk; below Config.Reserve it is in use, or there is no room for it
	Failures         uint64 // failed writes and fsyncs, each followed by a new file
	EvictedHistory   uint64 // acknowledged records deleted for room
	EvictedRecords   uint64 // unacknowledged records deleted for room

	// Degraded is since when the disk takes nothing: Append answers ErrUnavailable, and what Config.Sync leaves unsynced is in
	// memory only. Zero: all is well. Changed tells of both turns. Cause is the last error.
	Degraded time.Time
	Cause    error
}

// Log is one stream's outbox. All methods may be called from any goroutine.
type Log struct {
	cfg  Config
	lock file

	// io is held by whoever writes files or changes what is on disk; mu guards what readers see. io is taken before mu.
	io         sync.Mutex
	active     file     // nil: the next write makes a new segment
	hole       bool     // numbers were left out: the next record begins a file, whose header shows it even when the record is damaged
	inFile     int      // bytes of tail that the active file holds
	synced     int64    // bytes of the active file that are durable
	last       uint64   // number of the last durable record, if known
	shaky      *segment // found at the start, and not surely on disk
	adrift     bool     // the names of the files found at the start are not surely on disk
	loose      bool     // the names of the folders above are not surely on disk
	oldHint    bool     // the cursor file still claims the last run's orderly end
	torn       *segment // its end is to be cut off
	shakyBytes []byte
	wbuf       []byte
	spare      []byte
	timer      *time.Timer // a sync is due
	hint       cursor      // as last written
	hinted     time.Time

	reserve      int64 // bytes of the reserve file
	reserveTried time.Time

	mu      sync.Mutex
	pending *batch
	segs    []*segment // oldest first; the last one is the active file when there is one
	epoch   uint64
	next    uint64 // number of the next record
	durable uint64 // numbers up to here are on disk
	tail    []byte // records above durable
	acked   uint64
	unsure  uint64 // the cursor is lost: which numbers up to here the cloud has, its first acknowledgement will say
	firm    uint64 // after a restart the next number is above this, whatever happens
	owed    uint64 // skipped at the start up to here
	veil    uint64 // found at the start, from here on, and possibly in the page cache only: not shown until secured; 0 none
	holes   []hole // known missing ranges above the oldest segment's start
	gaps    []Gap  // not yet fetched by Gaps
	changed chan struct{}
	stats   Stats
	closed  bool
}

type segment struct {
	header
	path   string
	size   int64  // bytes written
	marks  []mark // places found by reading, ascending
	resume mark   // where the last Read stopped
	faults int    // read errors in a row
	span   span   // as far as Range asked for it
}

type hole struct{ first, last uint64 }

// Open opens or creates a log and repairs what a crash or a bad disk left. Damage is no error: it is moved aside and
// becomes a Gap. An error means the folder cannot be used at all, or another process has it.
func Open(cfg Config) (*Log, error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("open outbox %s: %w", cfg.Dir, err)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open outbox: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, quarantineDir), 0o700); err != nil {
		cfg.Log.Error("damaged bytes will not be kept", "outbox", cfg.Dir, "err", err)
	}
	l := &Log{cfg: cfg, pending: &batch{}}
	if err := l.takeLock(); err != nil {
		return nil, err
	}
	if err := l.recover(); err != nil {
		l.lock.Close()
		return nil, fmt.Errorf("open outbox %s: %w", cfg.Dir, err)
	}
	return l, nil
}

func (c *Config) complete() error {
	if c.Dir == "" || c.Stream == 0 {
		return errors.New("needs a folder and a stream")
	}
	if c.disk == nil {
		c.disk = osDisk{}
	}
	if c.kernel == 0 {
		c.kernel = kernelBoot()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Started.IsZero() {
		c.Started = time.Now()
	}
	if c.Segment == 0 && c.Sync == 0 {
		c.Segment = 256 << 10
	}
	if c.Segment == 0 {
		c.Segment = 1 << 20
	}
	const fewest = 4 // segments; with fewer, a full log would lose a great part of itself at once
	if !c.tiny && c.Quota < fewest*(headerSize+recordHead+MaxPayload) {
		return fmt.Errorf("quota of %d bytes is below %d KiB", c.Quota, fewest*(headerSize+recordHead+MaxPayload)>>10)
	}
	c.Segment = max(min(c.Segment, c.Quota/fewest), headerSize+recordHead)
	return nil
}

// takeLock locks the folder itself: a lock file could not be made on a full or read-only disk.
func (l *Log) takeLock() error {
	f, err := os.Open(l.cfg.Dir)
	if err != nil {
		return fmt.Errorf("open outbox: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrInUse
		}
		return fmt.Errorf("lock outbox %s: %w", l.cfg.Dir, err)
	}
	l.lock = f
	return nil
}

// State is the log's epoch, the oldest number still held (0 when there is none) and the number of the next record.
func (l *Log) State() (epoch, oldest, next uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epoch, l.oldest(), l.next
}

// oldest needs mu.
func (l *Log) oldest() uint64 {
	for i, s := range l.segs {
		if s.first <= l.segLast(i) {
			return s.first
		}
	}
	if len(l.tail) > 0 && frameSeq(l.tail) < l.next {
		return frameSeq(l.tail)
	}
	return 0
}

// segLast is the last number that segment i may hold. It needs mu.
func (l *Log) segLast(i int) uint64 {
	last := min(l.durable, l.next-1)
	if i+1 < len(l.segs) {
		last = min(last, l.segs[i+1].first-1)
	} else if l.veil > 0 {
		last = min(last, l.veil-1)
	}
	return last
}

// Changed returns a channel that is closed when there are new records or gaps. Fetch it before looking at the state.
func (l *Log) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.changed
}

// signal needs mu.
func (l *Log) signal() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// Gaps hands over the gaps found since the last call. A gap whose records the cloud never acknowledged is found again after
// a restart: it is the same gap, and reporting it twice changes nothing.
func (l *Log) Gaps() []Gap {
	l.mu.Lock()
	defer l.mu.Unlock()
	var firm []Gap
	kept := l.gaps[:0]
	for _, g := range l.gaps {
		if g.Last <= l.firm {
			firm = append(firm, g)
		} else {
			kept = append(kept, g) // not before its numbers are taken for good
		}
	}
	l.gaps = kept
	return firm
}

// Stats counts what the log holds and has done.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Segments = int64(len(l.segs))
	for i, seg := range l.segs {
		s.Bytes += seg.size
		if l.segLast(i) > l.acked {
			s.Unsent += seg.size
		}
	}
	from := l.acked + 1
	if oldest := l.oldest(); oldest > from {
		from = oldest
	}
	s.Backlog = l.next - min(from, l.next)
	return s
}

// Sync waits until every record appended before is on disk.
func (l *Log) Sync() error {
	l.io.Lock()
	defer l.io.Unlock()
	if l.isClosed() {
		return ErrClosed
	}
	if err := l.flush(true); err != nil {
		return fmt.Errorf("sync outbox: %w", err)
	}
	return nil
}

// Close makes everything durable and gives the folder free.
func (l *Log) Close() error {
	l.io.Lock()
	defer l.io.Unlock()
	if l.isClosed() {
		return nil
	}
	err := l.flush(true)
	if err == nil {
		err = l.secure()
	}
	l.stopTimer()
	l.mu.Lock()
	l.closed = true
	l.signal()
	clean := err == nil
	c := cursor{epoch: l.epoch, cum: l.acked, next: l.next, kernel: l.cfg.kernel, clean: clean}
	l.mu.Unlock()
	err = errors.Join(err, l.writeCursor(c, true))
	if l.active != nil {
		err = errors.Join(err, l.active.Close())
	}
	if err = errors.Join(err, l.lock.Close()); err != nil {
		return fmt.Errorf("close outbox %s: %w", l.cfg.Dir, err)
	}
	return nil
}

func (l *Log) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

var _ io.Closer = (*Log)(nil)
