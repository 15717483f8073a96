package org

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/rules"
)

// Kinds of journal entries.
const (
	PossibleLoss = "possible_loss"    // records of a gateway may be gone for good
	SecondTwin   = "second_gateway"   // two programs speak with one gateway's name
	ParkedRecord = "parked_record"    // a record could not be applied; it is kept aside
	ForeignSite  = "foreign_site"     // a gateway wants to name a site that is another's
	StorageBad   = "storage_failed"   // a gateway's disk took nothing
	StorageWell  = "storage_well"     // it takes everything again
	RulesChanged = "rules_changed"    // other rules are in force at a gateway
	RulesRefused = "rules_refused"    // new ones were not taken there
	OutputMoved  = "output_moved"     // somebody moved an output, or was refused; what an alert had done is in its incident
	FieldNotice  = "field_notice"     // a notice of a kind that this program does not know
	TreeImported = "tree_imported"    // a person changed the tree of the organisation by a file; of no gateway
	FewReceivers = "few_receivers"    // an alert of class A would not reach people by two ways; of no gateway
	CertEnding   = "certificate_ends" // a gateway has not renewed its certificate in time
	EvidenceKey  = "evidence_key"     // a gateway signs its evidence with another key than before
	Retired      = "decommissioned"   // a person took the gateway out of service, or it came back with a new log after that
)

// An Entry of the journal is something about a gateway that the operator of the cloud should know.
type Entry struct {
	At      time.Time
	Gateway string
	Device  string // empty: it is about no device
	Kind    string
	Text    rules.Text
}

// Note writes an entry.
func Note(ctx context.Context, tx *sql.Tx, e Entry) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO journal (at, gateway, device, kind, zh, en) VALUES (?, ?, ?, ?, ?, ?)`,
		e.At.UnixMilli(), e.Gateway, e.Device, e.Kind, e.Text.ZH, e.Text.EN)
	return wrap(err, "note in journal of", e.Gateway)
}

// NoteOnce writes an entry unless there is the same one of the same gateway already. It answers whether it was written.
func NoteOnce(ctx context.Context, tx *sql.Tx, e Entry) (bool, error) {
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM journal WHERE gateway = ? AND kind = ? AND en = ?`, e.Gateway, e.Kind, e.Text.EN).Scan(&n); err != nil {
		return false, fmt.Errorf("look into journal of %s: %w", e.Gateway, err)
	}
	if n > 0 {
		return false, nil
	}
	return true, Note(ctx, tx, e)
}

// Journal answers the newest entries of a gateway, newest first.
func Journal(ctx context.Context, q db.Querier, gateway string, limit int) ([]Entry, error) {
	rows, err := q.QueryContext(ctx, `SELECT at, gateway, device, kind, zh, en FROM journal WHERE gateway = ? ORDER BY id DESC LIMIT ?`, gateway, limit)
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	defer rows.Close()
	var out []Entry
	for rows.Next() {
		var e Entry
		var at int64
		if err := rows.Scan(&at, &e.Gateway, &e.Device, &e.Kind, &e.Text.ZH, &e.Text.EN); err != nil {
			return nil, fmt.Errorf("read journal entry: %w", err)
		}
		e.At = time.UnixMilli(at)
		out = append(out, e)
	}
	return out, rows.Err()
}
