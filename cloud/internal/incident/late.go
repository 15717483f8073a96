package incident

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/timer"
)

// stepTimer is the kind of the timers of steps; their subject is the incident.
const stepTimer = "incident.step"

// setTimer sets the timer for the end of the step's limit or of the pause, where that is another than it was read.
func (in *Incident) setTimer(ctx context.Context, tx *sql.Tx) error {
	at := in.limitEnds()
	switch {
	case at == in.timed:
		return nil
	case at == 0:
		return timer.Stop(ctx, tx, stepTimer, in.ID)
	}
	return timer.Set(ctx, tx, stepTimer, in.ID, time.UnixMilli(at))
}

// Effects are what happens by itself: a limit of a step passes, and a pause ends.
func (s *Service) Effects() map[string]timer.Effect {
	return map[string]timer.Effect{stepTimer: s.stepEnds}
}

// stepEnds writes down that a limit has passed, once for each limit, and ends a pause in time. Who has it in hand is told;
// that nobody has taken it yet is told by the whistles.
func (s *Service) stepEnds(ctx context.Context, tx *sql.Tx, id string, due time.Time) error {
	in, err := Get(ctx, tx, id)
	if errors.Is(err, ErrUnknown) {
		return nil
	}
	if err != nil {
		return err
	}
	if in.limitEnds() != due.UnixMilli() {
		return nil // it has moved on, and has a timer of its own
	}
	in.timed = 0 // this one is over
	now := max(s.cfg.Now().UnixMilli(), in.StepAt)
	kind := KindLate
	if in.SuspendedAt > 0 {
		kind = KindResumed
		in.resume(now)
		if _, err := record(ctx, tx, &in, Step{Deed: Resume, From: in.Step, To: in.Step, At: now}); err != nil {
			return err
		}
		err = addEntry(ctx, tx, in.ID, Entry{now, "step", Text{"挂起到期，恢复办理", "It was put off until now: resumed"}, ""})
	} else {
		in.StepLate = true
		err = addEntry(ctx, tx, in.ID, Entry{due.UnixMilli(), "overdue", in.lateText(s.clock(due.UnixMilli())), ""})
	}
	if err != nil {
		return err
	}
	if err := save(ctx, tx, in); err != nil {
		return err
	}
	if kind == KindLate && in.Assignee == nil {
		return nil
	}
	return s.tell(ctx, tx, in, kind)
}

// lateText says which limit has passed.
func (in *Incident) lateText(clock string) Text {
	what := StepText(in.due())
	switch in.due() {
	case Verified: // taking it ends this limit as well, and is what the pages ask for
		what = Text{"接警", "taken"}
	case Finished:
		what = Text{"处置完毕", "done"}
	}
	return Text{fmt.Sprintf("超时：应在 %s 前%s", clock, what.ZH), fmt.Sprintf("Late: it should have been %s by %s", what.EN, clock)}
}
