package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/window"
)

type none struct{}

// ownPage is where a gateway's own page is.
type ownPage struct {
	ID  string `json:"id"`
	URL string `json:"url"`
}

type sessionOut struct {
	Body struct {
		User     auth.User               `json:"user"`
		Rights   map[auth.Right][]string `json:"rights" doc:"where the caller holds each right: nodes of the organisation, with all below them; an empty name is the whole street"`
		Demo     bool                    `json:"demo"`
		Gateway  *ownPage                `json:"gateway,omitempty" doc:"in a demo: the gateway that it is about"`
		Now      int64                   `json:"now" doc:"the server's time, Unix ms"`
		Version  string                  `json:"version"`
		Timezone string                  `json:"timezone"`
	}
}

func (a *API) session(ctx context.Context, _ *none) (*sessionOut, error) {
	out := &sessionOut{}
	b := &out.Body
	b.User, b.Demo, b.Now, b.Version, b.Timezone = callerOf(ctx).user, a.cfg.Demo, a.cfg.Now().UnixMilli(), a.cfg.Version, a.cfg.Zone.String()
	b.Rights = rightsOf(b.User)
	if id, url, ok := strings.Cut(a.cfg.Local, "="); ok && a.cfg.Demo {
		b.Gateway = &ownPage{ID: id, URL: url}
	}
	return out, nil
}

// rightsOf answers where a user holds each right, so that a page shows nobody a button that is refused. What a link opens
// is its incident alone, whose next says what its holder may do.
func rightsOf(u auth.User) map[auth.Right][]string {
	out := map[auth.Right][]string{}
	for _, r := range auth.Rights() {
		switch nodes, all := u.Where(r); {
		case all:
			out[r] = []string{""}
		case len(nodes) > 0:
			out[r] = nodes
		}
	}
	return out
}

type loginIn struct {
	Body struct {
		Name     string `json:"name" maxLength:"80"`
		Password string `json:"password" maxLength:"256"`
	}
}

type loginOut struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      struct {
		User auth.User `json:"user"`
	}
}

func (a *API) login(ctx context.Context, in *loginIn) (*loginOut, error) {
	token, user, err := a.cfg.Auth.Login(ctx, in.Body.Name, in.Body.Password, callerOf(ctx).address)
	if err != nil {
		return nil, loginError(err, "用户名或密码不对", "wrong name or password")
	}
	out := &loginOut{SetCookie: a.cookie(token, 7*24*3600)}
	out.Body.User = user
	return out, nil
}

// loginError is what people are told about a password.
func loginError(err error, zh, en string) error {
	var locked *auth.LockedError
	switch {
	case errors.Is(err, auth.ErrWrong):
		return newProblem(http.StatusUnauthorized, "bad_login", zh, en)
	case errors.As(err, &locked):
		wait := locked.Wait.Round(time.Second).String()
		return newProblem(http.StatusTooManyRequests, "locked", "密码错误次数过多，请 "+wait+" 后再试", "too many wrong passwords; try again in "+wait)
	}
	return userError(err)
}

func (a *API) cookie(value string, maxAge int) http.Cookie {
	return http.Cookie{Name: cookieName, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: a.cfg.Secure}
}

type logoutOut struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

func (a *API) logout(ctx context.Context, _ *none) (*logoutOut, error) {
	if token := callerOf(ctx).token; token != "" {
		if err := a.cfg.Auth.Logout(ctx, token); err != nil {
			return nil, err
		}
	}
	return &logoutOut{SetCookie: a.cookie("", -1)}, nil
}

type incidentsIn struct {
	Handling string `query:"handling" enum:"open,handling,closed"`
	Step     string `query:"step" enum:"reported,verified,accepted,dispatched,in_progress,checked,closed,rated"`
	Severity string `query:"severity" enum:"A,B,C"`
	Site     string `query:"site" maxLength:"64"`
	Node     string `query:"node" maxLength:"64" doc:"of the organisation, with all below it"`
	Assignee string `query:"assignee" maxLength:"200" doc:"a person's name, a node, or a team as node/name"`
	Category string `query:"category" enum:"danger,maintenance" doc:"maintenance: devices that need somebody"`
	Source   string `query:"source" enum:"sensor,person,complaint"`
	Mine     bool   `query:"mine" doc:"assigned to, taken or reported by the caller"`
	Overdue  bool   `query:"overdue" doc:"behind, or past the limit of its step"`
	Kind     string `query:"kind" maxLength:"40" doc:"of its device, such as gas; of one that people reported report:fire and so on"`
	Whistle  int    `query:"whistle" minimum:"0" maximum:"3" doc:"0: any"`
	From     int64  `query:"from" minimum:"0" maximum:"253402300799999" doc:"opened at this time or later, Unix ms"`
	To       int64  `query:"to" minimum:"0" maximum:"253402300799999" doc:"opened before, Unix ms"`
	Quiet    bool   `query:"quiet" doc:"put off, or shelved because it fires too often"`
	Text     string `query:"q" maxLength:"80" doc:"in its number, title, message, site or device"`
	Order    string `query:"order" enum:"newest,oldest,urgent" default:"newest" doc:"urgent: not taken before taken, the gravest first, then whose limit ends first"`
	Limit    int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Before   string `query:"before" maxLength:"80" doc:"next of the page before"`
	Brief    bool   `query:"brief" doc:"without messages"`
}

