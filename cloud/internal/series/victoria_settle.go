package series

import (
	"context"
	"fmt"
	"time"
)

// How long it takes VictoriaMetrics to bring rows from its memory to its disk, when it is not late.
const (
	oldSettle    = 13 * time.Second       // up to 1.84: parts of 5 s and older, its clock has whole seconds, looked for every 5 s; and 2 s more
	leastFlush   = 2 * time.Second        // newer ones look no more often, whatever they are told
	settleMargin = 3 * time.Second        // beside three intervals of the newer ones. In both, a second is the age of its metrics
	moveTime     = 2 * time.Second        // from the end of a merge, as the server counts, to its result in place and synced
	longestMerge = time.Minute            // of parts of that age
	lookEvery    = 900 * time.Millisecond // at its metrics, when nobody writes
	youngEvery   = 200 * time.Millisecond // at those of a server that has just begun
)

// settling is how far a server has brought what was written to its disk.
type settling struct {
	life    int         // which of the server's lives it is, as far as seen
	started float64     // when its process began, Unix s
	rows    float64     // that it had taken
	looked  time.Time   // when its metrics were asked for
	sure    time.Time   // all that was written before is on the disk
	quiet   []time.Time // of the last moveTime: when it had no merges
}

// observe learns from metrics that were asked for at a time. Rows as old as s.settle have left the memory, or are in a
// merge that goes on: a moment without merges shows that they have. A server that merges without a pause is given longestMerge.
func (x *settling) observe(s serverState, asked time.Time) {
	if s.started != x.started || s.rows < x.rows {
		*x = settling{life: x.life + 1, started: s.started}
	}
	x.rows, x.looked = s.rows, asked
	for len(x.quiet) > 0 && asked.Sub(x.quiet[0]) >= moveTime {
		x.sure = later(x.sure, x.quiet[0].Add(-s.settle))
		x.quiet = x.quiet[1:]
	}
	if s.merges == 0 {
		x.quiet = append(x.quiet, asked)
	}
	x.sure = later(x.sure, asked.Add(-longestMerge))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// taken is the receipt of one write.
type taken struct {
	store *Victoria
	life  int
	at    time.Time
}

// Settled implements Receipt. It asks the server about once a second, if at all.
func (r taken) Settled(ctx context.Context) (bool, error) {
	v := r.store
	v.mu.Lock()
	defer v.mu.Unlock()
	if r.life == v.settling.life && !r.at.Before(v.settling.sure) && time.Since(v.settling.looked) >= lookEvery {
		if _, err := v.look(ctx); err != nil {
			return false, err
		}
	}
	if r.life != v.settling.life {
		return false, ErrForgotten
	}
	return r.at.Before(v.settling.sure), nil
}

// look reads the server's metrics and learns from them. It needs mu.
func (v *Victoria) look(ctx context.Context) (serverState, error) {
	asked := time.Now()
	s, err := v.state(ctx)
	if err == nil {
		v.settling.observe(s, asked)
	}
	return s, err
}

// grown waits until the server's process is a second old. Two that began in the same second cannot be told apart, so
// what the first of them took would pass for what the second has. It needs mu.
func (v *Victoria) grown(ctx context.Context) (serverState, error) {
	for {
		s, err := v.look(ctx)
		if err != nil || s.uptime >= 1 {
			return s, err
		}
		select {
		case <-time.After(youngEvery):
		case <-ctx.Done():
			return s, fmt.Errorf("wait for VictoriaMetrics, which has just begun: %w", context.Cause(ctx))
		}
	}
}
