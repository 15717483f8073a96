package api

import (
	"context"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
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

type auditOut struct {
	Body struct {
		Entries []audit.Line `json:"entries" doc:"newest first; for a part of the street those that name its sites or nodes"`
		Next    int64        `json:"next,omitempty"`
		Head    string       `json:"head" doc:"the newest entry's number and hash: kept elsewhere it proves later that nothing was changed or cut off"`
	}
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
	out.Body.Head, out.Body.Entries = head.String(), make([]audit.Line, len(list))
	for i, e := range list {
		out.Body.Entries[i] = audit.LineOf(e)
	}
	if len(list) == in.Limit {
		out.Body.Next = list[len(list)-1].Seq
	}
	return out, nil
}
