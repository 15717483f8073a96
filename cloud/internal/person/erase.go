package person

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/rules"
)

// An Order is to erase somebody.
type Order struct {
	Who
	By     auth.User
	Reason string
	Dry    bool // only tell what would happen
	Now    time.Time
}

// A Erasure is what an erasure did, or would do.
type Erasure struct {
	Pseudonym string       `json:"pseudonym" doc:"what stands where the name stood; nothing leads back from it"`
	Done      bool         `json:"done" doc:"false: this is only what would happen"`
	Parts     []ErasedPart `json:"parts"`
}

// ErasedPart is what happened in one table.
type ErasedPart struct {
	Table string        `json:"table"`
	Text  incident.Text `json:"text"`
	Rows  int64         `json:"rows"`
	Gone  bool          `json:"gone,omitempty" doc:"deleted; absent: the rows stay under the pseudonym"`
}

// ErrSelf: nobody can take the own name out of what was done; somebody else must.
var ErrSelf = errors.New("nobody erases himself")

var errDry = errors.New("only told what would happen")

// Erase erases a person: account, contacts, numbers and positions are deleted, what the person did stays under a pseudonym,
// and the chain of the audit stays right. All of it, or nothing. Errors: org.ErrUnknown, ErrSelf, auth.ErrMore for somebody
// with rights that By lacks, *org.Refusal when it is not clear who, *HeldError.
func Erase(ctx context.Context, d *db.DB, o Order) (Erasure, error) {
	out := Erasure{}
	err := d.Update(ctx, func(tx *sql.Tx) error {
		out = Erasure{Pseudonym: "已注销" + strings.ToLower(rand.Text()[:6]), Done: !o.Dry, Parts: []ErasedPart{}}
		s, err := allowed(ctx, tx, o)
		if err != nil {
			return err
		}
		for _, t := range tables() {
			if t.apart {
				continue
			}
			n, err := s.clear(ctx, tx, t, out.Pseudonym)
			if err != nil {
				return err
			}
			if n > 0 {
				out.Parts = append(out.Parts, ErasedPart{t.name, incident.Text(t.what), n, t.gone})
			}
		}
		if err := recount(ctx, tx, out.Pseudonym); err != nil {
			return err
		}
		if err := s.clearAudit(ctx, tx, o, &out); err != nil {
			return err
		}
		if o.Dry {
			return errDry
		}
		return nil
	})
	if errors.Is(err, errDry) {
		err = nil
	}
	return out, err
}

// allowed finds whom to erase, and says why not.
func allowed(ctx context.Context, tx *sql.Tx, o Order) (*subject, error) {
	s, err := find(ctx, tx, o.Who)
	if err != nil {
		return nil, err
	}
	if s.account {
		if o.By.Name == s.name {
			return nil, ErrSelf
		}
		grants, err := auth.GrantsOf(ctx, tx, s.name)
		if err != nil {
			return nil, err
		}
		if ok, err := auth.Covers(ctx, tx, o.By, grants); err != nil {
			return nil, err
		} else if !ok {
			return nil, auth.ErrMore
		}
	}
	why, err := s.held(ctx, tx, o.Now)
	if err == nil && len(why) > 0 {
		err = &HeldError{why}
	}
	return s, err
}

// clear erases the person from one table, and answers how many rows changed.
func (s *subject) clear(ctx context.Context, tx *sql.Tx, t table, pseudonym string) (int64, error) {
	total := int64(0)
	run := func(query string, args ...any) error {
		res, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return fmt.Errorf("erase from %s: %w", t.name, err)
		}
		n, err := res.RowsAffected()
		total += n
		return err
	}
	for i, h := range t.names {
		if err := s.clearName(t, h, i == 0, pseudonym, run); err != nil {
			return 0, err
		}
	}
	n, err := s.clearTexts(ctx, tx, t, pseudonym)
	return total + n, err
}

func (s *subject) clearName(t table, h holder, first bool, pseudonym string, run func(string, ...any) error) error {
	if condition, args := s.holds(h); condition != "" {
		set := h.column + ` = ?`
		if h.phone != "" {
			set += `, ` + h.phone + ` = ''`
		}
		for _, column := range t.track {
			if first {
				set += `, ` + column + ` = ''`
			}
		}
		query := `UPDATE ` + t.name + ` SET ` + set + ` WHERE ` + condition
		if args = append([]any{pseudonym}, args...); t.gone {
			query, args = `DELETE FROM `+t.name+` WHERE `+condition, args[1:]
		}
		if err := run(query, args...); err != nil {
			return err
		}
	}
	for _, p := range s.phones {
		if h.phone == "" {
			continue
		}
		if err := run(`UPDATE `+t.name+` SET `+h.phone+` = '' WHERE `+h.phone+` = ?`, p); err != nil { // the number under another name
			return err
		}
	}
	return nil
}

