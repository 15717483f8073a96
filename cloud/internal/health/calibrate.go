package health

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// A Calibration is when a device was calibrated or tested, and when it is due again. Days are such as 2026-11-22.
type Calibration struct {
	Gateway string `json:"gateway" yaml:"gateway" minLength:"1" maxLength:"80"`
	Device  string `json:"device" yaml:"device" minLength:"1" maxLength:"80"`
	Done    string `json:"done" yaml:"done" maxLength:"10" doc:"day on which it was done, 2026-11-22"`
	Due     string `json:"due" yaml:"due" maxLength:"10" doc:"day until which it must be done again"`
	Note    string `json:"note,omitempty" yaml:"note" required:"false" maxLength:"200"`

	Line int `json:"-" yaml:"-"` // of the file; 0: of none
}

// A Mistake says why a calibration was not taken.
type Mistake struct {
	Line int           `json:"line" doc:"of the file, or place in the list, from 1"`
	Text incident.Text `json:"text"`
}

// CalibrationsTaken is what became of a list of calibrations.
type CalibrationsTaken struct {
	Taken    int       `json:"taken"`
	Mistakes []Mistake `json:"mistakes" doc:"of those that were not taken"`
}

// mostCalibrations is how many one list may hold: a street's devices.
const mostCalibrations = 50_000

// Calibrate takes calibrations of devices in a scope. What is wrong is told and left out; the rest is taken.
func Calibrate(ctx context.Context, d *db.DB, of tree.Scope, list []Calibration, now time.Time) (CalibrationsTaken, error) {
	out := CalibrationsTaken{Mistakes: []Mistake{}}
	if len(list) > mostCalibrations {
		out.Mistakes = append(out.Mistakes, Mistake{0, incident.Text{ZH: fmt.Sprintf("一次最多 %d 条", mostCalibrations), EN: fmt.Sprintf("at most %d at once", mostCalibrations)}})
		return out, nil
	}
	where, args := of.Sites("g.site")
	err := d.Update(ctx, func(tx *sql.Tx) error {
		out = CalibrationsTaken{Mistakes: []Mistake{}}
		touched := map[string]bool{}
		for i, c := range list {
			line := c.Line
			if line == 0 {
				line = i + 1
			}
			wrong := c.check(now)
			if wrong == (incident.Text{}) {
				var one int
				err := tx.QueryRowContext(ctx, `SELECT 1 FROM devices d JOIN gateways g ON g.id = d.gateway WHERE d.gateway = ? AND d.id = ? AND `+where,
					append([]any{c.Gateway, c.Device}, args...)...).Scan(&one)
				if errors.Is(err, sql.ErrNoRows) {
					wrong = incident.Text{ZH: fmt.Sprintf("没有设备 %s / %s", c.Gateway, c.Device), EN: fmt.Sprintf("there is no device %s / %s", c.Gateway, c.Device)}
				} else if err != nil {
					return fmt.Errorf("find device %s: %w", c.Device, err)
				}
			}
			if wrong != (incident.Text{}) {
				out.Mistakes = append(out.Mistakes, Mistake{line, wrong})
				continue
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO calibrations (gateway, device, done_on, due_on, note, who, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (gateway, device) DO UPDATE SET done_on = excluded.done_on, due_on = excluded.due_on, note = excluded.note, who = excluded.who, at_ms = excluded.at_ms`,
				c.Gateway, c.Device, c.Done, c.Due, c.Note, audit.Who(ctx).Name, now.UnixMilli()); err != nil {
				return fmt.Errorf("note calibration of %s: %w", c.Device, err)
			}
			out.Taken++
			touched[c.Gateway] = true
		}
		if out.Taken == 0 {
			return nil
		}
		if err := redate(ctx, tx, touched); err != nil {
			return err
		}
		return audit.Add(ctx, tx, audit.Entry{At: now, Act: "calibration.put", Kind: "calibration", About: list[0].Gateway + "/" + list[0].Device,
			Detail: map[string]string{"taken": strconv.Itoa(out.Taken), "refused": strconv.Itoa(len(out.Mistakes))}})
	})
	return out, err
}

func (c Calibration) check(now time.Time) incident.Text {
	done, err := time.Parse(time.DateOnly, c.Done)
	if err != nil {
		return incident.Text{ZH: fmt.Sprintf("校准日期 %q 不是 2026-11-22 这样的日期", c.Done), EN: fmt.Sprintf("done %q is no day such as 2026-11-22", c.Done)}
	}
	due, err := time.Parse(time.DateOnly, c.Due)
	switch {
	case err != nil:
		return incident.Text{ZH: fmt.Sprintf("到期日期 %q 不是 2026-11-22 这样的日期", c.Due), EN: fmt.Sprintf("due %q is no day such as 2026-11-22", c.Due)}
	case !due.After(done):
		return incident.Text{ZH: "到期日期必须晚于校准日期", EN: "due must lie after done"}
	case done.After(now.AddDate(0, 0, 1)):
		return incident.Text{ZH: "校准日期在将来", EN: "done lies in the future"}
	}
	return incident.Text{}
}

// redate puts the days into the digests: who asks next shall see them.
func redate(ctx context.Context, tx *sql.Tx, gateways map[string]bool) error {
	for _, g := range slices.Sorted(maps.Keys(gateways)) {
		sensors, known, err := digestOf(ctx, tx, g)
		if err != nil {
			return err
		}
		if !known {
			continue
		}
		due := map[string]int64{}
		if err := each(ctx, tx, `SELECT device, due_on FROM calibrations WHERE gateway = ?`, []any{g}, func(rows *sql.Rows) error {
			var id, day string
			err := rows.Scan(&id, &day)
			due[id] = dayNumber(day)
			return err
		}); err != nil {
			return fmt.Errorf("read calibrations of %s: %w", g, err)
		}
		for i := range sensors {
			sensors[i].due = due[sensors[i].id]
		}
		if _, err := tx.ExecContext(ctx, `UPDATE health_digests SET body = ? WHERE gateway = ?`, encode(sensors), g); err != nil {
			return fmt.Errorf("write health of %s: %w", g, err)
		}
	}
	return nil
}
