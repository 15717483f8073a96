package outbox

import (
	"math"
	"syscall"
)

// trap is a course of events that chance alone finds too seldom: a fault, an end of the process that leaves the cache, a restart,
// and a power cut soon after.
func (s *story) trap() {
	s.fill()
	which := s.rng.IntN(5)
	if which == 3 && s.c.Sync > 0 {
		which = 5
	}
	switch which {
	case 0: // every fsync fails, and the process is killed
		s.d.fault = fault{from: s.d.ops + 1, until: math.MaxInt, err: syscall.EIO, syncs: true}
		s.fill()
		s.sync()
		s.note()
		s.leave()
		s.kills++
		if s.c.Sync > 0 {
			s.lose()
		}
		s.d.kill()
	case 1: // an orderly end, and the next start cannot write something
		s.close()
		s.leave()
		s.d.kill()
		from := s.d.ops + 1 + s.rng.IntN(30)
		s.d.fault = fault{from: from, until: from + 1 + s.rng.IntN(8), err: syscall.EIO}
	case 2: // the disk is full
		s.d.fault = fault{from: s.d.ops + 1, until: s.d.ops + 20 + s.rng.IntN(40), err: syscall.ENOSPC}
	case 3: // killed between a write and its fsync, and at the next start the disk takes nothing
		s.d.cutAt = s.d.ops + 2
		s.append(1 + s.rng.IntN(3))
		s.die()
		s.d.fault = fault{from: s.d.ops + 1, until: math.MaxInt, err: syscall.EIO}
		if s.open() {
			s.audit()
		}
	case 4: // killed before a new file's name is durable, no fsync at the next start, and then a full disk
		s.sync()
		s.drop(1)
		s.d.cutAt = s.d.ops + 5
		s.append(1)
		s.die()
		s.d.fault = fault{from: s.d.ops + 1, until: math.MaxInt, err: syscall.EIO, syncs: true}
		if s.open() {
			s.d.fault.err, s.d.fault.syncs = syscall.ENOSPC, false
		}
		s.d.even = true
	case 5: // a refused batch is half in its file, fewer records are given up, and the next ones are in another file
		s.d.fault = fault{from: s.d.ops + 1, until: math.MaxInt, short: true}
		s.append(3)
		s.d.fault = fault{}
		s.d.writeBack()
		s.drop(1)
		s.append(1)
	}
	if which != 5 {
		s.fill()
	}
	if s.l != nil {
		s.leave()
	}
	s.cuts++
	s.c.kernel++
	s.clean = false
	s.lose()
	s.d.cut()
}

// die is a kill.
func (s *story) die() {
	s.leave()
	s.kills++
	if s.c.Sync > 0 && s.d.faulted > 0 {
		s.lose()
	}
	s.d.kill()
}
