package api

import (
	"context"
	"database/sql"
	"net/http"
	"strings"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/duty"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

type contactsIn struct {
	ID string `path:"id" maxLength:"40"`
}

type contactsOut struct {
	Body struct {
		Duty []duty.Holder `json:"duty" doc:"who is on duty now where it is; by a link: nobody"`
		Desk []duty.Holder `json:"desk" doc:"the street's desk: its numbers, which nobody owns, and who has a shift there; by a link the numbers alone"`
	}
}

// contacts are the whole numbers of those who answer for an incident that is not closed yet: who has an alert on their hands
// must be able to call somebody, also without the right to see every number. Each time is written down.
func (a *API) contacts(ctx context.Context, in *contactsIn) (*contactsOut, error) {
	q := a.cfg.DB.Reader()
	i, err := incident.Get(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	if i.Handling == incident.Closed {
		return nil, newProblem(http.StatusConflict, "closed", "这条告警已办结，不再提供联系电话；号码在“班次与通知”里查", "this alert is closed, its numbers are no longer given; the page Duty has them")
	}
	path, err := incident.Path(ctx, q, i)
	if err != nil {
		return nil, err
	}
	out := &contactsOut{}
	out.Body.Duty, out.Body.Desk = []duty.Holder{}, []duty.Holder{}
	if len(path) > 0 {
		if err := a.callable(ctx, path, out); err != nil {
			return nil, err
		}
	}
	var names []string
	for _, h := range append(append([]duty.Holder{}, out.Body.Duty...), out.Body.Desk...) {
		names = append(names, h.Name)
	}
	err = a.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		return audit.Add(ctx, tx, audit.Entry{At: a.cfg.Now(), Act: "incident.contacts", Kind: "incident", About: i.ID, Site: i.Site, Node: i.Node, Detail: map[string]string{"people": strings.Join(names, ", ")}})
	})
	return out, err
}

// callable fills in who can be called about a place, whose path begins at the root.
func (a *API) callable(ctx context.Context, path []tree.Node, out *contactsOut) error {
	q, at, root := a.cfg.DB.Reader(), a.today(), path[0]
	for _, e := range root.Entries {
		if e.Record == tree.ContactRecord && isDesk(e.Kind) {
			out.Body.Desk = append(out.Body.Desk, duty.Holder{Person: tree.Person{Name: e.Name, Phone: e.Phone}, Role: e.Kind, As: duty.AsDesk, Node: root.ID})
		}
	}
	if callerOf(ctx).user.Role == auth.Link { // messages are passed on: a person's own number is not for whoever reads one
		return nil
	}
	var err error
	if out.Body.Duty, err = duty.OnDuty(ctx, q, path[len(path)-1].ID, "", at); err != nil || len(path) == 1 {
		return err
	}
	above, err := duty.OnDuty(ctx, q, root.ID, "", at)
	for _, h := range above {
		known := false
		for _, p := range out.Body.Duty {
			known = known || p.Person == h.Person
		}
		if !known && (h.As == duty.AsShift || h.As == duty.AsHandOver) {
			out.Body.Desk = append(out.Body.Desk, h)
		}
	}
	return err
}

// isDesk says whether a contact of the root is its desk: 值班室, 值班电话, duty desk.
func isDesk(kind string) bool {
	return strings.Contains(kind, "值班") || strings.Contains(strings.ToLower(kind), "desk")
}
