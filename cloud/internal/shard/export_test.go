package shard

import "context"

// Renew is one step of Run: tests need not wait five seconds for it.
func (w *Worker) Renew(ctx context.Context) error { return w.renew(ctx) }
