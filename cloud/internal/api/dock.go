package api

import (
	"context"
	"database/sql"
	"errors"
	"net/http"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/dock"
	"github.com/linshao/linshao/cloud/internal/incident"
)

type dockOut struct {
	Body struct {
		Targets []dock.Condition `json:"targets"`
	}
}

// docks is how things stand with the other platforms.
func (a *API) docks(ctx context.Context, _ *none) (*dockOut, error) {
	out := &dockOut{}
	var err error
	out.Body.Targets, err = a.cfg.Dock.Conditions(ctx)
	return out, err
}

type dockIn struct {
	Target string `path:"target" maxLength:"40"`
}

// answerCheck tells a monitoring centre that somebody is on duty.
func (a *API) answerCheck(ctx context.Context, in *dockIn) (*dockOut, error) {
	err := a.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		if err := a.cfg.Dock.Answer(ctx, tx, in.Target, callerOf(ctx).user.Name); err != nil {
			return err
		}
		if err := a.cfg.Checks.Close(ctx, tx, in.Target, callerOf(ctx).user.Name); err != nil {
			return err
		}
		return audit.Add(ctx, tx, audit.Entry{At: a.cfg.Now(), Act: "dock.answer", Kind: "dock", About: in.Target})
	})
	if err != nil {
		return nil, err
	}
	a.cfg.Dock.Wake()
	return a.docks(ctx, nil)
}

type callbackIn struct {
	Target    string `path:"target" maxLength:"40"`
	Timestamp string `header:"X-Timestamp" maxLength:"20" doc:"Unix ms"`
	Nonce     string `header:"X-Nonce" maxLength:"64" doc:"8 to 64 characters, each once"`
	Signature string `header:"X-Signature" maxLength:"64" doc:"hex(HMAC-SHA256(secret, timestamp \\n nonce \\n body))"`
	Body      struct {
		Incident string `json:"incident" maxLength:"40"`
		Deed     string `json:"deed" enum:"begin,finish,note,dispute"`
		Who      string `json:"who,omitempty" maxLength:"40" doc:"of their people"`
		Note     string `json:"note,omitempty" maxLength:"500"`
	}
	RawBody []byte // what is signed
}

type callbackOut struct {
	Body struct {
		Success int    `json:"success"`
		Step    string `json:"step" doc:"of the incident now"`
	}
}

// callback lets another platform move an incident of its sites: what the people do to whom it was handed on.
func (a *API) callback(ctx context.Context, in *callbackIn) (*callbackOut, error) {
	target, err := a.cfg.Dock.Admit(ctx, dock.Call{Target: in.Target, Timestamp: in.Timestamp, Nonce: in.Nonce, Signature: in.Signature, Body: in.RawBody})
	if errors.Is(err, dock.ErrCall) {
		return nil, newProblem(http.StatusUnauthorized, "bad_signature", "签名不对、已过期或已用过", "the signature is wrong, too old, or was used before")
	}
	if err != nil {
		return nil, err
	}
	b := in.Body
	was, err := incident.Get(ctx, a.cfg.DB.Reader(), b.Incident)
	if err != nil {
		return nil, err
	}
	if !target.Covers(was.Site) {
		return nil, errNotFound()
	}
	name := target.Name
	if b.Who != "" {
		name += "/" + b.Who
	}
	ctx = audit.By(ctx, audit.Person{Name: name, Role: "dock", Address: callerOf(ctx).address})
	if err := a.cfg.Incidents.Do(ctx, b.Incident, b.Deed, incident.Person{Name: name, Rights: auth.RightsOf(auth.Department)}, incident.Given{Note: b.Note}); err != nil {
		return nil, err
	}
	now, err := a.after(ctx, b.Incident, nil)
	if err != nil {
		return nil, err
	}
	out := &callbackOut{}
	out.Body.Success, out.Body.Step = 1, now.Body.Step
	return out, nil
}
