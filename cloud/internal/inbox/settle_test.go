package inbox_test

import (
	"context"
	"sync"
	"testing"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/series"
)

// buffer is a shelf that has in memory what it takes, until flush or kill.
type buffer struct {
	*shelf
	mu      sync.Mutex
	taken   []*slip
	refused []series.Refusal // of the next write
}

type slip struct {
	mu      sync.Mutex
	settled bool
	err     error
}

func (s *slip) Settled(context.Context) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settled, s.err
}

func (b *buffer) Deliver(ctx context.Context, columns []series.Column) (series.Receipt, error) {
	if err := b.Write(ctx, columns); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &slip{}
	b.taken = append(b.taken, s)
	if b.refused != nil {
		return s, &series.RefusedError{Refusals: b.refused}
	}
	return s, nil
}

// end settles all that was taken, or has it forgotten.
func (b *buffer) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.taken {
		s.mu.Lock()
		s.settled, s.err = err == nil, err
		s.mu.Unlock()
	}
	b.taken = nil
}

func once(t *testing.T, dr *inbox.Drain, want bool) {
	t.Helper()
	if more, err := dr.Once(t.Context()); err != nil || more != want {
		t.Fatalf("more %v, %v", more, err)
	}
}

func backlog(t *testing.T, d *db.DB) int64 {
	t.Helper()
	n, err := inbox.Backlog(t.Context(), d.Reader())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func check(t *testing.T, d *db.DB, rows int, waiting int64) {
	t.Helper()
	if n, w := left(t, d, "inbox"), backlog(t, d); n != rows || w != waiting {
		t.Fatalf("%d in the inbox, %d of them wait for the store; want %d, %d", n, w, rows, waiting)
	}
}

// What the store has in memory stays in the inbox and is no backlog; it leaves when it is settled, and is written again
// when the store forgot it.
func TestSettle(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, b := place.Open(t), &buffer{shelf: newShelf()}
		dr := drain(t, d, b, nil)
		fill(t, d, "a-1", 0, 10)
		fill(t, d, "b-1", 0, 5)
		check(t, d, 15, 15)
		once(t, dr, true)
		check(t, d, 15, 0)
		once(t, dr, false) // it is not written twice
		fill(t, d, "a-1", 10, 10)
		check(t, d, 25, 10)
		once(t, dr, true)
		check(t, d, 25, 0)
		if b.count() != 50 || b.writes != 2 {
			t.Fatalf("%d readings in %d writes", b.count(), b.writes)
		}
		b.end(series.ErrForgotten)
		b.values = map[string]map[int64]float64{}
		once(t, dr, false)
		check(t, d, 25, 25)
		once(t, dr, true)
		if b.count() != 50 {
			t.Fatalf("%d readings after the store has lost them", b.count())
		}
		check(t, d, 25, 0)
		b.end(nil)
		once(t, dr, false)
		check(t, d, 0, 0)
		fill(t, d, "a-1", 20, 1) // on SQLite it gets the id of the first
		check(t, d, 1, 1)
		once(t, dr, true)
		b.end(nil)
		once(t, dr, false)
		check(t, d, 0, 0)
	})
}

// A drain that ends leaves what is not settled; the next one writes it again.
func TestUnsettledAtTheEnd(t *testing.T) {
	d, b := dbtest.SQLite(t).Open(t), &buffer{shelf: newShelf()}
	fill(t, d, "a-1", 0, 10)
	once(t, drain(t, d, b, nil), true)
	b.values = map[string]map[int64]float64{}
	once(t, drain(t, d, b, nil), true)
	if b.count() != 20 {
		t.Errorf("%d readings", b.count())
	}
	check(t, d, 10, 0)
}

// Refused readings are parked once, with the round that is settled, however often it was written.
func TestRefusedOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, b := place.Open(t), &buffer{shelf: newShelf()}
		dr := drain(t, d, b, nil)
		b.refused = []series.Refusal{{Column: series.Column{Gateway: "a-1", Device: "d", Point: "p", Times: []int64{1, 2}, Values: []float64{1, 2}}, Why: "too old"}}
		fill(t, d, "a-1", 0, 3)
		once(t, dr, true)
		b.end(series.ErrForgotten)
		once(t, dr, false)
		once(t, dr, true)
		if n := left(t, d, "parked"); n != 0 {
			t.Errorf("%d parked before it is settled", n)
		}
		b.end(nil)
		once(t, dr, false)
		if n := left(t, d, "parked"); n != 2 {
			t.Errorf("%d parked", n)
		}
		check(t, d, 0, 0)
	})
}

// Gateways that went to another worker meanwhile are left to it.
func TestMovedBeforeItIsSettled(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, one, two := place.Open(t), &buffer{shelf: newShelf()}, &buffer{shelf: newShelf()}
		mine := &leases{}
		first, second := drain(t, d, one, mine), drain(t, d, two, &leases{letter: "b"})
		fill(t, d, "a-1", 0, 3)
		fill(t, d, "b-1", 0, 3)
		once(t, first, true)
		mine.letter = "a"
		one.end(nil)
		once(t, first, false)
		check(t, d, 3, 0)
		once(t, second, true)
		if two.count() != 6 {
			t.Errorf("the new worker has written %d readings", two.count())
		}
		two.end(nil)
		once(t, second, false)
		check(t, d, 0, 0)
	})
}
