package rules_test

import (
	"testing"
	"time"
)

// A clock that is set forward says nothing of devices: none of them has been silent for as long as that.
func TestAJumpForwardIsNoSilence(t *testing.T) {
	for _, jump := range []time.Duration{2 * time.Minute, time.Hour, 30 * 365 * 24 * time.Hour} {
		e := engine(t, shippedSet(t), gasSite()[:1], nil)
		for i := range 10 {
			now := time.Duration(i) * time.Second
			e.Apply(gas(0, 0, now))
			e.Tick(at(now))
		}
		for i := 10; i < 20; i++ {
			now := jump + time.Duration(i)*time.Second
			events := e.Apply(gas(0, 0, now)[1:]) // status alone
			events = append(events, e.Tick(at(now))...)
			events = append(events, e.Apply(gas(0, 0, now+500*time.Millisecond))...)
			if len(events) > 0 {
				t.Fatalf("clock moved by %v: %s (%s)", jump, states(events), events[0].Message.EN)
			}
		}
		for i := 20; ; i++ { // now it is silent indeed
			if events := e.Tick(at(jump + time.Duration(i)*time.Second)); len(events) > 0 {
				if states(events) != "R19 firing" || i < 30 || i > 40 {
					t.Fatalf("clock moved by %v: %s after %d s", jump, states(events), i)
				}
				break
			}
			if i > 60 {
				t.Fatalf("clock moved by %v: silence is not told any more", jump)
			}
		}
	}
}

// A device that was silent before the jump has been silent for as long as it was, and no longer.
func TestSilenceGoesOnOverAJump(t *testing.T) {
	e := engine(t, shippedSet(t), gasSite()[:1], nil)
	jump := time.Duration(0)
	for i := range 60 {
		if i < 10 {
			e.Apply(gas(0, 0, time.Duration(i)*time.Second))
		}
		if i == 18 {
			jump = time.Hour
		}
		if events := e.Tick(at(jump + time.Duration(i)*time.Second)); len(events) > 0 {
			if i < 23 || i > 27 {
				t.Fatalf("%s after %d s", states(events), i)
			}
			return
		}
	}
	t.Fatal("silence is never told")
}
