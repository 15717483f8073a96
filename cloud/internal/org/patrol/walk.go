package patrol

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/memo"
)

// Reports makes incidents of what is found, by the way of every report of people.
type Reports interface {
	// Found answers the incident's number; again under the same key it is the same one.
	Found(ctx context.Context, who, key string, f Finding) (string, error)
}

// A Finding is something that is wrong at a point.
type Finding struct {
	Kind     string // as of every report: fire, charging, passage …
	Severity string // empty: as the kind has
	Text     string
	Node     string
	Place    string
	Photos   []string
}

// A CheckIn says that somebody was at a point.
type CheckIn struct {
	Round    int64
	N        int
	Key      string // of this check-in, made by the phone: sent again, it is the same
	Who      string
	Code     string // that was read; empty: a tap
	At       int64  // when it was, Unix ms, by the phone that had no network; 0: now
	Note     string
	Lat, Lng string // degrees; empty: the phone did not say
	Photos   []string
	Finding  *Finding // nil: all is well
}

// How long after its end a round takes check-ins, and how far a phone's clock may be ahead.
const (
	lateMost  = 12 * time.Hour
	aheadMost = 2 * time.Minute
)

// CheckIn keeps that somebody was at a point. A second one for a point changes nothing. An *org.Refusal: the code is
// another point's, or the round is over for long.
func (s *Service) CheckIn(ctx context.Context, c CheckIn) (Round, error) {
	r, err := Get(ctx, s.cfg.DB.Reader(), c.Round)
	if err != nil {
		return r, err
	}
	if c.N < 1 || c.N > len(r.Stops) {
		return r, fmt.Errorf("point %d of round %d: %w", c.N, c.Round, org.ErrUnknown)
	}
	stop := r.Stops[c.N-1]
	if stop.At > 0 {
		return r, nil
	}
	if err := s.judge(&c, r, stop); err != nil {
		return r, err
	}
	incident := ""
	if f := c.Finding; f != nil {
		f.Node, f.Place, f.Photos = r.Node, strings.TrimSpace(stop.Name+" "+stop.Position), c.Photos
		if incident, err = s.cfg.Reports.Found(ctx, c.Who, c.Key, *f); err != nil {
			return r, err
		}
		c.Photos = nil // they are the incident's
	}
	if err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error { return s.keep(ctx, tx, r, c, incident) }); err != nil {
		return r, err
	}
	return Get(ctx, s.cfg.DB.Reader(), c.Round)
}

// judge refuses what cannot be, and puts the time right.
func (s *Service) judge(c *CheckIn, r Round, stop Stop) error {
	now := s.cfg.Now()
	if c.Code != "" && strings.TrimSpace(c.Code) != stop.code {
		for _, other := range r.Stops {
			if other.code == strings.TrimSpace(c.Code) {
				return org.Refuse("这是“%s”的码，不是“%s”的", "this is the code of “%s”, not of “%s”", other.Name, stop.Name)
			}
		}
		return org.Refuse("这个码不是本次巡查的点位", "this code belongs to no point of this round")
	}
	if c.At == 0 {
		c.At = now.UnixMilli()
	}
	at := time.UnixMilli(c.At)
	switch {
	case r.State == Void:
		return org.Refuse("这次巡查已作废", "this round does not count")
	case now.Sub(time.UnixMilli(r.Until)) > lateMost:
		return org.Refuse("这次巡查已结束超过 12 小时，不能再签到", "this round was over more than 12 hours ago: nobody checks in any more")
	case at.Sub(now) > aheadMost || c.At < r.Due-aheadMost.Milliseconds():
		return org.Refuse("签到时间不对：请检查手机的时间", "the time of the check-in cannot be: look at the phone's clock")
	}
	return nil
}

func (s *Service) keep(ctx context.Context, tx *sql.Tx, r Round, c CheckIn, incident string) error {
	how := "tap"
	if c.Code != "" {
		how = "code"
	}
	now := s.cfg.Now()
	ours, err := db.Changed(tx.ExecContext(ctx, `UPDATE patrol_stops SET at = ?, taken_at = ?, who = ?, how = ?, note = ?, lat = ?, lng = ?, incident = ? WHERE round = ? AND n = ? AND at = 0`,
		c.At, now.UnixMilli(), c.Who, how, c.Note, c.Lat, c.Lng, incident, c.Round, c.N))
	if err != nil {
		return fmt.Errorf("check in at point %d of round %d: %w", c.N, c.Round, err)
	}
	if !ours {
		return nil
	}
	for _, id := range c.Photos {
		if _, err := tx.ExecContext(ctx, `UPDATE photos SET incident = ?, n = ? WHERE id = ? AND incident = '' AND who = ?`, PhotoPlace(c.Round), c.N, id, c.Who); err != nil {
			return fmt.Errorf("keep photo of round %d: %w", c.Round, err)
		}
	}
	if err := s.finish(ctx, tx, r); err != nil {
		return err
	}
	return audit.Add(ctx, tx, audit.Entry{At: now, Act: "patrol.check_in", Kind: "round", About: strconv.FormatInt(c.Round, 10), Node: r.Node,
		Detail: map[string]string{"point": r.Stops[c.N-1].Name, "how": how, "incident": incident}})
}

// finish ends a round of which every point was seen.
func (s *Service) finish(ctx context.Context, tx *sql.Tx, r Round) error {
	var left, last int64
	if err := tx.QueryRowContext(ctx, `SELECT sum(CASE WHEN at = 0 THEN 1 ELSE 0 END), max(at) FROM patrol_stops WHERE round = ?`, r.ID).Scan(&left, &last); err != nil {
		return fmt.Errorf("count points of round %d: %w", r.ID, err)
	}
	if left > 0 {
		return nil
	}
	state := Done
	if last > r.Until {
		state = Late
	}
	if _, err := tx.ExecContext(ctx, `UPDATE patrol_rounds SET state = ?, done_ms = ? WHERE id = ?`, state, last, r.ID); err != nil {
		return fmt.Errorf("end round %d: %w", r.ID, err)
	}
	return s.cfg.Teller.End(ctx, tx, memo.Patrol, strconv.FormatInt(r.ID, 10))
}
