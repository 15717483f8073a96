package api

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/duty"
	"github.com/linshao/linshao/cloud/internal/org/shift"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

type dutyIn struct {
	Node   string `path:"node" maxLength:"80"`
	Role   string `query:"role" maxLength:"80" doc:"in this role alone"`
	At     int64  `query:"at" minimum:"0" maximum:"253402300799999" doc:"Unix ms; absent: now"`
	Phones string `query:"phones" enum:"masked,full" default:"masked" doc:"full: with the right dial alone, and it is logged"`
}

type dutyOut struct {
	Body struct {
		At        int64         `json:"at" doc:"Unix ms"`
		Emergency bool          `json:"emergency"`
		Duty      []duty.Holder `json:"duty" doc:"who is on duty: of this node, else of one above it, else who answers for it"`
		Roster    []shift.Shift `json:"roster" doc:"of the node itself"`
		HandOvers []duty.Relief `json:"handovers" doc:"of the node itself, newest first, at most 100"`
	}
}

// duty is who is on duty at a node at a time.
func (a *API) duty(ctx context.Context, in *dutyIn) (*dutyOut, error) {
	if err := a.mayDial(ctx, in.Phones, ofNode, in.Node); err != nil {
		return nil, err
	}
	q, at := a.cfg.DB.Reader(), a.today()
	if in.At > 0 {
		at = time.UnixMilli(in.At).In(at.Location())
	}
	path, err := tree.Path(ctx, q, in.Node)
	if err != nil {
		return nil, err
	}
	out := &dutyOut{}
	b := &out.Body
	b.At, b.Roster = at.UnixMilli(), append([]shift.Shift{}, path[len(path)-1].Shifts...)
	m, err := tree.ModeOf(ctx, q, in.Node, at)
	if err != nil {
		return nil, err
	}
	b.Emergency = m.Emergency
	if b.Duty, err = duty.OnDuty(ctx, q, in.Node, in.Role, at); err != nil {
		return nil, err
	}
	if b.HandOvers, err = duty.Reliefs(ctx, q, in.Node, 100); err != nil || in.Phones == "full" {
		return out, err
	}
	b.Duty = duty.Masked(b.Duty)
	for i := range b.Roster {
		b.Roster[i].Phone = tree.Mask(b.Roster[i].Phone)
	}
	for i := range b.HandOvers {
		b.HandOvers[i].Taker.Phone = tree.Mask(b.HandOvers[i].Taker.Phone)
	}
	return out, nil
}

type handOverIn struct {
	Node string `path:"node" maxLength:"80"`
	Body struct {
		Role   string    `json:"role" minLength:"1" maxLength:"80"`
		Leaver string    `json:"leaver,omitempty" maxLength:"80" doc:"name of who leaves; absent: the taker comes besides"`
		Taker  string    `json:"taker" minLength:"1" maxLength:"80"`
		Phone  string    `json:"phone,omitempty" maxLength:"20" pattern:"^\\+?[0-9][0-9 -]*$" doc:"of the taker"`
		From   int64     `json:"from,omitempty" minimum:"0" maximum:"253402300799999" doc:"Unix ms; absent: now"`
		Until  int64     `json:"until" minimum:"0" maximum:"253402300799999" doc:"Unix ms"`
		Note   string    `json:"note,omitempty" maxLength:"1000" doc:"what the taker must know"`
		Back   *swapBack `json:"back,omitempty" doc:"of a swap: when the leaver stands in for the taker"`
	}
}

type swapBack struct {
	From  int64  `json:"from" minimum:"0" maximum:"253402300799999"`
	Until int64  `json:"until" minimum:"0" maximum:"253402300799999"`
	Phone string `json:"phone,omitempty" maxLength:"20" pattern:"^\\+?[0-9][0-9 -]*$" doc:"of the leaver"`
}

// handOver writes down that somebody stands in for somebody.
func (a *API) handOver(ctx context.Context, in *handOverIn) (*dutyOut, error) {
	b, now := in.Body, a.cfg.Now().UnixMilli()
	if b.From == 0 {
		b.From = now
	}
	list := []duty.Relief{{Node: in.Node, Role: b.Role, Leaver: b.Leaver, Taker: tree.Person{Name: b.Taker, Phone: b.Phone}, From: b.From, Until: b.Until, Note: b.Note, At: now, Who: callerOf(ctx).user.Name}}
	if back := b.Back; back != nil {
		h := list[0]
		h.Leaver, h.Taker, h.From, h.Until = b.Taker, tree.Person{Name: b.Leaver, Phone: back.Phone}, back.From, back.Until
		list = append(list, h)
	}
	if err := duty.Give(ctx, a.cfg.DB, a.cfg.Memos, list...); err != nil {
		return nil, err
	}
	a.cfg.Changed()
	return a.duty(ctx, &dutyIn{Node: in.Node})
}

type rosterIn struct {
	Node string `path:"node" maxLength:"80"`
	Body struct {
		Roster []shift.Shift `json:"roster" maxItems:"500" doc:"all shifts of the node; what is not here is removed"`
	}
}

// setRoster writes a node's roster. What is wrong is told shift by shift, and nothing is changed then.
func (a *API) setRoster(ctx context.Context, in *rosterIn) (*dutyOut, error) {
	var problems []tree.Problem
	err := a.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		var err error
		if problems, err = tree.SetRoster(ctx, tx, in.Node, in.Body.Roster); err != nil || len(problems) > 0 {
			return err
		}
		return audit.Add(ctx, tx, audit.Entry{Act: "roster.set", Kind: "node", About: in.Node, Node: in.Node, Detail: map[string]string{"shifts": fmt.Sprint(len(in.Body.Roster))}})
	})
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		p := newProblem(http.StatusUnprocessableEntity, "bad_roster", "班表有错，什么都没有改", "the roster has mistakes; nothing was changed")
		for _, wrong := range problems {
			p.texts = append(p.texts, incident.Text{ZH: fmt.Sprintf("第 %d 个班次：%s", wrong.Line, wrong.Text.ZH), EN: fmt.Sprintf("shift %d: %s", wrong.Line, wrong.Text.EN)})
		}
		return nil, p
	}
	return a.duty(ctx, &dutyIn{Node: in.Node})
}
