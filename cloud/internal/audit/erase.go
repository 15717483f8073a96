package audit

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
)

// ActErase is the deed of taking somebody's personal data out of what people did.
const ActErase = "person.erase"

// sumKey is the detail of an erasure that holds the sum over all that it left.
const sumKey = "sum"

// An Erasure takes personal data out of entries.
type Erasure struct {
	Words  []string            // entries without any of them are not looked at
	Change func(e *Entry) bool // changes Name, Address, About, Text and Detail; false: the entry stays as it is
	Deed   func(n int64) Entry // the entry that tells of it, when n were changed
	Now    time.Time
}

// Erase takes personal data out of entries, inside the transaction of the erasure, and adds the entry that tells of it.
// The chain and the marks kept elsewhere stay right. It answers how many entries were changed.
func Erase(ctx context.Context, tx *sql.Tx, x Erasure) (int64, error) {
	if _, err := tx.ExecContext(ctx, `UPDATE audit_marks SET seq = seq WHERE name = 'head'`); err != nil { // nobody adds one meanwhile
		return 0, fmt.Errorf("lock head of audit: %w", err)
	}
	list, err := mentioning(ctx, tx, x.Words)
	if err != nil {
		return 0, err
	}
	base, err := mark(ctx, tx, "base")
	if err != nil {
		return 0, err
	}
	left := map[int64]string{}
	var seqs []int64
	for _, k := range list {
		if err := json.Unmarshal([]byte(k.detail), &k.Detail); err != nil {
			return 0, fmt.Errorf("read detail of audit entry %d: %w", k.Seq, err)
		}
		if !x.Change(&k.Entry) {
			continue
		}
		k.Entry = stored(k.Entry)
		if k.detail, err = detailText(k.Detail); err != nil {
			return 0, fmt.Errorf("erase in audit entry %d: %w", k.Seq, err)
		}
		k.salt = ""
		if _, err := tx.ExecContext(ctx, `UPDATE audit SET who = ?, address = ?, about = ?, zh = ?, en = ?, detail = ?, salt = '' WHERE seq = ?`, k.Name, k.Address,
			k.About, k.Text.ZH, k.Text.EN, k.detail, k.Seq); err != nil {
			return 0, fmt.Errorf("erase in audit entry %d: %w", k.Seq, err)
		}
		before, err := entryMark(ctx, tx, k.Seq-1, base)
		if err != nil {
			return 0, err
		}
		left[k.Seq], seqs = k.left(before.Hash), append(seqs, k.Seq)
	}
	return int64(len(seqs)), tellErased(ctx, tx, x, seqs, left)
}

// tellErased adds the entry of an erasure, and keeps what it left of each entry.
func tellErased(ctx context.Context, tx *sql.Tx, x Erasure, seqs []int64, left map[int64]string) error {
	deed := x.Deed(int64(len(seqs)))
	deed.Act, deed.At = ActErase, x.Now
	texts := make([]string, 0, 2*len(seqs))
	for _, seq := range seqs {
		texts = append(texts, strconv.FormatInt(seq, 10), left[seq])
	}
	if deed.Detail == nil {
		deed.Detail = map[string]string{}
	}
	deed.Detail[sumKey] = sum(texts...)
	if err := Add(ctx, tx, deed); err != nil {
		return err
	}
	head, err := mark(ctx, tx, "head")
	if err != nil {
		return err
	}
	for _, seq := range seqs {
		if _, err := tx.ExecContext(ctx, `INSERT INTO audit_erased (seq, deed, sum) VALUES (?, ?, ?)`, seq, head.Seq, left[seq]); err != nil {
			return fmt.Errorf("keep what an erasure left: %w", err)
		}
	}
	return nil
}

// mentioning answers the entries that hold one of some words, oldest first.
func mentioning(ctx context.Context, q db.Querier, words []string) ([]kept, error) {
	var conditions []string
	var args []any
	for _, w := range words {
		for _, column := range []string{"who", "about", "zh", "en", "detail"} {
			conditions, args = append(conditions, column+` LIKE ? ESCAPE '\'`), append(args, "%"+strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(w)+"%")
		}
	}
	if len(conditions) == 0 {
		return nil, nil
	}
	rows, err := q.QueryContext(ctx, `SELECT `+columns+` FROM audit WHERE `+strings.Join(conditions, " OR ")+` ORDER BY seq`, args...)
	if err != nil {
		return nil, fmt.Errorf("read audit: %w", err)
	}
	defer rows.Close()
	var list []kept
	for rows.Next() {
		k, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, k)
	}
	return list, errors.Join(rows.Err(), rows.Close())
}

// left is the sum of an entry as it is after an erasure. It holds the hash before it too: of entries from before there were
// seals nothing else ties it to its place.
func (k *kept) left(before string) string {
	number := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(k.Seq)), uint64(k.At.UnixMilli()))
	return sum(append([]string{"left", before, string(number), k.Role, k.Act, k.Kind, k.Node, k.Site, k.seal, k.Hash}, k.personal()...)...)
}

// readErased reads what erasures left, and holds it against the entries that tell of them.
func (v *verifier) readErased(ctx context.Context, q db.Querier) error {
	v.erased, v.untold = map[int64]string{}, map[int64]bool{}
	told, err := erasures(ctx, q)
	if err != nil {
		return err
	}
	rows, err := q.QueryContext(ctx, `SELECT deed, seq, sum FROM audit_erased ORDER BY deed, seq`)
	if err != nil {
		return fmt.Errorf("read erased audit: %w", err)
	}
	defer rows.Close()
	texts := map[int64][]string{}
	for rows.Next() {
		var deed, seq int64
		var left string
		if err := rows.Scan(&deed, &seq, &left); err != nil {
			return fmt.Errorf("read erased audit: %w", err)
		}
		texts[deed] = append(texts[deed], strconv.FormatInt(seq, 10), left)
		if _, ok := told[deed]; ok && seq < deed {
			v.erased[seq] = left // the last one counts
		}
	}
	for deed, total := range told {
		v.untold[deed] = sum(texts[deed]...) != total
	}
	return rows.Err()
}

// erasures answers what the entries that tell of erasures say they left.
func erasures(ctx context.Context, q db.Querier) (map[int64]string, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+columns+` FROM audit WHERE act = ?`, ActErase)
	if err != nil {
		return nil, fmt.Errorf("read audit: %w", err)
	}
	defer rows.Close()
	told := map[int64]string{}
	for rows.Next() {
		k, err := scan(rows)
		if err != nil {
			return nil, err
		}
		if json.Unmarshal([]byte(k.detail), &k.Detail) != nil {
			k.Detail = nil // somebody changed it, and the sum is not right
		}
		told[k.Seq] = k.Detail[sumKey]
	}
	return told, rows.Err()
}
