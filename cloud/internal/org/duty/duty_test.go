package duty_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/duty"
	"github.com/linshao/linshao/cloud/internal/org/mode"
	"github.com/linshao/linshao/cloud/internal/org/shift"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

const street = `nodes:
  - {id: yf, kind: 街道, name: 云枫, owner: {name: 陈主任}, contacts: [{role: 兜底, name: 郑专员}], shifts: [
      {role: 值班, name: 吴, mode: ordinary, days: mon-fri, hours: "08:00-20:00"}, {role: 值班, name: 郑, mode: ordinary, days: daily, hours: "20:00-08:00"},
      {role: 抢险, name: 抢险队长, mode: emergency}, {role: 值班, name: 急值班, mode: emergency, days: daily, hours: "08:00-20:00"}]}
  - {id: zz, parent: yf, kind: 社区, name: 寨子坪, owner: {name: 李书记}}
  - {id: jx, parent: zz, kind: 小区, name: 锦绣, sites: [jinxiu], owner: {name: 赵经理}, shifts: [{role: 保安, name: 甲, hours: "06:00-18:00"}, {role: 保安, name: 乙, hours: "16:00-06:00"}]}
  - {id: sw, parent: zz, kind: 小区, name: 双无院, sites: [shuangwu]}
`

func say(people []duty.Holder) string {
	var out []string
	for _, p := range people {
		out = append(out, p.Name+" "+p.As+"@"+p.Node)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func load(t *testing.T, d *db.DB) {
	t.Helper()
	r, err := tree.Import(t.Context(), d, tree.Parse("x.yaml", []byte(street)), tree.Options{Strict: true, Now: time.Now()})
	if err != nil || r.Nothing {
		t.Fatalf("%+v %v", r.Problems, err)
	}
}

func TestWhoIsOnDuty(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, ctx := place.Open(t), t.Context()
		load(t, d)
		zone, err := time.LoadLocation("Asia/Shanghai")
		if err != nil {
			t.Fatal(err)
		}
		at := func(text string) time.Time {
			at, err := time.ParseInLocation("2006-01-02 15:04", "2026-10-"+text, zone)
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		check := func(node, role, when, want string) {
			t.Helper()
			people, err := duty.OnDuty(ctx, d.Reader(), node, role, at(when))
			if err != nil || say(people) != want {
				t.Errorf("%s %q %s: %q %v, want %q", node, role, when, say(people), err, want)
			}
		}
		check("jx", "", "01 17:00", "乙 shift@jx, 甲 shift@jx") // overlapping: both
		check("jx", "保安", "02 05:59", "乙 shift@jx")
		check("jx", "值班", "01 12:00", "吴 shift@yf") // the one above
		check("sw", "", "01 23:00", "郑 shift@yf")
		check("jx", "值班", "03 12:00", "赵经理 owner@jx") // Saturday: no roster names anybody
		check("sw", "值班", "03 12:00", "郑专员 fallback@yf")
		check("zz", "值班", "03 12:00", "李书记 owner@zz")
		if _, err := duty.OnDuty(ctx, d.Reader(), "none", "", at("01 12:00")); !errors.Is(err, org.ErrUnknown) {
			t.Errorf("unknown node: %v", err)
		}
		if people, err := duty.OnDutyFor(ctx, d.Reader(), "elsewhere", "", at("01 12:00")); err != nil || people == nil || len(people) != 0 {
			t.Errorf("site on no node: %v %v", people, err)
		}
		m := mode.New(mode.Config{DB: d, Now: func() time.Time { return at("05 00:00") }})
		if _, err := m.Switch(ctx, mode.Order{Node: "yf", Emergency: true, Reason: "台风", Until: at("06 00:00"), Who: "陈主任"}); err != nil {
			t.Fatal(err)
		}
		check("sw", "", "05 12:00", "急值班 shift@yf, 抢险队长 shift@yf")
		check("sw", "", "05 21:00", "抢险队长 shift@yf, 郑 shift@yf") // nobody has taken the night in emergency: it is not left
		check("jx", "保安", "05 12:00", "甲 shift@jx")
		check("sw", "", "06 12:00", "吴 shift@yf")
		h := duty.Relief{Node: "jx", Role: "保安", Leaver: "甲", Taker: tree.Person{Name: "丙", Phone: "13800000000"}, From: at("08 06:00").UnixMilli(), Until: at("08 12:00").UnixMilli(), Note: "3 栋车棚在修", Who: "甲"}
		back := h
		back.Leaver, back.Taker, back.From, back.Until = "乙", tree.Person{Name: "甲"}, at("08 20:00").UnixMilli(), at("08 22:00").UnixMilli()
		if err := duty.Give(ctx, d, nil, h, back); err != nil {
			t.Fatal(err)
		}
		check("jx", "", "08 11:59", "丙 handover@jx")
		check("jx", "", "08 12:00", "甲 shift@jx")
		check("jx", "", "08 21:00", "甲 handover@jx")
		var refusal *org.Refusal
		back.Until = back.From
		if err := duty.Give(ctx, d, nil, h, back); !errors.As(err, &refusal) {
			t.Errorf("an empty hand-over: %v", err)
		}
		if list, err := duty.Reliefs(ctx, d.Reader(), "jx", 10); err != nil || len(list) != 2 || list[1].Note != "3 栋车棚在修" {
			t.Errorf("hand-overs %+v %v", list, err)
		}
	})
}

// Whatever stands in a roster: at every instant it names a shift that is on in the mode, or nobody; who is on is never left
// out, and nobody twice.
func TestAnyRosterAnswers(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		clock := rapid.Custom(func(r *rapid.T) string {
			return fmt.Sprintf("%02d:%02d", rapid.IntRange(0, 23).Draw(r, "h"), rapid.IntRange(0, 59).Draw(r, "m"))
		})
		n := tree.Node{ID: "n"}
		for i := range rapid.IntRange(0, 5).Draw(r, "shifts") {
			n.Shifts = append(n.Shifts, shift.Shift{Role: rapid.SampledFrom([]string{"值班", "抢险"}).Draw(r, "role"), Name: fmt.Sprint("p", i%4), Mode: rapid.SampledFrom([]string{"", "ordinary", "emergency"}).Draw(r, "mode"),
				Days: rapid.SampledFrom([]string{"daily", "mon-fri", "sun", "2026-10-01", "daily !2026-10-01..2026-10-07"}).Draw(r, "days"), Hours: clock.Draw(r, "from") + "-" + clock.Draw(r, "to"),
				Zone: rapid.SampledFrom([]string{"", "Asia/Shanghai", "Europe/Berlin"}).Draw(r, "zone")})
		}
		at := time.Unix(rapid.Int64Range(1_790_000_000, 1_792_500_000).Draw(r, "at"), 0).UTC()
		emergency := rapid.Bool().Draw(r, "emergency")
		people := duty.Rostered(n, nil, "", emergency, at)
		seen := map[string]bool{}
		for _, p := range people {
			key := p.Role + p.Name
			if seen[key] || p.Until <= at.UnixMilli() {
				r.Fatalf("twice, or over: %+v", people)
			}
			seen[key] = true
		}
		for _, s := range n.Shifts {
			if _, on := s.On(at); on && s.Counts(emergency) && !seen[s.Role+s.Name] {
				r.Fatalf("%+v is left out at %v: %+v", s, at, people)
			}
		}
		if emergency {
			for _, s := range n.Shifts {
				if _, on := s.On(at); on && !slices.ContainsFunc(people, func(p duty.Holder) bool { return p.Role == s.Role }) {
					r.Fatalf("nobody has the post of %+v at %v", s, at)
				}
			}
		}
	})
}
