// Package push brings configuration down to gateways: rules, profiles, fragments of devices and overrides, as revisions that the
// cloud's key signs. It promises: the newest revision is what is wanted, and is said until the gateway has decided on it; what the
// gateway answers (it waits, refused it with file, line and column, watches it, goes by it, took it back and why) is kept beside the
// revision; nothing is ever changed but by a new revision, and every revision names who wanted it and why.
//
// The gateway checks and tries a revision itself, and takes it back when it gets worse (gateway/internal/pushed).
package push

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
)

// Limits of a revision; the gateway has the same.
const (
	mostParts  = 200
	mostBytes  = 512 << 10
	mostPacked = 56 << 10 // it goes in one message
	mostWatch  = 6 * time.Hour
	kept       = 50 // revisions of a gateway
)

// States in which a gateway has decided.
const (
	Waits    = "waits"
	Trial    = "trial"
	Applied  = "applied"
	Refused  = "refused"
	Reverted = "reverted"
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
	DB       *db.DB
	Key      ed25519.PrivateKey // with which the cloud signs what it tells gateways
	Publish  func([]Down)       // hands messages to the broker; they may get lost
	Lease    Lease              // nil: every gateway is ours
	Now      func() time.Time
	Log      *slog.Logger
	Registry prometheus.Registerer
}

// A Service keeps what is wanted of gateways, and says it to them (Run).
type Service struct {
	cfg      Config
	said     map[string]said // gateway → what was last said; only Run uses it
	answered *prometheus.CounterVec
}

// New makes a service; it says nothing before Run.
func New(cfg Config) *Service {
	s := &Service{cfg: cfg, said: map[string]said{}, answered: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "linshao_config_answers_total",
		Help: "Answers of gateways to configuration that was pushed, by what they made of it."}, []string{"state"})}
	cfg.Registry.MustRegister(s.answered)
	return s
}

// A Wish is a configuration that somebody wants a gateway to have.
type Wish struct {
	Gateway string
	Parts   map[string]string // by name: rules/x.yaml, profiles/x.yaml, devices.d/x.yaml, overrides.yaml; "": the site's own file of that name does not count
	Merge   bool              // beside the parts that are wanted already, which otherwise are dropped
	If      *int64            // only while this is the newest revision; nil: whatever is
	Reason  string
	Who     string
	Watch   time.Duration // 0: as the gateway likes
}

var partName = regexp.MustCompile(`^((rules|profiles|devices\.d)/[a-z0-9][A-Za-z0-9._-]{0,63}\.yaml|overrides\.yaml)$`)

// Put makes a new revision. An *org.Refusal says what cannot be pushed, or that somebody else was faster.
func (s *Service) Put(ctx context.Context, w Wish) error {
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		newest, err := newestOf(ctx, tx, w.Gateway)
		if err != nil {
			return err
		}
		if w.If != nil && *w.If != newest.Revision {
			return org.Refuse("配置已被别人改过：现在是第 %d 版", "somebody else has changed it: revision %d is the newest", newest.Revision)
		}
		parts := w.Parts
		if w.Merge {
			parts = maps.Clone(newest.Parts)
			if parts == nil {
				parts = map[string]string{}
			}
			maps.Copy(parts, w.Parts)
		}
		packed, err := pack(parts)
		if err != nil {
			return err
		}
		return s.add(ctx, tx, w, newest.Revision+1, packed)
	})
}

// Revert makes a new revision of the parts of an older one; 0: of none.
func (s *Service) Revert(ctx context.Context, gateway string, to int64, who, reason string) error {
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		newest, err := newestOf(ctx, tx, gateway)
		if err != nil {
			return err
		}
		packed, err := pack(nil)
		if to > 0 && err == nil {
			err = tx.QueryRowContext(ctx, `SELECT parts FROM gateway_configs WHERE gateway = ? AND revision = ?`, gateway, to).Scan(&packed)
		}
		if errors.Is(err, sql.ErrNoRows) {
			return org.Refuse("没有第 %d 版", "there is no revision %d", to)
		}
		if err != nil {
			return fmt.Errorf("read revision %d of %s: %w", to, gateway, err)
		}
		return s.add(ctx, tx, Wish{Gateway: gateway, Who: who, Reason: reason}, newest.Revision+1, packed)
	})
}

