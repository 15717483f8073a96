package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/wire"
	format "github.com/linshao/linshao/cloud/wire/evidence"
)

// A FullError says that the disk takes no evidence now. What else gateways tell must not wait for that.
type FullError struct{ err error }

func (e *FullError) Error() string { return e.err.Error() }
func (e *FullError) Unwrap() error { return e.err }

// row is what is known of a bundle.
type row struct {
	size    int64
	have    []byte
	arrived int
	state   string
	number  int64
	alert   string
}

func find(ctx context.Context, q db.Querier, gateway, id string) (r row, known bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT size, have, arrived, state, number, alert FROM evidence WHERE gateway = ? AND id = ?`, gateway, id).
		Scan(&r.size, &r.have, &r.arrived, &r.state, &r.number, &r.alert)
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("look up evidence %s: %w", id, err)
	}
	return r, true, nil
}

func (r *row) has(index uint32) bool {
	return int(index/8) < len(r.have) && r.have[index/8]&(1<<(index%8)) != 0
}

// Keep puts a chunk's bytes on disk, before the transaction that takes its record. code says why the record is refused for
// good. The error is a *FullError when the disk takes nothing, otherwise one of the database.
func (s *Service) Keep(ctx context.Context, gateway string, c *wire.Chunk) (code string, err error) {
	if code := shape(c); code != "" {
		return code, nil
	}
	if c.GetIndex() == 0 {
		h, err := format.ReadHead(bytes.NewReader(c.GetData()))
		switch {
		case err != nil || h.ID != hex.EncodeToString(c.GetBundle()) || h.Size != int64(c.GetSize()):
			return codeCorrupt, nil
		case h.Manifest.Gateway != gateway:
			return codeForeign, nil
		}
	}
	id := hex.EncodeToString(c.GetBundle())
	r, known, err := find(ctx, s.cfg.DB.Reader(), gateway, id)
	if err != nil {
		return "", err
	}
	switch {
	case known && r.size != int64(c.GetSize()):
		return codeCorrupt, nil
	case known && (r.state != Uploading || r.has(c.GetIndex())):
		return "", nil
	case r.arrived == 0: // announced, or not even that
		if code, err := s.room(ctx, gateway, id, int64(c.GetSize())); code != "" || err != nil {
			return code, err
		}
	}
	if err := s.write(gateway, id, int64(c.GetIndex())*format.ChunkSize, c.GetData()); err != nil {
		return "", &FullError{err}
	}
	return "", nil
}

// shape refuses a chunk that fits no bundle.
func shape(c *wire.Chunk) string {
	size, index := int64(c.GetSize()), int64(c.GetIndex())
	switch {
	case size > format.MaxSize:
		return codeLarge
	case size <= 0 || len(c.GetBundle()) != sha256.Size || index >= int64(format.Chunks(size)):
		return codeCorrupt
	case int64(len(c.GetData())) != min(format.ChunkSize, size-index*format.ChunkSize):
		return codeCorrupt
	}
	return ""
}

// room says whether a gateway may bring one more bundle. Those that are only announced take none.
func (s *Service) room(ctx context.Context, gateway, id string, size int64) (code string, err error) {
	var has int64
	if err := s.cfg.DB.Reader().QueryRowContext(ctx, `SELECT coalesce(sum(size), 0) FROM evidence WHERE gateway = ? AND id <> ? AND arrived > 0 AND state <> 'expired'`, gateway, id).Scan(&has); err != nil {
		return "", fmt.Errorf("count evidence of %s: %w", gateway, err)
	}
	if has+size > s.cfg.Gateway {
		s.cfg.Log.Error("a gateway has as much evidence here as it may", "gateway", gateway, "bytes", has, "limit", s.cfg.Gateway)
		return codeQuota, nil
	}
	return "", nil
}

// write puts bytes into a bundle's file and waits until they are on disk, and the file's name with the first.
func (s *Service) write(gateway, id string, at int64, data []byte) error {
	path := s.path(gateway, id, partial)
	_, missing := os.Stat(path)
	if missing != nil {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("make evidence folder: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open evidence: %w", err)
	}
	_, err = f.WriteAt(data, at)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write evidence: %w", err)
	}
	if missing != nil {
		return errors.Join(syncDir(filepath.Dir(path)), syncDir(s.cfg.Dir))
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// Chunk notes, inside the transaction that takes its record, that Keep has put a chunk on disk. It answers the incident that it
// is about.
func (s *Service) Chunk(ctx context.Context, tx *sql.Tx, gateway string, c *wire.Chunk) (incident string, err error) {
	id := hex.EncodeToString(c.GetBundle())
	if err := s.begin(ctx, tx, gateway, id, int64(c.GetSize())); err != nil {
		return "", err
	}
	if c.GetIndex() == 0 {
		h, err := format.ReadHead(bytes.NewReader(c.GetData()))
		if err != nil {
			return "", fmt.Errorf("read evidence %s: %w", id, err)
		}
		if err := s.announce(ctx, tx, gateway, h); err != nil {
			return "", err
		}
	}
	r, _, err := find(ctx, tx, gateway, id)
	if err != nil || r.state != Uploading || r.has(c.GetIndex()) {
		return "", err
	}
	n := format.Chunks(r.size)
	have := make([]byte, (n+7)/8)
	copy(have, r.have)
	have[c.GetIndex()/8] |= 1 << (c.GetIndex() % 8)
	before := r.arrived
	if r.arrived++; r.arrived == n {
		r.state = Arrived
	}
	if _, err := tx.ExecContext(ctx, `UPDATE evidence SET have = ?, arrived = ?, state = ? WHERE gateway = ? AND id = ?`, have, r.arrived, r.state, gateway, id); err != nil {
		return "", fmt.Errorf("note evidence %s: %w", id, err)
	}
	if r.state == Uploading && before*10/n == r.arrived*10/n { // people are shown steps of a tenth
		return "", nil
	}
	return Incident(ctx, tx, gateway, r.alert)
}

// Stored says that chunks were taken for good: Run looks for what is complete. It never blocks.
func (s *Service) Stored() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// announcedMost bounds what a gateway may announce without bringing it: a year of one alert a day on a line that is always cut.
const announcedMost = 400

// Taken notes a bundle that a gateway announces. A head that cannot be read is passed over: the bundle itself will tell.
func (s *Service) Taken(ctx context.Context, tx *sql.Tx, gateway string, t *wire.Taken) (incident string, err error) {
	h, err := format.ReadHead(bytes.NewReader(t.GetHead()))
	if err != nil || h.Manifest.Gateway != gateway {
		s.cfg.Log.Warn("announced evidence cannot be read", "gateway", gateway, "err", err)
		return "", nil
	}
	var waiting int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM evidence WHERE gateway = ? AND arrived = 0 AND state = 'uploading'`, gateway).Scan(&waiting); err != nil {
		return "", fmt.Errorf("count evidence of %s: %w", gateway, err)
	}
	if waiting >= announcedMost {
		s.cfg.Log.Error("a gateway announces more evidence than it brings: no more is noted until some comes", "gateway", gateway, "announced", waiting)
		return "", nil
	}
	if err := s.begin(ctx, tx, gateway, h.ID, h.Size); err != nil {
		return "", err
	}
	if err := s.announce(ctx, tx, gateway, h); err != nil {
		return "", err
	}
	return Incident(ctx, tx, gateway, h.Manifest.Alert.ID)
}

