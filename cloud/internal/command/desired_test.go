package command_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/command"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/wire"
)

func (o *office) exec(query string, args ...any) {
	o.t.Helper()
	o.update(func(tx *sql.Tx) error {
		_, err := tx.ExecContext(o.t.Context(), query, args...)
		return err
	})
}

// wants checks what is wanted of the gateway.
func (o *office) wants(revision int64, emergency, applied bool) command.Desired {
	o.t.Helper()
	d, err := command.DesiredOf(o.t.Context(), o.db.Reader(), gateway)
	if err != nil || d.Revision != revision || d.Emergency != emergency || d.Applied != applied {
		o.t.Errorf("%+v, %v; want revision %d, emergency %v, applied %v", d, err, revision, emergency, applied)
	}
	return d
}

// pushes are what is sent within the next 20 s.
func (o *office) pushes() (all []*wire.Desired) {
	o.t.Helper()
	before := len(o.sent)
	for range 10 {
		o.turn()
		o.later(2 * time.Second)
	}
	for _, payload := range o.sent[before:] {
		d, err := wire.Open(o.public, gateway, payload)
		if err != nil {
			o.t.Fatal(err)
		}
		all = append(all, d.GetDesired())
	}
	return all
}

func (o *office) answer(a *wire.Applied) {
	o.t.Helper()
	a.AtMs = o.now.UnixMilli()
	o.update(func(tx *sql.Tx) error { return o.svc.Applied(o.t.Context(), tx, gateway, a) })
}

// TestTheModeOfTheNodeReachesTheGateway when it begins, at every connect, and until it is answered; and when it ends.
func TestTheModeOfTheNodeReachesTheGateway(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		o := open(t, place)
		o.exec(`INSERT INTO nodes (id, parent, kind, name, dedicated, owner, owner_phone, deputy, deputy_phone, handover_from, handover_to) VALUES ('n', '', 'street', '街道', 0, '', '', '', '', '', '')`)
		o.exec(`INSERT INTO node_sites (site, node) VALUES ('jinxiu', 'n')`)
		if all := o.pushes(); len(all) != 0 {
			t.Errorf("asked for nothing, sent %v", all)
		}
		o.wants(0, false, true)
		end := o.now.Add(time.Hour).UnixMilli()
		o.exec(`INSERT INTO modes (node, from_ms, until_ms, who, reason) VALUES ('n', ?, ?, '陈敏', '台风')`, o.now.UnixMilli(), end)
		left := uint64(end - o.now.UnixMilli())
		all := o.pushes()
		if len(all) != 2 || !all[0].GetEmergency() || all[0].GetRevision() != 1 || all[0].GetSite() != "jinxiu" || all[0].GetLeftMs() != left || all[1].GetLeftMs() != left-10_000 {
			t.Fatal(all)
		}
		if d := o.wants(1, true, false); d.Who != "陈敏" || d.Reason != "台风" || d.Why.ZH == "" {
			t.Error(d)
		}
		o.answer(&wire.Applied{Revision: 1, Have: 1, Ok: false, Why: &wire.Text{Zh: "磁盘", En: "disk"}})
		if d := o.wants(1, true, false); d.Why.ZH != "磁盘" || d.InForce {
			t.Error(d)
		}
		o.answer(&wire.Applied{Revision: 1, Have: 1, Ok: true, Emergency: true})
		if all := o.pushes(); len(all) != 0 {
			t.Errorf("sent again though it was answered: %v", all)
		}
		o.wants(1, true, true)
		o.connect(2)
		if all := o.pushes(); len(all) != 1 || all[0].GetRevision() != 1 {
			t.Errorf("at the connect: %v", all)
		}
		o.answer(&wire.Applied{Revision: 1, Have: 7, Ok: false, Why: &wire.Text{Zh: "更新", En: "newer"}}) // our database was put back
		if all := o.pushes(); len(all) == 0 || all[0].GetRevision() != 8 {
			t.Errorf("after a newer revision: %v", all)
		}
		o.answer(&wire.Applied{Revision: 8, Have: 8, Ok: true, Emergency: true})
		o.later(time.Hour)
		if all := o.pushes(); len(all) == 0 || all[0].GetEmergency() || all[0].GetRevision() != 9 {
			t.Errorf("at the end: %v", all)
		}
		o.answer(&wire.Applied{Revision: 9, Have: 9, Ok: true})
		o.wants(9, false, true)
		var deeds int
		if err := o.db.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM audit WHERE act = 'gateway.mode'`).Scan(&deeds); err != nil || deeds != 2 {
			t.Error(deeds, err)
		}
	})
}
