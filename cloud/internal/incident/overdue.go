package incident

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/rules"
)

// A Lease says which gateways' incidents are this worker's when several share the database.
type Lease interface {
	Mine(gateway string) bool
	// Check proves it inside a transaction. Its error means that another one has the gateway, unless it is one of the database.
	Check(ctx context.Context, tx *sql.Tx, gateway string) error
}

// WatchConfig is what a Watcher needs.
type WatchConfig struct {
	DB       *db.DB
	Notifier Notifier
	Rules    *rules.Set // those of kind incident count
	// Emergency says whether a site is in 急 mode; nil: none ever is.
	Emergency func(ctx context.Context, q db.Querier, site string) (bool, error)
	Lease     Lease           // nil: every gateway is ours, always
	Changed   func(id string) // called after an incident's rung has changed; may be nil
	Now       func() time.Time
	Log       *slog.Logger
}

// A Watcher finds the incidents that wait too long (处置超时), by rules of kind incident over how long each has waited, how
// severe it is, and whether somebody has taken or closed it. It has no memory: how long an incident waits follows from times
// in the database, and what the rules know of it and which rungs were told are written there in the transaction that queues
// the messages. So a stop at any moment neither forgets a rung nor tells it twice.
//
// It says that an incident is behind and how far, at the moment when it becomes so. Whom a rung tells, and how, is the Notifier's.
type Watcher struct {
	cfg   WatchConfig
	waits []time.Duration // after which an incident can be behind, the shortest first
}

// NewWatcher makes a watcher; Run starts it.
func NewWatcher(cfg WatchConfig) *Watcher { return &Watcher{cfg, cfg.Rules.Waits()} }

// A Watch is what the rules know of an incident.
type Watch struct {
	State json.RawMessage `json:"state,omitempty"` // of the rules engine, while one of its alerts is open
	Told  map[string]int  `json:"told,omitempty"`  // severity → the highest rung that was told
}

const (
	lookEvery = 2 * time.Second
	judgeMost = 64 // incidents in one transaction
	never     = math.MaxInt64
)

