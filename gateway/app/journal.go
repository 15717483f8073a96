package app

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

// Limits of the events that wait for the disk.
const (
	journalMost  = 10_000 // events held in memory; beyond it the oldest become a gap
	journalRetry = time.Second
	journalTries = 3        // at shutdown
	groupBytes   = 64 << 10 // of events that go to disk together
)

// A journal stands between those who must not wait (rules, actions, pollers) and the disk: put never blocks, run appends to
// the events log in order, together what waits together. While the disk takes nothing, events wait in memory.
type journal struct {
	now   func() time.Time
	clock func() uint32
	log   *slog.Logger

	mu     sync.Mutex
	queue  []entry
	lost   uint64 // entries given up since the last append
	closed bool
	wake   chan struct{}
	alerts uint64        // number of the newest alert event in the log
	epoch  uint64        // of the log
	next   uint64        // every event that is not in the log yet gets this number or a larger one
	taken  uint64        // entries that put was given
	done   uint64        // of these, in the log or given up
	moved  chan struct{} // closed when done grows; nil while nobody waits
}

// A mark is how far the journal was at a moment.
type mark struct {
	epoch, next uint64 // of the log: what was not in it then has this number or a larger one
	taken       uint64
}

// entry has both clocks of the moment of put: on a disk that takes nothing it may wait for hours, and be stamped as it was then.
type entry struct {
	payload []byte
	at      time.Time
	clock   uint32
	real    time.Time
	alert   bool
}

func newJournal(now func() time.Time, clock func() uint32, log *slog.Logger) *journal {
	return &journal{now: now, clock: clock, log: log, wake: make(chan struct{}, 1)}
}

// begin tells the journal, before it runs, where its log stands and which alert event is the newest in it.
func (j *journal) begin(log *outbox.Log, alerts uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.epoch, _, j.next = log.State()
	j.alerts = alerts
}

// mark is where the journal stands.
func (j *journal) mark() mark {
	j.mu.Lock()
	defer j.mu.Unlock()
	return mark{j.epoch, j.next, j.taken}
}

// reached says whether all that was taken before a mark is in the log or given up, and if not, tells by the channel when to ask again.
func (j *journal) reached(m mark) (bool, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.done >= m.taken {
		return true, nil
	}
	if j.moved == nil {
		j.moved = make(chan struct{})
	}
	return false, j.moved
}

// pass counts entries that are in the log or given up.
func (j *journal) pass(n uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.done += n
	if j.moved != nil {
		close(j.moved)
		j.moved = nil
	}
}

func (j *journal) put(e *wire.Event) {
	payload, err := proto.Marshal(e)
	if err != nil {
		j.log.Error("encode event", "error", err)
		return
	}
	j.mu.Lock()
	if len(j.queue) == journalMost {
		j.queue = j.queue[1:]
		j.lost++
	}
	j.queue = append(j.queue, entry{payload, j.now(), j.clock(), time.Now(), e.GetAlert() != nil})
	j.taken++
	j.mu.Unlock()
	j.signal()
}

func (j *journal) signal() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// close lets run end when everything is appended.
func (j *journal) close() {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.signal()
}

// take empties the queue.
func (j *journal) take() (entries []entry, lost uint64, closed bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	entries, lost, closed = j.queue, j.lost, j.closed
	j.queue, j.lost = nil, 0
	return entries, lost, closed
}

// ending says whether close was called.
func (j *journal) ending() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.closed
}

func (j *journal) run(log *outbox.Log) {
	dead := false // the disk took nothing at the shutdown: what is left is not waited for, each group anew
	for {
		entries, lost, closed := j.take()
		if lost > 0 {
			j.log.Error("events lost: memory for them is full", "events", lost)
			log.Drop(lost)
			j.pass(lost)
		}
		for rest := entries; len(rest) > 0; {
			n := group(rest)
			dead = !j.append(log, rest[:n], dead)
			rest = rest[n:]
			j.pass(uint64(n))
		}
		if closed && len(entries) == 0 {
			return
		}
		if len(entries) == 0 {
			<-j.wake
		}
	}
}

// group is how many of the entries go to disk together: an fsync takes as long for a flood of alerts as for one.
func group(entries []entry) (n int) {
	size := 0
	for n < len(entries) {
		if size += len(entries[n].payload); n > 0 && size > groupBytes {
			break
		}
		n++
	}
	return n
}

// append tries until the disk takes the events, or the gateway stops; then it answers false. With once it tries no more than that.
func (j *journal) append(log *outbox.Log, entries []entry, once bool) bool {
	drafts := make([]outbox.Draft, len(entries))
	for tries := 1; ; tries++ {
		for i, e := range entries {
			drafts[i] = outbox.Draft{Type: wire.TypeEvent, At: e.at, Clock: e.clock, Waited: time.Since(e.real), Payload: e.payload}
		}
		first, err := log.AppendAll(drafts...)
		if err == nil {
			j.note(entries, first)
			return true
		}
		j.log.Error("append events", "events", len(entries), "error", err)
		switch {
		case errors.Is(err, outbox.ErrTooLarge) && len(entries) > 1: // the others are not to be lost with it
			ok := true
			for i := range entries {
				ok = j.append(log, entries[i:i+1], once || !ok)
			}
			return ok
		case !errors.Is(err, outbox.ErrUnavailable):
			log.Drop(uint64(len(entries)))
			return true
		case once || (tries >= journalTries && j.ending()):
			log.Drop(uint64(len(entries)))
			return false
		}
		t := time.NewTimer(journalRetry)
		<-t.C
	}
}

func (j *journal) note(entries []entry, first uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.next = first + uint64(len(entries))
	for i, e := range entries {
		if e.alert {
			j.alerts = first + uint64(i)
		}
	}
}

// urgent says whether the cloud lacks an alert event of the log. The log is asked before the lock is taken: put, and the rules
// with it, must not wait for a log that waits for its disk.
func (j *journal) urgent(log *outbox.Log) bool {
	_, _, next := log.State()
	backlog := log.Stats().Backlog
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.alerts > 0 && next-min(next, backlog) <= j.alerts
}

// inventories splits an inventory into parts that each fit one record. Each part names the same configuration.
func inventories(all *wire.Inventory) []*wire.Inventory {
	const most = wire.MaxPayload - 1<<10 // leaves room for the site's own fields
	part := func() *wire.Inventory {
		return &wire.Inventory{Site: all.GetSite(), Name: all.GetName(), Timezone: all.GetTimezone(), ConfigHash: all.GetConfigHash()}
	}
	parts, size := []*wire.Inventory{part()}, 0
	fit := func(m proto.Message) *wire.Inventory {
		n := proto.Size(m) + 4
		if size += n; size > most {
			parts, size = append(parts, part()), n
		}
		return parts[len(parts)-1]
	}
	for _, m := range all.GetModels() {
		p := fit(m)
		p.Models = append(p.Models, m)
	}
	for _, d := range all.GetDevices() {
		p := fit(d)
		p.Devices = append(p.Devices, d)
	}
	return parts
}