// add writes a revision, and forgets the oldest.
func (s *Service) add(ctx context.Context, tx *sql.Tx, w Wish, revision int64, packed []byte) error {
	site, err := org.SiteOf(ctx, tx, w.Gateway)
	if err != nil {
		return err
	}
	watch := int64(min(max(w.Watch, 0), mostWatch) / time.Second)
	if _, err := tx.ExecContext(ctx, `INSERT INTO gateway_configs (gateway, revision, parts, who, reason, made, watch_s, state, why_zh, why_en, mistakes, in_force, answered_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, '', '', '', '[]', COALESCE((SELECT c.in_force FROM gateway_configs c WHERE c.gateway = ? AND c.revision = ?), 0), 0)`,
		w.Gateway, revision, packed, w.Who, w.Reason, s.cfg.Now().UnixMilli(), watch, w.Gateway, revision-1); err != nil {
		return fmt.Errorf("write revision %d of %s: %w", revision, w.Gateway, err)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM gateway_configs WHERE gateway = ? AND revision <= ? AND revision <> in_force`, w.Gateway, revision-kept); err != nil {
		return fmt.Errorf("forget revisions of %s: %w", w.Gateway, err)
	}
	return audit.Add(ctx, tx, audit.Entry{Act: "gateway.config", Kind: "gateway", About: w.Gateway, Site: site, Detail: map[string]string{
		"revision": strconv.FormatInt(revision, 10), "reason": w.Reason, "by": w.Who}})
}

// pack checks parts and makes the bytes that a gateway reads.
func pack(parts map[string]string) ([]byte, error) {
	all, size := &wire.Parts{}, 0
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if !partName.MatchString(name) || strings.HasSuffix(name, "_test.yaml") {
			return nil, org.Refuse("%.80q 不能推送：只能是 rules/、profiles/、devices.d/ 下的 .yaml，或 overrides.yaml", "%.80q cannot be pushed: only .yaml files of rules/, profiles/ and devices.d/, or overrides.yaml", name)
		}
		size += len(parts[name])
		all.Parts = append(all.Parts, &wire.Part{Name: name, Data: []byte(parts[name])})
	}
	text, err := proto.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("encode parts: %w", err)
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		return nil, fmt.Errorf("pack parts: %w", err)
	}
	defer z.Close()
	packed := z.EncodeAll(text, nil)
	if len(parts) > mostParts || size > mostBytes || len(packed) > mostPacked {
		return nil, org.Refuse("内容太多：%d 个文件、%d KiB，压缩后 %d KiB（最多 %d KiB）", "too much: %d files, %d KiB, compressed %d KiB (at most %d KiB)", len(parts), size>>10, len(packed)>>10, mostPacked>>10)
	}
	return packed, nil
}

func unpack(packed []byte) (map[string]string, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(2*mostBytes))
	if err != nil {
		return nil, fmt.Errorf("unpack parts: %w", err)
	}
	defer z.Close()
	text, err := z.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("unpack parts: %w", err)
	}
	var all wire.Parts
	if err := proto.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("decode parts: %w", err)
	}
	parts := map[string]string{}
	for _, p := range all.GetParts() {
		parts[p.GetName()] = string(p.GetData())
	}
	return parts, nil
}

// A ConfigMistake is one that the gateway's check has found.
type ConfigMistake struct {
	File string        `json:"file"`
	Line int           `json:"line" doc:"from 1; 0: it is about the whole file"`
	Col  int           `json:"col"`
	Text incident.Text `json:"text"`
}

// A Revision is what was wanted of a gateway at some time, and what it said. Times are Unix ms.
type Revision struct {
	Revision   int64             `json:"revision" doc:"0: nothing was ever pushed"`
	Parts      map[string]string `json:"parts,omitempty" doc:"file name to text; empty text: the site's own file of that name does not count. Not in the history"`
	Who        string            `json:"who,omitempty"`
	Reason     string            `json:"reason,omitempty"`
	Made       int64             `json:"made,omitempty"`
	WatchS     int64             `json:"watchSeconds,omitempty" doc:"for how long the gateway watches it; 0: as it likes"`
	State      string            `json:"state" enum:"asked,waits,refused,trial,applied,reverted,none"`
	Why        incident.Text     `json:"why" doc:"why it is not in force; empty otherwise"`
	Mistakes   []ConfigMistake   `json:"mistakes" doc:"of a revision that was refused"`
	InForce    int64             `json:"inForce" doc:"the revision that was when the gateway answered; 0: its own files alone"`
	AnsweredAt int64             `json:"answeredAt,omitempty"`
}

const columns = `SELECT revision, parts, who, reason, made, watch_s, state, why_zh, why_en, mistakes, in_force, answered_at FROM gateway_configs `

func scan(row interface{ Scan(...any) error }) (r Revision, err error) {
	var packed, mistakes []byte
	if err := row.Scan(&r.Revision, &packed, &r.Who, &r.Reason, &r.Made, &r.WatchS, &r.State, &r.Why.ZH, &r.Why.EN, &mistakes, &r.InForce, &r.AnsweredAt); err != nil {
		return r, err
	}
	if r.State == "" {
		r.State, r.Why = "asked", incident.Text{ZH: "网关还没有回答", EN: "the gateway has not answered yet"}
	}
	if err := json.Unmarshal(mistakes, &r.Mistakes); err != nil {
		return r, fmt.Errorf("read mistakes: %w", err)
	}
	r.Parts, err = unpack(packed)
	return r, err
}

func newestOf(ctx context.Context, q db.Querier, gateway string) (Revision, error) {
	r, err := scan(q.QueryRowContext(ctx, columns+`WHERE gateway = ? ORDER BY revision DESC LIMIT 1`, gateway))
	if errors.Is(err, sql.ErrNoRows) {
		return Revision{State: "none", Mistakes: []ConfigMistake{}}, nil
	}
	if err != nil {
		return r, fmt.Errorf("read configuration of %s: %w", gateway, err)
	}
	return r, nil
}

// Of answers what is wanted of a gateway now, or a revision of it that is still known; an *org.Refusal where it is not.
func Of(ctx context.Context, q db.Querier, gateway string, revision int64) (Revision, error) {
	if revision == 0 {
		return newestOf(ctx, q, gateway)
	}
	r, err := scan(q.QueryRowContext(ctx, columns+`WHERE gateway = ? AND revision = ?`, gateway, revision))
	if errors.Is(err, sql.ErrNoRows) {
		return r, org.Refuse("没有第 %d 版", "there is no revision %d", revision)
	}
	if err != nil {
		return r, fmt.Errorf("read configuration of %s: %w", gateway, err)
	}
	return r, nil
}

// History are the revisions of a gateway that are known, the newest first, without their parts.
func History(ctx context.Context, q db.Querier, gateway string) (all []Revision, err error) {
	all = []Revision{}
	rows, err := q.QueryContext(ctx, columns+`WHERE gateway = ? ORDER BY revision DESC`, gateway)
	if err != nil {
		return nil, fmt.Errorf("list configurations of %s: %w", gateway, err)
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("list configurations of %s: %w", gateway, err)
		}
		r.Parts = nil
		all = append(all, r)
	}
	return all, rows.Err()
}
