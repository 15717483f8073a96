package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/linshao/linshao/cloud/internal/db"
)

// identity is who the provider says somebody is.
type identity struct {
	issuer, subject, name string
	grants                []Grant
}

// enter makes or changes the user of an identity. A name that somebody else has here already is not taken over: it gets a
// part of the subject behind it.
func (s *Service) enter(ctx context.Context, who identity) (User, error) {
	var u User
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		gs, err := s.existing(ctx, tx, who.grants)
		if err != nil {
			return err
		}
		u = User{Grants: gs, Role: Widest(gs)}
		err = tx.QueryRowContext(ctx, `SELECT name FROM identities WHERE issuer = ? AND subject = ?`, who.issuer, who.subject).Scan(&u.Name)
		switch {
		case errors.Is(err, sql.ErrNoRows) && len(gs) == 0:
			return nil // a stranger leaves no trace
		case errors.Is(err, sql.ErrNoRows):
			if u.Name, err = s.newName(ctx, tx, who); err != nil {
				return err
			}
			return s.note(ctx, tx, "user.add", u.Name, gs, map[string]string{"grants": grantsText(gs), "issuer": who.issuer, "subject": who.subject})
		case err != nil:
			return fmt.Errorf("read identity: %w", err)
		}
		have, err := GrantsOf(ctx, tx, u.Name)
		if err != nil || slices.Equal(have, gs) {
			return err
		}
		if err := setGrants(ctx, tx, u.Name, gs); err != nil {
			return err
		}
		if len(gs) == 0 {
			if err := endAll(ctx, tx, u.Name, ""); err != nil {
				return err
			}
		}
		return s.note(ctx, tx, "user.grants", u.Name, nil, map[string]string{"by": who.issuer, "added": grantsText(without(gs, have)), "removed": grantsText(without(have, gs))})
	})
	return u, err
}

// existing answers the grants without those at nodes that the organisation does not have.
func (s *Service) existing(ctx context.Context, q db.Querier, gs []Grant) ([]Grant, error) {
	var out []Grant
	for _, g := range gs {
		one, err := checked(ctx, q, []Grant{g})
		var bad *BadError
		if errors.As(err, &bad) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, one...)
	}
	return checked(ctx, q, out)
}

func (s *Service) newName(ctx context.Context, tx *sql.Tx, who identity) (string, error) {
	name := who.name
	for _, tail := range []string{"", " " + id(who.subject)[:6], " " + id(who.issuer + who.subject)[:12]} {
		made, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO users (name, password, created) VALUES (?, '', ?) ON CONFLICT (name) DO NOTHING`, name+tail, s.now().UnixMilli()))
		if err != nil {
			return "", fmt.Errorf("add user %s: %w", name, err)
		}
		if !made {
			continue
		}
		name += tail
		if _, err := tx.ExecContext(ctx, `INSERT INTO identities (issuer, subject, name) VALUES (?, ?, ?)`, who.issuer, who.subject, name); err != nil {
			return "", fmt.Errorf("add identity of %s: %w", name, err)
		}
		gs, err := s.existing(ctx, tx, who.grants)
		if err != nil {
			return "", err
		}
		return name, setGrants(ctx, tx, name, gs)
	}
	return "", ErrExists
}