// clearTexts replaces the name and the numbers in sentences.
func (s *subject) clearTexts(ctx context.Context, tx *sql.Tx, t table, pseudonym string) (n int64, err error) {
	keys := strings.Split(t.key, ", ")
	for _, column := range t.texts {
		condition, args := s.said([]string{column})
		found, err := s.cells(ctx, tx, `SELECT `+column+`, `+t.key+` FROM `+t.name+` WHERE `+condition, len(keys), args)
		if err != nil {
			return n, fmt.Errorf("look for a person in %s: %w", t.name, err)
		}
		for _, c := range found {
			text := s.scrub(c.text, pseudonym)
			if text == c.text {
				continue
			}
			n++
			query := `UPDATE ` + t.name + ` SET ` + column + ` = ? WHERE ` + column + ` = ? AND ` + strings.Join(keys, ` = ? AND `) + ` = ?`
			if _, err := tx.ExecContext(ctx, query, append([]any{text, c.text}, c.key...)...); err != nil {
				return n, fmt.Errorf("erase from %s: %w", t.name, err)
			}
		}
	}
	return n, nil
}

// A cell is a text and the key of its row.
type cell struct {
	text string
	key  []any
}

func (s *subject) cells(ctx context.Context, q db.Querier, query string, keys int, args []any) (out []cell, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		c := cell{key: make([]any, keys)}
		to := []any{&c.text}
		for i := range c.key {
			to = append(to, &c.key[i])
		}
		if err := rows.Scan(to...); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// recount has the figures of the incidents counted again that the person had to do with: they tell people apart by name.
func recount(ctx context.Context, tx *sql.Tx, pseudonym string) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO report_dirty (incident) SELECT incident FROM incident_steps WHERE who = ? UNION SELECT id FROM incidents WHERE ? IN (taken_by, closed_by, finished_by)
		ON CONFLICT (incident) DO NOTHING`, pseudonym, pseudonym); err != nil {
		return fmt.Errorf("have figures counted again: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE commands SET payload = NULL WHERE live = 0 AND ? IN (issuer, approver)`, pseudonym); err != nil { // signed, with the name
		return fmt.Errorf("erase signed commands: %w", err)
	}
	return nil
}

func (s *subject) clearAudit(ctx context.Context, tx *sql.Tx, o Order, out *Erasure) error {
	detail := map[string]string{"reason": s.scrub(o.Reason, out.Pseudonym)}
	for _, p := range out.Parts {
		detail[p.Table] = strconv.FormatInt(p.Rows, 10)
	}
	n, err := audit.Erase(ctx, tx, audit.Erasure{Words: append(s.words(), s.name), Now: o.Now,
		Deed: func(n int64) audit.Entry {
			detail["audit"] = strconv.FormatInt(n, 10)
			return audit.Entry{Kind: "user", About: out.Pseudonym, Detail: detail, Text: rules.Text{ZH: "应要求删除个人信息，其行为记录以代号保留", EN: "personal data erased as asked; what the person did stays under a pseudonym"}}
		},
		Change: func(e *audit.Entry) bool { return s.change(e, out.Pseudonym) }})
	if i := slices.IndexFunc(tables(), func(t table) bool { return t.apart }); err == nil && n > 0 {
		out.Parts = append(out.Parts, ErasedPart{Table: "audit", Text: incident.Text(tables()[i].what), Rows: n})
	}
	return err
}

// change takes the person out of an entry of the audit.
func (s *subject) change(e *audit.Entry, pseudonym string) bool {
	changed := false
	set := func(to *string, v string) { changed, *to = changed || *to != v, v }
	if s.account && e.Name == s.name {
		set(&e.Name, pseudonym)
		set(&e.Address, "")
	}
	if s.account && e.Kind == "user" && e.About == s.name {
		set(&e.About, pseudonym)
	}
	for _, t := range []*string{&e.About, &e.Text.ZH, &e.Text.EN} {
		set(t, s.scrub(*t, pseudonym))
	}
	for k, v := range e.Detail {
		set(&v, s.scrub(v, pseudonym))
		e.Detail[k] = v
	}
	return changed
}
