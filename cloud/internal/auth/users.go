package auth

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
)

// Limits of a user.
const (
	maxName     = 40 // characters
	minPassword = 10 // characters
)

// ErrExists: there is a user with the name already.
var ErrExists = errors.New("a user with this name exists")

// A BadError says what is wrong with what was asked for, in both languages.
type BadError struct{ ZH, EN string }

func (e *BadError) Error() string { return e.EN }

func checkName(name string) error {
	n := utf8.RuneCountInString(name)
	odd := strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
	if n < 1 || n > maxName || odd || strings.TrimSpace(name) != name {
		return &BadError{fmt.Sprintf("用户名须为 1 至 %d 个可见字符，首尾无空格", maxName), fmt.Sprintf("user name has %d characters: use 1 to %d that can be seen, none of them a space at an end", n, maxName)}
	}
	return nil
}

func checkPassword(name, password string) error {
	n := utf8.RuneCountInString(password)
	switch {
	case n < minPassword || len(password) > maxPassword:
		return &BadError{fmt.Sprintf("密码至少 %d 个字符", minPassword), fmt.Sprintf("password has %d characters: use at least %d", n, minPassword)}
	case strings.EqualFold(password, name), strings.Count(password, password[:1]) == len(password):
		return &BadError{"密码太简单：不能是用户名，也不能是同一个字符", "password is too easy: not the user's name, and not one character again and again"}
	}
	return nil
}

// hashed makes the hash of a password while there is memory for it.
func (s *Service) hashed(ctx context.Context, name, password string) (string, error) {
	if err := checkPassword(name, password); err != nil {
		return "", err
	}
	free, err := s.slot(ctx)
	if err != nil {
		return "", err
	}
	defer free()
	return hash(password)
}

// Add makes a user, or gives an existing one new grants and a password, and ends its sessions: for the console. A user
// with a Role and no Grants gets the role everywhere.
func (s *Service) Add(ctx context.Context, u User, password string) error {
	if len(u.Grants) == 0 {
		u.Grants = []Grant{{Role: u.Role}}
	}
	if err := checkName(u.Name); err != nil {
		return err
	}
	h, err := s.hashed(ctx, u.Name, password)
	if err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		gs, err := checked(ctx, tx, u.Grants)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO users (name, password, created, must_change) VALUES (?, ?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET password = excluded.password, must_change = excluded.must_change`, u.Name, h, s.now().UnixMilli(), u.MustChange); err != nil {
			return fmt.Errorf("add user %s: %w", u.Name, err)
		}
		if err := setGrants(ctx, tx, u.Name, gs); err != nil {
			return err
		}
		if err := endAll(ctx, tx, u.Name, ""); err != nil {
			return err
		}
		return s.note(ctx, tx, "user.add", u.Name, gs, map[string]string{"grants": grantsText(gs)})
	})
}

// Create makes a user with grants that by holds himself, and answers the password, made up when it is empty, that the user
// must change at once. Taken: ErrExists; too much: ErrMore.
func (s *Service) Create(ctx context.Context, by, u User, password string) (string, error) {
	if err := checkName(u.Name); err != nil {
		return "", err
	}
	if len(u.Grants) == 0 {
		return "", &BadError{"至少要一项授权", "a user needs at least one grant"}
	}
	if password == "" {
		password = rand.Text()[:16]
	}
	h, err := s.hashed(ctx, u.Name, password)
	if err != nil {
		return "", err
	}
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		gs, err := checked(ctx, tx, u.Grants)
		if err != nil {
			return err
		}
		if ok, err := Covers(ctx, tx, by, gs); err != nil || !ok {
			return more(err)
		}
		made, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO users (name, password, created, must_change) VALUES (?, ?, ?, 1) ON CONFLICT (name) DO NOTHING`,
			u.Name, h, s.now().UnixMilli()))
		if err != nil {
			return fmt.Errorf("create user %s: %w", u.Name, err)
		}
		if !made {
			return ErrExists
		}
		if err := setGrants(ctx, tx, u.Name, gs); err != nil {
			return err
		}
		return s.note(ctx, tx, "user.add", u.Name, gs, map[string]string{"grants": grantsText(gs)})
	})
	return password, err
}

