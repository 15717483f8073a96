package tree_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// Resources and devices are those at and below a node, as far as the scope reaches.
func TestResourcesOfAPart(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, ctx := place.Open(t), t.Context()
		if r := take(t, d, "x.csv", "record,id,parent,kind,name,sites,phone,position,stock\n,yf,,街道,云枫,s0,,,\n,a,yf,小区,甲,s1,,,\n,a1,a,楼栋,一栋,s2,,,\n,b,yf,小区,乙,s3,,,\n"+
			"resource,,a1,灭火器,一楼,,,东门,4\nresource,,a,微型消防站,东站,,13800000009,门岗旁,1\nresource,,b,灭火器,车棚,,,西门,6\ncontact,,b,电工,某某,,13800000010,,\n", tree.Options{Strict: true}); r.Nothing {
			t.Fatal(said(r))
		}
		if err := d.Update(ctx, func(tx *sql.Tx) error {
			for i, kind := range []string{"gas", "gas", "siren", "gas", "gas"} { // the last one's site hangs on no node
				if _, err := tx.ExecContext(ctx, `INSERT INTO gateways (id, site, session, boot, version, online, since, last_seen) VALUES (?, ?, 0, 0, '', 1, 0, 0)`, fmt.Sprint("g", i), fmt.Sprint("s", i)); err != nil {
					return err
				}
				if _, err := tx.ExecContext(ctx, `INSERT INTO devices (gateway, id, position, name, kind, model, place, zone, poll_ms, online) VALUES (?, 'd', 0, '', ?, '', '', '', 1000, ?)`, fmt.Sprint("g", i), kind, i%2); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			part tree.Part
			want string
		}{
			{tree.Part{Scope: tree.Everywhere()}, "微型消防站/a/1 灭火器/a1/4 灭火器/b/6 | gas 2 of 4, siren 0 of 1"},
			{tree.Part{Scope: tree.Everywhere(), Node: "yf"}, "微型消防站/a/1 灭火器/a1/4 灭火器/b/6 | gas 2 of 3, siren 0 of 1"},
			{tree.Part{Scope: tree.Everywhere(), Node: "a", Kind: "灭火器"}, "灭火器/a1/4 | "},
			{tree.Part{Scope: tree.Below("b"), Kind: "gas"}, " | gas 1 of 1"},
			{tree.Part{Scope: tree.Below("b"), Node: "yf"}, "灭火器/b/6 | gas 1 of 1"},
			{tree.Part{Scope: tree.Below("b"), Node: "a"}, " | "},
			{tree.Part{}, " | "},
		} {
			resources, err := tree.Resources(ctx, d.Reader(), c.part)
			if err != nil {
				t.Fatal(err)
			}
			devices, err := tree.CountDevices(ctx, d.Reader(), c.part)
			if err != nil {
				t.Fatal(err)
			}
			var r, n []string
			for _, e := range resources {
				r = append(r, fmt.Sprintf("%s/%s/%d", e.Kind, e.Node, e.Stock))
			}
			for _, e := range devices {
				n = append(n, fmt.Sprintf("%s %d of %d", e.Kind, e.Online, e.Total))
			}
			if got := strings.Join(r, " ") + " | " + strings.Join(n, ", "); got != c.want {
				t.Errorf("%+v: %s, want %s", c.part, got, c.want)
			}
		}
	})
}
