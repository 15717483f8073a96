package series

import (
	"context"
	"errors"
)

// ErrForgotten: the store was started again before all was on its disk. What it may have lost is to be written again.
var ErrForgotten = errors.New("the store was started again before it had all on its disk")

// A Buffered store has what it takes in memory alone for a while. Others can read it then, but kill -9 takes it away.
type Buffered interface {
	// Deliver is Write that says when what was written is durable.
	Deliver(ctx context.Context, columns []Column) (Receipt, error)
}

// A Receipt is for what a store has taken.
type Receipt interface {
	// Settled says whether it is on the store's disk, where neither kill -9 nor a power cut takes it away. After
	// ErrForgotten it may be gone and is to be written again; after any other error, ask again.
	Settled(ctx context.Context) (bool, error)
}