func more(err error) error {
	if err != nil {
		return err
	}
	return ErrMore
}

// A Change is what happens to a user; what is nil, empty or false stays.
type Change struct {
	Grants      *[]Grant // all that the user has where the one who changes it may manage; others stay
	Password    string   // which the user must change at once
	Unlock      bool     // forget wrong passwords
	EndSessions bool
}

// Change changes a user. One that by may not see: ErrNobody; a right that by does not hold, given or taken over with the
// account: ErrMore.
func (s *Service) Change(ctx context.Context, by User, name string, c Change) error {
	var h string
	if c.Password != "" {
		var err error
		if h, err = s.hashed(ctx, name, c.Password); err != nil {
			return err
		}
	}
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		have, mine, err := s.managed(ctx, tx, by, name)
		if err != nil {
			return err
		}
		if c.Grants != nil {
			if have, err = s.changeGrants(ctx, tx, by, grantChange{name, have, mine, *c.Grants}); err != nil {
				return err
			}
		}
		if c.Unlock {
			if done, err := forgive(ctx, tx, name); err != nil {
				return err
			} else if done {
				if err := s.note(ctx, tx, "user.unlock", name, have, nil); err != nil {
					return err
				}
			}
		}
		if h != "" {
			if ok, err := Covers(ctx, tx, by, have); err != nil || !ok {
				return more(err)
			}
			if _, err := tx.ExecContext(ctx, `UPDATE users SET password = ?, must_change = 1 WHERE name = ?`, h, name); err != nil {
				return fmt.Errorf("set password of %s: %w", name, err)
			}
			if err := s.note(ctx, tx, "user.password", name, have, nil); err != nil {
				return err
			}
		}
		if h == "" && !c.EndSessions {
			return nil
		}
		if err := endAll(ctx, tx, name, ""); err != nil {
			return err
		}
		return s.note(ctx, tx, "session.end", name, have, map[string]string{"sessions": "all"})
	})
}

type grantChange struct {
	name             string
	have, mine, want []Grant
}

func (s *Service) changeGrants(ctx context.Context, tx *sql.Tx, by User, c grantChange) ([]Grant, error) {
	want, err := checked(ctx, tx, c.want)
	if err != nil {
		return nil, err
	}
	added, removed := without(want, c.have), without(c.mine, want)
	if ok, err := Covers(ctx, tx, by, added); err != nil || !ok {
		return nil, more(err)
	}
	if len(added)+len(removed) == 0 {
		return c.have, nil
	}
	now := append(without(c.have, removed), added...)
	if err := setGrants(ctx, tx, c.name, now); err != nil {
		return nil, err
	}
	return now, s.note(ctx, tx, "user.grants", c.name, append(added, removed...), map[string]string{"added": grantsText(added), "removed": grantsText(removed)})
}

// managed answers all grants of a user and those that by may manage. Who may manage none does not see the user.
func (s *Service) managed(ctx context.Context, q db.Querier, by User, name string) (have, mine []Grant, err error) {
	var n int
	if err := q.QueryRowContext(ctx, `SELECT count(*) FROM users WHERE name = ?`, name).Scan(&n); err != nil {
		return nil, nil, fmt.Errorf("read user: %w", err)
	}
	if have, err = GrantsOf(ctx, q, name); err != nil {
		return nil, nil, err
	}
	for _, g := range have {
		ok, err := holds(ctx, q, by, g.Node, []Right{Manage})
		if err != nil {
			return nil, nil, err
		}
		if ok {
			mine = append(mine, g)
		}
	}
	_, all := by.Where(Manage)
	if n == 0 || len(mine) == 0 && !all {
		return nil, nil, ErrNobody
	}
	return have, mine, nil
}

