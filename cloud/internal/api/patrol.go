package api

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/patrol"
)

type plansOut struct {
	Body struct {
		Plans []patrol.PlanAt `json:"plans"`
	}
}

// patrolPlans are those of the caller's part of the street.
func (a *API) patrolPlans(ctx context.Context, _ *none) (*plansOut, error) {
	out := &plansOut{}
	var err error
	out.Body.Plans, err = patrol.Plans(ctx, a.cfg.DB.Reader(), scope(ctx), a.today())
	return out, err
}

type roundsIn struct {
	Node   string `query:"node" maxLength:"80" doc:"this node and all below it"`
	State  string `query:"state" enum:"open,done,late,missed,void" doc:"absent: all"`
	Offset int    `query:"offset" minimum:"0" maximum:"100000"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"500"`
	From   int64  `query:"from" minimum:"0" maximum:"253402300799999" doc:"rounds that begin from then on, Unix ms; absent: today's"`
	To     int64  `query:"to" minimum:"0" maximum:"253402300799999" doc:"and before then; absent: a day later"`
}

type roundsOut struct {
	Body struct {
		From   int64          `json:"from" doc:"Unix ms"`
		To     int64          `json:"to" doc:"Unix ms"`
		Rounds []patrol.Round `json:"rounds" doc:"newest first"`
		Next   int            `json:"next,omitempty" doc:"offset of the next page; absent: this is the last"`
	}
}

// rounds are those of a day or another time.
func (a *API) rounds(ctx context.Context, in *roundsIn) (*roundsOut, error) {
	out := &roundsOut{}
	if out.Body.From = in.From; in.From == 0 {
		now := a.today()
		out.Body.From = time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location()).UnixMilli()
	}
	if out.Body.To = in.To; in.To == 0 {
		out.Body.To = time.UnixMilli(out.Body.From).In(a.today().Location()).AddDate(0, 0, 1).UnixMilli()
	}
	list, err := patrol.List(ctx, a.cfg.DB.Reader(), patrol.Ask{In: scope(ctx), Node: in.Node, From: out.Body.From, To: out.Body.To, State: in.State, Offset: in.Offset, Most: in.Limit + 1})
	if len(list) > in.Limit {
		list, out.Body.Next = list[:in.Limit], in.Offset+in.Limit
	}
	out.Body.Rounds = list
	return out, err
}

type roundIn struct {
	Round int64 `path:"round" minimum:"1"`
}

type roundOut struct{ Body patrol.Round }

// round is one round with its points.
func (a *API) round(ctx context.Context, in *roundIn) (*roundOut, error) {
	r, err := patrol.Get(ctx, a.cfg.DB.Reader(), in.Round)
	return &roundOut{r}, err
}

type checkInIn struct {
	Round int64  `path:"round" minimum:"1"`
	Point int    `path:"point" minimum:"1" maximum:"10000"`
	Key   string `header:"Idempotency-Key" required:"true" minLength:"8" maxLength:"80" doc:"made by the phone, another one for each check-in: sent again, it is the same check-in"`
	Body  struct {
		Code    string   `json:"code,omitempty" maxLength:"120" doc:"text of the point's QR or NFC code that was read; absent: a tap"`
		At      int64    `json:"at,omitempty" minimum:"0" maximum:"253402300799999" doc:"when it was, Unix ms, if the phone had no network then; absent: now"`
		Note    string   `json:"note,omitempty" maxLength:"500"`
		Lat     *float64 `json:"lat,omitempty" minimum:"-90" maximum:"90"`
		Lng     *float64 `json:"lng,omitempty" minimum:"-180" maximum:"180"`
		Photos  []string `json:"photos,omitempty" maxItems:"20" doc:"ids of photos that were uploaded before"`
		Finding *found   `json:"finding,omitempty" doc:"what is wrong; it becomes an incident. Absent: all is well"`
	}
}

type found struct {
	Kind     string `json:"kind" enum:"fire,gas,charging,passage,door,water,device,other" doc:"as of every report"`
	Severity string `json:"severity,omitempty" enum:"A,B,C" doc:"absent: as the kind has"`
	Text     string `json:"text" minLength:"1" maxLength:"500"`
}

// checkIn keeps that the caller was at a point of a round.
func (a *API) checkIn(ctx context.Context, in *checkInIn) (*roundOut, error) {
	b := in.Body
	c := patrol.CheckIn{Round: in.Round, N: in.Point, Key: in.Key, Who: callerOf(ctx).user.Name, Code: strings.TrimSpace(b.Code), At: b.At, Note: strings.TrimSpace(b.Note), Photos: b.Photos}
	if b.Lat != nil && b.Lng != nil {
		c.Lat, c.Lng = strconv.FormatFloat(*b.Lat, 'f', 6, 64), strconv.FormatFloat(*b.Lng, 'f', 6, 64)
	}
	if f := b.Finding; f != nil {
		c.Finding = &patrol.Finding{Kind: f.Kind, Severity: f.Severity, Text: strings.TrimSpace(f.Text)}
	}
	r, err := a.cfg.Patrols.CheckIn(ctx, c)
	if err != nil {
		return nil, err
	}
	if f := b.Finding; f != nil {
		if id := r.Stops[in.Point-1].Incident; id != "" {
			a.cfg.Feed.Incident(id)
		}
	}
	a.moved()
	return &roundOut{r}, nil
}

// moved tells open pages and those who tell people that something of the rounds or duty checks is new.
func (a *API) moved() {
	a.cfg.Feed.Org()
	a.cfg.Changed()
}

type roundPhotoIn struct {
	Round int64  `path:"round" minimum:"1"`
	Photo string `path:"photo" maxLength:"40"`
}

// roundPhoto is a photo of a point.
func (a *API) roundPhoto(ctx context.Context, in *roundPhotoIn) (*photoBytesOut, error) {
	kind, content, err := incident.PhotoBytes(ctx, a.cfg.DB.Reader(), patrol.PhotoPlace(in.Round), in.Photo)
	if err != nil {
		return nil, err
	}
	return &photoBytesOut{kind, "inline", "private, max-age=86400", content}, nil
}
