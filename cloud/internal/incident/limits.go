package incident

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/rules"
)

// Finished is the key of the limit to say that the handling is done; it is no step of its own, for it waits for the check.
const Finished = "finished"

// Limits say how long each step may take: class → what must follow → time. What has no limit may take as long as it does.
type Limits map[string]map[string]time.Duration

// Due are the keys of limits, in the order in which they come.
func Due() []string {
	return []string{Verified, Accepted, Dispatched, InProgress, Finished, Checked, Archived}
}

// DefaultLimits are those of a street that says nothing: class A is dealt with within half an hour in all, B within six, C
// within a week (限时办结).
func DefaultLimits() Limits {
	const day = 24 * time.Hour
	return Limits{
		"A": {Verified: 3 * time.Minute, Accepted: 2 * time.Minute, Dispatched: 2 * time.Minute, InProgress: 3 * time.Minute, Finished: 20 * time.Minute, Checked: 2 * time.Hour, Archived: day},
		"B": {Verified: 30 * time.Minute, Accepted: 30 * time.Minute, Dispatched: 30 * time.Minute, InProgress: 30 * time.Minute, Finished: 4 * time.Hour, Checked: day, Archived: 3 * day},
		"C": {Verified: day, Accepted: day, Dispatched: day, InProgress: day, Finished: 3 * day, Checked: 3 * day, Archived: 7 * day},
	}
}

// limit sets until when the next step is due, from when the present one began. In an emergency (急) limits are halved.
func (s *Service) limit(ctx context.Context, q db.Querier, in *Incident, from int64) error {
	in.StepDue, in.StepLate = 0, false
	d := s.cfg.Limits[in.Severity][in.due()]
	if d == 0 || in.Shadow || in.Shelved && !in.Detail.Told {
		return nil
	}
	half, err := s.emergency(ctx, q, in)
	if err != nil {
		return err
	}
	if half {
		d /= 2
	}
	in.StepDue = from + d.Milliseconds()
	return nil
}

// Time limits to take an incident.
const (
	limitA = 3 * time.Minute
	limitB = 30 * time.Minute
)

// takeLimit sets until when somebody must take an open incident, and until when its next step is due. Nobody can be late
// with what nobody is told of.
func (s *Service) takeLimit(ctx context.Context, q db.Querier, in *Incident, from int64) error {
	if in.Handling == Open {
		in.Deadline = 0
		limit := map[string]time.Duration{string(rules.SeverityA): limitA, string(rules.SeverityB): limitB}[in.Severity]
		if limit > 0 && !in.Shadow && (!in.Shelved || in.Detail.Told) {
			half, err := s.emergency(ctx, q, in)
			if err != nil {
				return err
			}
			if half {
				limit /= 2
			}
			in.Deadline = from + limit.Milliseconds()
		}
	}
	if in.Handling == Closed {
		return nil
	}
	return s.limit(ctx, q, in, from)
}

// worse begins the limits anew of an incident that has become worse. What was put off is so no longer.
func (s *Service) worse(ctx context.Context, tx *sql.Tx, in *Incident, at int64) error {
	if in.SuspendedAt > 0 {
		if _, err := record(ctx, tx, in, Step{Deed: Resume, From: in.Step, To: in.Step, At: max(at, in.StepAt)}); err != nil {
			return err
		}
		in.resume(at)
		in.Graded = at
	}
	return s.takeLimit(ctx, tx, in, at)
}

func (s *Service) emergency(ctx context.Context, q db.Querier, in *Incident) (bool, error) {
	if s.cfg.Emergency == nil {
		return false, nil
	}
	on, err := s.cfg.Emergency(ctx, q, in.Site)
	if err != nil {
		return false, fmt.Errorf("read mode of site %s: %w", in.Site, err)
	}
	return on, nil
}

// limitEnds is when the limit of the incident's step or its pause ends, Unix ms; 0: never.
func (in *Incident) limitEnds() int64 {
	switch {
	case in.Handling == Closed:
		return 0
	case in.SuspendedAt > 0:
		return in.SuspendedUntil
	case in.StepDue > 0 && !in.StepLate:
		return in.StepDue
	}
	return 0
}