type incidentsOut struct {
	Body struct {
		Incidents []incident.Incident `json:"incidents"`
		Counts    incident.Counts     `json:"counts"`
		Next      string              `json:"next,omitempty"`
		Now       int64               `json:"now"`
	}
}

func (a *API) incidents(ctx context.Context, in *incidentsIn) (*incidentsOut, error) {
	out := &incidentsOut{}
	out.Body.Now = a.cfg.Now().UnixMilli()
	var err error
	q := a.cfg.DB.Reader()
	out.Body.Incidents, out.Body.Next, err = incident.List(ctx, q, in.page(ctx, out.Body.Now))
	var bad *incident.Refusal
	if errors.As(err, &bad) {
		return nil, newProblem(http.StatusUnprocessableEntity, "bad_request", bad.Text.ZH, bad.Text.EN)
	}
	if err != nil {
		return nil, err
	}
	if in.Brief {
		for i := range out.Body.Incidents {
			out.Body.Incidents[i].Message = incident.Text{}
		}
	}
	out.Body.Counts, err = incident.Count(ctx, q, scope(ctx))
	return out, err
}

type tallyOut struct{ Body incident.Tally }

// tally counts what a list would hold, and says which filter hides how many when it is empty.
func (a *API) tally(ctx context.Context, in *incidentsIn) (*tallyOut, error) {
	t, err := incident.Tallied(ctx, a.cfg.DB.Reader(), in.page(ctx, a.cfg.Now().UnixMilli()))
	return &tallyOut{t}, err
}

func (in *incidentsIn) page(ctx context.Context, now int64) incident.Page {
	p := incident.Page{In: scope(ctx), Handling: in.Handling, Step: in.Step, Severity: in.Severity, Site: in.Site, Node: in.Node, Assignee: in.Assignee, Category: in.Category,
		Source: in.Source, Overdue: in.Overdue, Kind: in.Kind, Whistle: in.Whistle, From: in.From, To: in.To, Quiet: in.Quiet, Oldest: in.Order == "oldest", Urgent: in.Order == "urgent", Text: strings.TrimSpace(in.Text), Now: now, Limit: in.Limit, Before: in.Before}
	if in.Mine {
		p.Mine = callerOf(ctx).user.Name
	}
	return p
}

type incidentIn struct {
	ID string `path:"id" maxLength:"40"`
}

// Detail is an incident with all that its page shows.
type Detail struct {
	incident.Incident
	Why       incident.Text       `json:"why"`
	Parts     []incident.Text     `json:"parts" doc:"the rule's condition part by part with the values it saw, one line each, indented by two spaces a level; empty for old gateways"`
	Evidence  []incident.Evidence `json:"evidence"`
	Card      []incident.Text     `json:"card" doc:"what to do, one line each"`
	Limit     *incident.Limit     `json:"limit,omitempty"`
	Chart     *Chart              `json:"chart,omitempty"`
	Timeline  []incident.Entry    `json:"timeline"`
	Alerts    []incident.Alert    `json:"alerts" doc:"the first-out first"`
	Previous  *incident.Previous  `json:"previous,omitempty"`
	Timezone  string              `json:"timezone,omitempty"`
	Steps     []incident.Step     `json:"steps" doc:"what people did, with who, when and what evidence"`
	Photos    []incident.Photo    `json:"photos" doc:"those that belong to no step"`
	Next      []incident.Next     `json:"next" doc:"what the caller can do now"`
	Answers   incident.Answers    `json:"answers" doc:"who answers for it at its whistle"`
	Snoozable bool                `json:"snoozable" doc:"its device can be snoozed (静默): it does not warn of gas, CO or smoke, and the alert is below class A"`
}

