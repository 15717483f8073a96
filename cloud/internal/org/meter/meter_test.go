package meter_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/meter"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

func TestAnExchangedMeterGoesOn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, ctx, now := place.Open(t), t.Context(), time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
		swap := now.Add(-3 * time.Hour)
		s := meter.Service{DB: d, Now: func() time.Time { return now }}
		if err := d.Update(ctx, func(tx *sql.Tx) error {
			if err := org.Connect(ctx, tx, &wire.Hello{Gateway: "gw-1", Session: 1}, now); err != nil {
				return err
			}
			if err := org.Apply(ctx, tx, "gw-1", &wire.Inventory{Site: "jinxiu", Devices: []*wire.Device{{Id: "m-1", Name: "总表", Kind: "meter", Model: "m"}, {Id: "m-10", Kind: "meter", Model: "m"}},
				Models: []*wire.Model{{Name: "m", Points: []*wire.Point{{Name: "power", Unit: "W"}, {Name: "energy", Unit: "kWh"}}}}}); err != nil {
				return err
			}
			return org.Notice(ctx, tx, "gw-1", &wire.Notice{Kind: wire.NoticeDeviceSwapped, Device: "m-10", Channel: "rs485-1", Text: &wire.Text{Zh: "总表：表号 1 → 2，电量计数重新开始", En: "x"}, AtMs: swap.UnixMilli()})
		}); err != nil {
			t.Fatal(err)
		}
		value := func(id, point string, v float64, at time.Time) (float64, float64) {
			t.Helper()
			dev, err := org.OneDevice(ctx, d.Reader(), "gw-1", id)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range dev.Points {
				if p.Name == point {
					p.Set(device.Reading{Device: id, Point: point, Value: v, Time: at, Quality: device.Good})
					return *p.Value, p.Offset
				}
			}
			return 0, 0
		}
		note := func(x meter.Exchange) error {
			x.Gateway, x.Device, x.Who = "gw-1", "m-10", "王工"
			return s.Note(ctx, x)
		}
		noticed := func(id string, want bool) {
			t.Helper()
			n, err := meter.Noticed(ctx, d.Reader(), "gw-1", id)
			if err != nil || (n != nil) != want || n != nil && (n.At != swap.UnixMilli() || !strings.HasPrefix(n.Text.ZH, "总表：表号 1")) {
				t.Errorf("noticed of %s: %+v %v", id, n, err)
			}
		}
		noticed("m-10", true)
		noticed("m-1", false) // the beginning of its name is not it
		good := []meter.Reading{{Point: "energy", Last: 9000.5, First: 0.5}}
		if err := note(meter.Exchange{At: swap.UnixMilli(), Reason: "烧坏", Serial: "2", Readings: good}); err != nil {
			t.Fatal(err)
		}
		noticed("m-10", false)
		if v, by := value("m-10", "energy", 3, swap); v != 9003 || by != 9000 {
			t.Errorf("the new meter reads %v, %v above its own", v, by)
		}
		if v, by := value("m-10", "energy", 8999, swap.Add(-time.Second)); v != 8999 || by != 0 {
			t.Errorf("the old meter reads %v, %v above", v, by)
		}
		if v, _ := value("m-10", "power", 3, now); v != 3 {
			t.Errorf("power %v", v)
		}
		if v, _ := value("m-1", "energy", 3, now); v != 3 {
			t.Errorf("its neighbour reads %v", v)
		}
		if err := note(meter.Exchange{At: now.UnixMilli(), Reason: "又换", Readings: []meter.Reading{{Point: "energy", Last: 10, First: 2}}}); err != nil {
			t.Fatal(err)
		}
		if v, _ := value("m-10", "energy", 2, now); v != 9010 {
			t.Errorf("the third meter reads %v", v)
		}
		for want, x := range map[string]meter.Exchange{"原因": {At: 1, Readings: good}, "将来": {At: now.Add(time.Minute).UnixMilli(), Reason: "x", Readings: good}, "至少": {At: swap.UnixMilli(), Reason: "x"},
			"不是累计量": {At: swap.UnixMilli(), Reason: "x", Readings: []meter.Reading{{Point: "power"}}}, "不能为负": {At: swap.UnixMilli(), Reason: "x", Readings: []meter.Reading{{Point: "energy", Last: -1}}},
			"已经登记": {At: swap.UnixMilli(), Reason: "x", Readings: good}} {
			var refusal *org.Refusal
			if err := note(x); !errors.As(err, &refusal) || !strings.Contains(refusal.Text.ZH, want) {
				t.Errorf("%s: %v", want, err)
			}
		}
		all, err := meter.Of(ctx, d.Reader(), "gw-1", "m-10")
		if err != nil || len(all) != 2 || all[1].Readings[0] != good[0] || all[1].Who != "王工" {
			t.Fatalf("%+v %v", all, err)
		}
		if err := s.Undo(ctx, "gw-1", "m-1", all[1].ID, "x"); !errors.Is(err, org.ErrUnknown) {
			t.Errorf("taken back at another device: %v", err)
		}
		if err := s.Undo(ctx, "gw-1", "m-10", all[1].ID, "李敏"); err != nil {
			t.Fatal(err)
		}
		if err := s.Undo(ctx, "gw-1", "m-10", all[1].ID, "李敏"); err == nil {
			t.Error("taken back twice")
		}
		if v, _ := value("m-10", "energy", 2, now); v != 10 {
			t.Errorf("after it was taken back it reads %v", v)
		}
		var acts int
		if err := d.Reader().QueryRowContext(ctx, `SELECT count(*) FROM audit WHERE about = 'gw-1/m-10' AND act IN ('meter.exchanged', 'meter.taken_back')`).Scan(&acts); err != nil || acts != 3 {
			t.Errorf("audit %d %v", acts, err)
		}
	})
}
