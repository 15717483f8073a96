package rtsp_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/rtsp"
)

// asks lets so many cameras log in at one host; attempt is one's, and gives what it tells the gate, or that it never ends.
func asks(t *testing.T, g rtsp.Gate, cameras int, attempt func() (opened, refused, hangs bool)) (attempts, held int) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for range cameras {
		all.Go(func() {
			wait := g.Ask(t.Context(), "admin:x")
			mu.Lock()
			defer mu.Unlock()
			if wait > 0 {
				held++
				return
			}
			attempts++
			if opened, refused, hangs := attempt(); !hangs {
				g.Answer("admin:x", opened, refused)
			}
		})
	}
	all.Wait()
	return attempts, held
}

// TestSharedVerdict: what became of a user and password is known to all cameras of a recorder.
func TestSharedVerdict(t *testing.T) {
	refused := func() (bool, bool, bool) { return false, true, false }
	opened := func() (bool, bool, bool) { return true, false, false }
	synctest.Test(t, func(t *testing.T) {
		g := rtsp.NewGate()
		if n, held := asks(t, g, 16, refused); n != 1 || held != 15 {
			t.Errorf("%d attempts, %d held", n, held)
		}
		<-time.After(29 * time.Second)
		if n, held := asks(t, g, 16, refused); n != 0 || held != 16 {
			t.Errorf("before its time: %d attempts, %d held", n, held)
		}
		<-time.After(2 * time.Second)
		if n, held := asks(t, g, 16, refused); n != 1 || held != 15 {
			t.Errorf("the second time: %d attempts, %d held", n, held)
		}
		if wait := g.Ask(t.Context(), "admin:new"); wait != 0 {
			t.Errorf("another password waits %v", wait)
		}
		<-time.After(5*time.Minute + time.Second)
		if n, _ := asks(t, g, 16, opened); n != 16 {
			t.Errorf("%d of 16 play", n)
		}
		if wait := g.Answer("admin:x", false, true); wait != 0 {
			t.Errorf("one channel that may not be seen keeps all others away for %v", wait)
		}
		for range 16 {
			g.End("admin:x")
		}
		if n, held := asks(t, g, 16, refused); n != 1 || held != 15 {
			t.Errorf("after the password was changed: %d attempts, %d held", n, held)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		g, began, hang := rtsp.NewGate(), time.Now(), 3
		n, _ := asks(t, g, 16, func() (bool, bool, bool) {
			hang--
			return true, false, hang >= 0
		})
		if took := time.Since(began); n != 16 || took != 3*time.Second {
			t.Errorf("behind three that hang %d went in %v", n, took)
		}
	})
}
