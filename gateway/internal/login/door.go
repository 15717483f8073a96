package login

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"sync"
	"time"
)

const (
	// Lasts is how long a session is good for: a day's work at a site.
	Lasts = 10 * time.Hour
	// free wrong codes cost no wait: people mistype.
	free     = 5
	waitMost = time.Minute
	// sessionsMost bounds the memory; the oldest goes.
	sessionsMost = 16
)

// A Door lets in who has the code. Any goroutine may use it.
type Door struct {
	code [sha256.Size]byte

	mu       sync.Mutex
	wrong    int                             // wrong codes since the last right one
	next     time.Time                       // no code is looked at before
	sessions map[[sha256.Size]byte]time.Time // hash of the session → its end
}

// NewDoor makes a door for a code.
func NewDoor(code string) *Door {
	return &Door{code: sha256.Sum256([]byte(plain(code))), sessions: map[[sha256.Size]byte]time.Time{}}
}

// For says whether the door is that of a code.
func (d *Door) For(code string) bool {
	hash := sha256.Sum256([]byte(plain(code)))
	return subtle.ConstantTimeCompare(hash[:], d.code[:]) == 1
}

// Try opens a session for a right code. After some wrong ones it answers how long nobody's is looked at: whoever guesses at
// this rate needs longer than the world is old.
func (d *Door) Try(typed string) (session string, wait time.Duration, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if wait := d.next.Sub(now); wait > 0 {
		return "", wait, false
	}
	if !d.For(typed) {
		d.wrong++
		if d.wrong > free {
			d.next = now.Add(min(waitMost, time.Second<<min(d.wrong-free, 6)))
		}
		return "", max(0, d.next.Sub(now)), false
	}
	d.wrong = 0
	d.tidy(now)
	session = rand.Text()
	d.sessions[sha256.Sum256([]byte(session))] = now.Add(Lasts)
	return session, 0, true
}

// tidy makes room for one more session.
func (d *Door) tidy(now time.Time) {
	var oldest [sha256.Size]byte
	first := now.Add(2 * Lasts)
	for s, end := range d.sessions {
		if !end.After(now) {
			delete(d.sessions, s)
		} else if end.Before(first) {
			oldest, first = s, end
		}
	}
	if len(d.sessions) >= sessionsMost {
		delete(d.sessions, oldest)
	}
}

// Knows says whether a session is open.
func (d *Door) Knows(session string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Before(d.sessions[sha256.Sum256([]byte(session))])
}

// Leave ends a session.
func (d *Door) Leave(session string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.sessions, sha256.Sum256([]byte(session)))
}
