package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/linshao/linshao/cloud/internal/auth"
)

type usersOut struct {
	Body struct {
		Users []auth.Account `json:"users" doc:"by name: those with a grant where you manage people"`
	}
}

func (a *API) users(ctx context.Context, _ *none) (*usersOut, error) {
	return a.accounts(ctx, "")
}

func (a *API) accounts(ctx context.Context, name string) (*usersOut, error) {
	list, err := a.cfg.Auth.Accounts(ctx, callerOf(ctx).user, name)
	if err != nil {
		return nil, err
	}
	out := &usersOut{}
	out.Body.Users = list
	return out, nil
}

type createUserIn struct {
	Body struct {
		Name     string       `json:"name" minLength:"1" maxLength:"40"`
		Password string       `json:"password,omitempty" maxLength:"256" doc:"to be changed at the first log-in; absent: one is made up"`
		Grants   []auth.Grant `json:"grants" minItems:"1" maxItems:"100" doc:"none with a right that you do not hold there yourself"`
	}
}

type createUserOut struct {
	Body struct {
		Name     string `json:"name"`
		Password string `json:"password" doc:"to be handed over; it is shown this once"`
	}
}

func (a *API) createUser(ctx context.Context, in *createUserIn) (*createUserOut, error) {
	password, err := a.cfg.Auth.Create(ctx, callerOf(ctx).user, auth.User{Name: in.Body.Name, Grants: in.Body.Grants}, in.Body.Password)
	if err != nil {
		return nil, userError(err)
	}
	out := &createUserOut{}
	out.Body.Name, out.Body.Password = in.Body.Name, password
	return out, nil
}

type changeUserIn struct {
	Name string `path:"name" maxLength:"160"`
	Body struct {
		Grants      *[]auth.Grant `json:"grants,omitempty" maxItems:"100" doc:"all that the user has where you manage people; grants elsewhere stay"`
		Password    string        `json:"password,omitempty" maxLength:"256" doc:"a new one, to be changed at the next log-in"`
		Unlock      bool          `json:"unlock,omitempty" doc:"forget wrong passwords"`
		EndSessions bool          `json:"endSessions,omitempty" doc:"log the user out everywhere"`
	}
}

func (a *API) changeUser(ctx context.Context, in *changeUserIn) (*usersOut, error) {
	b := in.Body
	err := a.cfg.Auth.Change(ctx, callerOf(ctx).user, in.Name, auth.Change{Grants: b.Grants, Password: b.Password, Unlock: b.Unlock, EndSessions: b.EndSessions})
	if err != nil {
		return nil, userError(err)
	}
	return a.accounts(ctx, in.Name)
}

type userIn struct {
	Name string `path:"name" maxLength:"160"`
}

func (a *API) removeUser(ctx context.Context, in *userIn) (*struct{}, error) {
	return nil, userError(a.cfg.Auth.Remove(ctx, callerOf(ctx).user, in.Name))
}

type passwordIn struct {
	Body struct {
		Old string `json:"old" maxLength:"256"`
		New string `json:"new" maxLength:"256"`
	}
}

// password changes one's own; the session stays, one's others end.
func (a *API) password(ctx context.Context, in *passwordIn) (*sessionOut, error) {
	token := callerOf(ctx).token
	if token == "" { // of a demo
		return nil, errForbidden()
	}
	if err := a.cfg.Auth.Password(ctx, token, in.Body.Old, in.Body.New); err != nil {
		return nil, loginError(err, "旧密码不对", "the old password is wrong")
	}
	out, err := a.session(ctx, nil)
	if err == nil {
		out.Body.User, err = a.cfg.Auth.User(ctx, token)
		out.Body.Rights = rightsOf(out.Body.User)
	}
	return out, err
}

type sessionsOut struct {
	Body struct {
		Sessions []auth.Session `json:"sessions" doc:"where you are logged in, newest first"`
	}
}

func (a *API) sessions(ctx context.Context, _ *none) (*sessionsOut, error) {
	c := callerOf(ctx)
	out := &sessionsOut{}
	var err error
	out.Body.Sessions, err = a.cfg.Auth.Sessions(ctx, c.user.Name, c.token)
	return out, err
}

type endSessionIn struct {
	ID string `path:"id" minLength:"16" maxLength:"16"`
}

func (a *API) endSession(ctx context.Context, in *endSessionIn) (*struct{}, error) {
	return nil, userError(a.cfg.Auth.EndSession(ctx, callerOf(ctx).user.Name, in.ID))
}

// userError is what people are told about a change of users.
func userError(err error) error {
	var bad *auth.BadError
	switch {
	case errors.As(err, &bad):
		return newProblem(http.StatusUnprocessableEntity, "bad_request", bad.ZH, bad.EN)
	case errors.Is(err, auth.ErrMore):
		return newProblem(http.StatusForbidden, "more_rights", "不能授予或接管自己在该处没有的权限", "you cannot give, or take over with an account, rights that you do not hold there yourself")
	case errors.Is(err, auth.ErrExists):
		return newProblem(http.StatusConflict, "exists", "已有同名用户", "there is a user with this name")
	case errors.Is(err, auth.ErrNobody):
		return errNotFound()
	}
	return err
}
