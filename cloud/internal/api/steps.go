package api

import (
	"context"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/incident"
)

// given is what comes with a deed. Which of it a deed needs stands in its summary, and in an incident's next.
type given struct {
	Note       string              `json:"note,omitempty" maxLength:"500"`
	Photos     []string            `json:"photos,omitempty" maxItems:"20" doc:"ids of photos that were uploaded before"`
	Measured   []incident.Measured `json:"measured,omitempty" maxItems:"20" doc:"values that somebody measured on the spot"`
	To         *incident.Assignee  `json:"to,omitempty" doc:"dispatch, assign: who goes on with it"`
	Severity   string              `json:"severity,omitempty" enum:"A,B,C" doc:"verify, accept: the class as people see it"`
	Outcome    string              `json:"outcome,omitempty" enum:"real,false_alarm,drill,device_fault"`
	EvenActive bool                `json:"evenActive,omitempty" doc:"reject, close: although the condition is still active; needs a note"`
	Whistle    int                 `json:"whistle,omitempty" enum:"1,2,3" doc:"2 联合, 3 攻坚"`
	Until      int64               `json:"until,omitempty" minimum:"0" doc:"suspend: until when, Unix ms; at most 30 days"`
	Rating     int                 `json:"rating,omitempty" minimum:"1" maximum:"5"`
}

func (g given) given() incident.Given {
	return incident.Given{Note: strings.TrimSpace(g.Note), Photos: g.Photos, EvenActive: g.EvenActive, Facts: incident.Facts{Measured: g.Measured,
		Assignee: g.To, Severity: g.Severity, Outcome: g.Outcome, Whistle: g.Whistle, Until: g.Until, Rating: g.Rating}}
}

type deedIn struct {
	ID   string `path:"id" maxLength:"40"`
	Key  string `header:"Idempotency-Key" maxLength:"80" doc:"made by the phone, another one for each deed: sent again, it is done once"`
	Body *given `required:"false"`
}

// deeds makes an operation of each deed but those that have one of their own.
func (a *API) deeds(h huma.API) {
	for _, t := range incident.Transitions() {
		if t.Deed == incident.Take || t.Deed == incident.Close || t.Deed == incident.Rate {
			continue
		}
		summary := t.Text.EN + " (" + t.Text.ZH + ")"
		if len(t.Needs) > 0 {
			summary += ", with " + strings.Join(t.Needs, " and ")
		}
		register(a, h, access{t.Right, ofIncident}, post, "/incidents/{id}/"+t.Deed, summary, a.deed(t.Deed))
	}
}

func (a *API) deed(deed string) func(context.Context, *deedIn) (*detailOut, error) {
	return func(ctx context.Context, in *deedIn) (*detailOut, error) {
		var g given
		if in.Body != nil {
			g = *in.Body
		}
		do := g.given()
		do.Key = in.Key
		return a.do(ctx, in.ID, deed, do)
	}
}

// do lets the caller do a deed, and answers the incident as it is then.
func (a *API) do(ctx context.Context, id, deed string, g incident.Given) (*detailOut, error) {
	who, err := a.person(ctx, id)
	if err != nil {
		return nil, err
	}
	return a.after(ctx, id, a.cfg.Incidents.Do(ctx, id, deed, who, g))
}

// person is the caller with the rights at an incident's place.
func (a *API) person(ctx context.Context, id string) (incident.Person, error) {
	u := callerOf(ctx).user
	p := incident.Person{Name: u.Name}
	if u.Role == auth.Link || u.Role == auth.Rater {
		p.Rights, p.Caller = auth.RightsOf(u.Role), u.Role == auth.Rater
		return p, nil
	}
	path, err := a.pathTo(ctx, ofIncident, func(string) string { return id })
	if err != nil {
		return p, err
	}
	for _, r := range auth.Rights() {
		if nodes, all := u.Where(r); all || within(nodes, path) {
			p.Rights = append(p.Rights, r)
		}
	}
	return p, nil
}

// steps fills in what people did with an incident, and what the caller can do next.
func (a *API) steps(ctx context.Context, d *Detail) error {
	q := a.cfg.DB.Reader()
	who, err := a.person(ctx, d.ID)
	if err != nil {
		return err
	}
	if d.Steps, err = incident.Steps(ctx, q, d.ID); err != nil {
		return err
	}
	photos, err := incident.Photos(ctx, q, d.ID)
	if err != nil {
		return err
	}
	d.Photos = slices.DeleteFunc(photos, func(p incident.Photo) bool { return p.Step > 0 })
	if d.Next, err = a.cfg.Incidents.Next(ctx, q, d.Incident, who); err != nil {
		return err
	}
	path, err := incident.Path(ctx, q, d.Incident)
	if err != nil {
		return err
	}
	if d.Card, err = incident.CardFor(ctx, q, d.Incident, path); err != nil {
		return err
	}
	d.Answers, err = a.cfg.Incidents.Answers(ctx, q, d.Incident)
	return err
}

type rateIn struct {
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		Rating int    `json:"rating" minimum:"1" maximum:"5"`
		Note   string `json:"note,omitempty" maxLength:"500"`
	}
}

type rateOut struct {
	Body struct {
		Rating int `json:"rating"`
	}
}

// rate takes how satisfied the reporter is, or a resident with a link, who sees nothing else of the incident.
func (a *API) rate(ctx context.Context, in *rateIn) (*rateOut, error) {
	g := given{Rating: in.Body.Rating, Note: in.Body.Note}
	if _, err := a.do(ctx, in.ID, incident.Rate, g.given()); err != nil {
		return nil, err
	}
	out := &rateOut{}
	out.Body.Rating = in.Body.Rating
	return out, nil
}

type rateLinkOut struct {
	Body struct {
		Link string `json:"link,omitempty" doc:"for a message to the resident; absent when public_url is not set"`
		Key  string `json:"key" doc:"of the link: ?k= of the operation that rates"`
	}
}

// rateLink makes the link with which a resident rates a closed incident, for 30 days.
func (a *API) rateLink(ctx context.Context, in *incidentIn) (*rateLinkOut, error) {
	i, err := incident.Get(ctx, a.cfg.DB.Reader(), in.ID)
	if err != nil {
		return nil, err
	}
	if i.Step != incident.Archived {
		return nil, &incident.Refusal{Text: incident.Text{ZH: "结案后、评价前才能发评价链接", EN: "a link to rate it is for an incident that is closed and not rated yet"}}
	}
	out := &rateLinkOut{}
	out.Body.Link, out.Body.Key = a.cfg.Links.ToRate(in.ID)
	return out, nil
}
