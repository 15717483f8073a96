package incident

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/db"
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
