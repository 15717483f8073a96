package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/look"
	"github.com/linshao/linshao/cloud/wire"
)

// Looks opens cameras for a minute, and asks gateways.
type Looks interface {
	Ask(ctx context.Context, w look.Wish, may func(context.Context) error) (*wire.Answer, error)
	Begin(ctx context.Context, w look.Wish) (look.Look, error)
	Watch(ctx context.Context, v look.Viewer, write func(context.Context, []byte) error) (why string, err error)
}

// lookPatience is how long a browser may take for a fragment.
const lookPatience = 20 * time.Second

type lookIn struct {
	Gateway string `path:"gateway" maxLength:"64"`
	Device  string `path:"device" maxLength:"80"`
	Body    struct {
		Reason string `json:"reason" minLength:"1" maxLength:"200" doc:"why; it is shown at the site and stands in the audit"`
	}
}

type lookOut struct{ Body look.Look }

// look opens a camera.
func (a *API) look(ctx context.Context, in *lookIn) (*lookOut, error) {
	reason := strings.TrimSpace(in.Body.Reason)
	if reason == "" {
		return nil, newProblem(http.StatusUnprocessableEntity, "bad_request", "请写明查看的理由", "say why you look")
	}
	l, err := a.cfg.Looks.Begin(ctx, look.Wish{Gateway: in.Gateway, Device: in.Device, Who: callerOf(ctx).user.Name, Reason: reason})
	return &lookOut{l}, lookProblem(err)
}

// lookProblem says in people's words why nothing is shown.
func lookProblem(err error) error {
	if errors.Is(err, look.ErrUnknown) {
		return newProblem(http.StatusNotFound, "no_look", "没有这次查看，或已经结束", "there is no such look, or it is over")
	}
	r, ok := errors.AsType[*look.Refusal](err)
	if !ok {
		return err
	}
	status := http.StatusConflict
	switch r.Code {
	case "rate":
		status = http.StatusTooManyRequests
	case "withdrawn":
		return errForbidden()
	}
	return &problem{status: status, code: r.Code, text: incident.Text(r.Text)}
}

// serving ends with ctx and with the server, which does not wait for what takes long.
func (a *API) serving(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-a.cfg.Quit:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

type watchLookIn struct {
	Gateway string `path:"gateway" maxLength:"64"`
	Device  string `path:"device" maxLength:"80"`
	Look    string `path:"look" maxLength:"40"`
}

// watchLook streams what a look shows. Nothing is answered before the first picture: a refusal has a status of its own. As long as
// it streams it is asked whether the caller may still look: who logs out or loses the right sees nothing more.
func (a *API) watchLook(_ context.Context, in *watchLookIn) (*fileOut, error) {
	return &fileOut{func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		ctx, cancel := a.serving(r.Context())
		defer cancel()
		v := look.Viewer{Gateway: in.Gateway, Device: in.Device, Look: in.Look, Who: callerOf(r.Context()).user.Name}
		v.May = func(ctx context.Context) error { return a.stillLooks(ctx, r, v) }
		out := &lookWriter{w: w, control: http.NewResponseController(w)}
		why, err := a.cfg.Looks.Watch(ctx, v, out.write)
		if err == nil && !out.begun && r.Context().Err() == nil {
			err = unseen(why)
		}
		if err == nil || out.begun {
			return
		}
		p, ok := errors.AsType[*problem](a.known(lookProblem(err)))
		if !ok {
			a.cfg.Log.Error("look not shown", "err", err)
			p = errInternal()
		}
		p.write(w, r)
	}}, nil
}

// stillLooks refuses who may not look any more: the session is over, another person's, or its right is gone.
func (a *API) stillLooks(ctx context.Context, r *http.Request, v look.Viewer) error {
	c := caller{}
	if err := a.identify(r, &c); err != nil {
		return err
	}
	if c.user.Name != v.Who {
		return errLogin()
	}
	params := map[string]string{"gateway": v.Gateway}
	return a.check(context.WithValue(ctx, callerKey{}, c), access{auth.Look, ofGateway}, func(name string) string { return params[name] })
}

// unseen says why there was no picture.
func unseen(why string) error {
	switch why {
	case "soon":
		return newProblem(http.StatusConflict, "soon", "刚连上网关，请几秒后再试", "the gateway has only just connected: try again in some seconds")
	case "busy":
		return newProblem(http.StatusConflict, "busy", "网关正忙于另一次查看，请几秒后再试", "the gateway is busy with another look: try again in some seconds")
	case "unknown_camera":
		return newProblem(http.StatusBadGateway, "no_picture", "网关上没有这个摄像头的连接", "the gateway has no connection to this camera")
	case "withdrawn":
		return errForbidden()
	}
	return newProblem(http.StatusBadGateway, "no_picture", "摄像头没有给出画面", "the camera gave no picture")
}

// lookWriter writes fragments as they come.
type lookWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

// write gives up when ctx ends, whatever the browser takes.
func (o *lookWriter) write(ctx context.Context, b []byte) error {
	if !o.begun {
		head := o.w.Header()
		head.Set("Content-Type", "video/mp4")
		head.Set("Cache-Control", "private, no-store")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("X-Accel-Buffering", "no")
		o.begun = true
	}
	o.control.SetWriteDeadline(time.Now().Add(lookPatience))                          //nolint:errcheck // a server without deadlines has none
	stop := context.AfterFunc(ctx, func() { o.control.SetWriteDeadline(time.Now()) }) //nolint:errcheck // as above
	defer stop()
	if _, err := o.w.Write(b); err != nil {
		return err
	}
	return o.control.Flush()
}
