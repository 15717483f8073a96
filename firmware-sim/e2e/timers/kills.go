package timers

import (
	"sync"
	"time"
)

// killings are the kills so far, in order.
type killings struct {
	mu sync.Mutex
	at []time.Time
}

func (k *killings) add(at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.at = append(k.at, at)
}

// survived is the first of the moments after which the gateway lived for a while, so that what it made of it is durable; zero: none yet.
func (k *killings) survived(moments []time.Time, while time.Duration, now time.Time) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := 0
	for _, m := range moments {
		for next < len(k.at) && !k.at[next].After(m) {
			next++
		}
		end := m.Add(while)
		if end.Before(now) && (next == len(k.at) || k.at[next].After(end)) {
			return m
		}
	}
	return time.Time{}
}

// between says whether there was a kill between two moments.
func (k *killings) between(from, to time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, at := range k.at {
		if at.After(from) && at.Before(to) {
			return true
		}
	}
	return false
}
