package app

import (
	"context"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db"
)

// An Account is a new user of the page. A grant is a role, or role@node for a part of the street.
type Account struct {
	Name       string
	Grants     []string
	MustChange bool // the password, at the first log-in
}

// AddUser makes a user of the page, or gives an existing one new grants and a password. The cloud may be running.
func AddUser(ctx context.Context, cfg Config, a Account, password string) error {
	gs, err := grants(a.Grants)
	if err != nil {
		return err
	}
	return withUsers(ctx, cfg, func(ctx context.Context, users *auth.Service) error {
		return users.Add(ctx, auth.User{Name: a.Name, Grants: gs, MustChange: a.MustChange}, password)
	})
}

// Users answers all users of the page.
func Users(ctx context.Context, cfg Config) (list []auth.Account, err error) {
	err = withUsers(ctx, cfg, func(ctx context.Context, users *auth.Service) error {
		list, err = users.Accounts(ctx, auth.Console(), "")
		return err
	})
	return list, err
}

// RemoveUser takes a user away. Without such a one: auth.ErrNobody.
func RemoveUser(ctx context.Context, cfg Config, name string) error {
	return withUsers(ctx, cfg, func(ctx context.Context, users *auth.Service) error { return users.Remove(ctx, auth.Console(), name) })
}

// UnlockUser forgets a user's wrong passwords.
func UnlockUser(ctx context.Context, cfg Config, name string) error {
	return withUsers(ctx, cfg, func(ctx context.Context, users *auth.Service) error {
		return users.Change(ctx, auth.Console(), name, auth.Change{Unlock: true})
	})
}

// ChangeGrants gives a user grants and takes others away, and answers all that are left.
func ChangeGrants(ctx context.Context, cfg Config, name string, give, take []string) (left []auth.Grant, err error) {
	more, err := grants(give)
	if err != nil {
		return nil, err
	}
	less, err := grants(take)
	if err != nil {
		return nil, err
	}
	err = withUsers(ctx, cfg, func(ctx context.Context, users *auth.Service) error {
		list, err := users.Accounts(ctx, auth.Console(), name)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return auth.ErrNobody
		}
		left = slices.DeleteFunc(append(list[0].Grants, more...), func(g auth.Grant) bool { return slices.Contains(less, g) })
		return users.Change(ctx, auth.Console(), name, auth.Change{Grants: &left})
	})
	return left, err
}

func grants(texts []string) ([]auth.Grant, error) {
	var out []auth.Grant
	for _, s := range texts {
		g, err := auth.ParseGrant(s)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

// withUsers opens the users for one deed of who works on this machine.
func withUsers(ctx context.Context, cfg Config, do func(context.Context, *auth.Service) error) error {
	return withDB(ctx, cfg, func(d *db.DB) error {
		users, err := auth.New(d, time.Now)
		if err != nil {
			return err
		}
		return do(console(ctx), users)
	})
}
