package audit

import (
	"context"
	"database/sql"
)

// AddUnsealed adds an entry as it was before there were seals.
func AddUnsealed(ctx context.Context, tx *sql.Tx, e Entry) error {
	head, err := mark(ctx, tx, "head")
	if err != nil {
		return err
	}
	e.Seq = head.Seq + 1
	k := kept{Entry: e, detail: "{}"}
	k.Hash = k.hash(head.Hash)
	if _, err := tx.ExecContext(ctx, `INSERT INTO audit (`+columns+`) VALUES (?, ?, ?, ?, ?, ?, '', '', '', '', '', '', '{}', '', '', ?)`, k.Seq, k.At.UnixMilli(), k.Name, k.Role, k.Address, k.Act, k.Hash); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE audit_marks SET seq = ?, hash = ? WHERE name = 'head'`, k.Seq, k.Hash)
	return err
}
