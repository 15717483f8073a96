package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
)

// Lives of a session: without use, and in all.
const (
	idleLife  = 12 * time.Hour
	fullLife  = 7 * 24 * time.Hour
	touchStep = time.Minute // how exactly the last use is kept
)

// begin starts a session of a user who has shown who he is, by a password or as how says, and notes it.
func (s *Service) begin(ctx context.Context, u User, address, how string) (string, error) {
	token := rand.Text() + rand.Text()
	now := s.now()
	ms := now.UnixMilli()
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE used < ? OR created < ?`, ms-idleLife.Milliseconds(), ms-fullLife.Milliseconds()); err != nil {
			return fmt.Errorf("clean sessions: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO sessions (id, name, created, used, address) VALUES (?, ?, ?, ?, ?)`, id(token), u.Name, ms, ms, address); err != nil {
			return fmt.Errorf("begin session: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE users SET seen = ? WHERE name = ?`, ms, u.Name); err != nil {
			return fmt.Errorf("note log-in: %w", err)
		}
		if _, err := forgive(ctx, tx, u.Name); err != nil {
			return err
		}
		return audit.Add(ctx, tx, audit.Entry{At: now, Person: audit.Person{Name: u.Name, Role: u.Role, Address: address}, Act: "session.begin", Kind: "user", About: u.Name,
			Detail: map[string]string{"by": how}})
	})
	return token, err
}

// id is what the database knows of a token: who reads the database cannot use its sessions.
func id(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// User answers whose session a token is; ErrNobody when it is nobody's or over. Who must change the password first has no
// grant until then.
func (s *Service) User(ctx context.Context, token string) (User, error) {
	var u User
	var created, used int64
	err := s.db.Reader().QueryRowContext(ctx, `SELECT u.name, u.must_change, s.created, s.used FROM sessions s JOIN users u ON u.name = s.name WHERE s.id = ?`,
		id(token)).Scan(&u.Name, &u.MustChange, &created, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return User{}, ErrNobody
	}
	if err != nil {
		return User{}, fmt.Errorf("read session: %w", err)
	}
	now := s.now().UnixMilli()
	if now-used > idleLife.Milliseconds() || now-created > fullLife.Milliseconds() {
		return User{}, ErrNobody
	}
	if u, err = s.withGrants(ctx, s.db.Reader(), u); err != nil {
		return User{}, err
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

func (s *Service) withGrants(ctx context.Context, q db.Querier, u User) (User, error) {
	grants, err := GrantsOf(ctx, q, u.Name)
	if err != nil {
		return User{}, err
	}
	if u.Role = Widest(grants); u.Role == "" {
		u.Role = None
	}
	if !u.MustChange {
		u.Grants = grants
	}
	return u, nil
}

// Logout ends a session.
func (s *Service) Logout(ctx context.Context, token string) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		var name string
		err := tx.QueryRowContext(ctx, `DELETE FROM sessions WHERE id = ? RETURNING name`, id(token)).Scan(&name)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("end session: %w", err)
		}
		return audit.Add(ctx, tx, audit.Entry{At: s.now(), Act: "session.end", Kind: "user", About: name})
	})
}

// A Session is a place where a user is logged in.
type Session struct {
	ID      string `json:"id"`
	Address string `json:"address"`
	Created int64  `json:"created" doc:"Unix ms"`
	Used    int64  `json:"used" doc:"Unix ms, to a minute"`
	Here    bool   `json:"here,omitempty" doc:"the one that asks"`
}

// shown is how much of an id is shown: enough to name one.
const shown = 16

// Sessions answers where a user is logged in, newest first; token is the asking one's.
func (s *Service) Sessions(ctx context.Context, name, token string) ([]Session, error) {
	now := s.now().UnixMilli()
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT id, address, created, used FROM sessions WHERE name = ? AND used >= ? AND created >= ? ORDER BY created DESC, id`,
		name, now-idleLife.Milliseconds(), now-fullLife.Milliseconds())
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	defer rows.Close()
	out := []Session{}
	for rows.Next() {
		var x Session
		if err := rows.Scan(&x.ID, &x.Address, &x.Created, &x.Used); err != nil {
			return nil, fmt.Errorf("list sessions: %w", err)
		}
		x.Here = token != "" && x.ID == id(token)
		x.ID = x.ID[:shown]
		out = append(out, x)
	}
	return out, rows.Err()
}

// EndSession ends one of a user's sessions by the id that Sessions shows. Without such a one: ErrNobody.
func (s *Service) EndSession(ctx context.Context, name, session string) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		done, err := db.Changed(tx.ExecContext(ctx, `DELETE FROM sessions WHERE name = ? AND substr(id, 1, ?) = ?`, name, shown, session))
		if err != nil {
			return fmt.Errorf("end session: %w", err)
		}
		if !done {
			return ErrNobody
		}
		return audit.Add(ctx, tx, audit.Entry{At: s.now(), Act: "session.end", Kind: "user", About: name, Detail: map[string]string{"session": session}})
	})
}
