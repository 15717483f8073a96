package rollout

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
)

// settled is how old a file without a version must be to count as left behind: one that is being published has none yet.
const settled = time.Hour

// Remove takes a published version away, and its files. The one that was rolled out last stays: a gateway that comes later, or was
// away, still needs it. Gateways that run the version go on with it; taking it up again later needs the same files, published again.
func (s *Service) Remove(ctx context.Context, version, who, reason string) (freed int64, err error) {
	var gone map[string]bool
	err = s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		o, err := newest(ctx, tx)
		if err != nil {
			return err
		}
		if o.Version == version {
			return org.Refuse("%s 是最近下发的版本，后来的网关还要用：先下发别的版本", "%s was rolled out last and gateways may still need it: roll another version out first", version)
		}
		if gone, err = s.names(ctx, tx, version); err != nil {
			return err
		}
		if len(gone) == 0 {
			return org.Refuse("版本 %s 没有发布过", "version %s was never published", version)
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM artifacts WHERE version = ?`, version); err != nil {
			return fmt.Errorf("remove %s: %w", version, err)
		}
		return audit.Add(ctx, tx, audit.Entry{Act: "update.remove", Kind: "update", About: version, Detail: map[string]string{"reason": reason, "by": who}})
	})
	if err != nil {
		return 0, err
	}
	return s.sweep(ctx, gone)
}

// names answers what the files of a version are called; of all versions when it is empty.
func (s *Service) names(ctx context.Context, q db.Querier, version string) (map[string]bool, error) {
	rows, err := q.QueryContext(ctx, `SELECT sha256 FROM artifacts WHERE version = ? OR ? = ''`, version, version)
	if err != nil {
		return nil, fmt.Errorf("list files: %w", err)
	}
	defer rows.Close()
	all := map[string]bool{}
	for rows.Next() {
		var sum string
		if err := rows.Scan(&sum); err != nil {
			return nil, fmt.Errorf("list files: %w", err)
		}
		all[filepath.Base(s.file(sum))] = true
	}
	return all, rows.Err()
}

// sweep deletes files that no version needs: those named, and what a publication that was cut short has left.
func (s *Service) sweep(ctx context.Context, gone map[string]bool) (freed int64, err error) {
	needed, err := s.names(ctx, s.cfg.DB.Reader(), "")
	if err != nil {
		return 0, err
	}
	entries, err := os.ReadDir(s.cfg.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("list files: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if ours := strings.HasSuffix(name, ".lsu") || strings.HasPrefix(name, ".new-"); !ours || needed[name] {
			continue
		}
		info, err := e.Info()
		if err != nil || !gone[name] && s.cfg.Now().Sub(info.ModTime()) < settled {
			continue // it may be on its way: the next removal finds it
		}
		if err := os.Remove(filepath.Join(s.cfg.Dir, name)); err != nil {
			return freed, fmt.Errorf("remove file: %w", err)
		}
		freed += info.Size()
	}
	return freed, nil
}
