package patrol_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/memo/memotest"
	"github.com/linshao/linshao/cloud/internal/org/patrol"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/timer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

const street = `nodes:
  - {id: yf, kind: 街道, name: 云枫, owner: {name: 陈主任}}
  - {id: jx, parent: yf, kind: 小区, name: 锦绣, owner: {name: 赵经理}, shifts: [{role: 保安, name: 小王, phone: "13800000001"}],
     patrols: [{name: 夜巡, role: 保安, days: daily, hours: "22:00,23:30", minutes: 40, points: [{name: 东门, code: P1}, {name: 车棚, position: 3 栋旁, code: P2, checks: 飞线充电; 灭火器在位}]}]}
`

type reports struct{ got []patrol.Finding }

func (r *reports) Found(_ context.Context, _, _ string, f patrol.Finding) (string, error) {
	r.got = append(r.got, f)
	return "GJ-1", nil
}

type beat struct {
	t     *testing.T
	db    *db.DB
	now   time.Time
	told  *memotest.Told
	found *reports
	svc   *patrol.Service
	clock *timer.Service
}

func open(t *testing.T, place *dbtest.Place) *beat {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	b := &beat{t: t, db: place.Open(t), now: time.Date(2026, 11, 20, 21, 0, 0, 0, zone), told: &memotest.Told{}, found: &reports{}}
	r, err := tree.Import(t.Context(), b.db, tree.Parse("x.yaml", []byte(street)), tree.Options{Strict: true, Now: b.now})
	if err != nil || r.Nothing {
		t.Fatalf("%+v %v", r.Problems, err)
	}
	now := func() time.Time { return b.now }
	b.svc = patrol.New(patrol.Config{DB: b.db, Teller: b.told, Reports: b.found, Now: now, Zone: zone})
	b.clock = timer.New(timer.Config{DB: b.db, Effects: b.svc.Effects(), Now: now, Log: slog.New(slog.DiscardHandler)})
	for range 2 { // the next life of the program finds the timer there
		if err := b.svc.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// at lets the clock come to a time of the day, and the timers with it.
func (b *beat) at(hour, minute int) {
	b.t.Helper()
	b.now = time.Date(b.now.Year(), b.now.Month(), b.now.Day(), hour, minute, 0, 0, b.now.Location())
	if err := b.clock.Round(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *beat) rounds() []patrol.Round {
	b.t.Helper()
	list, err := patrol.List(b.t.Context(), b.db.Reader(), patrol.Ask{In: tree.Everywhere(), Node: "yf", To: 1 << 60, Most: 10})
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

// A plan says when its next round begins, before that is there.
func TestNextRoundOfAPlan(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		b := open(t, place)
		next := func() time.Time {
			plans, err := patrol.Plans(t.Context(), b.db.Reader(), tree.Everywhere(), b.now)
			if err != nil || len(plans) != 1 {
				t.Fatalf("%+v %v", plans, err)
			}
			return time.UnixMilli(plans[0].Next).In(b.now.Location())
		}
		first := next()
		if !first.After(b.now) || first.Sub(b.now) > 24*time.Hour {
			t.Errorf("at %v the next is at %v", b.now, first)
		}
		b.at(first.Hour(), first.Minute())
		if list := b.rounds(); len(list) != 1 || list[0].Due != first.UnixMilli() {
			t.Errorf("%+v began at %v", list, first)
		}
		if second := next(); !second.After(first) {
			t.Errorf("after %v comes %v", first, second)
		}
	})
}

// Rounds of one state come page by page, whatever else there was.
func TestRoundsByState(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		b := open(t, place)
		b.at(22, 0)
		b.at(23, 0)
		b.now = b.now.AddDate(0, 0, 1)
		b.at(22, 0)
		states := func(state string, offset int) (out []string) {
			list, err := patrol.List(b.t.Context(), b.db.Reader(), patrol.Ask{In: tree.Everywhere(), To: 1 << 60, State: state, Offset: offset, Most: 1})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range list {
				out = append(out, r.State)
			}
			return out
		}
		all := b.rounds()
		for _, state := range []string{"missed", "open", ""} {
			n := 0
			for _, r := range all {
				if state != "" && r.State != state {
					continue
				}
				if got := states(state, n); len(got) != 1 || got[0] != r.State {
					t.Errorf("%q, %d: %v", state, n, got)
				}
				n++
			}
			if got := states(state, n); n == 0 || len(got) != 0 {
				t.Errorf("%q: %d, then %v", state, n, got)
			}
		}
	})
}

