package retention_test

import (
	"database/sql"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/retention"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

const day = 24 * time.Hour

// TestOnlyWhatIsOldGoes: of each kind a young and an old one, and old ones that must stay; once a day, told in the audit.
func TestOnlyWhatIsOldGoes(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := place.Open(t)
		now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
		fill(t, d, now)
		s := retention.New(retention.Config{DB: d, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
			Keep: retention.Keep{Photos: 30 * day, Messages: 30 * day, Reporters: 30 * day, Journal: 30 * day, Audit: 30 * day}})
		for range 2 {
			if err := s.Day(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for what, want := range map[string]string{
			`SELECT coalesce(max(id), '') || count(*) FROM photos WHERE incident LIKE 'patrol-%'`:                     "walked21",
			`SELECT coalesce(max(lat || lng), '') || count(*) FROM patrol_stops WHERE lat || lng <> ''`:               "12341",
			`SELECT coalesce(max(kind), '') || count(*) FROM memos`:                                                   "young2",
			`SELECT '' || count(*) FROM memo_people`:                                                                  "2",
			`SELECT coalesce(max(id), '') || count(*) FROM photos WHERE incident NOT IN ('', 'patrol-1', 'patrol-2')`: "open2",
			`SELECT coalesce(max(id), '') || count(*) FROM photos WHERE incident = ''`:                                "fresh1",
			`SELECT '' || count(*) FROM photo_bytes`:                                                                  "4",
			`SELECT '' || count(*) FROM notices`:                                                                      "2",
			`SELECT '' || count(*) FROM attempts`:                                                                     "1",
			`SELECT '' || count(*) FROM incidents WHERE reporter <> ''`:                                               "2",
			`SELECT '' || count(*) FROM journal`:                                                                      "1",
			`SELECT '' || count(*) FROM audit WHERE act = 'test.old'`:                                                 "0",
			`SELECT '' || count(*) FROM audit WHERE act = 'test.new'`:                                                 "1",
			`SELECT '' || count(*) FROM audit WHERE act IN ('audit.prune', 'retention.delete')`:                       "8",
		} {
			var got string
			if err := d.Reader().QueryRowContext(t.Context(), what).Scan(&got); err != nil || got != want {
				t.Errorf("%s: %s %v, want %s", what, got, err, want)
			}
		}
		r, err := audit.Verify(t.Context(), d.Reader(), time.Time{}, time.Time{}, nil)
		if err != nil || len(r.Faults) > 0 {
			t.Errorf("%+v %v", r, err)
		}
	})
}

func fill(t *testing.T, d *db.DB, now time.Time) {
	t.Helper()
	old, young := now.Add(-40*day), now.Add(-2*day)
	err := d.Update(t.Context(), func(tx *sql.Tx) error {
		for i, in := range []struct {
			id, handling string
			closed       time.Time
		}{{"old", "closed", old}, {"young", "closed", young}, {"open", "handling", time.UnixMilli(0)}} {
			if _, err := tx.ExecContext(t.Context(), `INSERT INTO incidents (id, gateway, alert, site, device, rule, severity, title_zh, title_en, message_zh, message_en, detail, shadow, active,
				handling, since, opened_at, deadline, closed_at, reporter) VALUES (?, 'g', ?, 's', 'd', 'r', 'A', '', '', '', '', '{}', 0, 0, ?, 0, 0, 0, ?, '王五')`, in.id, fmt.Sprint(i), in.handling, in.closed.UnixMilli()); err != nil {
				return err
			}
		}
		for _, p := range []struct {
			id, incident string
			at           time.Time
		}{{"gone", "old", old}, {"kept", "young", old}, {"open", "open", old}, {"left", "", old}, {"fresh", "", now}, {"walked1", "patrol-1", old}, {"walked2", "patrol-2", old}} {
			if _, err := tx.ExecContext(t.Context(), `INSERT INTO photos (id, incident, n, at, who, type, bytes, width, height, sha256) VALUES (?, ?, 0, ?, 'w', 'image/png', 1, 1, 1, ?)`, p.id, p.incident, p.at.UnixMilli(), p.id); err != nil {
				return err
			}
			if _, err := tx.ExecContext(t.Context(), `INSERT INTO photo_bytes (id, content) VALUES (?, ?)`, p.id, []byte{1}); err != nil {
				return err
			}
		}
		for i, n := range []struct {
			state string
			at    time.Time
		}{{"sent", old}, {"waiting", old}, {"sent", young}} {
			if _, err := tx.ExecContext(t.Context(), `INSERT INTO notices (id, receiver, incident, kind, severity, n, created, state, attempts, next_at, answer) VALUES (?, 'r', 'old', 'k', 'A', ?, ?, ?, 1, 0, '')`,
				i+1, i, n.at.UnixMilli(), n.state); err != nil {
				return err
			}
		}
		for i, at := range []int64{old.UnixMilli(), young.UnixMilli()} {
			for _, statement := range []string{
				fmt.Sprintf(`INSERT INTO patrol_rounds (id, node, plan, role, due_ms, until_ms, state, done_ms, points) VALUES (%d, 'n', 'p', '', %d, %d, 'done', 0, 1)`, i+1, at, at),
				fmt.Sprintf(`INSERT INTO patrol_stops (round, n, name, position, code, checks, at, taken_at, who, how, note, lat, lng, incident) VALUES (%d, 1, 's', '', '', '', %d, %d, 'w', 'tap', '', '12', '34', '')`, i+1, at, at),
				fmt.Sprintf(`INSERT INTO memos (id, kind, about, node, class, zh, en, page, subject, at, until_ms, every_ms, ended_ms) VALUES (%d, '%s', '', 'n', 'B', '', '', '', '', %d, 0, 0, 0)`, i+1, []string{"old", "young"}[i], at),
				fmt.Sprintf(`INSERT INTO memo_people (memo, name, phone, done_ms) VALUES (%d, '王五', '', 0)`, i+1),
			} {
				if _, err := tx.ExecContext(t.Context(), statement); err != nil {
					return err
				}
			}
		}
		for _, statement := range []string{
			fmt.Sprintf(`INSERT INTO memos (id, kind, about, node, class, zh, en, page, subject, at, until_ms, every_ms, ended_ms) VALUES (3, 'waits', '', 'n', 'B', '', '', '', '', %d, %d, 0, 0)`, old.UnixMilli(), now.UnixMilli()),
			`INSERT INTO memo_people (memo, name, phone, done_ms) VALUES (3, '王五', '', 0)`,
			`INSERT INTO attempts (notice, at, ok, answer) VALUES (1, 0, 1, ''), (3, 0, 1, '')`,
			fmt.Sprintf(`INSERT INTO journal (at, gateway, kind, zh, en) VALUES (%d, 'g', 'k', '', ''), (%d, 'g', 'k', '', '')`, old.UnixMilli(), young.UnixMilli())} {
			if _, err := tx.ExecContext(t.Context(), statement); err != nil {
				return err
			}
		}
		if err := audit.Add(t.Context(), tx, audit.Entry{At: old, Act: "test.old"}); err != nil {
			return err
		}
		return audit.Add(t.Context(), tx, audit.Entry{At: young, Act: "test.new"})
	})
	if err != nil {
		t.Fatal(err)
	}
}
