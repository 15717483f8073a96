// Package rollout brings programs to gateways: signed update files are published, and handed out ring by ring: one gateway, 5 %, all.
// It promises: only what the vendor's key has signed is published; a gateway hears of a version, and reads its file, when its ring has
// come and not before; a rollout stops by itself when a gateway took the version back, or is silent since it tries it or has applied
// it; what each was told, has applied, and why not, is kept. The gateway checks, tries and takes back itself (gateway/internal/update).
package rollout

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire/program"
)

// Rings of a rollout.
const (
	First = 1 // one gateway
	Some  = 2 // 5 %
	All   = 3
)

// A Down is a payload for a gateway's down/command.
type Down struct {
	Gateway string
	Payload []byte
}

// Lease says which gateways are this worker's.
type Lease interface{ Mine(gateway string) bool }

// Config is what a Service needs.
type Config struct {
	DB      *db.DB
	Dir     string             // of the files
	Vendor  ed25519.PublicKey  // whose signature counts; nil: nothing can be published
	Key     ed25519.PrivateKey // with which the cloud signs what it tells gateways
	Secret  []byte             // of the tokens
	URL     string             // of the cloud, as gateways reach it
	Rate    int64              // bytes a second to one gateway; 0: 256 KiB
	Barred  func(gateway string) bool
	Publish func([]Down)
	Lease   Lease // nil: every gateway is ours
	Now     func() time.Time
	Log     *slog.Logger
}

// A Service publishes programs and rolls them out (Run).
type Service struct {
	cfg  Config
	said map[string]said // gateway → what was last said; only Run uses it

	mu      sync.Mutex
	reading map[string]bool // gateways that read a file now
}

// New makes a service; it says nothing before Run.
func New(cfg Config) *Service {
	if cfg.Rate <= 0 {
		cfg.Rate = 256 << 10
	}
	return &Service{cfg: cfg, said: map[string]said{}, reading: map[string]bool{}}
}

// Ready says whether versions can be published: the vendor's key is known.
func (s *Service) Ready() bool { return s.cfg.Vendor != nil }

// Publish takes update files, all or none, and answers their manifests. An *org.Refusal or a *program.Refused says why not.
func (s *Service) Publish(ctx context.Context, names []string) (all []program.Manifest, err error) {
	if s.cfg.Vendor == nil {
		return nil, org.Refuse("先在配置里写 update.key：厂商的公钥", "the configuration names no update.key: the vendor's public key")
	}
	type artifact struct {
		m    program.Manifest
		sum  string
		size int64
	}
	var some []artifact
	for _, name := range names {
		m, sum, size, err := s.keep(name)
		if err != nil {
			return nil, fmt.Errorf("publish %s: %w", filepath.Base(name), err)
		}
		some, all = append(some, artifact{m, sum, size}), append(all, m)
	}
	return all, s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		for _, a := range some {
			fresh, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO artifacts (version, os, arch, sha256, size, published) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
				a.m.Version, a.m.OS, a.m.Arch, a.sum, a.size, s.cfg.Now().UnixMilli()))
			if err != nil {
				return fmt.Errorf("publish %s: %w", a.m.Version, err)
			}
			if !fresh {
				return org.Refuse("%s %s/%s 已经发布过：换一个版本号", "%s %s/%s is published already: another version is needed", a.m.Version, a.m.OS, a.m.Arch)
			}
			if err := audit.Add(ctx, tx, audit.Entry{Act: "update.publish", Kind: "update", About: a.m.Version, Detail: map[string]string{"os": a.m.OS, "arch": a.m.Arch, "sha256": a.sum}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// keep checks a file and copies it into the folder, under its own digest.
func (s *Service) keep(name string) (m program.Manifest, sum string, size int64, err error) {
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return m, "", 0, fmt.Errorf("make folder: %w", err)
	}
	in, err := os.Open(name)
	if err != nil {
		return m, "", 0, err
	}
	defer in.Close()
	out, err := os.CreateTemp(s.cfg.Dir, ".new-")
	if err != nil {
		return m, "", 0, err
	}
	defer os.Remove(out.Name()) //nolint:errcheck // it has its place by then, or is of no use
	h := sha256.New()
	size, err = io.Copy(io.MultiWriter(out, h), io.LimitReader(in, program.FileMost+1))
	if err == nil && size > program.FileMost {
		err = program.Refuse("文件太大：超过 %d MiB", "the file is too large: more than %d MiB", program.FileMost>>20)
	}
	if err == nil {
		_, err = out.Seek(0, io.SeekStart)
	}
	if err == nil {
		m, err = program.Inspect(out, s.cfg.Vendor)
	}
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return m, "", 0, err
	}
	sum = hex.EncodeToString(h.Sum(nil))
	return m, sum, size, os.Rename(out.Name(), s.file(sum))
}

