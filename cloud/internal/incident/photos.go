package incident

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/photo"
)

// A Photo is evidence. The bytes are read by PhotoBytes.
type Photo struct {
	ID     string `json:"id"`
	Step   int    `json:"step,omitempty" doc:"n of the deed that it is evidence of; absent: of the incident"`
	At     int64  `json:"at"`
	By     string `json:"by"`
	Type   string `json:"type" enum:"image/jpeg,image/png,image/webp"`
	Bytes  int64  `json:"bytes"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	SHA256 string `json:"sha256" doc:"of the bytes as they are kept, in hexadecimal digits"`
}

const photoColumns = `id, n, at, who, type, bytes, width, height, sha256`

func scanPhoto(row scanner) (Photo, error) {
	var p Photo
	err := row.Scan(&p.ID, &p.Step, &p.At, &p.By, &p.Type, &p.Bytes, &p.Width, &p.Height, &p.SHA256)
	return p, err
}

// Photos answers the photos of an incident, oldest first.
func Photos(ctx context.Context, q db.Querier, incident string) ([]Photo, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+photoColumns+` FROM photos WHERE incident = ? ORDER BY at, id`, incident)
	if err != nil {
		return nil, fmt.Errorf("list photos of %s: %w", incident, err)
	}
	defer rows.Close()
	out := []Photo{}
	for rows.Next() {
		p, err := scanPhoto(rows)
		if err != nil {
			return nil, fmt.Errorf("list photos of %s: %w", incident, err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// link makes the photos that were given with a deed evidence of it: those of the incident, or the person's own of none yet.
func (m *move) link() error { return link(m.ctx, m.tx, m.in.ID, m.last, m.who.Name, m.given.Photos) }

func link(ctx context.Context, tx *sql.Tx, incident string, n int, who string, ids []string) error {
	for _, id := range ids {
		if _, err := tx.ExecContext(ctx, `DELETE FROM photos WHERE incident = ? AND who = ? AND n = 0 AND id <> ? AND sha256 = (SELECT sha256 FROM photos WHERE id = ? AND incident = '')`,
			incident, who, id, id); err != nil { // the same photo, uploaded in both ways
			return fmt.Errorf("link photo %s: %w", id, err)
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE photos SET incident = ?, n = CASE WHEN n = 0 THEN ? ELSE n END
			WHERE id = ? AND (incident = ? OR incident = '' AND who = ?)`, incident, n, id, incident, who))
		if err != nil {
			return fmt.Errorf("link photo %s: %w", id, err)
		}
		if !ok {
			return &Refusal{Text{"没有照片 " + id + "，请重新上传", "there is no photo " + id + ": upload it again"}}
		}
	}
	return nil
}

// Most photos of an incident, and of one person's that belong to none yet; and how long those are kept.
const (
	mostPhotos = 60
	mostDrafts = 20
	draftLife  = 24 * time.Hour
)

// AddPhoto keeps a photo as evidence of an incident, or of none yet when id is empty: a report or a deed of the same person
// takes it within a day. The same photo again is the one that is there.
func (s *Service) AddPhoto(ctx context.Context, id string, who Person, file photo.Photo) (Photo, error) {
	sum := sha256.Sum256(file.Content)
	var p Photo
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		now := s.cfg.Now()
		p = Photo{ID: strings.ToLower(rand.Text()), At: now.UnixMilli(), By: who.Name, Type: file.Type, Bytes: int64(len(file.Content)), Width: file.Width, Height: file.Height, SHA256: hex.EncodeToString(sum[:])}
		var in Incident
		most := mostDrafts
		if id != "" {
			var err error
			if in, err = Get(ctx, tx, id); err != nil {
				return err
			}
			most = mostPhotos
		} else if err := forgetDrafts(ctx, tx, now); err != nil {
			return err
		}
		there, err := scanPhoto(tx.QueryRowContext(ctx, `SELECT `+photoColumns+` FROM photos WHERE incident = ? AND who = ? AND sha256 = ?`, id, who.Name, p.SHA256))
		if err == nil {
			p = there
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("look for photo: %w", err)
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM photos WHERE incident = ? AND (incident <> '' OR who = ?)`, id, who.Name).Scan(&n); err != nil {
			return fmt.Errorf("count photos: %w", err)
		}
		if n >= most {
			return &Refusal{Text{fmt.Sprintf("照片已有 %d 张，不能再传", n), fmt.Sprintf("there are %d photos already: no more are taken", n)}}
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO photos (id, incident, n, at, who, type, bytes, width, height, sha256) VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?)`,
			p.ID, id, p.At, p.By, p.Type, p.Bytes, p.Width, p.Height, p.SHA256); err != nil {
			return fmt.Errorf("keep photo: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO photo_bytes (id, content) VALUES (?, ?)`, p.ID, file.Content); err != nil {
			return fmt.Errorf("keep photo: %w", err)
		}
		return audit.Add(ctx, tx, audit.Entry{Act: "photo.add", Kind: "photo", About: p.ID, Site: in.Site, Node: in.Node, At: now,
			Detail: map[string]string{"incident": id, "sha256": p.SHA256}})
	})
	return p, err
}

// forgetDrafts deletes the photos that nothing took within a day.
func forgetDrafts(ctx context.Context, tx *sql.Tx, now time.Time) error {
	old := now.Add(-draftLife).UnixMilli()
	if _, err := tx.ExecContext(ctx, `DELETE FROM photo_bytes WHERE id IN (SELECT id FROM photos WHERE incident = '' AND at < ?)`, old); err != nil {
		return fmt.Errorf("delete photos of nothing: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM photos WHERE incident = '' AND at < ?`, old); err != nil {
		return fmt.Errorf("delete photos of nothing: %w", err)
	}
	return nil
}

// PhotoBytes answers a photo of an incident. Without one: ErrUnknown.
func PhotoBytes(ctx context.Context, q db.Querier, incident, id string) (contentType string, content []byte, err error) {
	err = q.QueryRowContext(ctx, `SELECT p.type, b.content FROM photos p JOIN photo_bytes b ON b.id = p.id WHERE p.incident = ? AND p.id = ?`, incident, id).Scan(&contentType, &content)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil, ErrUnknown
	}
	if err != nil {
		return "", nil, fmt.Errorf("read photo %s: %w", id, err)
	}
	return contentType, content, nil
}
