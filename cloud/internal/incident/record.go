package incident

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/db"
)

// A Step is one deed on an incident: who, when, with what evidence. Times are Unix ms.
type Step struct {
	N    int    `json:"n" doc:"1, 2, … within the incident"`
	Deed string `json:"deed"`
	Text Text   `json:"text" doc:"the deed's name"`
	From string `json:"from,omitempty" doc:"the step before; absent: the first"`
	To   string `json:"to" doc:"the step after: the same when the deed moves nothing"`
	At   int64  `json:"at"`
	By   string `json:"by,omitempty" doc:"absent: a limit or the gateway"`
	Note string `json:"note,omitempty"`
	Due  int64  `json:"due,omitempty" doc:"the limit that it ends"`
	Late bool   `json:"late,omitempty" doc:"it came after the limit"`
	Facts
	Photos []Photo `json:"photos,omitempty"`
}

// Facts are what was given with a deed, beside its note and photos.
type Facts struct {
	Measured []Measured `json:"measured,omitempty" doc:"what somebody measured on the spot"`
	Assignee *Assignee  `json:"assignee,omitempty"`
	Outcome  string     `json:"outcome,omitempty"`
	Severity string     `json:"severity,omitempty" doc:"the class that it was given"`
	Whistle  int        `json:"whistle,omitempty"`
	Until    int64      `json:"until,omitempty"`
	Rating   int        `json:"rating,omitempty"`
	Told     []string   `json:"told,omitempty" doc:"who was urged"`
}

// Measured is a value that somebody measured by hand.
type Measured struct {
	Name  string  `json:"name" minLength:"1" maxLength:"40"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty" maxLength:"20"`
}

// sentBefore says whether a person's deed with a key is there already.
func sentBefore(ctx context.Context, tx *sql.Tx, id, who, key string) (bool, error) {
	if key == "" {
		return false, nil
	}
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM incident_steps WHERE incident = ? AND who = ? AND key = ?`, id, who, key).Scan(&n); err != nil {
		return false, fmt.Errorf("look for a deed of %s: %w", id, err)
	}
	return n > 0, nil
}

// keepKey writes a deed's key to the last step that it made.
func (m *move) keepKey() error {
	if m.given.Key == "" || m.last == 0 {
		return nil
	}
	if _, err := m.tx.ExecContext(m.ctx, `UPDATE incident_steps SET key = ? WHERE incident = ? AND n = ?`, m.given.Key, m.in.ID, m.last); err != nil {
		return fmt.Errorf("keep key of a deed of %s: %w", m.in.ID, err)
	}
	return nil
}

// record keeps a deed and links its photos. It answers the deed's number.
func record(ctx context.Context, tx *sql.Tx, in *Incident, st Step) (int, error) {
	facts, err := json.Marshal(st.Facts)
	if err != nil {
		return 0, fmt.Errorf("encode step of %s: %w", in.ID, err)
	}
	var n int
	if err := tx.QueryRowContext(ctx, `INSERT INTO incident_steps (incident, n, deed, from_step, to_step, at, who, note, due, late, detail)
		SELECT ?, coalesce(max(n), 0) + 1, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM incident_steps WHERE incident = ? RETURNING n`,
		in.ID, st.Deed, st.From, st.To, st.At, st.By, st.Note, st.Due, st.Late, string(facts), in.ID).Scan(&n); err != nil {
		return 0, fmt.Errorf("keep step of %s: %w", in.ID, err)
	}
	return n, nil
}

// Steps answers the deeds on an incident, oldest first, with their photos.
func Steps(ctx context.Context, q db.Querier, id string) ([]Step, error) {
	photos, err := Photos(ctx, q, id)
	if err != nil {
		return nil, err
	}
	rows, err := q.QueryContext(ctx, `SELECT n, deed, from_step, to_step, at, who, note, due, late, detail FROM incident_steps WHERE incident = ? ORDER BY n`, id)
	if err != nil {
		return nil, fmt.Errorf("read steps of %s: %w", id, err)
	}
	defer rows.Close()
	out := []Step{}
	for rows.Next() {
		var st Step
		var facts string
		if err := rows.Scan(&st.N, &st.Deed, &st.From, &st.To, &st.At, &st.By, &st.Note, &st.Due, &st.Late, &facts); err != nil {
			return nil, fmt.Errorf("read steps of %s: %w", id, err)
		}
		if err := json.Unmarshal([]byte(facts), &st.Facts); err != nil {
			return nil, fmt.Errorf("read steps of %s: %w", id, err)
		}
		st.Text = DeedText(st.Deed)
		for _, p := range photos {
			if p.Step == st.N {
				st.Photos = append(st.Photos, p)
			}
		}
		out = append(out, st)
	}
	return out, rows.Err()
}

// DeedText names a deed.
func DeedText(deed string) Text {
	if t, ok := transition(deed); ok {
		return t.Text
	}
	if deed == Report {
		return Text{"上报", "Reported"}
	}
	return Text{deed, deed}
}
