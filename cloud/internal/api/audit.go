package api

import (
	"context"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/incident"
)

type auditIn struct {
	Who    string `query:"who" maxLength:"80" doc:"of this person alone"`
	Act    string `query:"act" maxLength:"80" doc:"this act, or with a dot at the end all that begin so, such as user."`
	Kind   string `query:"kind" maxLength:"40" doc:"about incidents, users, nodes …"`
	About  string `query:"about" maxLength:"120" doc:"and this one of them"`
	Site   string `query:"site" maxLength:"80"`
	Node   string `query:"node" maxLength:"80"`
	From   int64  `query:"from" minimum:"0" maximum:"253402300799999" doc:"Unix ms"`
	To     int64  `query:"to" minimum:"0" maximum:"253402300799999" doc:"Unix ms, not included"`
	Before int64  `query:"before" minimum:"0" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// AuditEntry is what a person did.
type AuditEntry struct {
	Seq     int64             `json:"seq"`
	At      int64             `json:"at" doc:"Unix ms"`
	Who     string            `json:"who" doc:"empty: the cloud itself"`
	Role    string            `json:"role,omitempty" doc:"console: on the cloud's machine"`
	Address string            `json:"address,omitempty"`
	Act     string            `json:"act" doc:"thing.verb, such as incident.take"`
	Kind    string            `json:"kind,omitempty" doc:"what it was done to"`
	About   string            `json:"about,omitempty" doc:"and which"`
	Node    string            `json:"node,omitempty"`
	Site    string            `json:"site,omitempty"`
	Text    *incident.Text    `json:"text,omitempty"`
	Detail  map[string]string `json:"detail,omitempty"`
	Hash    string            `json:"hash"`
}

type auditOut struct {
	Body struct {
		Entries []AuditEntry `json:"entries" doc:"newest first; for a part of the street those that name its sites or nodes"`
		Next    int64        `json:"next,omitempty"`
		Head    string       `json:"head" doc:"the newest entry's number and hash: kept elsewhere it proves later that nothing was changed or cut off"`
	}
}

type verifyIn struct {
	From int64 `query:"from" minimum:"0" maximum:"253402300799999" doc:"Unix ms; default: 30 days before to"`
	To   int64 `query:"to" minimum:"0" maximum:"253402300799999" doc:"Unix ms, not included; default: now"`
}

type verifyOut struct {
	Body struct {
		From    int64        `json:"from" doc:"Unix ms"`
		To      int64        `json:"to" doc:"Unix ms"`
		Entries int64        `json:"entries" doc:"looked at"`
		Head    string       `json:"head" doc:"the newest entry's number and hash"`
		Faults  []AuditFault `json:"faults" doc:"where it is not what it was; none: nobody has touched it"`
	}
}

// AuditFault is a place where the log is not what it was.
type AuditFault struct {
	Seq  int64         `json:"seq"`
	Text incident.Text `json:"text"`
}

// maxVerify bounds what is read at once.
const maxVerify = 400 * 24 * time.Hour

// verifyAudit goes through the entries of a time.
func (a *API) verifyAudit(ctx context.Context, in *verifyIn) (*verifyOut, error) {
	if err := a.window(&in.From, &in.To, 30*24*time.Hour, maxVerify); err != nil {
		return nil, err
	}
	r, err := audit.Verify(ctx, a.cfg.DB.Reader(), time.UnixMilli(in.From), time.UnixMilli(in.To), nil)
	if err != nil {
		return nil, err
	}
	out := &verifyOut{}
	b := &out.Body
	b.From, b.To, b.Entries, b.Head, b.Faults = in.From, in.To, r.Entries, r.Head.String(), make([]AuditFault, len(r.Faults))
	for i, f := range r.Faults {
		b.Faults[i] = AuditFault{f.Seq, incident.Text(f.Text)}
	}
	return out, nil
}

// audit is what people did, in the part of the street where the caller may look at it.
func (a *API) audit(ctx context.Context, in *auditIn) (*auditOut, error) {
	f := audit.Filter{In: scope(ctx), Who: in.Who, Act: in.Act, Kind: in.Kind, About: in.About, Site: in.Site, Node: in.Node, Before: in.Before, Limit: in.Limit}
	if in.From > 0 {
		f.From = time.UnixMilli(in.From)
	}
	if in.To > 0 {
		f.To = time.UnixMilli(in.To)
	}
	list, err := audit.List(ctx, a.cfg.DB.Reader(), f)
	if err != nil {
		return nil, err
	}
	head, err := audit.Head(ctx, a.cfg.DB.Reader())
	if err != nil {
		return nil, err
	}
	out := &auditOut{}
	out.Body.Head, out.Body.Entries = head.String(), make([]AuditEntry, len(list))
	for i, e := range list {
		l := AuditEntry{Seq: e.Seq, At: e.At.UnixMilli(), Who: e.Name, Role: e.Role, Address: e.Address, Act: e.Act, Kind: e.Kind, About: e.About, Node: e.Node,
			Site: e.Site, Detail: e.Detail, Hash: e.Hash}
		if t := incident.Text(e.Text); t != (incident.Text{}) {
			l.Text = &t
		}
		out.Body.Entries[i] = l
	}
	if len(list) == in.Limit {
		out.Body.Next = list[len(list)-1].Seq
	}
	return out, nil
}
