package person

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// A DataCopy is what the store holds about one person. Times in it are Unix milliseconds.
type DataCopy struct {
	Name   string        `json:"name"`
	Phones []string      `json:"phones" doc:"numbers that stand beside the name"`
	At     int64         `json:"at" doc:"of the copy, Unix ms"`
	Text   incident.Text `json:"text" doc:"what is in it, and what is not"`
	Parts  []DataPart    `json:"parts"`
}

// A DataPart is what one table holds.
type DataPart struct {
	Table string           `json:"table"`
	Text  incident.Text    `json:"text"`
	Rows  []map[string]any `json:"rows" doc:"columns by name; times in Unix ms"`
}

// Copies answers everything that the store holds about a person, and notes in the audit that somebody took it. Others'
// numbers in the same rows are masked. Nobody: org.ErrUnknown; not clear who: *org.Refusal.
func Copies(ctx context.Context, d *db.DB, w Who, now time.Time) (DataCopy, error) {
	var out DataCopy
	err := d.View(ctx, func(q db.Querier) error {
		s, err := find(ctx, q, w)
		if err != nil {
			return err
		}
		out = DataCopy{Name: s.name, Phones: slices.Concat([]string{}, s.phones), At: now.UnixMilli(), Parts: []DataPart{}, Text: incident.Text{
			ZH: "云端数据库中与此人有关的全部记录（时间为 Unix 毫秒；他人号码已打码；密码只存摘要，不在其中；照片只列出，图像在平台上看）",
			EN: "Everything that the cloud's database holds about this person (times in Unix ms; others' numbers are masked; of the password there is only a hash, which is left out; photos are listed, the pictures are on the platform)"}}
		for _, t := range tables() {
			rows, err := s.rows(ctx, q, t)
			if err != nil {
				return err
			}
			if len(rows) > 0 {
				out.Parts = append(out.Parts, DataPart{t.name, incident.Text(t.what), rows})
			}
		}
		return nil
	})
	if err != nil {
		return DataCopy{}, err
	}
	return out, d.Update(ctx, func(tx *sql.Tx) error {
		return audit.Add(ctx, tx, audit.Entry{At: now, Act: "person.export", Kind: "user", About: out.Name})
	})
}

// rows answers a table's rows about the person.
func (s *subject) rows(ctx context.Context, q db.Querier, t table) ([]map[string]any, error) {
	shown := t.shown
	if shown == "" {
		shown = "*"
	}
	exact, args := s.exact(t)
	said, more := s.said(t.texts)
	words := "''"
	for _, column := range t.texts {
		words += ` || ' ' || ` + column
	}
	rows, err := q.QueryContext(ctx, `SELECT CASE WHEN `+exact+` THEN 1 ELSE 0 END, `+words+`, `+shown+` FROM `+t.name+` WHERE `+exact+` OR `+said+` ORDER BY `+t.key, slices.Concat(args, args, more)...)
	if err != nil {
		return nil, fmt.Errorf("copy %s: %w", t.name, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("copy %s: %w", t.name, err)
	}
	var out []map[string]any
	for rows.Next() {
		var named int
		var text string
		values, to := make([]any, len(columns)), []any{&named, &text}
		for i := 2; i < len(columns); i++ {
			to = append(to, &values[i])
		}
		if err := rows.Scan(to...); err != nil {
			return nil, fmt.Errorf("copy %s: %w", t.name, err)
		}
		if named == 0 && !s.mentions(text) {
			continue
		}
		row := map[string]any{}
		for i, c := range columns[2:] {
			row[c] = s.value(t, c, values[i+2])
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// value is a column's value as the copy shows it.
func (s *subject) value(t table, column string, v any) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	isPhone := slices.ContainsFunc(t.names, func(h holder) bool { return h.phone == column })
	if isPhone && !slices.Contains(s.phones, text) {
		return tree.Mask(text)
	}
	return s.own(text)
}
