package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
)

const columns = `seq, at, who, role, address, act, kind, about, node, site, zh, en, detail, salt, seal, hash`

type scanner interface{ Scan(dest ...any) error }

// scan reads an entry as it is kept, its detail unread.
func scan(row scanner) (k kept, err error) {
	var at int64
	if err := row.Scan(&k.Seq, &at, &k.Name, &k.Role, &k.Address, &k.Act, &k.Kind, &k.About, &k.Node, &k.Site, &k.Text.ZH, &k.Text.EN, &k.detail, &k.salt, &k.seal, &k.Hash); err != nil {
		return k, fmt.Errorf("read audit: %w", err)
	}
	k.At = time.UnixMilli(at)
	return k, nil
}

// A Part is an SQL condition that an entry's site or node is in some part of the street, as the organisation's Scope makes them.
type Part interface {
	All() bool
	Sites(column string) (condition string, args []any)
	Nodes(column string) (condition string, args []any)
}

// A Filter chooses entries; empty fields choose all.
type Filter struct {
	In       Part   // nil: everywhere; what names no site and no node is everywhere alone
	Who      string // exactly
	Act      string // exactly, or all that begin so when it ends with a dot: user.
	Kind     string
	About    string
	Site     string
	Node     string
	From, To time.Time // from included, to not
	Before   int64     // entries with a smaller seq; 0: from the newest
	Limit    int       // most entries
}

// List answers entries, newest first.
func List(ctx context.Context, q db.Querier, f Filter) ([]Entry, error) {
	where, args := f.where()
	rows, err := q.QueryContext(ctx, `SELECT `+columns+` FROM audit WHERE `+where+` ORDER BY seq DESC LIMIT ?`, append(args, f.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("list audit: %w", err)
	}
	defer rows.Close()
	list := []Entry{}
	for rows.Next() {
		k, err := scan(rows)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(k.detail), &k.Detail); err != nil {
			k.Detail = map[string]string{"unreadable": k.detail} // somebody changed it: Verify says so
		}
		list = append(list, k.Entry)
	}
	return list, rows.Err()
}

func (f Filter) where() (string, []any) {
	conditions, args := []string{"1 = 1"}, []any{}
	add := func(condition string, more ...any) {
		conditions, args = append(conditions, condition), append(args, more...)
	}
	if f.In != nil && !f.In.All() {
		sites, a := f.In.Sites("site")
		nodes, b := f.In.Nodes("node")
		add(`((site <> '' OR node <> '') AND (site = '' OR `+sites+`) AND (node = '' OR `+nodes+`))`, append(a, b...)...)
	}
	for column, v := range map[string]string{"who": f.Who, "kind": f.Kind, "about": f.About, "site": f.Site, "node": f.Node} {
		if v != "" {
			add(column+" = ?", v)
		}
	}
	if begin, ok := strings.CutSuffix(f.Act, "."); ok {
		add("substr(act, 1, ?) = ?", len(begin)+1, f.Act)
	} else if f.Act != "" {
		add("act = ?", f.Act)
	}
	if !f.From.IsZero() {
		add("at >= ?", f.From.UnixMilli())
	}
	if !f.To.IsZero() {
		add("at < ?", f.To.UnixMilli())
	}
	if f.Before > 0 {
		add("seq < ?", f.Before)
	}
	return strings.Join(conditions, " AND "), args
}

// A Mark is a place of the chain: who kept it elsewhere can prove that everything up to it is as it was then.
type Mark struct {
	Seq  int64
	Hash string
}

// String is a mark as people keep it, 1234:9f…; ParseMark reads it.
func (m Mark) String() string { return fmt.Sprintf("%d:%s", m.Seq, m.Hash) }

// ParseMark reads a mark.
func ParseMark(s string) (Mark, error) {
	var m Mark
	number, hash, ok := strings.Cut(strings.TrimSpace(s), ":")
	if _, err := fmt.Sscanf(number, "%d", &m.Seq); err != nil || !ok || m.Seq < 0 || len(hash) != 64 || fmt.Sprint(m.Seq) != number ||
		strings.Trim(hash, "0123456789abcdef") != "" {
		return Mark{}, fmt.Errorf("%q is no mark of the audit such as 1234:9f… with 64 digits", s)
	}
	m.Hash = hash
	return m, nil
}

// Head answers the newest entry's mark; Seq 0 without any.
func Head(ctx context.Context, q db.Querier) (Mark, error) { return mark(ctx, q, "head") }

func mark(ctx context.Context, q db.Querier, name string) (Mark, error) {
	var m Mark
	if err := q.QueryRowContext(ctx, `SELECT seq, hash FROM audit_marks WHERE name = ?`, name).Scan(&m.Seq, &m.Hash); err != nil {
		return m, fmt.Errorf("read %s of audit: %w", name, err)
	}
	return m, nil
}

// span answers the numbers of the first and last entry of a time; 0, 0 without any. A zero time is the begin or the end.
func span(ctx context.Context, q db.Querier, from, to time.Time) (first, last int64, err error) {
	where, args := Filter{From: from, To: to}.where()
	var lowest, highest sql.NullInt64
	err = q.QueryRowContext(ctx, `SELECT min(seq), max(seq) FROM audit WHERE `+where, args...).Scan(&lowest, &highest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, 0, fmt.Errorf("find part of audit: %w", err)
	}
	return lowest.Int64, highest.Int64, nil
}
