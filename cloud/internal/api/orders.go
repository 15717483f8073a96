package api

import (
	"context"
	"errors"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/order"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

type orderIn struct {
	Node string `path:"node" maxLength:"80"`
	Body struct {
		Text  string `json:"text" minLength:"1" maxLength:"2000"`
		Needs string `json:"needs" enum:"read,done"`
		Due   int64  `json:"due,omitempty" minimum:"0" maximum:"253402300799999" doc:"Unix ms; absent: none"`
	}
}

// OrderNow is an order with its progress.
type OrderNow struct {
	order.Instruction
	Parts []order.Progress `json:"parts" doc:"of each part directly below the node"`
	Here  []order.Asked    `json:"here" doc:"the receipts of the node itself"`
	Mine  []order.Asked    `json:"mine" doc:"the receipts that it asks of the caller, and of places where the caller works: what is missing first, at most 100"`
}

type orderOut struct{ Body OrderNow }

// giveOrder brings an order to everybody below a node.
func (a *API) giveOrder(ctx context.Context, in *orderIn) (*orderOut, error) {
	o, err := order.Give(ctx, a.cfg.DB, a.cfg.Memos, order.Instruction{Node: in.Node, Text: in.Body.Text, Needs: in.Body.Needs, Due: in.Body.Due, Who: callerOf(ctx).user.Name}, a.today())
	if err != nil {
		return nil, err
	}
	a.cfg.Feed.Order(o.ID)
	a.cfg.Changed()
	return a.orderNow(ctx, o)
}

func (a *API) orderNow(ctx context.Context, o order.Instruction) (*orderOut, error) {
	q, now := a.cfg.DB.Reader(), OrderNow{Instruction: o}
	var err error
	if now.Parts, err = order.Below(ctx, q, o.ID, o.Node); err != nil {
		return nil, err
	}
	if now.Here, err = order.At(ctx, q, o.ID, o.Node); err != nil {
		return nil, err
	}
	now.Mine, err = order.Of(ctx, q, o.ID, scopeOf(ctx, auth.Work), callerOf(ctx).user.Name, mostAsked)
	return &orderOut{now}, err
}

// mostAsked is how many receipts one page offers to give.
const mostAsked = 100

type oneOrderIn struct {
	Order int64 `path:"order" minimum:"1"`
}

// order is one that reaches the caller's part of the street, or asks a receipt of the caller. How far others are is told to
// those who see its node.
func (a *API) order(ctx context.Context, in *oneOrderIn) (*orderOut, error) {
	q := a.cfg.DB.Reader()
	o, err := order.Get(ctx, q, in.Order)
	if err != nil {
		return nil, err
	}
	path, err := tree.Path(ctx, q, o.Node)
	if err != nil && !errors.Is(err, org.ErrUnknown) {
		return nil, err
	}
	if nodes, all := callerOf(ctx).user.Where(auth.See); all || within(nodes, path) {
		return a.orderNow(ctx, o)
	}
	who := callerOf(ctx).user.Name
	if reached, err := order.Of(ctx, q, o.ID, scope(ctx), who, 1); err != nil {
		return nil, err
	} else if len(reached) == 0 {
		return nil, errNotFound()
	}
	if o, err = order.GetPart(ctx, q, o.ID, scope(ctx), who); err != nil { // how far the others are is not for who sees a part
		return nil, err
	}
	mine, err := order.Of(ctx, q, o.ID, scopeOf(ctx, auth.Work), who, mostAsked)
	return &orderOut{OrderNow{o, []order.Progress{}, []order.Asked{}, mine}}, err
}

type ordersIn struct {
	Mine  bool `query:"mine" doc:"those alone that wait for a receipt of the caller, or of a place where the caller works"`
	Limit int  `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type ordersOut struct {
	Body struct {
		Orders []order.Instruction `json:"orders" doc:"newest first"`
	}
}

// orders are those that reach the caller's part of the street.
func (a *API) orders(ctx context.Context, in *ordersIn) (*ordersOut, error) {
	part, account := scope(ctx), ""
	if in.Mine {
		part, account = scopeOf(ctx, auth.Work), callerOf(ctx).user.Name
	}
	out := &ordersOut{}
	var err error
	out.Body.Orders, err = order.List(ctx, a.cfg.DB.Reader(), part, account, order.Sight{In: scope(ctx), Account: callerOf(ctx).user.Name}, in.Limit)
	return out, err
}

type progressIn struct {
	Node  string `path:"node" maxLength:"80"`
	Order int64  `path:"order" minimum:"1"`
}

// orderBelow is an order's progress in each part below a node.
func (a *API) orderBelow(ctx context.Context, in *progressIn) (*orderOut, error) {
	q := a.cfg.DB.Reader()
	o, err := order.Get(ctx, q, in.Order)
	if err != nil {
		return nil, err
	}
	path, err := tree.Path(ctx, q, in.Node)
	if err != nil {
		return nil, err
	}
	if !within([]string{o.Node}, path) {
		return nil, errNotFound()
	}
	if o, err = order.GetPart(ctx, q, in.Order, tree.Below(in.Node), ""); err != nil {
		return nil, err
	}
	o.Node = in.Node
	return a.orderNow(ctx, o)
}

type receiptIn struct {
	Order int64 `path:"order" minimum:"1"`
	Body  struct {
		Done bool   `json:"done,omitempty" doc:"done, not only read"`
		Node string `json:"node,omitempty" maxLength:"80" doc:"in the name of this place, with the right work there; absent: for oneself"`
		Note string `json:"note,omitempty" maxLength:"500"`
	}
}

type receiptOut struct {
	Body struct {
		At int64 `json:"at" doc:"Unix ms"`
	}
}

// signOrder says that an order was read or done.
func (a *API) signOrder(ctx context.Context, in *receiptIn) (*receiptOut, error) {
	if in.Body.Node != "" {
		if err := a.check(ctx, access{auth.Work, ofNode}, func(string) string { return in.Body.Node }); err != nil {
			return nil, err
		}
	}
	at := a.cfg.Now()
	out := &receiptOut{}
	out.Body.At = at.UnixMilli()
	if err := order.Sign(ctx, a.cfg.DB, a.cfg.Memos, order.Receipt{Order: in.Order, Done: in.Body.Done, Node: in.Body.Node, Who: callerOf(ctx).user.Name, Note: in.Body.Note}, at); err != nil {
		return nil, err
	}
	a.cfg.Feed.Order(in.Order)
	return out, nil
}
