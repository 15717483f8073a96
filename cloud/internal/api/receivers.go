package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/linshao/linshao/cloud/internal/notify"
)

// Notifier tells people and other systems.
type Notifier interface {
	Receivers(ctx context.Context) ([]notify.Status, error)
	Test(ctx context.Context, id string, t notify.Trial) (notify.Result, error)
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