func TestARoundIsWalked(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		b, ctx := open(t, place), t.Context()
		b.at(21, 0)
		b.at(21, 59)
		if list := b.rounds(); len(list) != 0 {
			t.Fatalf("%+v", list)
		}
		b.at(22, 0)
		b.at(22, 1)
		list := b.rounds()
		if len(list) != 1 || list[0].Points != 2 || list[0].Place != "锦绣" || len(b.told.Memos) != 1 || b.told.Memos[0] != "patrol 小王 锦绣 夜巡，请在 22:40 前走完" {
			t.Fatalf("%+v %q", list, b.told.Memos)
		}
		in := patrol.CheckIn{Round: list[0].ID, N: 1, Key: "key-0001", Who: "小王", Code: "P2"}
		var refusal *org.Refusal
		if _, err := b.svc.CheckIn(ctx, in); !errors.As(err, &refusal) || !strings.Contains(refusal.Text.ZH, "车棚") {
			t.Errorf("the code of another point: %v", err)
		}
		in.Code, in.At = "P1", b.now.Add(time.Hour).UnixMilli()
		if _, err := b.svc.CheckIn(ctx, in); !errors.As(err, &refusal) {
			t.Errorf("a check-in of the future: %v", err)
		}
		in.At = 0
		for range 2 {
			if r, err := b.svc.CheckIn(ctx, in); err != nil || r.Seen != 1 || r.State != patrol.Open || r.Stops[0].How != "code" {
				t.Fatalf("%+v %v", r, err)
			}
		}
		in.N, in.Code, in.Finding = 2, "", &patrol.Finding{Kind: "charging", Text: "飞线充电"}
		r, err := b.svc.CheckIn(ctx, in)
		if err != nil || r.State != patrol.Done || r.Stops[1].Incident != "GJ-1" || len(b.found.got) != 1 || b.found.got[0].Place != "车棚 3 栋旁" || b.found.got[0].Node != "jx" {
			t.Fatalf("%+v %+v %v", r, b.found.got, err)
		}
		if b.at(22, 41); len(b.told.Memos) != 1 || len(b.told.Ended) != 1 {
			t.Errorf("%q %q", b.told.Memos, b.told.Ended)
		}
	})
}

func TestMissedAndLate(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		b, ctx := open(t, place), t.Context()
		b.at(21, 0)
		b.at(22, 0)
		id := b.rounds()[0].ID
		check := func(n int) patrol.Round {
			t.Helper()
			r, err := b.svc.CheckIn(ctx, patrol.CheckIn{Round: id, N: n, Key: "key-0001", Who: "小王"})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		check(1)
		b.at(22, 40)
		b.at(22, 41)
		if len(b.told.Memos) != 2 || b.told.Memos[1] != "patrol_missed 赵经理 锦绣 夜巡 22:00：2 个点位中有 1 个没有到：车棚" {
			t.Fatalf("%q", b.told.Memos)
		}
		if r := check(2); r.State != patrol.Late {
			t.Errorf("%+v", r)
		}
		// Down from before the second round until after its end: it is nobody's fault.
		b.now = b.now.AddDate(0, 0, 1)
		b.at(1, 0)
		list := b.rounds()
		if len(list) != 2 || list[0].State != patrol.Void || len(b.told.Memos) != 2 {
			t.Errorf("%+v %q", list, b.told.Memos)
		}
		n, err := patrol.CountOf(ctx, b.db.Reader(), tree.Everywhere(), "jx", 0, 1<<60)
		if err != nil || n != (patrol.Count{Rounds: 1, Late: 1, Points: 2, Seen: 2}) {
			t.Errorf("%+v %v", n, err)
		}
	})
}
