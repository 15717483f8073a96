// Package auth knows who may use the page and what each may do where: users with argon2id passwords or from an identity
// provider, their grants (a role in a part of the street), sessions kept on the server, and a growing pause after wrong
// passwords. There is no default user and no default password, nobody can give a right that he does not hold himself, and
// every change of a user is in the audit.
package auth

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
)

// A User is who makes a request.
type User struct {
	Name       string  `json:"name"`
	Role       string  `json:"role" doc:"the widest of the grants; none without one; link: the holder of a signed link, who sees one incident"`
	Grants     []Grant `json:"grants,omitempty" doc:"roles, each in a part of the street"`
	MustChange bool    `json:"mustChange,omitempty" doc:"somebody else made the password: until it is changed the account may do nothing"`
}

// Errors of a login.
var (
	ErrWrong  = errors.New("wrong name or password")
	ErrNobody = errors.New("no such session or user")
)

// LockedError: too many wrong passwords; the next attempt counts after Wait.
type LockedError struct{ Wait time.Duration }

func (e *LockedError) Error() string {
	return fmt.Sprintf("too many wrong passwords: wait %v", e.Wait.Round(time.Second))
}

// A Service checks users.
type Service struct {
	db    *db.DB
	now   func() time.Time
	slots chan struct{} // bounds the memory of parallel logins: 64 MiB each
	dummy string
}

// New makes a service.
func New(d *db.DB, now func() time.Time) (*Service, error) {
	dummy, err := hash(rand.Text())
	if err != nil {
		return nil, err
	}
	return &Service{db: d, now: now, slots: make(chan struct{}, 2), dummy: dummy}, nil
}

// Login checks a password and answers a session's token. Wrong ones make the next attempt of this name, and of this
// address, wait longer and longer. A name that does not exist costs the same time.
func (s *Service) Login(ctx context.Context, name, password, address string) (token string, u User, err error) {
	if err := s.check(ctx, name, password, address); err != nil {
		return "", User{}, err
	}
	u = User{Name: name}
	if err := s.db.Reader().QueryRowContext(ctx, `SELECT must_change FROM users WHERE name = ?`, name).Scan(&u.MustChange); err != nil {
		return "", User{}, fmt.Errorf("read user: %w", err)
	}
	if u, err = s.withGrants(ctx, s.db.Reader(), u); err != nil {
		return "", User{}, err
	}
	token, err = s.begin(ctx, u, address, "password")
	return token, u, err
}

// check says whether a password is that of a name: nil, ErrWrong, or a *LockedError.
func (s *Service) check(ctx context.Context, name, password, address string) error {
	if wait, err := s.wait(ctx, name, address); err != nil || wait > 0 {
		return locked(wait, err)
	}
	var stored string
	err := s.db.Reader().QueryRowContext(ctx, `SELECT password FROM users WHERE name = ?`, name).Scan(&stored)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read user: %w", err)
	}
	known := err == nil && stored != "" // who comes from an identity provider has none
	if !known {
		stored = s.dummy
	}
	free, err := s.slot(ctx)
	if err != nil {
		return err
	}
	defer free()
	if wait, err := s.wait(ctx, name, address); err != nil || wait > 0 { // those that were before this one in the queue were wrong
		return locked(wait, err)
	}
	if right := verify(stored, password); known && right {
		return nil
	}
	if err := s.wrong(ctx, name, address); err != nil {
		return err
	}
	return ErrWrong
}

func locked(wait time.Duration, err error) error {
	if err != nil {
		return err
	}
	return &LockedError{wait}
}

// slot waits until there is memory for one password.
func (s *Service) slot(ctx context.Context) (free func(), err error) {
	select {
	case s.slots <- struct{}{}:
		return func() { <-s.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
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
