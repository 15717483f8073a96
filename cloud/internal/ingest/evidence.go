package ingest

import (
	"context"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/wire"
)

// fullRest is how long evidence rests while the disk takes none of it.
const fullRest = 30 * time.Second

// A fullError says that a chunk could not be put on disk. What else the gateway tells must not wait for that.
type fullError struct{ error }

func (e *fullError) Unwrap() error { return e.error }

// keep puts the chunk of a record on disk before the transaction begins, so that nobody waits for a large file with a lock in
// his hands.
func (s *Service) keep(ctx context.Context, gateway string, it *item) error {
	if it.chunk == nil || it.code != "" {
		return nil
	}
	var err error
	if it.code, err = s.cfg.Evidence.Keep(ctx, gateway, it.chunk); err != nil && !db.Transient(err) && !db.Conflict(err) {
		return &fullError{err}
	}
	return err
}

// restEvidence answers where the stream stands, and that nothing of it can be taken for a while.
func (s *Service) restEvidence(ctx context.Context, c inbox.Cursor, ack *wire.Ack, why error) ([]Reply, error) {
	s.metrics.refused.WithLabelValues("evidence_full").Inc()
	s.cfg.Log.Error("evidence cannot be kept", "gateway", c.Gateway, "err", why)
	cum, err := inbox.Cum(ctx, s.cfg.DB.Reader(), c)
	if err != nil {
		return nil, err
	}
	ack.Cum, ack.Rejects, ack.TimeMs, ack.RetryAfterMs = cum, nil, s.cfg.Now().UnixMilli(), uint32(jitter(fullRest).Milliseconds())
	return encode(c.Gateway, []*wire.Ack{ack})
}
