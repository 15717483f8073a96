package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/linshao/linshao/cloud/internal/notify"
)

// Notifier tells people and other systems.
type Notifier interface {
	Receivers(ctx context.Context) ([]notify.Status, error)
	Policy() notify.Policy
	Test(ctx context.Context, id string, t notify.Trial) (notify.Result, error)
	Open(ctx context.Context, key string) (notify.Opened, error)
	Revoke(ctx context.Context, incident string) error
}

type receiversOut struct {
	Body struct {
		Receivers []notify.Status `json:"receivers"`
	}
}

func (a *API) receivers(ctx context.Context, _ *none) (*receiversOut, error) {
	out := &receiversOut{}
	var err error
	out.Body.Receivers, err = a.cfg.Notifier.Receivers(ctx)
	return out, err
}

// Ladder is who is told of an incident of a class, rung by rung, while nobody takes it.
type Ladder struct {
	Severity string       `json:"severity" enum:"A,B,C"`
	RemindMs int64        `json:"remindMs,omitempty" doc:"who the first rung told is told again so often until somebody takes it; absent: never"`
	Most     int          `json:"most,omitempty" doc:"reminders at most"`
	Rungs    []LadderRung `json:"rungs" doc:"the first when it is opened, the others as it becomes overdue"`
}

// LadderRung is one of its steps.
type LadderRung struct {
	Tell []string `json:"tell" doc:"responsible, deputy, street, or entry: with a kind of contacts, teams or resources; empty: the groups alone"`
	By   []string `json:"by" doc:"group, sms, voice, mail"`
}

type laddersOut struct {
	Body struct {
		Ladders   []Ladder `json:"ladders" doc:"A, B, C"`
		Receivers int      `json:"receivers" doc:"how many receivers there are; 0: alerts reach nobody but by the pages"`
		Failing   int      `json:"failing" doc:"how many of them failed the last time"`
	}
}

// ladders are the escalations as they are configured, and whether there is anything that brings them to people: everybody on duty
// must know that, while whom and by which address stays with the administrators.
func (a *API) ladders(ctx context.Context, _ *none) (*laddersOut, error) {
	out := &laddersOut{}
	there, err := a.cfg.Notifier.Receivers(ctx)
	if err != nil {
		return nil, err
	}
	out.Body.Receivers = len(there)
	for _, r := range there {
		if r.LastAt > 0 && !r.LastOK {
			out.Body.Failing++
		}
	}
	policy := a.cfg.Notifier.Policy()
	for _, severity := range []string{"A", "B", "C"} {
		c := policy[severity]
		l := Ladder{Severity: severity, RemindMs: c.Remind.Milliseconds(), Most: c.Most, Rungs: []LadderRung{}}
		for _, r := range c.Rungs {
			l.Rungs = append(l.Rungs, LadderRung{append([]string{}, r.Tell...), append([]string{}, r.By...)})
		}
		out.Body.Ladders = append(out.Body.Ladders, l)
	}
	return out, nil
}

type receiverIn struct {
	ID    string `path:"id" maxLength:"40"`
	Phone string `query:"phone" maxLength:"20" pattern:"^[0-9+-]*$" doc:"whom to reach, when the receiver reaches one person at a time"`
}

type testOut struct {
	Body struct {
		OK     bool   `json:"ok"`
		Answer string `json:"answer" doc:"what the receiver said"`
		At     int64  `json:"at" doc:"Unix ms"`
		TookMs int64  `json:"tookMs"`
	}
}

// testReceiver sends a message to a receiver, whose answer it shows.
func (a *API) testReceiver(ctx context.Context, in *receiverIn) (*testOut, error) {
	by := callerOf(ctx).user.Name
	result, err := a.cfg.Notifier.Test(ctx, in.ID, notify.Trial{By: by, Phone: in.Phone})
	var wait *notify.WaitError
	switch {
	case errors.Is(err, notify.ErrUnknown):
		return nil, errNotFound()
	case errors.Is(err, notify.ErrNobody):
		return nil, newProblem(http.StatusUnprocessableEntity, "receiver_person", "该接收方一次通知一个人，请填写手机号", "this receiver reaches one person at a time: give a phone number")
	case errors.As(err, &wait):
		rest := wait.Wait.Round(time.Second).String()
		return nil, newProblem(http.StatusTooManyRequests, "receiver_limit", "该接收方的发送限额已用完，请 "+rest+" 后再试", "this receiver's limit is used up; try again in "+rest)
	case err != nil:
		return nil, err
	}
	a.cfg.Log.Info("receiver tested", "receiver", in.ID, "who", by, "ok", result.OK)
	out := &testOut{}
	out.Body.OK, out.Body.Answer, out.Body.At, out.Body.TookMs = result.OK, result.Answer, result.At.UnixMilli(), result.Took.Milliseconds()
	return out, nil
}

func (a *API) revokeLinks(ctx context.Context, in *incidentIn) (*struct{}, error) {
	return nil, a.cfg.Notifier.Revoke(ctx, in.ID)
}

// errDeadLink says why a link opens nothing any more, and whom to ask.
func errDeadLink(d *notify.DeadLink, resident bool) *problem {
	code, zh, en := "link_expired", "链接已过期（24 小时内有效）", "this link is too old (links work for 24 hours)"
	if d.Revoked {
		code, zh, en = "link_revoked", "链接已作废", "this link was revoked"
	}
	if resident {
		return errDeadRating(d)
	}
	if d.Ask == nil {
		return newProblem(http.StatusUnauthorized, code, zh+"，请登录后查看。", en+"; please sign in.")
	}
	zh += fmt.Sprintf("，请登录后查看，或联系%s%s。", d.Ask.Role, d.Ask.Name)
	en += fmt.Sprintf("; sign in, or ask %s, who answers for the site.", d.Ask.Name)
	return newProblem(http.StatusUnauthorized, code, zh, en)
}

// errDeadRating is the same for a resident, who has no account to sign in with.
func errDeadRating(d *notify.DeadLink) *problem {
	code, zh, en := "link_expired", "评价链接已过期（30 天内有效）", "this link to rate is too old (it works for 30 days)"
	if d.Revoked {
		code, zh, en = "link_revoked", "评价链接已作废", "this link to rate was revoked"
	}
	if d.Ask == nil {
		return newProblem(http.StatusUnauthorized, code, zh+"。", en+".")
	}
	return newProblem(http.StatusUnauthorized, code, fmt.Sprintf("%s，可联系%s%s。", zh, d.Ask.Role, d.Ask.Name), fmt.Sprintf("%s; you can ask %s, who answers for the site.", en, d.Ask.Name))
}