func (s *Service) begin(ctx context.Context, tx *sql.Tx, gateway, id string, size int64) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO evidence (gateway, id, size, have, arrived, state, why_zh, why_en, number, previous, alert, at, heard, finished)
		VALUES (?, ?, ?, ?, 0, 'uploading', '', '', 0, '', '', 0, ?, 0) ON CONFLICT (gateway, id) DO NOTHING`, gateway, id, size, []byte{}, s.cfg.Now().UnixMilli()); err != nil {
		return fmt.Errorf("note evidence %s: %w", id, err)
	}
	return nil
}

// announce notes what a bundle is of, once.
func (s *Service) announce(ctx context.Context, tx *sql.Tx, gateway string, h *format.Head) error {
	m := h.Manifest
	fresh, err := db.Changed(tx.ExecContext(ctx, `UPDATE evidence SET number = ?, previous = ?, alert = ?, at = ? WHERE gateway = ? AND id = ? AND number = 0`,
		int64(m.Number), m.Previous, m.Alert.ID, m.Alert.At.UnixMilli(), gateway, h.ID))
	if err != nil || !fresh {
		return err
	}
	for i, p := range m.Parts {
		if p.Video == nil {
			continue
		}
		video, err := json.Marshal(p.Video)
		if err != nil {
			return fmt.Errorf("note clip: %w", err)
		}
		_, at, _ := h.Find(p.Name)
		if _, err := tx.ExecContext(ctx, `INSERT INTO evidence_clips (id, gateway, bundle, position, part, kind, video, type, size, start, sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			ClipID(gateway, h.ID, p.Name), gateway, h.ID, i, p.Name, p.Kind, string(video), p.Type, p.Size, at, p.SHA256); err != nil {
			return fmt.Errorf("note clip: %w", err)
		}
	}
	return nil
}

// ClipID names a part of a bundle: it says nothing of where it is from.
func ClipID(gateway, bundle, part string) string {
	sum := sha256.Sum256([]byte(gateway + "/" + bundle + "/" + part))
	return hex.EncodeToString(sum[:16])
}
