package ingest

import (
	"context"
	"database/sql"

	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/ledger"
)

// ran tells the ledger when the gateway was running, by the records behind before that were taken. A time that may be
// wrong tells nothing.
func (s *Service) ran(ctx context.Context, tx *sql.Tx, before uint64, c inbox.Cursor, items []*item) error {
	var runs []ledger.Seen
	add := func(boot uint32, at int64) *ledger.Seen {
		n := len(runs) - 1
		if n < 0 || runs[n].Boot != boot {
			runs = append(runs, ledger.Seen{Boot: boot, From: at, To: at})
			n++
		}
		r := &runs[n]
		r.From, r.To = min(r.From, at), max(r.To, at)
		return r
	}
	for _, it := range items {
		if it.seq <= before || it.seq > c.Cum || it.code != "" || it.chunk != nil {
			continue
		}
		if it.origin != nil { // its readings say when that start ended, and nothing about this one
			if !it.astray {
				add(it.origin.GetBoot(), it.originMs)
			}
			if !it.untimed {
				add(it.record.GetBoot(), it.wallMs)
			}
			continue
		}
		if it.untimed {
			continue
		}
		if r := add(it.record.GetBoot(), it.wallMs); it.event == nil {
			r.Readings = append(r.Readings, ledger.Reported{Oldest: it.span.oldest, Before: func(ms int64) (int64, error) { return s.before(it.stored(), ms) }})
		}
	}
	for _, r := range runs {
		if err := ledger.Saw(ctx, tx, c.Gateway, r); err != nil {
			return err
		}
	}
	return nil
}
