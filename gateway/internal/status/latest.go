package status

import (
	"sync"

	"github.com/linshao/linshao/drivers/device"
)

// Latest keeps the last reading of every point.
type Latest struct {
	mu    sync.RWMutex
	index map[device.Key]int
	last  []device.Reading
}

// NewLatest makes an empty table.
func NewLatest() *Latest { return &Latest{index: map[device.Key]int{}} }

// Run notes what comes, until it ends.
func (l *Latest) Run(in <-chan []device.Reading) {
	for rs := range in {
		l.note(rs)
	}
}

func (l *Latest) note(rs []device.Reading) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := -1
	for _, r := range rs {
		// A device's points come in the same order every time: the one after the last is tried before the map.
		if i++; i == 0 || i >= len(l.last) || l.last[i].Key() != r.Key() {
			i = l.place(r)
		}
		l.last[i] = r
	}
}

func (l *Latest) place(r device.Reading) int {
	i, ok := l.index[r.Key()]
	if !ok {
		i = len(l.last)
		l.index[r.Key()] = i
		l.last = append(l.last, r)
	}
	return i
}

// Of is the last reading of a point.
func (l *Latest) Of(k device.Key) (r device.Reading, ok bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if i, ok := l.index[k]; ok {
		return l.last[i], true
	}
	return r, false
}
