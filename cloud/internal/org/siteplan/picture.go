package siteplan

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/photo"
)

// Limits of a picture. The page makes it smaller before it sends it.
const (
	MaxPictureBytes = 4 << 20
	maxPictureSide  = 6000 // pixels
)

// ErrPicture: it is none that a plan can lie on.
var ErrPicture = errors.New("no JPEG or PNG picture of a plan")

// A Picture lies behind a plan and fills its width and height.
type Picture struct {
	ID     string `json:"id" doc:"another picture has another one"`
	Width  int    `json:"width" doc:"pixels"`
	Height int    `json:"height"`
}

// PictureOf answers what there is behind the plan of a site; nil: nothing.
func PictureOf(ctx context.Context, q db.Querier, site string) (*Picture, error) {
	var p Picture
	err := q.QueryRowContext(ctx, `SELECT sha256, width, height FROM plan_pictures WHERE site = ?`, site).Scan(&p.ID, &p.Width, &p.Height)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read picture of %s: %w", site, err)
	}
	p.ID = p.ID[:min(len(p.ID), 16)]
	return &p, nil
}

// PictureBytes answers the picture of a site; org.ErrUnknown: it has none.
func PictureBytes(ctx context.Context, q db.Querier, site string) (contentType string, content []byte, err error) {
	err = q.QueryRowContext(ctx, `SELECT type, content FROM plan_pictures WHERE site = ?`, site).Scan(&contentType, &content)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil, fmt.Errorf("picture of %s: %w", site, org.ErrUnknown)
	}
	if err != nil {
		return "", nil, fmt.Errorf("read picture of %s: %w", site, err)
	}
	return contentType, content, nil
}

// SetPicture keeps a picture, without what else its file says. The error may be ErrPicture.
func SetPicture(ctx context.Context, d *db.DB, site string, file []byte) error {
	p, err := photo.Clean(file)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPicture, err)
	}
	if len(file) > MaxPictureBytes || p.Type == photo.WebP || p.Width > maxPictureSide || p.Height > maxPictureSide {
		return fmt.Errorf("%w: %s, %d × %d, %d bytes", ErrPicture, p.Type, p.Width, p.Height, len(file))
	}
	sum := sha256.Sum256(p.Content)
	id := hex.EncodeToString(sum[:])
	return d.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO plan_pictures (site, type, width, height, sha256, content) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (site) DO UPDATE SET type = excluded.type, width = excluded.width, height = excluded.height, sha256 = excluded.sha256, content = excluded.content`,
			site, p.Type, p.Width, p.Height, id, p.Content); err != nil {
			return fmt.Errorf("keep picture of %s: %w", site, err)
		}
		return audit.Add(ctx, tx, audit.Entry{Act: "site.plan_picture", Kind: "site", About: site, Site: site, Detail: map[string]string{"sha256": id}})
	})
}

// RemovePicture takes the picture away; the plan stays.
func RemovePicture(ctx context.Context, d *db.DB, site string) error {
	return d.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM plan_pictures WHERE site = ?`, site); err != nil {
			return fmt.Errorf("remove picture of %s: %w", site, err)
		}
		return audit.Add(ctx, tx, audit.Entry{Act: "site.plan_picture", Kind: "site", About: site, Site: site, Detail: map[string]string{"sha256": ""}})
	})
}
