package app

import (
	"sync"
	"time"
)

const (
	lingerLeast = time.Second
	lingerCloud = 2 * time.Minute  // how long the cloud's wish counts
	lingerAlert = 10 * time.Minute // how long an alert makes the site worth watching
)

// linger is how long readings may wait for others before they become a record: long while nobody looks, a second while
// somebody does or an alert is young.
type linger struct {
	standard time.Duration
	wake     chan struct{} // what waits is wanted now

	mu         sync.Mutex
	cloud      time.Duration // wanted by the cloud, until
	cloudUntil time.Time
	alertUntil time.Time
}

func newLinger(standard time.Duration) *linger {
	return &linger{standard: standard, wake: make(chan struct{}, 1)}
}

// ask takes the cloud's wish, of any acknowledgement; 0 is as we like.
func (l *linger) ask(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.present()
	if d <= 0 || d >= l.standard {
		l.cloud, l.cloudUntil = 0, time.Time{}
		return
	}
	l.cloud, l.cloudUntil = max(d, lingerLeast), time.Now().Add(lingerCloud)
	if l.present() < before {
		l.signal()
	}
}

// hurry is called at every alert event.
func (l *linger) hurry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.alertUntil = time.Now().Add(lingerAlert)
	l.signal()
}

func (l *linger) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// present needs mu.
func (l *linger) present() time.Duration {
	now := time.Now()
	switch {
	case now.Before(l.alertUntil):
		return lingerLeast
	case now.Before(l.cloudUntil):
		return l.cloud
	}
	return l.standard
}

// over says whether readings of which the oldest came at a time should wait no longer. Asked once a beat, it rounds to beats.
func (l *linger) over(began time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.present()
	return d <= lingerLeast || time.Since(began) >= d-recorderBeat/2
}
