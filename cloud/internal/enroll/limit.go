package enroll

import (
	"sync"
	"time"
)

// What one address may ask for, and all together: so much at once, and one more each so often. Many gateways may share the
// address of their network's operator; none asks more than a few times in weeks.
const (
	ofAddress    = 20
	everyAddress = 3 * time.Second
	ofAll        = 200
	everyAll     = 50 * time.Millisecond
	addressesMax = 10_000
)

type bucket struct {
	left float64
	at   time.Time
}

func (b *bucket) take(now time.Time, most float64, every time.Duration) bool {
	b.left = min(most, b.left+float64(now.Sub(b.at))/float64(every))
	if b.at = now; b.left < 1 {
		return false
	}
	b.left--
	return true
}

// limit keeps strangers from keeping the CA busy.
type limit struct {
	mu  sync.Mutex
	all bucket
	of  map[string]*bucket
}

func (l *limit) allow(address string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of, l.all = map[string]*bucket{}, bucket{ofAll, now}
	}
	b := l.of[address]
	if b == nil {
		if len(l.of) >= addressesMax {
			clear(l.of)
		}
		b = &bucket{ofAddress, now}
		l.of[address] = b
	}
	return b.take(now, ofAddress, everyAddress) && l.all.take(now, ofAll, everyAll)
}
