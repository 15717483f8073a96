package window_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/org/window"
	"github.com/linshao/linshao/cloud/internal/timer"
	"github.com/linshao/linshao/cloud/wire"
)

func TestSnoozes(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, ctx, now := place.Open(t), t.Context(), time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
		if err := d.Update(ctx, func(tx *sql.Tx) error {
			if err := org.Connect(ctx, tx, &wire.Hello{Gateway: "gw-1", Session: 1}, now); err != nil {
				return err
			}
			return org.Apply(ctx, tx, "gw-1", &wire.Inventory{Site: "jinxiu", Devices: []*wire.Device{{Id: "s-1", Name: "A-03 桩", Kind: "socket", Model: "m", Place: "地下车棚"},
				{Id: "g-1", Kind: "gas", Model: "m"}, {Id: "x-1", Kind: "sensor", Model: "smoke"}},
				Models: []*wire.Model{{Name: "m"}, {Name: "smoke", Points: []*wire.Point{{Name: "smoke"}}}}})
		}); err != nil {
			t.Fatal(err)
		}
		var log []string
		s := window.New(window.Config{DB: d, Teller: &told{}, Now: func() time.Time { return now },
			Begun: func(_ context.Context, _ *sql.Tx, w window.Window) error {
				log = append(log, "begun "+w.Site+" "+w.Device)
				return nil
			},
			Ended: func(_ context.Context, _ *sql.Tx, w window.Window) error {
				log = append(log, "ended "+w.Device)
				return nil
			}})
		clock := timer.New(timer.Config{DB: d, Effects: s.Effects(), Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
		snooze := func(device string, minutes int) error {
			_, err := s.Snooze(ctx, window.Window{Gateway: "gw-1", Device: device, Reason: "换桩", Who: "李敏"}, minutes)
			return err
		}
		refused := func(err error, want string) {
			t.Helper()
			var refusal *org.Refusal
			if !errors.As(err, &refusal) || !strings.Contains(refusal.Text.ZH, want) {
				t.Errorf("%v; want a refusal with %s", err, want)
			}
		}
		if err := snooze("s-1", 30); err != nil {
			t.Fatal(err)
		}
		refused(snooze("s-1", 10), "李敏 静默到 09:30")
		refused(snooze("g-1", 10), "燃气")
		refused(snooze("x-1", 10), "烟雾")
		refused(snooze("s-1", 600), "60 分钟")
		if err := snooze("nobody", 10); !errors.Is(err, org.ErrUnknown) {
			t.Errorf("a device that is not there: %v", err)
		}
		if is, err := window.InForce(ctx, d.Reader(), "jinxiu", now); err != nil || is {
			t.Errorf("the whole site is quiet: %v %v", is, err)
		}
		for device, want := range map[string]int{"s-1": 1, "g-1": 0} {
			if all, err := window.InForceAt(ctx, d.Reader(), window.Window{Site: "jinxiu", Gateway: "gw-1", Device: device}, now); err != nil || len(all) != want {
				t.Errorf("%s: %v %v", device, all, err)
			}
		}
		all, err := window.Now(ctx, d.Reader(), tree.Everywhere(), now)
		if err != nil || len(all) != 1 || all[0].Name != "A-03 桩" || all[0].Place != "地下车棚" || all[0].Who != "李敏" {
			t.Errorf("listed %+v %v", all, err)
		}
		if all, err = window.Now(ctx, d.Reader(), tree.Below("nowhere"), now); err != nil || len(all) != 0 {
			t.Errorf("listed elsewhere %+v %v", all, err)
		}
		now = now.Add(31 * time.Minute)
		if err := clock.Round(ctx); err != nil {
			t.Fatal(err)
		}
		refused(s.Unsnooze(ctx, "gw-1", "s-1", "李敏"), "没有在静默")
		if err := snooze("s-1", 60); err != nil {
			t.Fatal(err)
		}
		if err := s.Unsnooze(ctx, "gw-1", "s-1", "王工"); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(log, ", "); got != "begun jinxiu s-1, ended s-1, begun jinxiu s-1, ended s-1" {
			t.Error(got)
		}
		var acts string
		if err := d.Reader().QueryRowContext(ctx, `SELECT coalesce(min(act) || ' ' || max(act) || ' ' || count(*), '') FROM audit WHERE kind = 'device' AND about = 'gw-1/s-1'`).Scan(&acts); err != nil || acts != "snooze.begun snooze.expired 4" {
			t.Errorf("audit %q %v", acts, err)
		}
	})
}
