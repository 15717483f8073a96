package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
)

// KeeperConfig is what a Keeper needs.
type KeeperConfig struct {
	DB   *db.DB
	File string // where marks are appended, one a line; the better on another disk or a medium that only grows
	Now  func() time.Time
	Log  *slog.Logger
}

// A Keeper writes the mark of the chain's head into a file and into the log once a day: who takes away the end of the
// chain in the database has not taken it from there.
type Keeper struct{ cfg KeeperConfig }

// NewKeeper makes a keeper.
func NewKeeper(cfg KeeperConfig) *Keeper { return &Keeper{cfg} }

// keepEvery is how often it is looked whether a day has passed; after a start it is at once.
const keepEvery = time.Hour

// Run keeps marks until ctx ends. One that cannot be written is tried again.
func (k *Keeper) Run(ctx context.Context) error {
	ticker := time.NewTicker(keepEvery)
	defer ticker.Stop()
	for day := ""; ; {
		if today := k.cfg.Now().UTC().Format(time.DateOnly); today != day {
			if m, err := k.Keep(ctx); err == nil {
				day = today
				k.cfg.Log.Info("mark of the audit", "mark", m.String())
			} else if ctx.Err() == nil {
				k.cfg.Log.Error("mark of the audit not kept", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Keep appends the present mark to the file, unless it is there already or there is none yet, and answers it.
func (k *Keeper) Keep(ctx context.Context) (Mark, error) {
	head, err := Head(ctx, k.cfg.DB.Reader())
	if err != nil || head.Seq == 0 {
		return head, err
	}
	marks, err := ReadMarks(k.cfg.File)
	if err != nil {
		return head, err
	}
	if len(marks) > 0 && marks[len(marks)-1] == head {
		return head, nil
	}
	f, err := os.OpenFile(k.cfg.File, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return head, fmt.Errorf("keep mark of audit: %w", err)
	}
	_, err = fmt.Fprintf(f, "%s %s\n", k.cfg.Now().UTC().Format(time.RFC3339), head)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return head, fmt.Errorf("keep mark of audit: %w", err)
	}
	return head, nil
}
