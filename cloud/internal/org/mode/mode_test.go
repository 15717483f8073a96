package mode_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/mode"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/timer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

var start = time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)

const street = "id,kind,name,parent,sites\nyf,街道,云枫,,\nzz,社区,寨子坪,yf,market\njx,小区,锦绣,zz,jinxiu\ndq,社区,大桥,yf,bridge\n"

func TestEmergencyOfAPartOfTheStreet(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, ctx, now := place.Open(t), t.Context(), start
		if _, err := tree.Import(ctx, d, tree.Parse("x.csv", []byte(street)), tree.Options{Now: now}); err != nil {
			t.Fatal(err)
		}
		var heard []string
		s := mode.New(mode.Config{DB: d, Now: func() time.Time { return now }, Hooks: []mode.Hook{func(_ context.Context, _ *sql.Tx, c mode.Change) error {
			if c.Reason == "no" {
				return errors.New("not followed")
			}
			heard = append(heard, fmt.Sprint(c.Kind, " ", c.Node, " ", c.Emergency()))
			return nil
		}}})
		clock := timer.New(timer.Config{DB: d, Effects: s.Effects(), Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
		at := func(after time.Duration, o *mode.Order, want string) {
			t.Helper()
			now = start.Add(after)
			if err := clock.Round(ctx); err != nil {
				t.Fatal(err)
			}
			if o != nil {
				o.Who = "陈主任"
				if _, err := s.Switch(ctx, *o); err != nil {
					t.Fatal(err)
				}
			}
			var in []string
			for _, site := range []string{"market", "jinxiu", "bridge", "elsewhere"} {
				is, err := tree.EmergencyAt(ctx, d.Reader(), site, now)
				if err != nil {
					t.Fatal(err)
				}
				if is {
					in = append(in, site)
				}
			}
			if got := strings.Join(in, " "); got != want {
				t.Errorf("after %v in emergency: %q, want %q", after, got, want)
			}
		}
		at(0, nil, "")
		at(time.Minute, &mode.Order{Node: "zz", Emergency: true, Reason: "暴雨"}, "market jinxiu")
		at(time.Hour, &mode.Order{Node: "yf", Emergency: true, From: start.Add(2 * time.Hour), Until: start.Add(4 * time.Hour), Reason: "台风"}, "market jinxiu")
		at(3*time.Hour, nil, "market jinxiu bridge")
		at(3*time.Hour+time.Minute, &mode.Order{Node: "zz"}, "market jinxiu bridge") // that of the street goes on
		if m, err := tree.ModeOf(ctx, d.Reader(), "jx", now); err != nil || m.Node != "yf" || m.Reason != "台风" || m.Until != start.Add(4*time.Hour).UnixMilli() {
			t.Errorf("mode of jx: %+v %v", m, err)
		}
		var refusal *org.Refusal
		if _, err := s.Switch(ctx, mode.Order{Node: "zz"}); !errors.As(err, &refusal) || !strings.Contains(refusal.Text.ZH, "yf") {
			t.Errorf("ended below: %v", err)
		}
		at(3*time.Hour+2*time.Minute, &mode.Order{Node: "yf", Emergency: true, Until: start.Add(5 * time.Hour), Reason: "台风延长"}, "market jinxiu bridge")
		at(4*time.Hour+time.Minute, nil, "market jinxiu bridge")
		at(5*time.Hour, nil, "")
		at(6*time.Hour, &mode.Order{Node: "dq", Emergency: true, From: start.Add(9 * time.Hour), Reason: "演练"}, "")
		at(7*time.Hour, &mode.Order{Node: "dq"}, "")
		at(10*time.Hour, nil, "")
		if was, err := tree.EmergencyAt(ctx, d.Reader(), "bridge", start.Add(3*time.Hour)); err != nil || !was {
			t.Errorf("what was is known later: %v %v", was, err)
		}
		want := "begun zz true|planned yf false|begun yf true|ended zz false|moved yf true|expired yf false|planned dq false|ended dq false"
		if got := strings.Join(heard, "|"); got != want {
			t.Errorf("heard %s\nwant %s", got, want)
		}
		line, err := mode.Timeline(ctx, d.Reader(), "jx", 10)
		if err != nil || len(line) != 6 || line[0].Kind != mode.Expired || line[0].Who != "" || line[5].Who != "陈主任" {
			t.Errorf("timeline %+v %v", line, err)
		}
		for why, o := range map[string]mode.Order{"reason": {Emergency: true}, "end after": {Emergency: true, Reason: "x", Until: start}, "30 days": {Emergency: true, Reason: "x", Until: now.Add(31 * 24 * time.Hour)},
			"not followed": {Emergency: true, Reason: "no"}} {
			o.Node = "dq"
			if _, err := s.Switch(ctx, o); err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("%s: %v", why, err)
			}
		}
		at(10*time.Hour, nil, "")
	})
}
