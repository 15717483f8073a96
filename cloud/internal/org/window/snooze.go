package window

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
)

// Snoozes are for how many minutes a device can be snoozed. Who needs longer plans maintenance, which others are told of.
func Snoozes() []int { return []int{10, 30, 60} }

// Loud says why a device is never snoozed: what warns of gas, CO or smoke. Nil: it can be.
func Loud(d org.Device) error {
	danger := slices.Contains([]string{"gas", "co", "smoke"}, d.Kind)
	for _, p := range d.Points {
		danger = danger || p.Name == "smoke" || p.Name == "co"
	}
	if danger {
		return org.Refuse("燃气、一氧化碳和烟雾探测不能静默；要停用请安排检修并派人看守", "Gas, CO and smoke detectors are never snoozed: plan maintenance, and keep somebody there")
	}
	return nil
}

// Snooze keeps a device quiet for some minutes from now on. An *org.Refusal: it makes no sense, or it must not be.
func (s *Service) Snooze(ctx context.Context, w Window, minutes int) (Window, error) {
	now := s.cfg.Now()
	w.From, w.Until, w.Reason, w.Crew = now.UnixMilli(), now.Add(time.Duration(minutes)*time.Minute).UnixMilli(), strings.TrimSpace(w.Reason), ""
	switch {
	case w.Reason == "":
		return w, org.Refuse("请写明静默原因", "say why")
	case !slices.Contains(Snoozes(), minutes):
		return w, org.Refuse("静默只能是 10、30 或 60 分钟", "it is snoozed for 10, 30 or 60 minutes")
	}
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		d, err := org.OneDevice(ctx, tx, w.Gateway, w.Device)
		if err != nil {
			return err
		}
		if loud := Loud(d); loud != nil {
			return loud
		}
		w.Site = d.Site
		if err := s.mayBegin(ctx, tx, w, now); err != nil {
			return err
		}
		if err := w.begin(ctx, tx); err != nil {
			return err
		}
		if s.cfg.Begun != nil {
			if err := s.cfg.Begun(ctx, tx, w); err != nil {
				return err
			}
		}
		return w.note(ctx, tx, w.act("begun"), w.From)
	})
	return w, err
}

// mayBegin refuses a second snooze of a device, so that one who is snoozed all the time is told in between.
func (s *Service) mayBegin(ctx context.Context, tx *sql.Tx, w Window, now time.Time) error {
	old, err := Snoozed(ctx, tx, w.Gateway, w.Device, now)
	if err != nil || old == nil {
		return err
	}
	until := time.UnixMilli(old.Until).UTC()
	if s.cfg.Teller != nil && s.cfg.Teller.Zone() != nil {
		until = until.In(s.cfg.Teller.Zone())
	}
	const form = "15:04"
	return org.Refuse("已由 %s 静默到 %s；要改请先结束静默", "%s has snoozed it until %s: end that first", old.Who, until.Format(form))
}

// Unsnooze ends the snooze of a device now.
func (s *Service) Unsnooze(ctx context.Context, gateway, device, who string) error {
	w, err := Snoozed(ctx, s.cfg.DB.Reader(), gateway, device, s.cfg.Now())
	if err != nil {
		return err
	}
	if w == nil {
		return org.Refuse("没有在静默，可能已经到时", "it is not snoozed; its time may have run out")
	}
	return s.End(ctx, w.Site, w.ID, who)
}

// Snoozed answers the snooze of a device that is in force; nil when there is none.
func Snoozed(ctx context.Context, q db.Querier, gateway, device string, at time.Time) (*Window, error) {
	all, err := list(ctx, q, `WHERE w.gateway = ? AND w.device = ? AND w.device <> '' AND w.until_ms > ? AND w.from_ms <= ? ORDER BY w.id`, gateway, device, at.UnixMilli(), at.UnixMilli())
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[len(all)-1], nil
}
