// Package auth knows who may use the page: users with argon2id passwords, sessions kept on the server, and a growing
// pause after wrong passwords. There is no default user and no default password.
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/linshao/linshao/cloud/internal/db"
)

// A User is who makes a request.
type User struct {
	Name   string  `json:"name"`
	Role   string  `json:"role" doc:"the widest of the grants; link: the holder of a signed link, who sees one incident"`
	Grants []Grant `json:"grants,omitempty" doc:"roles, each in a part of the street"`
}

// Errors of a login.
var (
	ErrWrong  = errors.New("wrong name or password")
	ErrNobody = errors.New("no such session")
)

// LockedError: too many wrong passwords; the next attempt counts after Wait.
type LockedError struct{ Wait time.Duration }

func (e *LockedError) Error() string {
	return fmt.Sprintf("too many wrong passwords: wait %v", e.Wait.Round(time.Second))
}

// Lives of a session: without use, and in all.
const (
	idleLife  = 12 * time.Hour
	fullLife  = 7 * 24 * time.Hour
	touchStep = time.Minute // how exactly the last use is kept
)

// A Service checks users.
type Service struct {
	db    *db.DB
	now   func() time.Time
	locks *locks
	slots chan struct{} // bounds the memory of parallel logins: 64 MiB each
	dummy string
}

// New makes a service.
func New(d *db.DB, now func() time.Time) (*Service, error) {
	dummy, err := hash(rand.Text())
	if err != nil {
		return nil, err
	}
	return &Service{db: d, now: now, locks: newLocks(now), slots: make(chan struct{}, 2), dummy: dummy}, nil
}

// minPassword is the shortest password, in characters.
const minPassword = 10

// Add makes a user, or gives an existing one a new role and password and ends its sessions.
func (s *Service) Add(ctx context.Context, u User, password string) error {
	if n := utf8.RuneCountInString(u.Name); n < 1 || n > 40 {
		return fmt.Errorf("user name has %d characters: use 1 to 40", n)
	}
	if !slices.Contains(Roles(), u.Role) {
		return fmt.Errorf("role %q: use one of %s", u.Role, strings.Join(Roles(), ", "))
	}
	if n := utf8.RuneCountInString(password); n < minPassword || len(password) > maxPassword {
		return fmt.Errorf("password has %d characters: use at least %d", n, minPassword)
	}
	h, err := hash(password)
	if err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO users (name, role, password, created) VALUES (?, ?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET role = excluded.role, password = excluded.password`, u.Name, u.Role, h, s.now().UnixMilli()); err != nil {
			return fmt.Errorf("add user %s: %w", u.Name, err)
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE name = ?`, u.Name); err != nil {
			return fmt.Errorf("end sessions of %s: %w", u.Name, err)
		}
		return nil
	})
}

// Login checks a password and answers a session's token. Wrong ones make the next attempt of this name, and of this
// address, wait longer and longer. A name that does not exist costs the same time.
func (s *Service) Login(ctx context.Context, name, password, address string) (token string, u User, err error) {
	if wait := s.locks.wait(name, address); wait > 0 {
		return "", User{}, &LockedError{wait}
	}
	var stored string
	err = s.db.Reader().QueryRowContext(ctx, `SELECT role, password FROM users WHERE name = ?`, name).Scan(&u.Role, &stored)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", User{}, fmt.Errorf("read user: %w", err)
	}
	known := err == nil
	if !known {
		stored = s.dummy
	}
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return "", User{}, ctx.Err()
	}
	defer func() { <-s.slots }()
	if wait := s.locks.wait(name, address); wait > 0 { // those that were before this one in the queue were wrong
		return "", User{}, &LockedError{wait}
	}
	if right := verify(stored, password); !known || !right {
		s.locks.wrong(name, address)
		return "", User{}, ErrWrong
	}
	s.locks.right(name)
	u.Name = name
	u.Grants = []Grant{{Role: u.Role}}
	token, err = s.begin(ctx, name)
	return token, u, err
}

func (s *Service) begin(ctx context.Context, name string) (string, error) {
	token := rand.Text() + rand.Text()
	now := s.now().UnixMilli()
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE used < ? OR created < ?`, now-idleLife.Milliseconds(), now-fullLife.Milliseconds()); err != nil {
			return fmt.Errorf("clean sessions: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO sessions (id, name, created, used) VALUES (?, ?, ?, ?)`, id(token), name, now, now); err != nil {
			return fmt.Errorf("begin session: %w", err)
		}
		return nil
	})
	return token, err
}

// id is what the database knows of a token: who reads the database cannot use its sessions.
func id(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// User answers whose session a token is; ErrNobody when it is nobody's or over.
func (s *Service) User(ctx context.Context, token string) (User, error) {
	var u User
	var created, used int64
	err := s.db.Reader().QueryRowContext(ctx, `SELECT u.name, u.role, s.created, s.used FROM sessions s JOIN users u ON u.name = s.name WHERE s.id = ?`,
		id(token)).Scan(&u.Name, &u.Role, &created, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return User{}, ErrNobody
	}
	if err != nil {
		return User{}, fmt.Errorf("read session: %w", err)
	}
	u.Grants = []Grant{{Role: u.Role}}
	now := s.now().UnixMilli()
	if now-used > idleLife.Milliseconds() || now-created > fullLife.Milliseconds() {
		return User{}, ErrNobody
	}
	if now-used > touchStep.Milliseconds() {
		err = s.db.Update(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE sessions SET used = ? WHERE id = ?`, now, id(token))
			return err
		})
		if err != nil {
			return User{}, fmt.Errorf("note use of session: %w", err)
		}
	}
	return u, nil
}

// Logout ends a session.
func (s *Service) Logout(ctx context.Context, token string) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE id = ?`, id(token)); err != nil {
			return fmt.Errorf("end session: %w", err)
		}
		return nil
	})
}

// Secret answers a random key of the cloud that is made once and kept.
func Secret(ctx context.Context, d *db.DB, name string) ([]byte, error) {
	var value []byte
	err := d.Update(ctx, func(tx *sql.Tx) error {
		fresh := make([]byte, 32)
		rand.Read(fresh) //nolint:errcheck // crypto/rand never fails
		if _, err := tx.ExecContext(ctx, `INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`, name, fresh); err != nil {
			return fmt.Errorf("make secret %s: %w", name, err)
		}
		return tx.QueryRowContext(ctx, `SELECT value FROM secrets WHERE name = ?`, name).Scan(&value)
	})
	return value, err
}
