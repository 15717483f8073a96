package ingest

import (
	"context"
	"database/sql"

	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/ledger"
)

// ran tells the ledger when the gateway was running, by the records behind before that were taken. A time that may be
// wrong tells nothing.
func ran(ctx context.Context, tx *sql.Tx, before uint64, c inbox.Cursor, items []*item) error {
	var runs []ledger.Seen
	for _, it := range items {
		if it.seq <= before || it.seq > c.Cum || it.code != "" || it.untimed {
			continue
		}
		n := len(runs) - 1
		if boot := it.record.GetBoot(); n < 0 || runs[n].Boot != boot {
			runs = append(runs, ledger.Seen{Boot: boot, From: it.wallMs, To: it.wallMs})
			n++
		}
		r := &runs[n]
		r.From, r.To = min(r.From, it.wallMs), max(r.To, it.wallMs)
		r.Readings = append(r.Readings, it.readings...)
	}
	for _, r := range runs {
		if err := ledger.Saw(ctx, tx, c.Gateway, r); err != nil {
			return err
		}
	}
	return nil
}