func (s *Service) file(sum string) string { return filepath.Join(s.cfg.Dir, sum+".lsu") }

// A Plan is a rollout that somebody wants.
type Plan struct {
	Version string
	Who     string
	Reason  string
	Step    time.Duration // how long a ring was well before the next one follows by itself; 0: a person says so
	Watch   time.Duration // how long a gateway must run it well to keep it; 0: as it likes, ten minutes
	After   *int64        // the rollout that the person saw, 0 for none: another one meanwhile is not replaced; nil: whatever there is
}

// How long a gateway may watch a version.
const (
	watchLeast = 30 * time.Second
	watchMost  = 6 * time.Hour
)

// Start begins to roll a version out, with one gateway. It takes the place of the rollout before.
func (s *Service) Start(ctx context.Context, p Plan) error {
	switch {
	case p.Watch != 0 && (p.Watch < watchLeast || p.Watch > watchMost):
		return org.Refuse("观察时间只能是 30 秒到 6 小时", "a gateway watches a version for 30 s to 6 h")
	case p.Step < 0:
		return org.Refuse("每圈的时间不能是负的", "a ring is not watched for less than no time")
	}
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM artifacts WHERE version = ?`, p.Version).Scan(&n); err != nil {
			return fmt.Errorf("look for %s: %w", p.Version, err)
		}
		if n == 0 {
			return org.Refuse("版本 %s 没有发布过", "version %s was never published", p.Version)
		}
		last, err := newest(ctx, tx)
		if err != nil {
			return err
		}
		if p.After != nil && *p.After != last.ID {
			return changed(last)
		}
		id := last.ID + 1
		now := s.cfg.Now().UnixMilli()
		if _, err := tx.ExecContext(ctx, `INSERT INTO rollouts (id, version, ring, step_ms, watch_s, stopped, why_zh, why_en, who, reason, began, moved, resumed) VALUES (?, ?, 1, ?, ?, 0, '', '', ?, ?, ?, ?, ?)`,
			id, p.Version, p.Step.Milliseconds(), int64(p.Watch/time.Second), p.Who, p.Reason, now, now, now); err != nil {
			return fmt.Errorf("begin rollout: %w", err)
		}
		if err := join(ctx, tx, id); err != nil {
			return err
		}
		return audit.Add(ctx, tx, audit.Entry{Act: "update.start", Kind: "update", About: p.Version, Detail: map[string]string{"reason": p.Reason, "by": p.Who, "step": p.Step.String(), "watch": p.Watch.String()}})
	})
}

// join gives gateways that a rollout does not know their ring. At its begin the rings are dealt out, those that are there first, in an
// order of its own; who comes later belongs to the last ring.
func join(ctx context.Context, tx *sql.Tx, id int64) error {
	var known int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM rollout_gateways WHERE rollout = ?`, id).Scan(&known); err != nil {
		return fmt.Errorf("count gateways: %w", err)
	}
	rows, err := tx.QueryContext(ctx, `SELECT g.id, g.online FROM gateways g WHERE g.retired = 0 AND g.site <> '' AND NOT EXISTS (SELECT 1 FROM rollout_gateways r WHERE r.rollout = ? AND r.gateway = g.id)`, id)
	if err != nil {
		return fmt.Errorf("list gateways: %w", err)
	}
	var all []string // by the key of their order
	names := map[string]string{}
	for rows.Next() {
		var name string
		var online int
		if err := rows.Scan(&name, &online); err != nil {
			return errors.Join(fmt.Errorf("list gateways: %w", err), rows.Close())
		}
		sum := sha256.Sum256([]byte(strconv.FormatInt(id, 10) + " " + name))
		key := strconv.Itoa(1-online) + hex.EncodeToString(sum[:])
		all, names[key] = append(all, key), name
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("list gateways: %w", err)
	}
	sort.Strings(all)
	for i, key := range all {
		ring := All
		switch {
		case known > 0:
		case i == 0:
			ring = First
		case i < max((len(all)+19)/20, 2):
			ring = Some
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO rollout_gateways (rollout, gateway, ring, state, why_zh, why_en, version, answered_at) VALUES (?, ?, ?, '', '', '', '', 0) ON CONFLICT DO NOTHING`, id, names[key], ring); err != nil {
			return fmt.Errorf("join rollout: %w", err)
		}
	}
	return nil
}
