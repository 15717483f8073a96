package api

import (
	"context"
	"slices"
	"strings"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

type cardsOut struct {
	Body struct {
		Cards []incident.Card `json:"cards"`
	}
}

// cards are those for everywhere, and those of places in the caller's part of the street and of the nodes above it.
func (a *API) cards(ctx context.Context, _ *none) (*cardsOut, error) {
	out, q := &cardsOut{}, a.cfg.DB.Reader()
	var err error
	nodes, all := callerOf(ctx).user.Where(auth.See)
	if out.Body.Cards, err = incident.Cards(ctx, q); err != nil || all {
		return out, err
	}
	sites, err := tree.SitesBelow(ctx, q, nodes...)
	if err != nil {
		return nil, err
	}
	part, err := tree.With(ctx, q, "", a.today())
	if err != nil {
		return nil, err
	}
	visible := map[string]bool{}
	for _, n := range scope(ctx).Visible(part) {
		visible[n.ID] = true
	}
	out.Body.Cards = slices.DeleteFunc(out.Body.Cards, func(c incident.Card) bool {
		kind, id, placed := strings.Cut(c.Place, ":")
		return placed && !(kind == "site" && sites[id] || kind == "node" && visible[id])
	})
	return out, nil
}

type setCardsIn struct {
	Body struct {
		Cards []incident.Card `json:"cards" minItems:"1" maxItems:"100"`
	}
}

// setCards keeps instruction cards, all or none, and answers all that there are then.
func (a *API) setCards(ctx context.Context, in *setCardsIn) (*cardsOut, error) {
	if err := a.cfg.Incidents.SetCards(ctx, incident.Person{Name: callerOf(ctx).user.Name}, in.Body.Cards); err != nil {
		return nil, err
	}
	return a.cards(ctx, nil)
}
