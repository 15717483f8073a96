package uplink

import "time"

const (
	twinWindow = 15 * time.Minute // two strange sessions within it are a twin
	fenceLeast = 5 * time.Minute  // a fenced gateway stays away for fenceLeast to three times that
	fenceAsked = 4 * time.Minute  // no credit for so long is how the cloud says it itself
	sessions   = 64               // of our own, remembered
)

// twins notices a second gateway that uses our identity: a copied disk. The broker lets only one of them be connected, and
// each connection of the one ends the other's; without this, both would do nothing else. It has no clock.
type twins struct {
	mine    []uint64 // sessions of this process, newest last
	spoken  bool     // the cloud has answered one of them
	newest  int64    // Ack.time_ms of the newest answer to one of them
	strange []sighting
}

type sighting struct {
	session uint64
	at      time.Time
}

// began notes a session of our own.
func (t *twins) began(session uint64) {
	t.mine = append(t.mine, session)
	if len(t.mine) > sessions {
		t.mine = t.mine[1:]
	}
}

func (t *twins) ours(session uint64) bool {
	for _, m := range t.mine {
		if m == session {
			return true
		}
	}
	return false
}

// answered notes an answer of the cloud's to the present session.
func (t *twins) answered(timeMs int64) { t.spoken, t.newest = true, max(t.newest, timeMs) }

// acked looks at an acknowledgement for another session than the present one. One that the cloud made after it last answered
// us proves that it talks to somebody else: an older life of this gateway does not speak any more, and a replay is older.
func (t *twins) acked(session uint64, timeMs int64) (twin bool) {
	return session != 0 && t.spoken && timeMs > t.newest && !t.ours(session)
}

// stated looks at a session in the retained status. One strange session may be a life of ours that the broker kept; a second
// one is somebody who goes on connecting.
func (t *twins) stated(session uint64, now time.Time) (twin bool) {
	if session == 0 || t.ours(session) {
		return false
	}
	if !t.spoken { // of the process before this one
		t.began(session)
		return false
	}
	kept := t.strange[:0]
	for _, s := range t.strange {
		if s.session == session {
			return false
		}
		if now.Sub(s.at) < twinWindow {
			kept = append(kept, s)
		}
	}
	t.strange = append(kept, sighting{session, now})
	return len(t.strange) > 1
}

// forgive starts the count again, after a rest.
func (t *twins) forgive() { t.strange = nil }
