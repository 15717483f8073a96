package ingest

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/wire"
)

// Credits: batches that a gateway may have in flight, by what waits for the series store.
const (
	fullCredit = 8

	// Records of all gateways: from the first on shares shrink, from the second on only who has next to nothing waiting
	// may send. A record has at most 60 KiB, usually a minute of a site.
	someBacklog = 50_000
	fullBacklog = 500_000
	relief      = 0.7 // of a limit: below it the limit is over

	mostShare  = 2000 // records that one gateway may have waiting
	leastShare = 64   // the same, when many have many
	lastShare  = 8    // the same, above fullBacklog

	rest     = 5 * time.Second // of a gateway with more than its share, longer the more it has
	longRest = time.Minute

	countEvery = time.Second // between two counts; a count that takes long is taken less often
	countShare = 20
)

// pressure is how much waits for the series store, of whom. It is counted in SQL, where all workers see the same, and
// between two counts what this worker has put there is added.
type pressure struct {
	db  *db.DB
	now func() time.Time

	mu       sync.Mutex
	counting bool
	next     time.Time
	total    int64
	waiting  map[string]int64
	level    int // 0 calm, 1 above someBacklog, 2 above fullBacklog
}

// count brings the numbers up to date if it is time. One caller counts; the others go on with what is known.
func (p *pressure) count(ctx context.Context) error {
	now := p.now()
	p.mu.Lock()
	due := !p.counting && !now.Before(p.next)
	p.counting = p.counting || due
	p.mu.Unlock()
	if !due {
		return nil
	}
	began := time.Now()
	waiting, err := inbox.Waiting(ctx, p.db.Reader())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counting = false
	p.next = now.Add(max(countEvery, countShare*time.Since(began)))
	if err != nil {
		return err
	}
	p.waiting, p.total = waiting, 0
	for _, n := range waiting {
		p.total += n
	}
	p.judge()
	return nil
}

// judge needs mu.
func (p *pressure) judge() {
	for i, limit := range []int64{someBacklog, fullBacklog} {
		switch {
		case p.total > limit:
			p.level = max(p.level, i+1)
		case float64(p.total) < relief*float64(limit):
			p.level = min(p.level, i)
		}
	}
}

// put adds records that were put into the inbox.
func (p *pressure) put(gateway string, records int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == nil {
		p.waiting = map[string]int64{}
	}
	p.waiting[gateway] += int64(records)
	p.total += int64(records)
	p.judge()
}

// share is how many records one gateway may have waiting. It needs mu.
func (p *pressure) share() int64 {
	switch p.level {
	case 0:
		return mostShare
	case 1:
		return min(max(someBacklog/int64(max(len(p.waiting), 1)), leastShare), mostShare)
	}
	return lastShare
}

// credit says how many batches a gateway may have in flight and how long it shall rest first. Events are never held up, and
// a gateway that only sends what happens now has so little waiting that it is not either.
func (p *pressure) credit(gateway string, stream uint32) (credit uint32, wait time.Duration) {
	if stream != wire.StreamTelemetry {
		return fullCredit, 0
	}
	p.mu.Lock()
	n, share, level := p.waiting[gateway], p.share(), p.level
	p.mu.Unlock()
	if n < share {
		return uint32(min(fullCredit, max(1, share-n))), 0
	}
	wait = jitter(min(rest*time.Duration(n/share), longRest))
	if level == 2 {
		return 0, wait
	}
	return 1, wait
}

// jitter is half of d to one and a half of it, so that those who were sent away together do not return together.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d+1) }

// Hellos that are answered with all their work; a fleet that comes back at once gets the rest told when to come again.
const (
	helloRate  = 200 // a second
	helloBurst = 400
	leastLater = 2 * time.Second
	mostLater  = 5 * time.Minute
)

// door lets in so many hellos a second.
type door struct {
	mu     sync.Mutex
	at     time.Time
	tokens float64
	sent   float64 // sent away, and probably not in yet
}

// admit lets one in, or says when it shall come again.
func (d *door) admit(now time.Time) (later time.Duration, in bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at.IsZero() {
		d.tokens = helloBurst
	} else if passed := now.Sub(d.at).Seconds(); passed > 0 {
		d.tokens = min(d.tokens+passed*helloRate, helloBurst)
		d.sent = max(0, d.sent-passed*helloRate)
	}
	d.at = now
	if d.tokens >= 1 {
		d.tokens--
		return 0, true
	}
	d.sent++
	wait := time.Duration(d.sent / helloRate * float64(time.Second))
	return jitter(min(max(wait, leastLater), mostLater)), false
}
