package notify

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// window is how many messages fit into a time: so many in all, and so many while some room is kept for severity A.
type window struct {
	per           time.Duration
	all, ordinary int
}

// windows are the limits of a receiver, a little below the provider's own because others may use the same robot: WeCom
// and DingTalk take 20 a minute (DingTalk blocks a robot that sends more for ten minutes), Feishu 100 a minute and 5 a
// second.
func (r Receiver) windows() []window {
	var list []window
	switch {
	case r.Kind == WeCom || r.Kind == DingTalk:
		return []window{{time.Minute, 18, 12}}
	case r.Kind == Feishu:
		return []window{{time.Minute, 90, 60}, {time.Second, 4, 3}}
	case r.PerMinute > 0:
		list = append(list, share(time.Minute, r.PerMinute))
	case r.Kind == Mail:
		list = append(list, share(time.Minute, mailMinute))
	}
	if r.PerDay > 0 {
		list = append(list, share(24*time.Hour, r.PerDay))
	}
	return list
}

const mailMinute = 20

func share(per time.Duration, n int) window { return window{per, n, max(1, n*3/5)} }

// pace keeps the limits of one robot, which several receivers may share.
type pace struct {
	mu      sync.Mutex
	windows []window
	recent  []spent // oldest first
	until   time.Time
}

// spent is one message to the robot.
type spent struct {
	at  time.Time
	who string
}

// take counts a message of a receiver when there is room for it, and answers how many more there are; without room, how
// long there is none.
func (p *pace) take(now time.Time, who string, urgent bool) (left int, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if left, wait = p.room(now, urgent); wait > 0 {
		return 0, wait
	}
	p.recent = append(p.recent, spent{now, who})
	p.prune(now)
	return left, 0
}

// full answers how long there is no room for messages below severity A.
func (p *pace) full(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, wait := p.room(now, false)
	return wait
}

// room answers as take does, and counts nothing. The caller holds the lock.
func (p *pace) room(now time.Time, urgent bool) (left int, wait time.Duration) {
	left, wait = math.MaxInt, p.until.Sub(now)
	for _, w := range p.windows {
		limit := w.ordinary
		if urgent {
			limit = w.all
		}
		var inside []spent
		for i, s := range p.recent {
			if now.Sub(s.at) < w.per && !s.at.After(now) { // a clock that was set back waits for nothing
				inside = p.recent[i:]
				break
			}
		}
		room := limit - len(inside)
		if room <= 0 {
			wait = max(wait, inside[len(inside)-limit].at.Add(w.per).Sub(now))
		}
		if w.per >= time.Minute {
			left = min(left, room-1)
		}
	}
	return left, wait
}

// prune forgets what no window holds.
func (p *pace) prune(now time.Time) {
	var longest time.Duration
	for _, w := range p.windows {
		longest = max(longest, w.per)
	}
	kept := p.recent[:0]
	for _, s := range p.recent {
		if now.Sub(s.at) < longest && !s.at.After(now) {
			kept = append(kept, s)
		}
	}
	p.recent = kept
}

// rest stops the robot, because it said that it was asked too much.
func (p *pace) rest(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.until) {
		p.until = until
	}
}

// remember adds what the database has kept of a receiver's messages and this process does not know: it began later, or
// another one sent them. An attempt is kept after it was made, so its time lies a little behind ours.
func (p *pace) remember(who string, times []time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	own := slices.DeleteFunc(slices.Clone(p.recent), func(s spent) bool { return s.who != who })
	for _, t := range times {
		i := slices.IndexFunc(own, func(s spent) bool { return !s.at.Truncate(time.Millisecond).After(t) && t.Sub(s.at) < 2*sendTimeout })
		if i >= 0 {
			own = slices.Delete(own, i, i+1) // each of ours explains one of them
			continue
		}
		p.recent = append(p.recent, spent{t, who})
	}
	slices.SortFunc(p.recent, func(a, b spent) int { return a.at.Compare(b.at) })
}

// recall reads from the database what this receiver was sent before this process began, or by another one.
func (s *sender) recall(ctx context.Context) error {
	var longest time.Duration
	for _, w := range s.pace.windows {
		longest = max(longest, w.per)
	}
	if longest == 0 {
		return nil
	}
	rows, err := s.service.cfg.DB.Reader().QueryContext(ctx, `SELECT DISTINCT a.at, CASE WHEN n.kind = ? THEN n.id ELSE 0 END FROM notices n JOIN attempts a ON a.notice = n.id
		WHERE n.receiver = ? AND a.at > ? ORDER BY a.at`, kindTest, s.receiver.ID, s.service.cfg.Now().Add(-longest).UnixMilli())
	if err != nil {
		return fmt.Errorf("read attempts: %w", err)
	}
	defer rows.Close()
	var times []time.Time
	for rows.Next() {
		var at, test int64 // the notices of one message have one time; of tests, two may
		if err := rows.Scan(&at, &test); err != nil {
			return fmt.Errorf("read attempt: %w", err)
		}
		times = append(times, time.UnixMilli(at))
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read attempts: %w", err)
	}
	s.pace.remember(s.receiver.ID, times)
	return nil
}
