package auth_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

func TestUsersAndSessions(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		ctx := t.Context()
		d := place.Open(t)
		now := time.UnixMilli(1_795_300_000_000)
		s, err := auth.New(d, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ name, role, password string }{{"", "operator", "long enough 1"}, {"a", "root", "long enough 1"}, {"a", "viewer", "short"}, {"1234567890", "viewer", "1234567890"}, {"a", "viewer", "aaaaaaaaaaaa"}, {" a", "viewer", "long enough 1"}} {
			if err := s.Add(ctx, auth.User{Name: c.name, Role: c.role}, c.password); err == nil {
				t.Errorf("%+v was added", c)
			}
		}
		if err := s.Add(ctx, auth.User{Name: "张三", Role: auth.Operator}, "long enough 1"); err != nil {
			t.Fatal(err)
		}
		token, u, err := s.Login(ctx, "张三", "long enough 1", "1.2.3.4")
		if err != nil || u.Role != auth.Operator {
			t.Fatal(u, err)
		}
		if u, err = s.User(ctx, token); err != nil || u.Name != "张三" {
			t.Fatal(u, err)
		}
		if _, err := s.User(ctx, token+"x"); !errors.Is(err, auth.ErrNobody) {
			t.Error(err)
		}
		for range 20 { // used now and then, it lives on
			now = now.Add(8 * time.Hour)
			if _, err = s.User(ctx, token); err != nil {
				break
			}
		}
		if err != nil {
			t.Error(err)
		}
		now = now.Add(9 * time.Hour) // more than seven days in all
		if _, err := s.User(ctx, token); !errors.Is(err, auth.ErrNobody) {
			t.Errorf("a session of a week: %v", err)
		}
		token, _, err = s.Login(ctx, "张三", "long enough 1", "1.2.3.4")
		if err != nil {
			t.Fatal(err)
		}
		now = now.Add(13 * time.Hour)
		if _, err := s.User(ctx, token); !errors.Is(err, auth.ErrNobody) {
			t.Errorf("an idle session: %v", err)
		}
		token, _, _ = s.Login(ctx, "张三", "long enough 1", "1.2.3.4")
		if err := s.Add(ctx, auth.User{Name: "张三", Role: auth.Viewer}, "another password"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.User(ctx, token); !errors.Is(err, auth.ErrNobody) {
			t.Errorf("a new password ends sessions: %v", err)
		}

		var locked *auth.LockedError
		for i := range 5 {
			if _, _, err := s.Login(ctx, "张三", "wrong", "1.2.3.4"); !errors.Is(err, auth.ErrWrong) {
				t.Fatalf("attempt %d: %v", i, err)
			}
		}
		if _, _, err := s.Login(ctx, "张三", "another password", "5.6.7.8"); !errors.As(err, &locked) {
			t.Fatalf("after five wrong ones: %v", err)
		}
		now = now.Add(locked.Wait)
		if _, _, err := s.Login(ctx, "张三", "another password", "5.6.7.8"); err != nil {
			t.Errorf("after the pause: %v", err)
		}
	})
}

func TestSecretIsMadeOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := place.Open(t)
		a, err := auth.Secret(t.Context(), d, "links")
		if err != nil || len(a) != 32 {
			t.Fatal(a, err)
		}
		if b, err := auth.Secret(t.Context(), d, "links"); err != nil || string(a) != string(b) {
			t.Error("another secret")
		}
	})
}

// Attempts that are made at once count like attempts one after the other.
func TestParallelGuesses(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := place.Open(t)
		now := time.UnixMilli(1_795_300_000_000)
		s, err := auth.New(d, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		var tried atomic.Int32
		var wg sync.WaitGroup
		for range 24 {
			wg.Go(func() {
				var locked *auth.LockedError
				if _, _, err := s.Login(t.Context(), "张三", "a guess of many", "1.2.3.4"); errors.Is(err, auth.ErrWrong) {
					tried.Add(1)
				} else if !errors.As(err, &locked) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := tried.Load(); n < 5 || n > 6 { // two are looked at side by side
			t.Errorf("%d of 24 guesses were looked at", n)
		}
	})
}