// Chart says what to draw.
type Chart struct {
	Gateway string `json:"gateway"`
	Device  string `json:"device"`
	Point   string `json:"point"`
	From    int64  `json:"from"`
	To      int64  `json:"to"`
}

type detailOut struct{ Body Detail }

func (a *API) incident(ctx context.Context, in *incidentIn) (*detailOut, error) {
	return a.detail(ctx, in.ID)
}

func (a *API) detail(ctx context.Context, id string) (*detailOut, error) {
	q := a.cfg.DB.Reader()
	in, err := incident.Get(ctx, q, id)
	if err != nil {
		return nil, err
	}
	d := Detail{Incident: in, Why: incident.Why(in), Evidence: in.Detail.Evidence, Card: in.Detail.Card, Limit: in.Detail.Limit}
	if d.Parts = in.Detail.Why; d.Parts == nil {
		d.Parts = []incident.Text{}
	}
	if d.Timeline, err = incident.Timeline(ctx, q, id); err != nil {
		return nil, err
	}
	if d.Alerts, err = incident.AlertsOf(ctx, q, in); err != nil {
		return nil, err
	}
	if d.Previous, err = incident.PreviousOf(ctx, q, in); err != nil {
		return nil, err
	}
	if _, d.Timezone, err = org.Zone(ctx, q, in.Site); err != nil {
		return nil, err
	}
	if err := a.steps(ctx, &d); err != nil {
		return nil, err
	}
	dev, err := org.OneDevice(ctx, q, in.Gateway, in.Device)
	if errors.Is(err, org.ErrUnknown) {
		return &detailOut{d}, nil
	}
	if err != nil {
		return nil, err
	}
	d.Chart = a.chart(in, dev)
	d.Snoozable = in.Severity != "A" && window.Loud(dev) == nil
	return &detailOut{d}, nil
}

// chart picks the point to draw: that of the rule's limit, else that of the value in its title, else the first value that it
// saw and that is a point of the device.
func (a *API) chart(in incident.Incident, dev org.Device) *Chart {
	wanted := []string{}
	if in.Detail.Limit != nil {
		wanted = append(wanted, in.Detail.Limit.Point)
	}
	if in.Value != nil {
		wanted = append(wanted, in.Value.Point)
	}
	for _, e := range in.Detail.Evidence {
		wanted = append(wanted, e.Name)
	}
	wanted = append(wanted, "power")
	for _, name := range wanted {
		for _, p := range dev.Points {
			if p.Name == name {
				c := &Chart{Gateway: in.Gateway, Device: in.Device, Point: name}
				c.From, c.To = incident.Window(in, time.Duration(p.PollMs)*time.Millisecond, a.cfg.Now())
				return c
			}
		}
	}
	return nil
}

type takeIn struct {
	ID  string `path:"id" maxLength:"40"`
	Key string `header:"Idempotency-Key" maxLength:"80" doc:"made by the phone, another one for each deed: sent again, it is done once"`
}

func (a *API) take(ctx context.Context, in *takeIn) (*detailOut, error) {
	return a.do(ctx, in.ID, incident.Take, incident.Given{Key: in.Key})
}

type closeIn struct {
	ID   string `path:"id" maxLength:"40"`
	Key  string `header:"Idempotency-Key" maxLength:"80" doc:"made by the phone, another one for each deed: sent again, it is done once"`
	Body struct {
		Outcome    string              `json:"outcome" enum:"real,false_alarm,drill,device_fault"`
		Note       string              `json:"note,omitempty" maxLength:"500"`
		EvenActive bool                `json:"evenActive,omitempty"`
		Photos     []string            `json:"photos,omitempty" maxItems:"20" doc:"ids of photos that were uploaded before"`
		Measured   []incident.Measured `json:"measured,omitempty" maxItems:"20"`
	}
}

func (a *API) close(ctx context.Context, in *closeIn) (*detailOut, error) {
	b := in.Body
	g := given{Outcome: b.Outcome, Note: b.Note, EvenActive: b.EvenActive, Photos: b.Photos, Measured: b.Measured}.given()
	g.Key = in.Key
	return a.do(ctx, in.ID, incident.Close, g)
}

func (a *API) after(ctx context.Context, id string, err error) (*detailOut, error) {
	if err != nil {
		return nil, err
	}
	a.cfg.Changed()
	out, err := a.detail(ctx, id)
	if err == nil {
		a.cfg.Feed.Incident(id)
		a.cfg.Feed.Gateway(out.Body.Gateway)
	}
	return out, err
}
