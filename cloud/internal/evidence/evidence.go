// Package evidence keeps the bundles of gateways: what cameras and meters saw around an alert (cloud/wire/evidence). Pieces
// come in any number and twice; each is on disk before its record counts as taken. A bundle is whole when every byte has
// the hash that its signed manifest says, and the signature is of a key of that gateway. Bundles of open incidents stay;
// others go after their time, with a line in the audit. DESIGN.md has the whole of it.
package evidence

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/rules"
)

// States of a bundle.
const (
	Uploading = "uploading"
	Arrived   = "arrived" // every byte is here and not looked through yet
	Whole     = "whole"
	Refused   = "refused"
	Expired   = "expired"
)

// Config is what a Service needs.
type Config struct {
	DB      *db.DB
	Dir     string        // of the files; several clouds with one database share it
	Gateway int64         // bytes that one gateway may have here; beyond them its chunks are refused
	Keep    time.Duration // after a bundle has come, unless an open incident holds it; 0: for ever
	Changed func(incident string)
	Now     func() time.Time
	Log     *slog.Logger
}

// A Service keeps bundles. It may be used by many goroutines and, with a shared folder, processes.
type Service struct {
	cfg  Config
	wake chan struct{}

	mu     sync.Mutex
	viewed map[view]time.Time // when it was noted last
}

// A view is who looked at what.
type view struct {
	who        audit.Person
	act, about string
}

// New makes the folder. Run starts what works behind it.
func New(cfg Config) (*Service, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make evidence folder: %w", err)
	}
	return &Service{cfg: cfg, wake: make(chan struct{}, 1), viewed: map[view]time.Time{}}, nil
}

// ErrUnknown: there is no such clip or bundle, or not any more.
var ErrUnknown = errors.New("no such evidence")

func (s *Service) path(gateway, id, suffix string) string {
	return filepath.Join(s.cfg.Dir, gateway, id+suffix)
}

const (
	partial = ".part"
	whole   = ".lse"
)

// Key notes the public key that a gateway signs its bundles with. Another one than before is written into the journal: a
// repaired box makes a new one, and so does somebody who pretends to be it.
func (s *Service) Key(ctx context.Context, tx *sql.Tx, gateway string, key []byte) error {
	if len(key) != ed25519.PublicKeySize {
		return nil
	}
	var known int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM evidence_keys WHERE gateway = ?`, gateway).Scan(&known); err != nil {
		return fmt.Errorf("look up evidence keys of %s: %w", gateway, err)
	}
	fresh, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO evidence_keys (gateway, key, since) VALUES (?, ?, ?) ON CONFLICT (gateway, key) DO NOTHING`,
		gateway, hex.EncodeToString(key), s.cfg.Now().UnixMilli()))
	if err != nil {
		return fmt.Errorf("note evidence key of %s: %w", gateway, err)
	}
	if !fresh || known == 0 {
		return nil
	}
	return org.Note(ctx, tx, org.Entry{At: s.cfg.Now(), Gateway: gateway, Kind: org.EvidenceKey, Text: rules.Text{
		ZH: "网关换了证据签名公钥：" + hex.EncodeToString(key), EN: "the gateway signs its evidence with another key: " + hex.EncodeToString(key)}})
}

// Keys answers the public keys that a gateway has told of, oldest first.
func Keys(ctx context.Context, q db.Querier, gateway string) ([]ed25519.PublicKey, error) {
	rows, err := q.QueryContext(ctx, `SELECT key FROM evidence_keys WHERE gateway = ? ORDER BY since`, gateway)
	if err != nil {
		return nil, fmt.Errorf("read evidence keys of %s: %w", gateway, err)
	}
	defer rows.Close()
	var keys []ed25519.PublicKey
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("read evidence keys of %s: %w", gateway, err)
		}
		key, err := hex.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("read evidence keys of %s: %w", gateway, err)
		}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}

// Incident is the incident of a bundle's alert; empty: there is none yet.
func Incident(ctx context.Context, q db.Querier, gateway, alert string) (id string, err error) {
	err = q.QueryRowContext(ctx, `SELECT incident FROM incident_alerts WHERE gateway = ? AND alert = ?`, gateway, alert).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look up incident of evidence: %w", err)
	}
	return id, nil
}

// Why a chunk is refused for good, in the words that a gateway puts beside what it sets aside.
const (
	codeCorrupt = "corrupt"
	codeLarge   = "too_large"
	codeForeign = "foreign" // of another gateway's bundle
	codeQuota   = "quota"   // the gateway has as much here as it may
)
