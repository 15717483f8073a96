package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/person"
)

// persons is the part of the table that is about people's right to a copy of their data, and to its erasure.
func (a *API) persons(h huma.API) {
	register(a, h, access{auth.See, self}, get, "/own-copy", "Everything that is held about oneself (个人信息副本)", a.ownCopy)
	register(a, h, access{auth.Manage, street}, get, "/people/{name}/copy", "Everything that is held about a person, to hand it over; needs the right audit too", a.copyOf)
	register(a, h, access{auth.Manage, street}, post, "/people/{name}/erase", "Erase a person's data; what the person did stays under a pseudonym", a.erase)
}

type copyOut struct {
	Disposition string `header:"Content-Disposition"`
	Body        person.DataCopy
}

func (a *API) ownCopy(ctx context.Context, _ *none) (*copyOut, error) {
	return a.copies(ctx, person.Who{Name: callerOf(ctx).user.Name, Account: true})
}

type copyIn struct {
	Name    string `path:"name" maxLength:"160"`
	Phone   string `query:"phone" maxLength:"20" doc:"which of several people of the name"`
	Account bool   `query:"account" doc:"and the account of the name is this one's"`
}

func (a *API) copyOf(ctx context.Context, in *copyIn) (*copyOut, error) {
	if _, all := callerOf(ctx).user.Where(auth.Audit); !all { // what somebody did is in it
		return nil, errForbidden()
	}
	return a.copies(ctx, person.Who{Name: in.Name, Phone: in.Phone, Account: in.Account})
}

func (a *API) copies(ctx context.Context, w person.Who) (*copyOut, error) {
	c, err := person.Copies(ctx, a.cfg.DB, w, a.cfg.Now())
	return &copyOut{Disposition: `attachment; filename="person.json"`, Body: c}, err
}

type eraseIn struct {
	Name string `path:"name" maxLength:"160"`
	Body struct {
		Phone   string `json:"phone,omitempty" maxLength:"20" doc:"which of several people of the name"`
		Account bool   `json:"account,omitempty" doc:"and the account of the name is this one's"`
		Reason  string `json:"reason" minLength:"1" maxLength:"200" doc:"such as: asked for by the person on 2026-11-22"`
		Dry     bool   `json:"dry,omitempty" doc:"only tell what would happen"`
	}
}

type eraseOut struct{ Body person.Erasure }

func (a *API) erase(ctx context.Context, in *eraseIn) (*eraseOut, error) {
	b := in.Body
	r, err := person.Erase(ctx, a.cfg.DB, person.Order{Who: person.Who{Name: in.Name, Phone: b.Phone, Account: b.Account}, By: callerOf(ctx).user, Reason: b.Reason, Dry: b.Dry, Now: a.cfg.Now()})
	held, isHeld := errors.AsType[*person.HeldError](err)
	switch {
	case isHeld:
		p := newProblem(http.StatusConflict, "held", "此人还有未了的职责，不能删除：请先逐项处理", "this person still has duties and cannot be erased: deal with each of them first")
		for _, t := range held.Why {
			p.texts = append(p.texts, incident.Text(t))
		}
		return nil, p
	case errors.Is(err, person.ErrSelf):
		return nil, newProblem(http.StatusConflict, "self", "不能删除自己的信息：请另一位管理员操作", "nobody erases his own data: ask another administrator")
	case err != nil:
		return nil, userError(err)
	}
	return &eraseOut{Body: r}, nil
}
