package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/rules"
)

// maxFaults bounds what one look at the chain tells.
const maxFaults = 100

// A Fault is a place where the chain is not what it was.
type Fault struct {
	Seq  int64
	Text rules.Text
}

// A Report is what a look at the chain found. Without faults nobody has touched it since the marks were kept.
type Report struct {
	Entries int64 // looked at
	First   int64
	Last    int64
	Head    Mark
	Marks   int // kept elsewhere, and held against the chain
	Faults  []Fault
}

// Verify goes through the entries of a time, the zero times meaning all, and holds marks against them that were kept
// elsewhere.
func Verify(ctx context.Context, q db.Querier, from, to time.Time, marks []Mark) (Report, error) {
	head, err := Head(ctx, q)
	if err != nil {
		return Report{}, err
	}
	base, err := mark(ctx, q, "base")
	if err != nil {
		return Report{}, err
	}
	v := verifier{report: Report{Head: head, Marks: len(marks)}, before: base, kept: map[int64][]string{}}
	if err := v.readErased(ctx, q); err != nil {
		return Report{}, err
	}
	for _, m := range marks {
		v.kept[m.Seq] = append(v.kept[m.Seq], m.Hash)
	}
	first, last := base.Seq+1, head.Seq
	if whole := from.IsZero() && to.IsZero(); !whole {
		if first, last, err = span(ctx, q, from, to); err != nil || first == 0 {
			return v.report, err
		}
		if v.before, err = entryMark(ctx, q, first-1, base); err != nil {
			return v.report, err
		}
	}
	if err := v.walk(ctx, q, first, last); err != nil {
		return v.report, err
	}
	if last == head.Seq {
		v.end(head)
		if err := v.behind(ctx, q); err != nil {
			return v.report, err
		}
	}
	if err := v.baseAttested(ctx, q, base); err != nil {
		return v.report, err
	}
	v.unseen(base, last)
	return v.report, nil
}

// entryMark is the mark of one entry, or the base where it was deleted in time.
func entryMark(ctx context.Context, q db.Querier, seq int64, base Mark) (Mark, error) {
	if seq <= base.Seq {
		return base, nil
	}
	m := Mark{Seq: seq}
	err := q.QueryRowContext(ctx, `SELECT hash FROM audit WHERE seq = ?`, seq).Scan(&m.Hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return m, fmt.Errorf("read audit: %w", err)
	}
	return m, nil
}

type verifier struct {
	report Report
	before Mark
	kept   map[int64][]string // marks of others, until their entry was seen
	erased map[int64]string   // what entries are since the last erasure that the chain tells of
	untold map[int64]bool     // erasures that are not what the chain tells of them
}

func (v *verifier) fault(seq int64, zh, en string, args ...any) {
	if len(v.report.Faults) < maxFaults {
		v.report.Faults = append(v.report.Faults, Fault{seq, rules.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}})
	}
}

func (v *verifier) walk(ctx context.Context, q db.Querier, first, last int64) error {
	rows, err := q.QueryContext(ctx, `SELECT `+columns+` FROM audit WHERE seq <= ? AND seq >= ? ORDER BY seq`, last, first)
	if err != nil {
		return fmt.Errorf("read audit: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		k, err := scan(rows)
		if err != nil {
			return err
		}
		v.look(&k)
	}
	return rows.Err()
}

func (v *verifier) look(e *kept) {
	r := &v.report
	if r.Entries == 0 {
		r.First = e.Seq
	}
	r.Entries, r.Last = r.Entries+1, e.Seq
	switch gap := e.Seq - v.before.Seq - 1; {
	case gap > 0:
		v.fault(v.before.Seq+1, "缺少第 %d 至 %d 条记录", "entries %d to %d are missing", v.before.Seq+1, e.Seq-1)
	case !v.right(e):
		v.fault(e.Seq, "第 %d 条记录或它之前的记录被改动、插入或调换", "entry %d, or the one before it, was changed, inserted or moved", e.Seq)
	}
	for _, h := range v.kept[e.Seq] {
		if h != e.Hash {
			v.fault(e.Seq, "第 %d 条记录与另存的校验值不同：从头到这里被重写过", "entry %d is not that of the mark kept elsewhere: the chain up to here was written anew", e.Seq)
		}
	}
	delete(v.kept, e.Seq)
	if v.untold[e.Seq] {
		v.fault(e.Seq, "第 %d 条说删除了个人信息，但留下的内容与它所说的不同", "entry %d tells of personal data that was erased, and what is left is not what it says", e.Seq)
	}
	v.before = Mark{e.Seq, e.Hash}
}

// right says whether an entry is what was written, or what an erasure left of it that the chain tells of.
func (v *verifier) right(e *kept) bool {
	left, erased := v.erased[e.Seq]
	switch {
	case erased && left != e.left(v.before.Hash):
		return false
	case e.seal == "":
		return erased || e.hash(v.before.Hash) == e.Hash
	}
	return e.hash(v.before.Hash) == e.Hash && (erased && e.salt == "" || e.sealed() == e.seal)
}

// end holds the last entry against the head.
func (v *verifier) end(head Mark) {
	if v.before != head {
		v.fault(head.Seq, "末尾应为第 %d 条记录，实际为第 %d 条：最后的记录被删除或改动", "the chain must end with entry %d and ends with %d: its end was removed or changed",
			head.Seq, v.before.Seq)
	}
}

// behind looks for entries behind the head: Add moves it with every one.
func (v *verifier) behind(ctx context.Context, q db.Querier) error {
	var n int64
	if err := q.QueryRowContext(ctx, `SELECT count(*) FROM audit WHERE seq > (SELECT seq FROM audit_marks WHERE name = 'head')`).Scan(&n); err != nil {
		return fmt.Errorf("read audit: %w", err)
	}
	if n > 0 {
		v.fault(v.report.Head.Seq+1, "末尾之后多出 %d 条插入的记录", "%d entries were inserted behind the end", n)
	}
	return nil
}

// unseen tells marks that lie behind the end of the chain.
func (v *verifier) unseen(base Mark, last int64) {
	for seq := range v.kept {
		if seq > last && last == v.report.Head.Seq {
			v.fault(seq, "另存的校验值是第 %d 条记录的，但记录只到第 %d 条：末尾被截断", "a mark was kept of entry %d, but the chain ends with %d: its end was cut off", seq, last)
		}
	}
	for _, h := range v.kept[base.Seq] {
		if h != base.Hash && base.Seq > 0 {
			v.fault(base.Seq, "已到期删除的记录与另存的校验值不同", "what was deleted in time is not what the mark kept elsewhere says")
		}
	}
}

// ActPrune is the deed of the retention: entries up to About were deleted.
const ActPrune = "audit.prune"

// baseAttested says whether an entry of the chain itself tells that everything up to the base was deleted in time.
func (v *verifier) baseAttested(ctx context.Context, q db.Querier, base Mark) error {
	if base.Seq == 0 {
		return nil
	}
	var n int
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM audit WHERE act = ? AND about = ?`, ActPrune, base.String()).Scan(&n)
	if err != nil {
		return fmt.Errorf("read audit: %w", err)
	}
	if n == 0 {
		v.fault(base.Seq, "前 %d 条记录被删除，但没有到期删除的记录", "entries up to %d were removed, and no entry tells that it was their time", base.Seq)
	}
	return nil
}
