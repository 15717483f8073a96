package auth

import (
	"sync"
	"time"
)

// A name may be mistyped five times; then each wrong password doubles the pause, up to 15 minutes. An address, behind
// which there may be a whole office, is allowed thirty.
const (
	nameFree    = 5
	addressFree = 30
	firstPause  = 2 * time.Second
	lastPause   = 15 * time.Minute
	forgetAfter = time.Hour
	maxLocks    = 10_000
)

type failures struct {
	n     int
	until time.Time
	last  time.Time
}

type locks struct {
	mu  sync.Mutex
	now func() time.Time
	of  map[string]*failures
}

func newLocks(now func() time.Time) *locks { return &locks{now: now, of: map[string]*failures{}} }

// wait answers how long a name or an address must wait.
func (l *locks) wait(name, address string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	longest := time.Duration(0)
	for _, key := range []string{"n " + name, "a " + address} {
		if f := l.of[key]; f != nil {
			longest = max(longest, f.until.Sub(l.now()))
		}
	}
	return longest
}

func (l *locks) wrong(name, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for key, f := range l.of {
		if now.Sub(f.last) > forgetAfter {
			delete(l.of, key)
		}
	}
	l.fail("n "+name, nameFree, now)
	l.fail("a "+address, addressFree, now)
}

func (l *locks) fail(key string, free int, now time.Time) {
	f := l.of[key]
	if f == nil {
		if len(l.of) >= maxLocks {
			return // who floods us with names is held by the pause of its address
		}
		f = &failures{}
		l.of[key] = f
	}
	f.n, f.last = f.n+1, now
	if over := f.n - free; over >= 0 {
		f.until = now.Add(min(firstPause<<min(over, 20), lastPause))
	}
}

func (l *locks) right(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.of, "n "+name)
}
