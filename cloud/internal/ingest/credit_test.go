package ingest

import (
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/wire"
)

// Shares and limits, with what waits set by hand.
func TestCredit(t *testing.T) {
	p := &pressure{now: time.Now}
	credit := func(gateway string) (uint32, time.Duration) { return p.credit(gateway, wire.StreamTelemetry) }
	if n, wait := credit("a"); n != fullCredit || wait != 0 {
		t.Errorf("nothing waits: %d, %v", n, wait)
	}
	p.put("a", mostShare-3)
	if n, _ := credit("a"); n != 3 {
		t.Errorf("up to its share: %d", n)
	}
	p.put("a", 3)
	if n, wait := credit("a"); n != 1 || wait < rest/2 || wait > rest*3/2+1 {
		t.Errorf("its share is full: %d, %v", n, wait)
	}
	if n, wait := credit("b"); n != fullCredit || wait != 0 {
		t.Errorf("another one's share is not: %d, %v", n, wait)
	}
	for i := range 100 {
		p.put("many"+string(rune('A'+i)), 600)
	}
	if n, _ := credit("manyA"); p.level != 1 || n != 1 {
		t.Errorf("above the first limit shares are smaller: level %d, %d", p.level, n)
	}
	p.put("a", fullBacklog)
	if n, wait := credit("manyA"); p.level != 2 || n != 0 || wait == 0 {
		t.Errorf("above the second: level %d, %d, %v", p.level, n, wait)
	}
	if n, wait := credit("new"); n != lastShare || wait != 0 {
		t.Errorf("who has nothing waiting may send: %d, %v", n, wait)
	}
	if n, wait := p.credit("a", wire.StreamEvents); n != fullCredit || wait != 0 {
		t.Errorf("events are never held up: %d, %v", n, wait)
	}
	for _, step := range []struct {
		total int64
		level int
	}{{fullBacklog - 1, 2}, {fullBacklog * 8 / 10, 2}, {fullBacklog * 6 / 10, 1}, {someBacklog * 8 / 10, 1}, {someBacklog * 6 / 10, 0}, {someBacklog - 1, 0}, {someBacklog + 1, 1}} {
		p.total = step.total
		if p.judge(); p.level != step.level {
			t.Errorf("%d waiting: level %d, want %d", step.total, p.level, step.level)
		}
	}
	for range 1000 {
		if d := jitter(10 * time.Second); d < 5*time.Second || d > 15*time.Second {
			t.Fatalf("jitter %v", d)
		}
	}
}
