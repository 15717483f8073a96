package device

import (
	"context"
	"time"
)

// A Trace sees what a driver does on the wire for one call: for scans, trial reads and fault finding, never for the record. Its
// functions may be nil. They are called by the driver's goroutine, one at a time, and must not keep the slices.
type Trace struct {
	// Exchanged is called after each request.
	Exchanged func(Exchange)
	// Found is called for each point that got a value: raw are the bytes of the answer that the value was made of, in the
	// order in which they stood there (a bit is one byte, 0 or 1).
	Found func(p Point, raw []byte)
	// Aside: the driver does what it would do if nobody looked on, and leaves alone what it otherwise would.
	Aside bool
}

// An Exchange is one request and all that came back.
type Exchange struct {
	Out  []byte        // the request, with its framing
	In   []byte        // all that arrived, right or wrong: noise, an echo and several answers included
	Late []byte        // answers to earlier requests that came meanwhile; only where a protocol can tell
	Took time.Duration // from the request's first byte to the end of the wait
	Err  error         // nil: a right answer; also a device's refusal is one
}

type traceKey struct{}

// WithTrace lets the driver's calls under the context be seen.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceOf is the context's trace; nil when nobody looks.
func TraceOf(ctx context.Context) *Trace {
	t, _ := ctx.Value(traceKey{}).(*Trace)
	return t
}