// Run judges until ctx ends. A database that fails is asked again.
func (w *Watcher) Run(ctx context.Context) error {
	for fresh := false; ; {
		err := error(nil)
		if !fresh { // the rules may be others than in the life before, and the clock may have been wrong then
			err = w.forget(ctx)
			fresh = err == nil
		}
		if err == nil {
			err = errors.Join(w.Judge(ctx), w.sayJoined(ctx))
		}
		if err != nil && ctx.Err() == nil {
			w.cfg.Log.Error("overdue incidents not looked for", "err", err, "retry_in", lookEvery)
		}
		timer := time.NewTimer(w.rest(ctx))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// rest is how long nothing is to be judged, but not longer than lookEvery: incidents come from others too.
func (w *Watcher) rest(ctx context.Context) time.Duration {
	now := w.cfg.Now().UnixMilli()
	var at sql.NullInt64
	if err := w.cfg.DB.Reader().QueryRowContext(ctx, `SELECT min(judge_at) FROM incidents WHERE judge_at > ?`, now).Scan(&at); err != nil || !at.Valid {
		return lookEvery // an error comes again with Judge, which tells it
	}
	return min(lookEvery, time.Duration(max(at.Int64-now, 10))*time.Millisecond)
}

func (w *Watcher) forget(ctx context.Context) error {
	return w.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE incidents SET judge_at = 0 WHERE handling <> 'closed' AND judge_at <> 0`); err != nil {
			return fmt.Errorf("look at all open incidents again: %w", err)
		}
		return nil
	})
}

// Judge looks at the incidents whose turn it is. Those of a gateway that another worker has are left to it.
func (w *Watcher) Judge(ctx context.Context) error {
	due, err := w.list(ctx, `SELECT gateway, id FROM incidents WHERE judge_at <= ? ORDER BY judge_at, id`)
	if err != nil {
		return err
	}
	return w.each(ctx, due, func(ctx context.Context, tx *sql.Tx, in *Incident, _ time.Time) (bool, error) {
		before := in.Overdue
		err := w.judge(ctx, tx, in)
		return in.Overdue != before, err
	})
}

// list answers the incidents whose turn it is now, by gateway.
func (w *Watcher) list(ctx context.Context, query string) (map[string][]string, error) {
	rows, err := w.cfg.DB.Reader().QueryContext(ctx, query, w.cfg.Now().UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("list incidents whose turn it is: %w", err)
	}
	defer rows.Close()
	due := map[string][]string{}
	for rows.Next() {
		var gateway, id string
		if err := rows.Scan(&gateway, &id); err != nil {
			return nil, fmt.Errorf("list incidents whose turn it is: %w", err)
		}
		if w.cfg.Lease == nil || w.cfg.Lease.Mine(gateway) {
			due[gateway] = append(due[gateway], id)
		}
	}
	return due, rows.Err()
}

// each does something to incidents, those of one gateway together, and tells which of them it changed.
func (w *Watcher) each(ctx context.Context, due map[string][]string, do deed) error {
	var errs []error
	for gateway, ids := range due {
		for some := range slices.Chunk(ids, judgeMost) {
			err := w.some(ctx, gateway, some, do)
			if db.Transient(err) {
				return err
			}
			errs = append(errs, err) // of one gateway, which keeps nobody else from being judged
		}
	}
	return errors.Join(errs...)
}

// A deed answers whether it changed what a page shows of the incident.
type deed func(ctx context.Context, tx *sql.Tx, in *Incident, now time.Time) (bool, error)

// some does it to incidents of one gateway in one transaction.
func (w *Watcher) some(ctx context.Context, gateway string, ids []string, do deed) error {
	var changed []string
	mine := true
	err := w.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		changed, mine = nil, true
		if w.cfg.Lease != nil {
			if err := w.cfg.Lease.Check(ctx, tx, gateway); db.Transient(err) || db.Conflict(err) {
				return err
			} else if err != nil {
				mine = false
				return nil
			}
		}
		for _, id := range ids {
			in, err := Get(ctx, tx, id)
			if err != nil {
				return err
			}
			news, err := do(ctx, tx, &in, w.cfg.Now())
			if err != nil {
				return err
			}
			if news {
				changed = append(changed, id)
			}
		}
		return nil
	})
	if err != nil || !mine || w.cfg.Changed == nil {
		return err
	}
	for _, id := range changed {
		w.cfg.Changed(id)
	}
	return nil
}

// judge lets the rules see one incident, and writes down what follows.
func (w *Watcher) judge(ctx context.Context, tx *sql.Tx, in *Incident) error {
	now := w.cfg.Now()
	next := w.next(*in, now)
	if in.SuspendedAt == 0 && (in.limited() || in.Overdue > 0) {
		urgent := false
		if w.cfg.Emergency != nil {
			var err error
			if urgent, err = w.cfg.Emergency(ctx, tx, in.Site); err != nil {
				return fmt.Errorf("read mode of site %s: %w", in.Site, err)
			}
		}
		seen, err := w.see(*in, now, urgent)
		if err != nil {
			return err
		}
		in.Overdue, in.Detail.Watch = seen.rung, seen.watch(in.Detail.Watch)
		if err := w.tell(ctx, tx, in, seen); err != nil {
			return err
		}
	}
	detail, err := json.Marshal(in.Detail)
	if err != nil {
		return fmt.Errorf("encode detail of incident %s: %w", in.ID, err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE incidents SET overdue = ?, whistle = ?, detail = ?, judge_at = ? WHERE id = ?`, in.Overdue, in.Whistle, string(detail), next, in.ID); err != nil {
		return fmt.Errorf("save incident %s: %w", in.ID, err)
	}
	return nil
}

// tell writes a new rung into the timeline and queues its message, once for each rung that the incident climbs. What has
// become less is not told.
func (w *Watcher) tell(ctx context.Context, tx *sql.Tx, in *Incident, seen sight) error {
	if seen.rung == 0 || seen.rung <= in.Detail.Watch.Told[in.Severity] {
		return nil
	}
	if in.Detail.Watch.Told == nil {
		in.Detail.Watch.Told = map[string]int{}
	}
	in.Detail.Watch.Told[in.Severity] = seen.rung
	if seen.rung > in.Whistle {
		in.Whistle = seen.rung
		at := max(w.cfg.Now().UnixMilli(), in.StepAt)
		if _, err := record(ctx, tx, in, Step{Deed: Blow, From: in.Step, To: in.Step, At: at, Facts: Facts{Whistle: seen.rung}}); err != nil {
			return err
		}
	}
	if err := addEntry(ctx, tx, in.ID, Entry{w.cfg.Now().UnixMilli(), "overdue", seen.text, ""}); err != nil {
		return err
	}
	if w.cfg.Notifier == nil {
		return nil
	}
	return w.cfg.Notifier.Enqueue(ctx, tx, *in, KindOverdue)
}

// limited says whether anybody is late who does nothing: not of what people were not told of, nor of what was over before.
func (in *Incident) limited() bool {
	told := !in.Shadow && in.SuspendedAt == 0 && (!in.Shelved || in.Detail.Told)
	return told && in.Handling != Closed && (in.Deadline > 0 || rules.Severity(in.Severity) == rules.SeverityC)
}

// next is when an incident is looked at again, Unix ms: the longer it has waited the later, to about a hundredth of that
// time, but when its limit to be taken ends and when one of the rules' times has passed; and after every change of it.
func (w *Watcher) next(in Incident, now time.Time) int64 {
	if !in.limited() {
		return never
	}
	waited := now.UnixMilli() - in.Graded
	at := now.UnixMilli() + min(max(waited/100, (5*time.Second).Milliseconds()), time.Hour.Milliseconds())
	if in.Deadline >= now.UnixMilli() {
		at = min(at, in.Deadline+1)
	}
	for _, d := range w.waits {
		if passed := in.Graded + d.Milliseconds() + 1; passed > now.UnixMilli() {
			return min(at, passed)
		}
	}
	return at
}
