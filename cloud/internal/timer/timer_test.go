package timer_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/timer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func set(t *testing.T, d *db.DB, kind, subject string, at time.Time) {
	t.Helper()
	if err := d.Update(t.Context(), func(tx *sql.Tx) error { return timer.Set(t.Context(), tx, kind, subject, at) }); err != nil {
		t.Fatal(err)
	}
}

// count is an effect that leaves a row behind, so that one that is rolled back is seen as such.
func count(ctx context.Context, tx *sql.Tx, subject string, due time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO counters (name, value) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = counters.value + 1`, subject)
	return err
}

func counted(t *testing.T, d *db.DB) string {
	t.Helper()
	var n, most int
	if err := d.Reader().QueryRowContext(t.Context(), `SELECT count(*), coalesce(max(value), 0) FROM counters`).Scan(&n, &most); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d subjects, at most %d times", n, most)
}

func TestEachEffectOnceAtItsTime(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, ctx, now := place.Open(t), t.Context(), start
		fail := true
		effects := map[string]timer.Effect{"count": count, "bad": func(ctx context.Context, tx *sql.Tx, subject string, due time.Time) error {
			if err := count(ctx, tx, subject, due); err != nil || !fail {
				return err
			}
			return errors.New("not now")
		}}
		s := timer.New(timer.Config{DB: d, Effects: effects, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
		set(t, d, "bad", "z", start)
		set(t, d, "other program's", "y", start)
		set(t, d, "count", "a", start.Add(time.Hour))
		set(t, d, "count", "a", start.Add(time.Minute)) // moved
		set(t, d, "count", "gone", start.Add(time.Minute))
		if err := d.Update(ctx, func(tx *sql.Tx) error { return timer.Stop(ctx, tx, "count", "gone") }); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			after time.Duration
			fail  bool
			want  string
		}{
			{0, true, "0 subjects, at most 0 times"}, {59 * time.Second, true, "0 subjects, at most 0 times"}, {time.Minute, true, "1 subjects, at most 1 times"},
			{2 * time.Hour, false, "2 subjects, at most 1 times"}, {3 * time.Hour, false, "2 subjects, at most 1 times"},
		} {
			now, fail = start.Add(c.after), c.fail
			if err := s.Round(ctx); err != nil {
				t.Fatal(err)
			}
			if got := counted(t, d); got != c.want {
				t.Errorf("after %v: %s, want %s", c.after, got, c.want)
			}
		}
	})
}

// Four processes look at the same timers: each effect is there once.
func TestSeveralProcesses(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := place.Open(t)
		const many = 60
		for i := range many {
			set(t, d, "count", fmt.Sprint("s", i), start)
		}
		var wg sync.WaitGroup
		for range 4 {
			s := timer.New(timer.Config{DB: d, Effects: map[string]timer.Effect{"count": count}, Now: func() time.Time { return start }, Log: slog.New(slog.DiscardHandler)})
			wg.Go(func() {
				if err := s.Round(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := counted(t, d); got != "60 subjects, at most 1 times" {
			t.Error(got)
		}
	})
}
