// Package person keeps what the law gives a person over the data that the store holds about them (PIPL articles 45 and 47): a
// copy of all of it, and its erasure. Who did what must stay for whoever answers for it later, so an erased person's
// deeds stay under a pseudonym that nobody can lead back; the account, contacts, numbers and positions go.
//
// It promises that no place is forgotten: every column of the database is listed, and a test knows when one is not.
package person

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// Who says which person is meant.
type Who struct {
	Name    string
	Phone   string // needed where several people have the name
	Account bool   // and then, that the account of the name is this one's
}

// A subject is a person who was found.
type subject struct {
	name    string
	phones  []string
	account bool // what names an account is theirs
	shared  bool // others have the name: words that say it may mean them
	longer  []string
}

// find looks for a person. Nobody: org.ErrUnknown; several, and no number that tells which: *org.Refusal.
func find(ctx context.Context, q db.Querier, w Who) (*subject, error) {
	s := &subject{name: w.Name}
	known, others := false, false
	for _, t := range tables() {
		for _, h := range t.names {
			n, err := s.look(ctx, q, t, h)
			if err != nil {
				return nil, err
			}
			known = known || n
		}
	}
	slices.Sort(s.phones)
	s.phones = slices.Compact(s.phones)
	if w.Phone != "" {
		others = slices.ContainsFunc(s.phones, func(p string) bool { return p != w.Phone })
		known = known && (!others || w.Account || slices.Contains(s.phones, w.Phone))
		s.phones = []string{w.Phone}
	}
	if !known {
		return nil, fmt.Errorf("person %s: %w", w.Name, org.ErrUnknown)
	}
	s.shared = others || w.Phone == "" && len(s.phones) > 1
	if s.shared && w.Phone == "" && !w.Account {
		return nil, org.Refuse("叫“%s”的不止一人（号码 %[2]s）：请同时给出手机号", "several people are called “%s” (numbers %[2]s): say which by the phone number", w.Name, masked(s.phones))
	}
	if s.shared && w.Phone == "" {
		s.phones = nil // the account alone
	}
	s.account = !s.shared || w.Account
	return s, s.findLonger(ctx, q)
}

// look says whether a column holds the name, and collects the numbers beside it.
func (s *subject) look(ctx context.Context, q db.Querier, t table, h holder) (bool, error) {
	phone := "''"
	if h.phone != "" {
		phone = h.phone
	}
	found, err := texts(ctx, q, `SELECT DISTINCT `+phone+` FROM `+t.name+` WHERE `+h.match(), s.name)
	for _, p := range found {
		if p != "" {
			s.phones = append(s.phones, p)
		}
	}
	return len(found) > 0, err
}

// findLonger collects other people's names in which this one stands: where they are mentioned, this person is not.
func (s *subject) findLonger(ctx context.Context, q db.Querier) error {
	for _, t := range tables() {
		for _, h := range t.names {
			if h.is != "" {
				continue
			}
			found, err := texts(ctx, q, `SELECT DISTINCT `+h.column+` FROM `+t.name+` WHERE `+h.column+` <> ? AND `+h.column+` LIKE ? ESCAPE '\'`, s.name, containing(s.name))
			if err != nil {
				return err
			}
			s.longer = append(s.longer, found...)
		}
	}
	slices.SortFunc(s.longer, func(a, b string) int { return len(b) - len(a) })
	s.longer = slices.Compact(s.longer)
	return nil
}

// match is the condition that a holder's column has the name, whatever number stands beside it.
func (h holder) match() string {
	is := h.is
	if is == "" {
		is = "?"
	}
	c := h.column + ` = ` + is
	if h.where != "" {
		c += ` AND ` + h.where
	}
	return c
}

// holds is the condition that a holder's column is of the person; empty: it cannot be.
func (s *subject) holds(h holder) (condition string, args []any) {
	if h.phone == "" {
		if !s.account {
			return "", nil
		}
		return `(` + h.match() + `)`, []any{s.name}
	}
	mine, args := `''`, []any{s.name}
	if s.shared && !s.account {
		mine = `'?'` // a row without a number may be another one's
	}
	for _, p := range s.phones {
		mine, args = mine+`, ?`, append(args, p)
	}
	return `(` + h.match() + ` AND ` + h.phone + ` IN (` + mine + `))`, args
}

// exact is the condition that a row names the person, or has a number of theirs.
func (s *subject) exact(t table) (condition string, args []any) {
	conditions := []string{"1 = 0"}
	for _, h := range t.names {
		if c, a := s.holds(h); c != "" {
			conditions, args = append(conditions, c), append(args, a...)
		}
		for _, p := range s.phones {
			if h.phone != "" {
				conditions, args = append(conditions, h.phone+` = ?`), append(args, p)
			}
		}
	}
	return strings.Join(conditions, " OR "), args
}

// said is the condition that a row's words may be about the person; mentions knows.
func (s *subject) said(columns []string) (condition string, args []any) {
	conditions := []string{"1 = 0"}
	for _, column := range columns {
		for _, w := range s.words() {
			conditions, args = append(conditions, column+` LIKE ? ESCAPE '\'`), append(args, containing(w))
		}
	}
	return strings.Join(conditions, " OR "), args
}

// words are what stands in sentences: the name, also as JSON writes it, and the numbers. A name of one letter, or one that is
// also a role's word, means somebody only where nothing else can stand.
func (s *subject) words() []string {
	out := slices.Clone(s.phones)
	if s.shared || !s.account || utf8.RuneCountInString(s.name) < 2 || slices.Contains(append(auth.Roles(), auth.Link, auth.Rater, auth.None, "console"), s.name) {
		return out
	}
	out = append(out, s.name)
	if b, err := json.Marshal(s.name); err == nil && string(b) != `"`+s.name+`"` {
		out = append(out, string(b[1:len(b)-1]))
	}
	return out
}

func containing(word string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(word) + "%"
}

func masked(phones []string) string {
	var out []string
	for _, p := range phones {
		out = append(out, tree.Mask(p))
	}
	return strings.Join(out, ", ")
}

// texts answers the first column of a query.
func texts(ctx context.Context, q db.Querier, query string, args ...any) (out []string, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("look for a person: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, fmt.Errorf("look for a person: %w", err)
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
