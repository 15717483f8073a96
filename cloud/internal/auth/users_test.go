package auth_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
)

// street makes the tree st → c1 → g1, c2.
func street(t *testing.T, d *db.DB) {
	t.Helper()
	err := d.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `INSERT INTO nodes (id, parent, kind, name, dedicated, owner, owner_phone, deputy, deputy_phone, handover_from, handover_to)
			SELECT id, parent, 'k', id, 0, '', '', '', '', '', '' FROM (SELECT 'st' AS id, '' AS parent UNION SELECT 'c1', 'st' UNION SELECT 'c2', 'st' UNION SELECT 'g1', 'c1') AS n`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func user(t *testing.T, name string, grants ...string) auth.User {
	t.Helper()
	u := auth.User{Name: name}
	for _, s := range grants {
		g, err := auth.ParseGrant(s)
		if err != nil {
			t.Fatal(err)
		}
		u.Grants = append(u.Grants, g)
	}
	u.Role = auth.Widest(u.Grants)
	return u
}

// Nobody gives a right that he does not hold himself at that place, nor takes one over with an account.
func TestNoEscalation(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := place.Open(t)
		street(t, d)
		now := time.UnixMilli(1_795_300_000_000)
		s, err := auth.New(d, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		for _, c := range []struct {
			by    auth.User
			grant string
			ok    bool
		}{
			{user(t, "all", "admin", "street"), "street", true},
			{user(t, "admin", "admin"), "admin@g1", true},
			{user(t, "admin", "admin"), "street@g1", false}, // command is not the admin's to give
			{user(t, "admin", "admin"), "operator", false},
			{user(t, "part", "admin@c1"), "viewer@g1", true},
			{user(t, "part", "admin@c1"), "viewer@c1", true},
			{user(t, "part", "admin@c1"), "viewer@c2", false}, // beside
			{user(t, "part", "admin@c1"), "viewer@st", false}, // above
			{user(t, "part", "admin@c1"), "viewer", false},
			{user(t, "mixed", "admin@c1", "street@c2"), "street@c1", false}, // each right, but not in one place
			{user(t, "mixed", "admin@c1", "street"), "street@c1", true},
			{user(t, "street", "street"), "viewer", false}, // without manage nothing at all
			{user(t, "nobody"), "viewer", false},
			{auth.User{Name: "must", MustChange: true}, "viewer", false},
		} {
			if err := s.Change(ctx, c.by, "nobody here", auth.Change{Unlock: true}); !errors.Is(err, auth.ErrNobody) {
				t.Errorf("%s: a user who is not there: %v", c.by.Name, err)
			}
			if ok, err := auth.Covers(ctx, d.Reader(), c.by, user(t, "x", c.grant).Grants); err != nil || ok != c.ok {
				t.Errorf("%s may give %s: %v %v, want %v", c.by.Name, c.grant, ok, err, c.ok)
			}
		}
		part := user(t, "part", "admin@c1")
		if _, err := s.Create(ctx, part, user(t, "李四", "viewer@c2"), "long enough 1"); !errors.Is(err, auth.ErrMore) {
			t.Errorf("created beside one's own part: %v", err)
		}
		password, err := s.Create(ctx, part, user(t, "李四", "viewer@g1"), "")
		if err != nil || len(password) < 10 {
			t.Fatal(password, err)
		}
		if _, err := s.Create(ctx, part, user(t, "李四", "viewer@g1"), "long enough 1"); !errors.Is(err, auth.ErrExists) {
			t.Errorf("created twice: %v", err)
		}
		all := auth.Console()
		if err := s.Change(ctx, all, "李四", auth.Change{Grants: &[]auth.Grant{{Role: auth.Viewer, Node: "g1"}, {Role: auth.Street, Node: "c2"}}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Change(ctx, part, "李四", auth.Change{Password: "mine now, ha"}); !errors.Is(err, auth.ErrMore) {
			t.Errorf("taking over an account with more rights: %v", err)
		}
		if err := s.Remove(ctx, part, "李四"); !errors.Is(err, auth.ErrMore) {
			t.Errorf("removing an account of another part: %v", err)
		}
		list, err := s.Accounts(ctx, part, "")
		if err != nil || len(list) != 1 || len(list[0].Grants) != 1 || !list[0].Elsewhere {
			t.Errorf("an account of two parts is shown as %+v %v", list, err)
		}
		if list, err := s.Accounts(ctx, user(t, "other", "admin@g2"), ""); err != nil || len(list) != 0 {
			t.Errorf("a foreign account is shown: %+v %v", list, err)
		}
		if err := s.Change(ctx, part, "李四", auth.Change{Grants: &[]auth.Grant{{Role: auth.Installer, Node: "c1"}}}); err != nil { // the grant beside stays
			t.Error(err)
		}
		if list, err := s.Accounts(ctx, all, "李四"); err != nil || len(list) != 1 || len(list[0].Grants) != 2 || list[0].Grants[0].String() != "installer@c1" || list[0].Grants[1].String() != "street@c2" {
			t.Errorf("after a change of one part: %+v %v", list, err)
		}
		if err := s.Change(ctx, all, "李四", auth.Change{Grants: &[]auth.Grant{{Role: auth.Viewer, Node: "nowhere"}}}); err == nil {
			t.Error("a grant at an unknown node")
		}
		if r, err := audit.Verify(ctx, d.Reader(), time.Time{}, time.Time{}, nil); err != nil || r.Entries != 3 || len(r.Faults) > 0 {
			t.Errorf("audit: %+v %v", r, err)
		}
	})
}

// A password that somebody else made must be changed before anything else; what was wrong is remembered across a restart.
func TestFirstLogin(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := place.Open(t)
		now := time.UnixMilli(1_795_300_000_000)
		s, err := auth.New(d, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		ctx := audit.By(t.Context(), audit.Person{Name: "李四", Address: "1.2.3.4"})
		password, err := s.Create(ctx, auth.Console(), user(t, "李四", "street"), "")
		if err != nil {
			t.Fatal(err)
		}
		other, _, err := s.Login(ctx, "李四", password, "1.2.3.4")
		if err != nil {
			t.Fatal(err)
		}
		token, u, err := s.Login(ctx, "李四", password, "1.2.3.4")
		if err != nil || !u.MustChange || len(u.Grants) > 0 {
			t.Fatal(u, err)
		}
		if nodes, all := u.Where(auth.See); all || len(nodes) > 0 {
			t.Error("it holds a right before the password is changed")
		}
		var bad *auth.BadError
		if err := s.Password(ctx, token, password, password); !errors.As(err, &bad) {
			t.Errorf("the same password again: %v", err)
		}
		if err := s.Password(ctx, token, password, "a better one"); err != nil {
			t.Fatal(err)
		}
		if u, err := s.User(ctx, token); err != nil || u.MustChange || u.Role != auth.Street || len(u.Grants) != 1 {
			t.Error(u, err)
		}
		if _, err := s.User(ctx, other); !errors.Is(err, auth.ErrNobody) {
			t.Errorf("the other session: %v", err)
		}
		list, err := s.Sessions(ctx, "李四", token)
		if err != nil || len(list) != 1 || !list[0].Here || list[0].Address != "1.2.3.4" {
			t.Error(list, err)
		}
		if err := s.EndSession(ctx, "张三", list[0].ID); !errors.Is(err, auth.ErrNobody) {
			t.Errorf("a foreign session was ended: %v", err)
		}
		if err := s.EndSession(ctx, "李四", list[0].ID); err != nil {
			t.Error(err)
		}
		if _, err := s.User(ctx, token); !errors.Is(err, auth.ErrNobody) {
			t.Errorf("an ended session: %v", err)
		}
		for range 5 {
			if err := guess(ctx, s); !errors.Is(err, auth.ErrWrong) {
				t.Fatal(err)
			}
		}
		if s, err = auth.New(d, func() time.Time { return now }); err != nil {
			t.Fatal(err)
		}
		var locked *auth.LockedError
		if err := guess(ctx, s); !errors.As(err, &locked) {
			t.Errorf("after a restart: %v", err)
		}
		if err := s.Change(ctx, auth.Console(), "李四", auth.Change{Unlock: true}); err != nil {
			t.Fatal(err)
		}
		if err := guess(ctx, s); !errors.Is(err, auth.ErrWrong) {
			t.Errorf("unlocked: %v", err)
		}
	})
}

func guess(ctx context.Context, s *auth.Service) error {
	_, _, err := s.Login(ctx, "李四", "a guess of many", "1.2.3.4")
	return err
}

func FuzzParseGrant(f *testing.F) {
	f.Add("street")
	f.Add("grid@wg-08")
	f.Add("grid@")
	f.Fuzz(func(t *testing.T, s string) {
		if g, err := auth.ParseGrant(s); err == nil && g.String() != s {
			t.Errorf("%q is read as %s", s, g)
		}
	})
}
