package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/ingest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
)

type journalIn struct {
	Gateway string `query:"gateway" maxLength:"80" doc:"default: all"`
	Before  int64  `query:"before" minimum:"0" doc:"next of the page before"`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// JournalEntry is something about a gateway that the operator of the cloud should know.
type JournalEntry struct {
	ID      int64         `json:"id"`
	At      int64         `json:"at" doc:"Unix ms"`
	Gateway string        `json:"gateway"`
	Kind    string        `json:"kind" doc:"possible_loss, second_gateway, parked_record, …"`
	Text    incident.Text `json:"text"`
}

type journalOut struct {
	Body struct {
		Entries []JournalEntry `json:"entries" doc:"newest first"`
		Next    int64          `json:"next,omitempty"`
	}
}

func (a *API) journal(ctx context.Context, in *journalIn) (*journalOut, error) {
	entries, err := org.JournalPage(ctx, a.cfg.DB.Reader(), in.Gateway, in.Before, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &journalOut{}
	out.Body.Entries = make([]JournalEntry, len(entries))
	for i, e := range entries {
		out.Body.Entries[i] = JournalEntry{ID: e.ID, At: e.At.UnixMilli(), Gateway: e.Gateway, Kind: e.Kind, Text: incident.Text(e.Text)}
	}
	if len(entries) == in.Limit {
		out.Body.Next = entries[len(entries)-1].ID
	}
	return out, nil
}

type parkedIn struct {
	Gateway string `query:"gateway" maxLength:"80" doc:"default: all"`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// ParkedRecord is a record that arrived and could not be applied.
type ParkedRecord struct {
	ID       int64  `json:"id"`
	Gateway  string `json:"gateway"`
	Stream   string `json:"stream"`
	Seq      uint64 `json:"seq"`
	Bytes    int    `json:"bytes"`
	Why      string `json:"why" doc:"what the cloud said, in the program's words"`
	ParkedAt int64  `json:"parkedAt" doc:"Unix ms"`
	At       int64  `json:"at" doc:"when the gateway recorded it, Unix ms"`
}

// RefusedReadings are readings of one point that the series store will never take.
type RefusedReadings struct {
	Gateway string `json:"gateway"`
	Device  string `json:"device"`
	Point   string `json:"point"`
	Why     string `json:"why" doc:"what the store said"`
	N       int64  `json:"n"`
	From    int64  `json:"from" doc:"Unix ms"`
	To      int64  `json:"to" doc:"Unix ms"`
}

type parkedOut struct {
	Body struct {
		Records  []ParkedRecord    `json:"records" doc:"newest first"`
		Readings []RefusedReadings `json:"readings"`
	}
}

func (a *API) parked(ctx context.Context, in *parkedIn) (*parkedOut, error) {
	records, err := inbox.ParkedRecords(ctx, a.cfg.DB.Reader(), in.Gateway, in.Limit)
	if err != nil {
		return nil, err
	}
	refused, err := inbox.RefusedReadings(ctx, a.cfg.DB.Reader(), in.Gateway, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &parkedOut{}
	out.Body.Records, out.Body.Readings = make([]ParkedRecord, len(records)), make([]RefusedReadings, len(refused))
	for i, p := range records {
		out.Body.Records[i] = ParkedRecord{ID: p.ID, Gateway: p.Gateway, Stream: wire.StreamName(p.Stream), Seq: p.Seq, Bytes: len(p.Payload), Why: p.Why,
			ParkedAt: p.At.UnixMilli(), At: p.WallMs}
	}
	for i, r := range refused {
		out.Body.Readings[i] = RefusedReadings(r)
	}
	return out, nil
}

type reapplyIn struct {
	ID int64 `path:"id" minimum:"1"`
}

// reapply tries a parked record again. When it still cannot be applied the answer says why, and it stays parked.
func (a *API) reapply(ctx context.Context, in *reapplyIn) (*parkedOut, error) {
	if a.cfg.Ingest == nil {
		return nil, errInternal()
	}
	err := a.cfg.Ingest.Reapply(ctx, in.ID)
	switch {
	case errors.Is(err, inbox.ErrUnknown):
		return nil, errNotFound()
	case errors.Is(err, ingest.ErrApplied): // somebody else was faster: the list says so
	case err != nil:
		a.cfg.Log.Warn("parked record still cannot be applied", "id", in.ID, "who", callerOf(ctx).user.Name, "err", err)
		return nil, newProblem(http.StatusConflict, "still_parked", "还是无法处理："+err.Error(), "it still cannot be applied: "+err.Error())
	default:
		a.cfg.Log.Info("parked record applied", "id", in.ID, "who", callerOf(ctx).user.Name)
	}
	return a.parked(ctx, &parkedIn{Limit: 50})
}