// Remove takes a user away, whose every grant by may manage.
func (s *Service) Remove(ctx context.Context, by User, name string) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		have, mine, err := s.managed(ctx, tx, by, name)
		if err != nil {
			return err
		}
		if len(mine) < len(have) {
			return ErrMore
		}
		for _, table := range []string{"users", "grants", "sessions", "identities"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE name = ?`, name); err != nil {
				return fmt.Errorf("remove user %s: %w", name, err)
			}
		}
		if _, err := forgive(ctx, tx, name); err != nil {
			return err
		}
		return s.note(ctx, tx, "user.remove", name, have, map[string]string{"grants": grantsText(have)})
	})
}

// Password changes one's own password and ends one's other sessions; the old one is looked at like at a login.
func (s *Service) Password(ctx context.Context, token, old, fresh string) error {
	u, err := s.User(ctx, token)
	if err != nil {
		return err
	}
	if err := s.check(ctx, u.Name, old, audit.Who(ctx).Address); err != nil {
		return err
	}
	if old == fresh {
		return &BadError{"新密码与旧密码相同", "the new password is the old one"}
	}
	h, err := s.hashed(ctx, u.Name, fresh)
	if err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE users SET password = ?, must_change = 0 WHERE name = ?`, h, u.Name); err != nil {
			return fmt.Errorf("set password of %s: %w", u.Name, err)
		}
		if err := endAll(ctx, tx, u.Name, token); err != nil {
			return err
		}
		return s.note(ctx, tx, "user.password", u.Name, nil, nil)
	})
}

// endAll ends the sessions of a user but that of a token.
func endAll(ctx context.Context, tx *sql.Tx, name, but string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE name = ? AND id <> ?`, name, id(but)); err != nil {
		return fmt.Errorf("end sessions of %s: %w", name, err)
	}
	return nil
}

func (s *Service) note(ctx context.Context, tx *sql.Tx, act, name string, at []Grant, detail map[string]string) error {
	return audit.Add(ctx, tx, audit.Entry{At: s.now(), Act: act, Kind: "user", About: name, Node: oneNode(at), Detail: detail})
}

// An Account is a user as those see him who look after users.
type Account struct {
	Name       string  `json:"name"`
	Grants     []Grant `json:"grants" doc:"where you may manage them"`
	Elsewhere  bool    `json:"elsewhere,omitempty" doc:"there are grants in parts of the street that you do not manage"`
	MustChange bool    `json:"mustChange,omitempty" doc:"the password has not been changed since somebody else made it"`
	Outside    bool    `json:"outside,omitempty" doc:"logs in through the identity provider, without a password here"`
	Created    int64   `json:"created" doc:"Unix ms"`
	Seen       int64   `json:"seen,omitempty" doc:"last log-in, Unix ms"`
	Locked     int64   `json:"locked,omitempty" doc:"until when a log-in must wait after wrong passwords, Unix ms"`
	Sessions   int     `json:"sessions"`
}

// Accounts answers the users of whom by may manage a grant, by name; of one name alone when it is not empty.
func (s *Service) Accounts(ctx context.Context, by User, name string) ([]Account, error) {
	now := s.now().UnixMilli()
	q := s.db.Reader()
	rows, err := q.QueryContext(ctx, `SELECT u.name, u.must_change, CASE WHEN u.password = '' THEN 1 ELSE 0 END, u.created, u.seen, coalesce(f.until_ms, 0),
		(SELECT count(*) FROM sessions s WHERE s.name = u.name AND s.used >= ? AND s.created >= ?)
		FROM users u LEFT JOIN failures f ON f.subject = 'n ' || u.name WHERE ? = '' OR u.name = ? ORDER BY u.name`,
		now-idleLife.Milliseconds(), now-fullLife.Milliseconds(), name, name)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	defer rows.Close()
	all := []Account{}
	for rows.Next() {
		var a Account
		if err := rows.Scan(&a.Name, &a.MustChange, &a.Outside, &a.Created, &a.Seen, &a.Locked, &a.Sessions); err != nil {
			return nil, fmt.Errorf("list users: %w", err)
		}
		if a.Locked < now {
			a.Locked = 0
		}
		all = append(all, a)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	out := all[:0]
	for _, a := range all {
		have, mine, err := s.managed(ctx, q, by, a.Name)
		if errors.Is(err, ErrNobody) {
			continue
		}
		if err != nil {
			return nil, err
		}
		a.Grants, a.Elsewhere = slices.Concat([]Grant{}, mine), len(mine) < len(have)
		out = append(out, a)
	}
	return out, nil
}
