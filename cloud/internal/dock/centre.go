package dock

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/dock/gb26875"
)

// What devices are at a monitoring centre: type of the system and of the part. Numbers from 128 on are by agreement.
func partOf(kind string) (system, part byte) {
	switch kind {
	case "gas":
		return 1, 12 // stand-alone gas detector
	case "valve":
		return 1, 106 // pipe solenoid valve
	case "siren":
		return 1, 121 // sounder
	case "charger", "meter", "socket":
		return 128, 128
	case "door", "access":
		return 129, 129
	case "camera":
		return 130, 130
	}
	return 0, 0
}

func stateOf(s Status) uint16 {
	switch s {
	case Alarm:
		return gb26875.Normal | gb26875.Alarm
	case Fault:
		return gb26875.Normal | gb26875.Fault
	}
	return gb26875.Normal
}

// Next implements the line's Source: an answered duty check first, then the oldest state.
func (s *sender) Next(ctx context.Context) ([]byte, error) {
	s.current = nil
	if mine := s.service.cfg.Mine; mine != nil && !mine() {
		return nil, errNotMine
	}
	zone := s.service.cfg.Zone
	answered, err := s.answered(ctx)
	if err != nil {
		return nil, err
	}
	if !answered.IsZero() {
		return gb26875.EncodeOperation(gb26875.AnsweredCheck, answered.In(zone)), nil
	}
	n, err := s.next(ctx)
	if err != nil || n == nil {
		return nil, err
	}
	s.current = n
	system, part := partOf(n.kind)
	text := n.place + n.name
	if n.place == "" || n.place == n.name {
		text = n.name
	}
	return gb26875.EncodeParts(gb26875.Part{System: system, Type: part, Address: n.address, State: stateOf(n.status), Text: text, At: time.UnixMilli(n.at).In(zone)})
}

// errNotMine ends a line: another process of the cloud sends now.
var errNotMine = errors.New("another process sends now")

// Sent implements the line's Source.
func (s *sender) Sent(ctx context.Context, err error) error {
	n := s.current
	if n == nil {
		return s.toldCheck(ctx, err)
	}
	o := outcome{ok: err == nil, refused: errors.Is(err, gb26875.ErrRejected), answer: "confirmed"}
	if err != nil {
		o.answer = err.Error()
	}
	return s.keep(ctx, n, o)
}

// Asked implements the line's Source: the question waits for a person (Answer).
func (s *sender) Asked(ctx context.Context) error {
	return s.service.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO dock_checks (target, asked, answered, who, told) VALUES (?, ?, 0, '', 0) ON CONFLICT (target, asked) DO NOTHING`,
			s.target.ID, s.service.cfg.Now().UnixMilli()); err != nil {
			return fmt.Errorf("keep duty check of %s: %w", s.target.ID, err)
		}
		if s.service.cfg.Asked == nil {
			return nil
		}
		return s.service.cfg.Asked(ctx, tx, s.target.ID)
	})
}

// answered is when a person answered the duty check that the target does not know of yet; the zero time without one.
func (s *sender) answered(ctx context.Context) (time.Time, error) {
	var at sql.NullInt64
	if err := s.service.cfg.DB.Reader().QueryRowContext(ctx, `SELECT max(answered) FROM dock_checks WHERE target = ? AND told = 0 AND answered > 0`, s.target.ID).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("read duty checks of %s: %w", s.target.ID, err)
	}
	if !at.Valid {
		return time.Time{}, nil
	}
	return time.UnixMilli(at.Int64), nil
}

// toldCheck notes that the target knows of an answer, or will not hear of it.
func (s *sender) toldCheck(ctx context.Context, err error) error {
	if err != nil && !errors.Is(err, gb26875.ErrRejected) {
		return nil // again with the next line
	}
	return s.service.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE dock_checks SET told = 1 WHERE target = ? AND answered > 0`, s.target.ID)
		return err
	})
}
