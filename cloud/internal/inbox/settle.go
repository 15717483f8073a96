package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/series"
)

// While the store has rounds in its memory alone, their records stay in the inbox.
const (
	settlePace = time.Second     // between two looks at what is settled, when nothing is written
	lookBehind = 2 * time.Second // between two reads of the inbox from its beginning, past what was written already
)

// A written round is in the store, and its records are still in the inbox.
type written struct {
	rows       []row
	unreadable []record
	readings   int
	refused    *series.RefusedError
	receipt    series.Receipt // nil: the store has it on its disk
}

type row struct {
	id      int64
	gateway string
}

func newWritten(r *round, refused *series.RefusedError, receipt series.Receipt) *written {
	w := &written{rows: make([]row, len(r.records)), readings: r.readings, refused: refused, receipt: receipt}
	for i, x := range r.records {
		w.rows[i] = row{x.id, x.gateway}
		if x.why != "" {
			w.unreadable = append(w.unreadable, x)
		}
	}
	return w
}

func (w *written) refusals() (n int) {
	if w.refused != nil {
		for _, bad := range w.refused.Refusals {
			n += len(bad.Times)
		}
	}
	return n
}

// keep remembers a round until it is settled, and notes in SQL that nothing of it has to be brought to the store.
func (d *Drain) keep(ctx context.Context, w *written) error {
	newest := map[string]int64{}
	for _, x := range w.rows {
		newest[x.gateway] = max(newest[x.gateway], x.id)
	}
	gateways := names(w.rows)
	err := d.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		if err := d.prove(ctx, tx, gateways); err != nil {
			return err
		}
		for chunk := range slices.Chunk(gateways, 200) {
			args := make([]any, 0, 2*len(chunk))
			for _, g := range chunk {
				args = append(args, g, newest[g])
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO written (gateway, id) VALUES (?, ?)`+strings.Repeat(", (?, ?)", len(chunk)-1)+
				` ON CONFLICT (gateway) DO UPDATE SET id = CASE WHEN excluded.id > written.id THEN excluded.id ELSE written.id END`, args...); err != nil {
				return fmt.Errorf("note what is written: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range w.rows {
		d.pending[x.id] = true
	}
	d.waiting = append(d.waiting, w)
	return nil
}

// settle deletes what has reached the store's disk by now, and lets what the store lost be written again.
func (d *Drain) settle(ctx context.Context) error {
	var lost int
	for len(d.waiting) > 0 {
		_, err := d.waiting[0].receipt.Settled(ctx)
		if !errors.Is(err, series.ErrForgotten) {
			break
		}
		if err := d.forget(ctx, d.waiting[0]); err != nil {
			return err
		}
		lost += len(d.waiting[0].rows)
		d.waiting = d.waiting[1:]
	}
	if lost > 0 {
		d.metrics.again.Add(float64(lost))
		d.cfg.Log.Warn("the series store was started again before it had all on its disk; records are written again", "records", lost)
	}
	n := 0
	for ; n < len(d.waiting); n++ {
		ok, err := d.waiting[n].receipt.Settled(ctx)
		if err != nil && !errors.Is(err, series.ErrForgotten) {
			return fmt.Errorf("ask what the series store has on its disk: %w", err)
		} else if err != nil || !ok {
			break
		}
	}
	if n == 0 {
		return nil
	}
	if err := d.finish(ctx, d.waiting[:n]...); err != nil {
		return err
	}
	for _, w := range d.waiting[:n] {
		d.unmark(w)
	}
	d.waiting = slices.Delete(d.waiting, 0, n)
	return nil
}

// forget lets the records of a round be read again.
func (d *Drain) forget(ctx context.Context, w *written) error {
	gateways := names(w.rows)
	for chunk := range slices.Chunk(gateways, 200) {
		args := make([]any, len(chunk))
		for i, g := range chunk {
			args[i] = g
		}
		if err := d.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `DELETE FROM written WHERE gateway IN (?`+strings.Repeat(", ?", len(chunk)-1)+`)`, args...)
			return err
		}); err != nil {
			return fmt.Errorf("forget what was written: %w", err)
		}
	}
	d.unmark(w)
	d.looked = time.Time{}
	return nil
}

func (d *Drain) unmark(w *written) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range w.rows {
		delete(d.pending, x.id)
	}
}

// isPending says whether a record is in the store's memory and waits to be settled.
func (d *Drain) isPending(id int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pending[id]
}

// begin is the id behind which the inbox is read: that of the newest record seen, or now and then its beginning, since
// identities of an empty table begin anew, and on PostgreSQL one may appear behind a larger one.
func (d *Drain) begin() int64 {
	if len(d.waiting) == 0 || time.Since(d.looked) >= lookBehind {
		d.looked, d.seen = time.Now(), 0
	}
	return d.seen
}

// unparked is how many refused readings are in memory until their round is settled.
func (d *Drain) unparked() (n int) {
	for _, w := range d.waiting {
		n += w.refusals()
	}
	return n
}

// prove fails unless the gateways are this worker's.
func (d *Drain) prove(ctx context.Context, tx *sql.Tx, gateways []string) error {
	if d.cfg.Leases == nil {
		return nil
	}
	if err := d.cfg.Leases.Prove(ctx, tx, gateways); err != nil {
		return fmt.Errorf("prove leases: %w", err)
	}
	return nil
}

// names are the gateways of rows, in order, each once.
func names(rows []row) []string {
	var out []string
	for _, x := range rows {
		if len(out) == 0 || out[len(out)-1] != x.gateway {
			out = append(out, x.gateway)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
