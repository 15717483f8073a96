package rtsp

import (
	"context"
	"sync"
	"time"
)

// How hard one host may be asked: a recorder has many cameras behind it and little patience.
const (
	atOnce = 4 // dials under way
	apart  = 100 * time.Millisecond
	// A dial that takes longer hangs, and keeps nobody else from his.
	patience = time.Second
)

// gate lets dials of one host through a few at a time, and one after the other.
type gate struct {
	calm chan struct{} // those of cameras that were answered the last time
	hung chan struct{} // of those that were not

	mu     sync.Mutex
	next   time.Time
	logins map[string]*login // by user and password
}

// gate of a host; the conn's lock is held.
func (c *conn) gate(host string) *gate {
	g := c.gates[host]
	if g == nil {
		g = &gate{calm: make(chan struct{}, atOnce), hung: make(chan struct{}, atOnce), logins: make(map[string]*login)}
		c.gates[host] = g
	}
	return g
}

// enter waits for a turn; it is false when ctx has ended before.
func (g *gate) enter(ctx context.Context, hung bool) (leave func(), ok bool) {
	tokens := g.calm
	if hung {
		tokens = g.hung
	}
	select {
	case tokens <- struct{}{}:
	case <-ctx.Done():
		return nil, false
	}
	g.mu.Lock()
	now := time.Now()
	turn := g.next
	if turn.Before(now) {
		turn = now
	}
	g.next = turn.Add(apart)
	g.mu.Unlock()
	timer := time.NewTimer(turn.Sub(now))
	defer timer.Stop()
	free := sync.OnceFunc(func() { <-tokens })
	select {
	case <-timer.C:
		late := time.AfterFunc(patience, free)
		return func() { late.Stop(); free() }, true
	case <-ctx.Done():
		free()
		return nil, false
	}
}

// login is what a host thinks of one user and password. While no camera plays with it, one tries it alone: a recorder that is
// asked for sixteen channels with a wrong password counts sixteen attempts, and locks the account.
type login struct {
	playing int           // sessions
	trying  time.Time     // since when somebody tries it; zero: nobody does
	tried   chan struct{} // closed and replaced when an attempt has ended
	refused int           // times in a row
	until   time.Time     // not before
}

// login of a user; mu is held.
func (g *gate) login(who string) *login {
	l := g.logins[who]
	if l == nil {
		l = &login{tried: make(chan struct{})}
		g.logins[who] = l
	}
	return l
}

// ask waits while another camera tries the same user and password. A wait for the caller is one after a refusal.
func (g *gate) ask(ctx context.Context, who string) (wait time.Duration) {
	for who != "" && ctx.Err() == nil {
		g.mu.Lock()
		l, now := g.login(who), time.Now()
		wait, left, tried := l.until.Sub(now), patience-now.Sub(l.trying), l.tried
		mine := l.playing == 0 && wait <= 0 && left <= 0
		if mine {
			l.trying = now
		}
		free := mine || l.playing > 0
		g.mu.Unlock()
		if free {
			return 0
		}
		if wait > 0 {
			return wait
		}
		timer := time.NewTimer(left) // then the other one hangs
		select {
		case <-tried:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return 0
}

// answer tells how an attempt has ended. A wait is for all who have this user and password; there is none while others play
// with it, for then it is one channel that may not be seen.
func (g *gate) answer(who string, opened, refused bool) (wait time.Duration) {
	if who == "" {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.login(who)
	l.trying = time.Time{}
	close(l.tried)
	l.tried = make(chan struct{})
	switch {
	case opened:
		l.playing++
		l.refused, l.until = 0, time.Time{}
	case refused && l.playing == 0:
		wait = authWait
		if l.refused == 0 {
			wait = firstAuthWait
		}
		l.refused++
		l.until = time.Now().Add(wait)
	}
	return wait
}

// end is that of a session which was opened.
func (g *gate) end(who string) {
	if who == "" {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.login(who).playing--
}
