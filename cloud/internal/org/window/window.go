// Package window keeps the times in which a site is under maintenance (检修): what is tested and taken apart there raises
// alerts that ask nobody for help. Alerts of class B and C that come meanwhile are recorded and nobody is told; class A is
// told always. A window is announced ahead, to those who answer for the site, and ends by itself or by a person; what still
// lasts then is told. A device can be snoozed (静默) by who is at work there: the same for its alerts alone, for an hour at most.
package window

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/timer"
)

// A Window is one time of maintenance. Times are Unix ms.
type Window struct {
	ID      int64  `json:"id"`
	Site    string `json:"site"`
	Gateway string `json:"gateway,omitempty" doc:"of a snooze (静默): the gateway of the one device; absent: the window is of the whole site"`
	Device  string `json:"device,omitempty"`
	Name    string `json:"name,omitempty" doc:"of a snooze: how people call the device"`
	Place   string `json:"place,omitempty" doc:"of a snooze: where the device is"`
	From    int64  `json:"from"`
	Until   int64  `json:"until" doc:"when it ends by itself; of one that a person ended: when that was"`
	Reason  string `json:"reason"`
	Crew    string `json:"crew" doc:"who works there, and how they are reached; empty of a snooze"`
	Who     string `json:"who" doc:"who announced it"`
	EndedBy string `json:"endedBy,omitempty"`
}

// Config is what a Service needs.
type Config struct {
	DB     *db.DB
	Teller Teller // nil: nobody is told of windows
	Now    func() time.Time
	// Begun is called inside the transaction in which a device is snoozed; what fires there is quiet from then on.
	Begun func(ctx context.Context, tx *sql.Tx, w Window) error
	// Ended is called inside the transaction in which the last window of a site, or a snooze, is over; what was kept quiet is told there.
	Ended func(ctx context.Context, tx *sql.Tx, w Window) error
}

// A Service announces and ends windows.
type Service struct{ cfg Config }

// New makes a service.
func New(cfg Config) *Service { return &Service{cfg} }

// Limits: who needs longer says so again, so that no site stays quiet because somebody forgot.
const (
	longest = 7 * 24 * time.Hour
	ahead   = 90 * 24 * time.Hour
)

// Announce writes a window down and tells those who answer for its site. From before now is now. An *org.Refusal: it makes no
// sense.
func (s *Service) Announce(ctx context.Context, w Window) (Window, error) {
	now := s.cfg.Now().UnixMilli()
	w.From, w.Reason, w.Crew = max(w.From, now), strings.TrimSpace(w.Reason), strings.TrimSpace(w.Crew)
	switch {
	case w.Reason == "" || w.Crew == "":
		return w, org.Refuse("请写明检修原因和谁在现场", "say why, and who works there")
	case w.Gateway != "" || w.Device != "":
		return w, org.Refuse("检修按小区安排，单台设备请用静默", "a window is of a site: snooze a single device")
	case w.Until <= w.From:
		return w, org.Refuse("结束时间要晚于开始时间", "it must end after its begin")
	case w.Until-w.From > longest.Milliseconds() || w.From-now > ahead.Milliseconds():
		return w, org.Refuse("检修最多提前 90 天安排，一次最长 7 天；到期前可以再安排一次", "a window is announced 90 days ahead at most and lasts 7 days at most; announce another one for longer")
	}
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		if err := w.begin(ctx, tx); err != nil {
			return err
		}
		if err := s.tell(ctx, tx, w); err != nil {
			return err
		}
		return w.note(ctx, tx, "window.announced", now)
	})
	return w, err
}

// begin writes a window down, with the timer of its end.
func (w *Window) begin(ctx context.Context, tx *sql.Tx) error {
	if err := tx.QueryRowContext(ctx, `INSERT INTO windows (site, gateway, device, from_ms, until_ms, reason, crew, who, ended_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '') RETURNING id`,
		w.Site, w.Gateway, w.Device, w.From, w.Until, w.Reason, w.Crew, w.Who).Scan(&w.ID); err != nil {
		return fmt.Errorf("announce maintenance of %s: %w", w.Site, err)
	}
	return timer.Set(ctx, tx, endTimer, strconv.FormatInt(w.ID, 10), time.UnixMilli(w.Until))
}

// End ends a window of a site now, or calls one off that has not begun.
func (s *Service) End(ctx context.Context, site string, id int64, who string) error {
	now := s.cfg.Now().UnixMilli()
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		w, err := one(ctx, tx, id)
		if err != nil {
			return err
		}
		if w.Site != site {
			return fmt.Errorf("window %d of site %s: %w", id, site, org.ErrUnknown)
		}
		if w.Until <= now {
			return org.Refuse("已经结束", "it is over already")
		}
		w.From, w.Until, w.EndedBy = min(w.From, now), now, who
		if _, err := tx.ExecContext(ctx, `UPDATE windows SET from_ms = ?, until_ms = ?, ended_by = ? WHERE id = ?`, w.From, w.Until, who, id); err != nil {
			return fmt.Errorf("end maintenance of %s: %w", site, err)
		}
		if err := timer.Stop(ctx, tx, endTimer, strconv.FormatInt(id, 10)); err != nil {
			return err
		}
		if err := w.note(ctx, tx, w.act("ended"), now); err != nil {
			return err
		}
		return s.over(ctx, tx, w, now)
	})
}

const endTimer = "window_end"

// Effects are what happens by itself: a window ends.
func (s *Service) Effects() map[string]timer.Effect {
	return map[string]timer.Effect{endTimer: func(ctx context.Context, tx *sql.Tx, subject string, due time.Time) error {
		id, err := strconv.ParseInt(subject, 10, 64)
		if err != nil {
			return fmt.Errorf("timer of a window: %w", err)
		}
		w, err := one(ctx, tx, id)
		if errors.Is(err, org.ErrUnknown) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := w.note(ctx, tx, w.act("expired"), due.UnixMilli()); err != nil {
			return err
		}
		return s.over(ctx, tx, w, max(due.UnixMilli(), w.Until))
	}}
}

// over lets those know who kept quiet, unless another window of the site is in force.
func (s *Service) over(ctx context.Context, tx *sql.Tx, w Window, now int64) error {
	still, err := InForce(ctx, tx, w.Site, time.UnixMilli(now))
	if err != nil || still || s.cfg.Ended == nil {
		return err
	}
	return s.cfg.Ended(ctx, tx, w)
}

// act is the word of the audit for what happened to it.
func (w Window) act(what string) string {
	if w.Device != "" {
		return "snooze." + what
	}
	return "window." + what
}

func (w Window) note(ctx context.Context, tx *sql.Tx, act string, at int64) error {
	e := audit.Entry{At: time.UnixMilli(at), Act: act, Kind: "site", About: w.Site, Site: w.Site,
		Detail: map[string]string{"from": stamp(w.From), "until": stamp(w.Until), "reason": w.Reason, "crew": w.Crew}}
	if w.Device != "" {
		e.Kind, e.About = "device", w.Gateway+"/"+w.Device
		delete(e.Detail, "crew")
	}
	return audit.Add(ctx, tx, e)
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }
