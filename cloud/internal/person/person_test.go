package person_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/person"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

const (
	name  = "张三"
	phone = "13800138000"
)

var now = time.UnixMilli(1_795_300_000_000)

// exec runs statements.
func exec(t *testing.T, d *db.DB, statements ...string) {
	t.Helper()
	err := d.Update(t.Context(), func(tx *sql.Tx) error {
		for _, s := range statements {
			if _, err := tx.ExecContext(t.Context(), s); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// fill puts the person into every column that may name one, in a row of its own, and somebody else with a longer name beside.
func fill(t *testing.T, d *db.DB) tables {
	t.Helper()
	var all []string
	known := schema(t)
	for i, p := range person.Places() {
		all = append(all, insert(known, p, i+1))
	}
	exec(t, d, all...)
	exec(t, d, `UPDATE nodes SET owner = '', owner_phone = '', deputy = '', deputy_phone = ''`, `DELETE FROM shifts`, `UPDATE handovers SET until_ms = 1`, `UPDATE incidents SET handling = 'closed'`,
		`UPDATE commands SET live = 0`, `UPDATE duty_checks SET state = 'answered'`,
		`INSERT INTO users (name, password, created) VALUES ('张三丰', '', 0)`,
		`INSERT INTO timeline (incident, at, kind, zh, en, who) VALUES ('GJ-9', 1, 'k', '张三丰 接警，张三 到场，电话 13800138000；李四 13900139000', 'x', '张三丰')`)
	ctx := audit.By(t.Context(), audit.Person{Name: name, Role: "grid", Address: "10.1.2.3"})
	err := d.Update(ctx, func(tx *sql.Tx) error {
		for _, e := range []audit.Entry{{Act: "incident.take", Kind: "incident", About: "GJ-1"}, {Person: audit.Person{Name: "李四"}, Act: "user.add", Kind: "user", About: name, Detail: map[string]string{"to": "给 张三 的"}}} {
			if err := audit.Add(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return known
}

// insert makes a row of a table with the person in all its places, and something in every other column.
func insert(known tables, p person.Place, n int) string {
	var columns, values []string
	for _, c := range known[p.Table] {
		v := "''"
		switch {
		case slices.Contains(p.Names, c.name) && p.Table == "failures":
			v = "'n " + name + "'"
		case slices.Contains(p.Names, c.name):
			v = "'" + name + "'"
		case slices.Contains(p.Phones, c.name):
			v = "'" + phone + "'"
		case slices.Contains(p.Texts, c.name):
			v = "'{\"a\":\"由" + name + "处置，" + phone + "\"}'"
		case slices.Contains(p.Track, c.name):
			v = "'30.5'"
		case c.name == "record":
			v = "'contact'"
		case c.name == "assignee_kind":
			v = "'person'"
		case strings.Contains(c.kind, "INT"), strings.Contains(c.kind, "DOUBLE"):
			v = fmt.Sprint(n)
		case c.key:
			v = fmt.Sprintf("'k%d'", n)
		}
		columns, values = append(columns, c.name), append(values, v)
	}
	return `INSERT INTO ` + p.Table + ` (` + strings.Join(columns, ", ") + `) VALUES (` + strings.Join(values, ", ") + `)`
}

type column struct {
	name, kind string
	key        bool
}

type tables map[string][]column

// schema answers the columns of all tables.
func schema(t *testing.T) tables {
	t.Helper()
	d := dbtest.SQLite(t).Open(t)
	rows, err := d.Reader().QueryContext(t.Context(), `SELECT m.name, c.name, c.type, c.pk FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY m.name, c.cid`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := tables{}
	for rows.Next() {
		var table string
		var c column
		var key int
		if err := rows.Scan(&table, &c.name, &c.kind, &key); err != nil {
			t.Fatal(err)
		}
		c.key = key > 0
		out[table] = append(out[table], c)
	}
	return out
}

// everything answers all texts of the database that hold a word, by place.
func (known tables) everything(t *testing.T, d *db.DB, word string) (out []string) {
	t.Helper()
	for table, columns := range known {
		for _, c := range columns {
			if c.kind != "TEXT" {
				continue
			}
			var n int
			if err := d.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM `+table+` WHERE `+c.name+` LIKE ?`, "%"+word+"%").Scan(&n); err != nil {
				t.Fatal(err)
			}
			if n > 0 {
				out = append(out, fmt.Sprintf("%s.%s %d", table, c.name, n))
			}
		}
	}
	slices.Sort(out)
	return out
}

func console(ctx context.Context) context.Context {
	return audit.By(ctx, audit.Person{Name: "root", Role: "console"})
}

// TestCopyAndErase: a copy holds every place of the person and nobody else's number; an erasure leaves neither the name, nor the
// number, nor a position anywhere, keeps the deeds under one pseudonym, leaves others alone, and the audit's chain stands.
func TestCopyAndErase(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := place.Open(t)
		known := fill(t, d)
		mark, err := audit.Head(t.Context(), d.Reader())
		if err != nil {
			t.Fatal(err)
		}
		c, err := person.Copies(console(t.Context()), d, person.Who{Name: name}, now)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var have []string
		for _, p := range c.Parts {
			have = append(have, p.Table)
		}
		for _, p := range person.Places() {
			if !slices.Contains(have, p.Table) && p.Table != "nodes" && p.Table != "shifts" { // nobody can be erased who is there
				t.Errorf("the copy has nothing of %s", p.Table)
			}
		}
		if s := string(b); strings.Contains(s, "13900139000") || !strings.Contains(s, "139****9000") || !strings.Contains(s, phone) || strings.Contains(s, `"password"`) {
			t.Errorf("the copy: %s", s)
		}
		o := person.Order{Who: person.Who{Name: name}, By: auth.Console(), Reason: "张三 要求", Dry: true, Now: now}
		dry, err := person.Erase(console(t.Context()), d, o)
		if err != nil || dry.Done || len(known.everything(t, d, name)) < 40 {
			t.Fatal(dry, err)
		}
		o.Dry = false
		r, err := person.Erase(console(t.Context()), d, o)
		if err != nil || !r.Done || len(r.Parts) != len(dry.Parts) {
			t.Fatal(r, err)
		}
		exec(t, d, `DELETE FROM users WHERE name = '张三丰'`, `UPDATE timeline SET who = '' WHERE who = '张三丰'`)
		if left := known.everything(t, d, name); fmt.Sprint(left) != "[timeline.zh 1]" {
			t.Errorf("the name is still in %v", left)
		}
		if left := append(known.everything(t, d, phone), known.everything(t, d, "30.5")...); len(left) > 0 {
			t.Errorf("the number or a position is still in %v", left)
		}
		var text string
		if err := d.Reader().QueryRowContext(t.Context(), `SELECT zh FROM timeline WHERE incident = 'GJ-9'`).Scan(&text); err != nil || text != "张三丰 接警，"+r.Pseudonym+" 到场，电话 ***；李四 13900139000" {
			t.Error(text, err)
		}
		if len(known.everything(t, d, r.Pseudonym)) < 40 {
			t.Error("the deeds are gone")
		}
		v, err := audit.Verify(t.Context(), d.Reader(), time.Time{}, time.Time{}, []audit.Mark{mark})
		if err != nil || len(v.Faults) > 0 || v.Entries < 4 {
			t.Errorf("%+v %v", v, err)
		}
		if _, err := person.Erase(console(t.Context()), d, o); !errors.Is(err, org.ErrUnknown) {
			t.Errorf("a second time: %v", err)
		}
	})
}

// TestWhoCannotBeErased: each reason, what to do about it, and that nothing has changed.
func TestWhoCannotBeErased(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := place.Open(t)
		known := fill(t, d)
		o := person.Order{Who: person.Who{Name: name}, By: auth.Console(), Now: now}
		before := known.everything(t, d, name)
		for _, c := range []struct{ set, undo, want string }{
			{`UPDATE nodes SET owner = '张三', owner_phone = '13800138000'`, `UPDATE nodes SET owner = '', owner_phone = ''`, "cloud org import"},
			{`UPDATE nodes SET deputy = '别人', deputy_phone = '13800138000'`, `UPDATE nodes SET deputy = '', deputy_phone = ''`, "deputy"},
			{`INSERT INTO shifts VALUES ('n1', 'grid', '张三', '', '', '', '', '')`, `DELETE FROM shifts`, "roster of n1"},
			{`INSERT INTO node_entries VALUES ('n1', 'team', 'fire', '微型消防站', '13800138000', '', 0)`, `DELETE FROM node_entries WHERE record = 'team'`, "微型消防站"},
			{`UPDATE handovers SET until_ms = 9000000000000`, `UPDATE handovers SET until_ms = 1`, "hand it on"},
			{`UPDATE duty_answers SET check_id = (SELECT id FROM duty_checks); UPDATE duty_checks SET state = 'open'`, `UPDATE duty_checks SET state = 'answered'`, "duty check"},
			{`UPDATE incidents SET handling = 'handling', assignee = ''`, `UPDATE incidents SET handling = 'closed', assignee = '张三'`, "assign it"},
			{`UPDATE incidents SET handling = 'open', taken_by = ''`, `UPDATE incidents SET handling = 'closed', taken_by = '张三'`, "assign it"},
			{`UPDATE commands SET live = 1`, `UPDATE commands SET live = 0`, "withdraw it"},
		} {
			exec(t, d, strings.Split(c.set, ";")...)
			_, err := person.Erase(console(t.Context()), d, o)
			held, ok := errors.AsType[*person.HeldError](err)
			if !ok || !strings.Contains(err.Error(), c.want) || len(held.Why) == 0 || held.Why[0].ZH == "" {
				t.Errorf("%s: %v", c.set, err)
			}
			exec(t, d, c.undo)
		}
		if after := known.everything(t, d, name); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("refused, and changed: %v\n%v", before, after)
		}
		exec(t, d, `INSERT INTO grants VALUES ('张三', 'street', '')`)
		for who, want := range map[string]error{name: person.ErrSelf, "admin": auth.ErrMore} {
			o.By = auth.User{Name: who, Grants: []auth.Grant{{Role: auth.Admin}}}
			if _, err := person.Erase(console(t.Context()), d, o); !errors.Is(err, want) {
				t.Errorf("by %s: %v", who, err)
			}
		}
	})
}

// TestNamesakes: several people of one name are told apart by number, and none loses what is another's.
func TestNamesakes(t *testing.T) {
	d := dbtest.SQLite(t).Open(t)
	known := schema(t)
	exec(t, d, `INSERT INTO users (name, password, created) VALUES ('张三', '', 0)`, `INSERT INTO node_entries VALUES ('n1', 'contact', '志愿者', '张三', '13800138000', '', 0), ('n2', 'contact', '志愿者', '张三', '13900139000', '', 0)`,
		`INSERT INTO timeline (incident, at, kind, zh, en, who) VALUES ('GJ-1', 1, 'k', '张三 到场', 'x', '张三')`)
	_, err := person.Copies(t.Context(), d, person.Who{Name: name}, now)
	if r, ok := errors.AsType[*org.Refusal](err); !ok || !strings.Contains(r.Text.ZH, "138****8000, 139****9000") {
		t.Fatal(err)
	}
	if _, err := person.Copies(t.Context(), d, person.Who{Name: name, Phone: "13700137000"}, now); !errors.Is(err, org.ErrUnknown) {
		t.Error(err)
	}
	if _, err := person.Erase(console(t.Context()), d, person.Order{Who: person.Who{Name: name, Phone: phone}, By: auth.Console(), Now: now}); err != nil {
		t.Fatal(err)
	}
	if left := known.everything(t, d, name); fmt.Sprint(left) != "[node_entries.name 1 timeline.who 1 timeline.zh 1 users.name 1]" || len(known.everything(t, d, phone)) > 0 || len(known.everything(t, d, "13900139000")) != 1 {
		t.Error(left)
	}
}
