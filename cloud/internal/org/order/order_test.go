package order_test

import (
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
	"github.com/linshao/linshao/cloud/internal/org/order"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/timer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

// An order goes to 10,000 places at once; who has read and done it is counted by part, what is missing when it is due is marked once.
func TestOrderDownToEverybody(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, ctx, now := place.Open(t), t.Context(), time.Date(2026, 2, 12, 9, 0, 0, 0, time.UTC)
		var b strings.Builder
		b.WriteString("id,kind,name,parent,owner,deputy,handover_from\nyf,街道,云枫,,陈,,\na,社区,甲,yf,李,周,2026-02-10\nb,社区,乙,yf,,,\n")
		for i := range 10_000 {
			fmt.Fprintf(&b, "p%d,楼栋,%d 栋,%s,,,\n", i, i, []string{"a", "b"}[i%2])
		}
		if r, err := tree.Import(ctx, d, tree.Parse("x.csv", []byte(b.String())), tree.Options{Strict: true, Now: now}); err != nil || r.Nothing {
			t.Fatalf("%+v %v", r.Problems, err)
		}
		if err := d.Update(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO grants (name, role, node) VALUES ('小王', 'grid', 'b'), ('周', 'community', 'a'), ('别处', 'grid', '')`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		o, err := order.Give(ctx, d, nil, order.Instruction{Node: "yf", Text: "检查车棚", Needs: order.Done, Due: now.Add(time.Hour).UnixMilli(), Who: "陈"}, now)
		if err != nil || o.Total != 10_003 || o.Late != -1 { // the places, the two owners, one account: who answers for a place and has an account there is asked once
			t.Fatalf("%+v %v", o, err)
		}
		t.Logf("%d receipts in %v", o.Total, time.Since(began))
		var name string
		if err := d.Reader().QueryRowContext(ctx, `SELECT name FROM receipts WHERE order_id = ? AND node = 'p0'`, o.ID).Scan(&name); err != nil || name != "周" {
			t.Errorf("the deputy stands in: %q %v", name, err)
		}
		for _, r := range []order.Receipt{{Order: o.ID, Who: "小王"}, {Order: o.ID, Node: "p0", Who: "周", Done: true}, {Order: o.ID, Node: "p1", Who: "小王", Done: true}} {
			if err := order.Sign(ctx, d, nil, r, now); err != nil {
				t.Fatal(err)
			}
		}
		var refusal *org.Refusal
		if err := order.Sign(ctx, d, nil, order.Receipt{Order: o.ID, Who: "别处"}, now); !errors.As(err, &refusal) {
			t.Errorf("a receipt that nobody asked for: %v", err)
		}
		now = now.Add(time.Hour)
		clock := timer.New(timer.Config{DB: d, Effects: order.Effects(nil), Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
		for range 2 {
			if err := clock.Round(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if o, err = order.Get(ctx, d.Reader(), o.ID); err != nil || o.Late != 10_001 || o.Read != 3 || o.Done != 2 {
			t.Errorf("%+v %v", o, err)
		}
		parts, err := order.Below(ctx, d.Reader(), o.ID, "yf")
		if err != nil || fmt.Sprint(parts) != "[{a 甲 5001 1 1 5000} {b 乙 5001 2 1 5000}]" {
			t.Errorf("%v %v", parts, err)
		}
		// Who sees a part is not told how far the others are.
		for _, c := range []struct {
			in   tree.Scope
			who  string
			want [4]int64
		}{{tree.Below("a"), "", [4]int64{5001, 1, 1, 5000}}, {tree.Below(), "小王", [4]int64{1, 1, 0, 1}}, {tree.Below("a"), "小王", [4]int64{5002, 2, 1, 5001}}, {tree.Below("yf"), "小王", [4]int64{10_003, 3, 2, 10_001}}} {
			p, err := order.GetPart(ctx, d.Reader(), o.ID, c.in, c.who)
			if got := [4]int64{p.Total, p.Read, p.Done, p.Late}; err != nil || got != c.want {
				t.Errorf("what %q sees below %+v: %v %v, want %v", c.who, c.in, got, err, c.want)
			}
			list, err := order.List(ctx, d.Reader(), tree.Everywhere(), "", order.Sight{In: c.in, Account: c.who}, 10)
			if err != nil || len(list) != 1 || [4]int64{list[0].Total, list[0].Read, list[0].Done, list[0].Late} != c.want {
				t.Errorf("in the list: %+v %v", list, err)
			}
		}
		for who, want := range map[string]int{"小王": 1, "别处": 0} {
			if list, err := order.List(ctx, d.Reader(), tree.Below(), who, order.Sight{Account: who}, 10); err != nil || len(list) != want {
				t.Errorf("of %s: %+v %v", who, list, err)
			}
		}
		if list, err := order.List(ctx, d.Reader(), tree.Below("a"), "", order.Sight{In: tree.Everywhere()}, 10); err != nil || len(list) != 1 {
			t.Errorf("%+v %v", list, err)
		}
	})
}
