package incident

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// mostQuiet is how many quiet times an alert that joined waits at most, when others join all the time.
const mostQuiet = 10

// say decides when people are told of what joined: with anything else that they are told, or after a quiet time.
func (s *Service) say(t *turn) {
	in, quiet := &t.in, s.cfg.Merging.Quiet
	switch {
	case t.kind == KindOpened || t.kind == KindSeverity || t.kind == KindJoined:
		in.unsaid, in.sayAt = 0, 0
	case !t.unsaid || in.Handling == Closed:
	case quiet <= 0:
		t.kind = KindJoined
	default:
		if in.unsaid == 0 {
			in.unsaid = t.now.UnixMilli()
		}
		in.sayAt = min(t.now.Add(quiet).UnixMilli(), in.unsaid+mostQuiet*quiet.Milliseconds())
	}
}

// sayJoined tells of the alerts that joined incidents and that nobody was told of, where it is time.
func (w *Watcher) sayJoined(ctx context.Context) error {
	due, err := w.unsaid(ctx)
	if err != nil {
		return err
	}
	return w.each(ctx, due, func(ctx context.Context, tx *sql.Tx, in *Incident, now time.Time) (bool, error) {
		if in.sayAt == 0 || in.sayAt > now.UnixMilli() {
			return false, nil
		}
		if _, err := tx.ExecContext(ctx, `UPDATE incidents SET unsaid_since = 0, say_at = 0 WHERE id = ?`, in.ID); err != nil {
			return false, fmt.Errorf("save incident %s: %w", in.ID, err)
		}
		if w.cfg.Notifier == nil || in.Handling == Closed {
			return false, nil
		}
		return true, w.cfg.Notifier.Enqueue(ctx, tx, *in, KindJoined)
	})
}

func (w *Watcher) unsaid(ctx context.Context) (map[string][]string, error) {
	return w.list(ctx, `SELECT gateway, id FROM incidents WHERE say_at > 0 AND say_at <= ? ORDER BY say_at, id`)
}
