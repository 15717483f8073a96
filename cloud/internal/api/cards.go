package api

import (
	"context"

	"github.com/linshao/linshao/cloud/internal/incident"
)

type cardsOut struct {
	Body struct {
		Cards []incident.Card `json:"cards"`
	}
}

func (a *API) cards(ctx context.Context, _ *none) (*cardsOut, error) {
	out := &cardsOut{}
	var err error
	out.Body.Cards, err = incident.Cards(ctx, a.cfg.DB.Reader())
	return out, err
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
