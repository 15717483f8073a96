package window_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/memo"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/org/window"
	"github.com/linshao/linshao/cloud/internal/timer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

type told struct{ list []memo.Memo }

func (k *told) Tell(_ context.Context, _ *sql.Tx, m memo.Memo) error {
	k.list = append(k.list, m)
	return nil
}

func (*told) Zone() *time.Location { return time.FixedZone("", 8*3600) }

const street = "id,kind,name,parent,sites,owner,owner_phone\nyf,街道,云枫,,,陈主任,13800000001\njx,小区,锦绣花园,yf,jinxiu,李敏,13800000002\n"

func TestWindowsOfASite(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, ctx, now := place.Open(t), t.Context(), time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
		if _, err := tree.Import(ctx, d, tree.Parse("x.csv", []byte(street)), tree.Options{Now: now}); err != nil {
			t.Fatal(err)
		}
		people, over := &told{}, 0
		s := window.New(window.Config{DB: d, Teller: people, Now: func() time.Time { return now }, Ended: func(_ context.Context, _ *sql.Tx, w window.Window) error {
			if w.Site != "jinxiu" {
				t.Errorf("over at %s", w.Site)
			}
			over++
			return nil
		}})
		clock := timer.New(timer.Config{DB: d, Effects: s.Effects(), Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
		at := func(after time.Duration) int64 { return now.Add(after).UnixMilli() }
		plan := func(from, until time.Duration) window.Window {
			t.Helper()
			w, err := s.Announce(ctx, window.Window{Site: "jinxiu", From: at(from), Until: at(until), Reason: "更换探测器", Crew: "王工 138", Who: "陈主任"})
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
		quiet := func(want bool) {
			t.Helper()
			if err := clock.Round(ctx); err != nil {
				t.Fatal(err)
			}
			if is, err := window.InForce(ctx, d.Reader(), "jinxiu", now); err != nil || is != want {
				t.Errorf("%v quiet: %v %v", now, is, err)
			}
		}
		plan(-time.Hour, 2*time.Hour)
		second := plan(time.Hour, 3*time.Hour)
		if len(people.list) != 2 || !strings.Contains(people.list[0].Text.ZH, "11-23 09:00 至 11-23 11:00") || people.list[0].Node != "jx" || people.list[0].To[0].Name != "李敏" {
			t.Errorf("announced %+v", people.list)
		}
		quiet(true)
		now = now.Add(150 * time.Minute)
		quiet(true) // the second goes on
		if over != 0 {
			t.Errorf("over %d times while another one runs", over)
		}
		var refusal *org.Refusal
		if err := s.End(ctx, "elsewhere", second.ID, "x"); !errors.Is(err, org.ErrUnknown) {
			t.Errorf("ended from elsewhere: %v", err)
		}
		if err := s.End(ctx, "jinxiu", second.ID, "李敏"); err != nil || over != 1 {
			t.Errorf("ended %v, over %d", err, over)
		}
		quiet(false)
		if err := s.End(ctx, "jinxiu", second.ID, "李敏"); !errors.As(err, &refusal) {
			t.Errorf("ended twice: %v", err)
		}
		plan(0, time.Hour)
		now = now.Add(2 * time.Hour)
		quiet(false)
		if over != 2 {
			t.Errorf("it ended by itself: over %d", over)
		}
		list, err := window.Of(ctx, d.Reader(), "jinxiu", now, 10)
		if err != nil || len(list) != 3 || list[1].EndedBy != "李敏" || list[0].EndedBy != "" {
			t.Errorf("list %+v %v", list, err)
		}
		for why, w := range map[string]window.Window{"who": {Until: at(1), Reason: "x"}, "why": {Until: at(1), Crew: "x"}, "after its begin": {Until: at(0), Reason: "x", Crew: "x"}, "7 days": {Until: at(169 * time.Hour), Reason: "x", Crew: "x"}} {
			if _, err := s.Announce(ctx, w); !errors.As(err, &refusal) || !strings.Contains(err.Error(), why) {
				t.Errorf("%s: %v", why, err)
			}
		}
	})
}
