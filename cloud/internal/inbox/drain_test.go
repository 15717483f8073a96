package inbox_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

// shelf is a store in memory: the newest value of each time, and how often it was written.
type shelf struct {
	mu     sync.Mutex
	values map[string]map[int64]float64
	writes int
	fail   func(columns []series.Column) error // before anything is kept; may be nil
}

func (s *shelf) Write(_ context.Context, columns []series.Column) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if s.fail != nil {
		if err := s.fail(columns); err != nil {
			return err
		}
	}
	for _, c := range columns {
		k := c.Gateway + "/" + c.Device + "/" + c.Point
		if s.values[k] == nil {
			s.values[k] = map[int64]float64{}
		}
		for i, at := range c.Times {
			s.values[k][at] = c.Values[i]
		}
	}
	return nil
}

func (s *shelf) count() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.values {
		n += len(v)
	}
	return n
}

// leases holds gateways whose names begin with a letter; lost makes every proof fail.
type leases struct {
	letter string
	lost   bool
}

var errLost = errors.New("lease lost")

func (l *leases) Mine(gateway string) bool { return strings.HasPrefix(gateway, l.letter) }

func (l *leases) Prove(_ context.Context, _ *sql.Tx, gateways []string) error {
	for _, g := range gateways {
		if l.lost || !l.Mine(g) {
			return errLost
		}
	}
	return nil
}

func drain(t *testing.T, d *db.DB, sink inbox.Sink, l inbox.Leases) *inbox.Drain {
	t.Helper()
	out, err := inbox.NewDrain(inbox.DrainConfig{DB: d, Sink: sink, Leases: l, Now: time.Now, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func newShelf() *shelf { return &shelf{values: map[string]map[int64]float64{}} }

// fill puts records of two readings each into the inbox.
func fill(t *testing.T, d *db.DB, gateway string, from, n int) {
	t.Helper()
	enc, err := wire.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	err = d.Update(t.Context(), func(tx *sql.Tx) error {
		for i := from; i < from+n; i++ {
			at := time.UnixMilli(1_795_300_000_000 + int64(i)*1000)
			payload, err := enc.Encode([]device.Reading{{Device: "d", Point: "p", Value: float64(i), Quality: device.Good, Time: at}, {Device: "d", Point: "q", Value: 1, Quality: device.Good, Time: at}})
			if err != nil {
				return err
			}
			if err := inbox.PutReadings(t.Context(), tx, inbox.Cursor{Gateway: gateway, Epoch: 1, Cum: uint64(i + 1)}, payload); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func left(t *testing.T, d *db.DB, table string) (n int) {
	t.Helper()
	if err := d.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A round holds many records, each point of them once; a write that fails, or whose records could not be deleted, is
// repeated and changes nothing.
func TestRounds(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, s := place.Open(t), newShelf()
		fill(t, d, "a-1", 0, 300)
		fill(t, d, "b-1", 0, 300)
		broken := errors.New("server is away")
		s.fail = func(columns []series.Column) error {
			if len(columns) != 4 || len(columns[0].Times) != 300 {
				t.Errorf("%d columns, the first of %d readings", len(columns), len(columns[0].Times))
			}
			return broken
		}
		dr := drain(t, d, s, nil)
		if _, err := dr.Once(t.Context()); !errors.Is(err, broken) || left(t, d, "inbox") != 600 {
			t.Fatalf("%v, %d left", err, left(t, d, "inbox"))
		}
		s.fail = nil
		lost := &leases{lost: true}
		if _, err := drain(t, d, s, lost).Once(t.Context()); !errors.Is(err, errLost) || s.count() != 1200 || left(t, d, "inbox") != 600 {
			t.Fatalf("%v, %d stored, %d left", err, s.count(), left(t, d, "inbox"))
		}
		if more, err := dr.Once(t.Context()); !more || err != nil || s.count() != 1200 || left(t, d, "inbox") != 0 {
			t.Fatalf("%v, %d stored, %d left", err, s.count(), left(t, d, "inbox"))
		}
	})
}

// Two workers drain one inbox, each its own gateways; a third gateway's records stay for whoever gets it.
func TestWorkersShareTheInbox(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, one, two := place.Open(t), newShelf(), newShelf()
		for i := range 20 {
			fill(t, d, "a-1", 10*i, 10)
			fill(t, d, "b-1", 10*i, 10)
			fill(t, d, "c-1", 10*i, 10)
		}
		var both sync.WaitGroup
		for letter, s := range map[string]*shelf{"a": one, "b": two} {
			dr := drain(t, d, s, &leases{letter: letter})
			both.Go(func() {
				for {
					if more, err := dr.Once(t.Context()); err != nil {
						t.Error(err)
						return
					} else if !more {
						return
					}
				}
			})
		}
		both.Wait()
		if one.count() != 400 || two.count() != 400 || left(t, d, "inbox") != 200 {
			t.Errorf("%d, %d stored, %d left", one.count(), two.count(), left(t, d, "inbox"))
		}
	})
}

// A record that the disk has changed is kept aside, and its neighbours arrive.
func TestUnreadableRecordsArePutAside(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, s := place.Open(t), newShelf()
		fill(t, d, "a-1", 0, 3)
		if err := d.Update(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE inbox SET payload = ? WHERE seq = 2`, []byte("no columns"))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := drain(t, d, s, nil).Once(t.Context()); err != nil || s.count() != 4 || left(t, d, "inbox") != 0 || left(t, d, "parked_records") != 1 {
			t.Errorf("%v, %d stored, %d left, %d aside", err, s.count(), left(t, d, "inbox"), left(t, d, "parked_records"))
		}
	})
}

// Run empties the inbox, goes on after an error, and takes what comes when all was empty.
func TestRun(t *testing.T) {
	d, s := dbtest.SQLite(t).Open(t), newShelf()
	stored := make(chan int, 100)
	failed := false
	s.fail = func([]series.Column) error {
		if !failed {
			failed = true
			return errors.New("not yet")
		}
		return nil
	}
	fill(t, d, "a-1", 0, 50)
	dr := drain(t, d, sinkFunc(func(ctx context.Context, columns []series.Column) error {
		err := s.Write(ctx, columns)
		stored <- s.count()
		return err
	}), nil)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- dr.Run(ctx) }()
	for _, want := range []int{100, 200} {
		for n := range stored {
			if n == want {
				break
			}
		}
		if want == 100 {
			fill(t, d, "a-1", 50, 50)
			dr.Wake()
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

type sinkFunc func(context.Context, []series.Column) error

func (f sinkFunc) Write(ctx context.Context, columns []series.Column) error { return f(ctx, columns) }
