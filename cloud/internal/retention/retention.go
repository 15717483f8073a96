// Package retention deletes what is older than it may get: photos of closed incidents and of rounds, positions, messages and their answers, names of
// those who reported something, the journal, the audit. It works once a day, in whichever process of the cloud comes first,
// and each kind that lost something leaves a line in the audit. Incidents themselves, and their figures, stay.
package retention

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
)

// Keep says how long each kind is kept; 0: for ever.
type Keep struct {
	Photos    time.Duration // after their incident was closed; of a patrol's round, with positions, after its time was over
	Messages  time.Duration // that were sent to receivers and platforms, with the answers, and the memos that they told of
	Reporters time.Duration // names of those who reported an incident, after it was closed
	Journal   time.Duration
	Audit     time.Duration
}

// Config is what a Service needs.
type Config struct {
	DB   *db.DB
	Keep Keep
	Now  func() time.Time
	Log  *slog.Logger
}

// A Service deletes.
type Service struct{ cfg Config }

// New makes a service; Run starts it.
func New(cfg Config) *Service { return &Service{cfg} }

const (
	lookEvery = time.Hour
	chore     = "retention"
	batch     = 500 // rows of one transaction: those who write wait no longer than that takes
	orphanAge = 24 * time.Hour
)

// Run deletes once a day until ctx ends. What fails is tried again on the next day.
func (s *Service) Run(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if err := s.Day(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("old records not deleted", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Day does the work of this day, unless it was done.
func (s *Service) Day(ctx context.Context) error {
	today := s.cfg.Now().UTC().Format(time.DateOnly)
	var ours bool
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) (err error) {
		ours, err = db.Changed(tx.ExecContext(ctx, `INSERT INTO chores (name, day) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET day = excluded.day WHERE chores.day < excluded.day`, chore, today))
		return err
	})
	if err != nil || !ours {
		return err
	}
	for _, k := range s.kinds() {
		if k.keep <= 0 {
			continue
		}
		if err := s.clear(ctx, k); err != nil {
			return fmt.Errorf("delete old %s: %w", k.name, err)
		}
	}
	return s.audit(ctx)
}

// A kind of rows: statements that each delete at most so many of those older than a time, in order.
type kind struct {
	name       string
	keep       time.Duration
	statements []string // each with the time and the number of rows as arguments
}

func (s *Service) kinds() []kind {
	k := s.cfg.Keep
	closed := `SELECT p.id FROM photos p JOIN incidents i ON i.id = p.incident WHERE i.handling = 'closed' AND i.closed_at < ? LIMIT ?`
	walked := `SELECT p.id FROM photos p JOIN patrol_rounds r ON p.incident = 'patrol-' || r.id WHERE r.until_ms < ? LIMIT ?`
	memos := `SELECT m.id FROM memos m WHERE CASE WHEN m.until_ms > m.at THEN m.until_ms ELSE m.at END < ? AND NOT EXISTS (SELECT 1 FROM notices n WHERE n.memo = m.id) LIMIT ?`
	return []kind{
		{"photos of rounds", k.Photos, []string{
			`DELETE FROM photo_bytes WHERE id IN (` + walked + `)`,
			`DELETE FROM photos WHERE id IN (` + walked + `) AND NOT EXISTS (SELECT 1 FROM photo_bytes b WHERE b.id = photos.id)`,
		}},
		{"positions of rounds", k.Photos, []string{
			`UPDATE patrol_stops SET lat = '', lng = '' WHERE (round, n) IN (SELECT round, n FROM patrol_stops WHERE (lat <> '' OR lng <> '') AND at < ? LIMIT ?)`,
		}},
		{"photos", k.Photos, []string{
			`DELETE FROM photo_bytes WHERE id IN (` + closed + `)`,
			`DELETE FROM photos WHERE id IN (` + closed + `) AND NOT EXISTS (SELECT 1 FROM photo_bytes b WHERE b.id = photos.id)`,
		}},
		{"unused photos", orphanAge, []string{
			`DELETE FROM photo_bytes WHERE id IN (SELECT id FROM photos WHERE incident = '' AND at < ? LIMIT ?)`,
			`DELETE FROM photos WHERE id IN (SELECT id FROM photos WHERE incident = '' AND at < ? LIMIT ?) AND NOT EXISTS (SELECT 1 FROM photo_bytes b WHERE b.id = photos.id)`,
		}},
		{"messages", k.Messages, []string{
			`DELETE FROM attempts WHERE notice IN (SELECT id FROM notices WHERE state <> 'waiting' AND created < ? LIMIT ?)`,
			`DELETE FROM notices WHERE id IN (SELECT id FROM notices WHERE state <> 'waiting' AND created < ? LIMIT ?) AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.notice = notices.id)`,
			`DELETE FROM memo_people WHERE memo IN (` + memos + `)`,
			`DELETE FROM memos WHERE id IN (` + memos + `) AND NOT EXISTS (SELECT 1 FROM memo_people p WHERE p.memo = memos.id)`,
			`DELETE FROM dock_queue WHERE id IN (SELECT id FROM dock_queue WHERE state <> 'waiting' AND created < ? LIMIT ?)`,
		}},
		{"reporters", k.Reporters, []string{
			`UPDATE incidents SET reporter = '' WHERE id IN (SELECT id FROM incidents WHERE reporter <> '' AND handling = 'closed' AND closed_at < ? LIMIT ?)`,
		}},
		{"journal", k.Journal, []string{`DELETE FROM journal WHERE id IN (SELECT id FROM journal WHERE at < ? LIMIT ?)`}},
	}
}

// clear deletes a kind, part by part. The photos themselves go before what is known of them, so that a stop in between
// leaves nothing that nobody would look for.
func (s *Service) clear(ctx context.Context, k kind) error {
	before := s.cfg.Now().Add(-k.keep).UnixMilli()
	total := int64(0)
	for {
		n := int64(0)
		err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
			n = 0
			for _, statement := range k.statements {
				res, err := tx.ExecContext(ctx, statement, before, batch)
				if err != nil {
					return err
				}
				rows, err := res.RowsAffected()
				if err != nil {
					return err
				}
				n += rows
			}
			if n > 0 {
				return nil
			}
			return s.tell(ctx, tx, k.name, total)
		})
		if err != nil || n == 0 {
			return err
		}
		total += n
	}
}

// tell adds to the audit what was deleted, if anything was.
func (s *Service) tell(ctx context.Context, tx *sql.Tx, name string, n int64) error {
	if n == 0 {
		return nil
	}
	return audit.Add(ctx, tx, audit.Entry{At: s.cfg.Now(), Act: "retention.delete", Kind: "retention", About: name, Detail: map[string]string{"rows": strconv.FormatInt(n, 10)}})
}

func (s *Service) audit(ctx context.Context) error {
	if s.cfg.Keep.Audit <= 0 {
		return nil
	}
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		_, err := audit.Prune(ctx, tx, s.cfg.Now().Add(-s.cfg.Keep.Audit), s.cfg.Now())
		return err
	})
}
