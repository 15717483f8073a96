package mode_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org/mode"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// Who looks after a part hears of emergencies in it, and of those above it, which hold for it too; not of its neighbour's.
func TestEmergenciesThatConcernAPart(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, ctx, now := place.Open(t), t.Context(), start
		if _, err := tree.Import(ctx, d, tree.Parse("x.csv", []byte(street)), tree.Options{Now: now}); err != nil {
			t.Fatal(err)
		}
		s := mode.New(mode.Config{DB: d, Now: func() time.Time { return now }})
		for i, node := range []string{"jx", "dq", "yf"} {
			now = start.Add(time.Duration(i) * time.Minute)
			if _, err := s.Switch(ctx, mode.Order{Node: node, Emergency: true, Who: "陈主任", Reason: "台风", Until: start.Add(time.Duration(3-i) * time.Hour)}); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			part  tree.Scope
			after time.Duration
			want  string
		}{
			{tree.Everywhere(), 5 * time.Minute, "锦绣 大桥 云枫 "}, {tree.Below("zz"), 5 * time.Minute, "锦绣 云枫 "}, {tree.Below("jx", "dq"), 5 * time.Minute, "锦绣 大桥 云枫 "},
			{tree.Below("dq"), 90 * time.Minute, "大桥 "}, {tree.Below("zz"), 4 * time.Hour, ""}, {tree.Below(), 5 * time.Minute, ""}, {tree.Everywhere(), -time.Minute, ""},
		} {
			list, err := mode.Running(ctx, d.Reader(), c.part, start.Add(c.after))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, e := range list {
				got += fmt.Sprint(e.Name, " ")
				if e.Who != "陈主任" || e.Reason != "台风" || e.Until <= e.From {
					t.Errorf("%+v", e)
				}
			}
			if got != c.want {
				t.Errorf("%v after %v: %q, want %q", c.part, c.after, got, c.want)
			}
		}
	})
}
