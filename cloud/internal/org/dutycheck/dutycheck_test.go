package dutycheck_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/dutycheck"
	"github.com/linshao/linshao/cloud/internal/org/memo/memotest"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/timer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

const street = `nodes:
  - {id: yf, kind: 街道, name: 云枫, owner: {name: 陈主任}, shifts: [{role: 值班, name: 吴, hours: "00:00-24:00"}]}
  - {id: jx, parent: yf, kind: 小区, name: 锦绣, owner: {name: 赵经理}, shifts: [{role: 保安, name: 甲, phone: "13800000001", hours: "20:00-08:00"}, {role: 保安, name: 乙, hours: "20:00-08:00"}]}
  - {id: sw, parent: yf, kind: 小区, name: 双无, owner: {name: 孙经理}}
`

type post struct {
	t       *testing.T
	db      *db.DB
	now     time.Time
	told    *memotest.Told
	centres []string
	svc     *dutycheck.Service
	clock   *timer.Service
}

func open(t *testing.T, place *dbtest.Place) *post {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	p := &post{t: t, db: place.Open(t), now: time.Date(2026, 11, 20, 22, 0, 0, 0, zone), told: &memotest.Told{Arrived: 1}}
	r, err := tree.Import(t.Context(), p.db, tree.Parse("x.yaml", []byte(street)), tree.Options{Strict: true, Now: p.now})
	if err != nil || r.Nothing {
		t.Fatalf("%+v %v", r.Problems, err)
	}
	now := func() time.Time { return p.now }
	p.svc = dutycheck.New(dutycheck.Config{DB: p.db, Teller: p.told, Now: now, Zone: zone, Centre: func(_ context.Context, _ *sql.Tx, centre, who string) error {
		p.centres = append(p.centres, centre+" "+who)
		return nil
	}})
	p.clock = timer.New(timer.Config{DB: p.db, Effects: p.svc.Effects(), Now: now, Log: slog.New(slog.DiscardHandler)})
	return p
}

// pass lets time go by, and the timers with it.
func (p *post) pass(d time.Duration) {
	p.t.Helper()
	p.now = p.now.Add(d)
	if err := p.clock.Round(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

func (p *post) ask(node, role string) dutycheck.Check {
	p.t.Helper()
	c, err := p.svc.Ask(p.t.Context(), dutycheck.Question{Node: node, Role: role, Minutes: 5, Who: "陈主任"})
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

func (p *post) state(id int64) dutycheck.Check {
	p.t.Helper()
	c, err := dutycheck.Get(p.t.Context(), p.db.Reader(), id)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

func TestAskedByHand(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		p, ctx := open(t, place), t.Context()
		c := p.ask("jx", "")
		if len(c.People) != 2 || c.State != dutycheck.Open || len(p.told.Memos) != 1 || p.told.Memos[0] != "duty_check 乙 甲 锦绣 请在 22:05 前点开应答：我在岗" && p.told.Memos[0] != "duty_check 甲 乙 锦绣 请在 22:05 前点开应答：我在岗" {
			t.Fatalf("%+v %q", c, p.told.Memos)
		}
		for range 2 {
			got, err := p.svc.Answer(ctx, dutycheck.Reply{Check: c.ID, Who: "甲", How: "link"})
			if err != nil || got.State != dutycheck.Answered {
				t.Fatalf("%+v %v", got, err)
			}
		}
		if p.pass(5 * time.Minute); p.state(c.ID).State != dutycheck.Answered || len(p.told.Memos) != 1 {
			t.Errorf("%q", p.told.Memos)
		}
		missed := p.ask("sw", "") // the street's shift is asked, in whose place nobody of the compound is
		p.pass(5*time.Minute + time.Second)
		if p.state(missed.ID).State != dutycheck.Missed || p.told.Memos[len(p.told.Memos)-1] != "duty_missed 孙经理 双无 查岗，吴 未在 22:10 前应答" {
			t.Errorf("%q", p.told.Memos)
		}
		var refusal *org.Refusal
		if _, err := p.svc.Answer(ctx, dutycheck.Reply{Check: missed.ID, Who: "吴"}); !errors.As(err, &refusal) {
			t.Errorf("too late: %v", err)
		}
		p.told.Arrived = 0
		untold := p.ask("jx", "保安")
		if p.pass(6 * time.Minute); p.state(untold.ID).State != dutycheck.Untold {
			t.Errorf("%+v", p.state(untold.ID))
		}
		n, err := dutycheck.CountOf(ctx, p.db.Reader(), tree.Below("jx", "sw"), "", 0, 1<<60)
		if err != nil || n.Asked != 2 || n.Answered != 1 || n.Missed != 1 || n.Untold != 1 {
			t.Errorf("%+v %v", n, err)
		}
	})
}

func TestACentreAsks(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		p, ctx := open(t, place), t.Context()
		if err := p.db.Update(ctx, func(tx *sql.Tx) error { return p.svc.AskFor(ctx, tx, "fire119") }); err != nil {
			t.Fatal(err)
		}
		list, err := dutycheck.List(ctx, p.db.Reader(), tree.Everywhere(), "", 10)
		if err != nil || len(list) != 1 || list[0].Centre != "fire119" || list[0].People[0].Name != "吴" {
			t.Fatalf("%+v %v", list, err)
		}
		if _, err := p.svc.Answer(ctx, dutycheck.Reply{Check: list[0].ID, Who: "郑"}); err != nil { // in the place of 吴
			t.Fatal(err)
		}
		if c := p.state(list[0].ID); c.State != dutycheck.Answered || c.People[0].Who != "郑" || len(p.centres) != 1 || p.centres[0] != "fire119 郑" {
			t.Errorf("%+v %q", c, p.centres)
		}
	})
}

// Random checks come within their window, at least as often as planned, at other moments each day, and each once.
func TestAtRandom(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		p, ctx := open(t, place), t.Context()
		plan := dutycheck.RandomPlan{Node: "jx", Role: "保安", Hours: "22:00-02:00", Times: 2, Minutes: 5}
		var refusal *org.Refusal
		bad := plan
		bad.Hours = "25"
		if err := p.svc.Keep(ctx, bad); !errors.As(err, &refusal) {
			t.Fatal(err)
		}
		p.now = p.now.Add(-time.Hour)
		if err := p.svc.Keep(ctx, plan); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for range 3 {
			for range 24 * 6 {
				p.pass(10 * time.Minute)
			}
		}
		list, err := dutycheck.List(ctx, p.db.Reader(), tree.Everywhere(), "", 100)
		if err != nil || len(list) < 6 || len(list) > 15 {
			t.Fatalf("%d checks, %v", len(list), err)
		}
		for _, c := range list {
			at := time.UnixMilli(c.At).In(p.now.Location())
			if h := at.Hour(); h >= 2 && h < 22 && !(h == 2 && at.Minute() <= 10) {
				t.Errorf("a check at %v", at)
			}
			seen[at.Format("15:04")] = true
		}
		if len(seen) < 3 {
			t.Errorf("always at the same times: %v", seen)
		}
		plan.Times = 0
		if err := p.svc.Keep(ctx, plan); err != nil {
			t.Fatal(err)
		}
		var left int
		if err := p.db.Reader().QueryRowContext(ctx, `SELECT count(*) FROM timers WHERE kind LIKE 'duty_draw' OR kind = 'duty_ask'`).Scan(&left); err != nil || left != 0 {
			t.Errorf("%d timers left, %v", left, err)
		}
	})
}
