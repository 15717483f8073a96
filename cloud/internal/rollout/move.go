package rollout

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/org"
)

// A Change is what a person decides about the newest rollout.
type Change struct {
	Ring   int // to go to; 0: stop. The ring that a stopped rollout has reached goes on with it.
	Who    string
	Reason string
	Seen   *Seen // how it stood when the person decided; nil: however it stands
}

// Seen is how a rollout stood when somebody looked. What stopped by itself meanwhile must not go on because of a finger that was
// faster than the page.
type Seen struct {
	ID      int64
	Ring    int
	Stopped bool
}

// changed refuses what was decided about something else.
func changed(o Rollout) error {
	if o.ID == 0 {
		return org.Refuse("没有在发布的版本", "nothing is rolled out")
	}
	state := org.Refuse("情况刚刚变了：现在是 %s，第 %d 圈。请看过再决定", "it has just changed: it is %s now, ring %d; look before you decide", o.Version, o.Ring)
	if o.Stopped {
		state = org.Refuse("情况刚刚变了：%[1]s 已停止（%[2]s）。请看过再决定", "it has just changed: %[1]s was stopped (%[3]s); look before you decide", o.Version, o.Why.ZH, o.Why.EN)
	}
	return state
}

// fits says why a change cannot be made of a rollout; nil: it can.
func (c Change) fits(o Rollout) error {
	switch {
	case o.ID == 0:
		return org.Refuse("没有在发布的版本", "nothing is rolled out")
	case c.Ring < 0 || c.Ring > All:
		return org.Refuse("只有 1 到 3 圈", "there are rings 1 to 3")
	case c.Seen != nil && (c.Seen.ID != o.ID || c.Ring != 0 && (c.Seen.Ring != o.Ring || c.Seen.Stopped != o.Stopped)):
		return changed(o)
	case c.Ring != 0 && c.Ring < o.Ring:
		return org.Refuse("已经到第 %d 圈，不能退回：停止，或发布更新的版本", "ring %d has come already: stop, or roll a newer version out", o.Ring)
	}
	return nil
}

// Move goes to a ring, or stops. A rollout that was stopped goes on so, too.
func (s *Service) Move(ctx context.Context, c Change) error {
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		o, err := newest(ctx, tx)
		if err != nil {
			return err
		}
		if err := c.fits(o); err != nil {
			return err
		}
		now := s.cfg.Now().UnixMilli()
		if c.Ring == 0 {
			_, err = tx.ExecContext(ctx, `UPDATE rollouts SET stopped = 1, why_zh = ?, why_en = ? WHERE id = ?`, c.Who+"停止："+c.Reason, "stopped by "+c.Who+": "+c.Reason, o.ID)
		} else {
			_, err = tx.ExecContext(ctx, `UPDATE rollouts SET stopped = 0, why_zh = '', why_en = '', ring = ?, moved = ?, resumed = ? WHERE id = ?`, c.Ring, now, now, o.ID)
		}
		if err != nil {
			return fmt.Errorf("move rollout: %w", err)
		}
		return audit.Add(ctx, tx, audit.Entry{Act: "update.ring", Kind: "update", About: o.Version, Detail: map[string]string{"ring": strconv.Itoa(c.Ring), "reason": c.Reason, "by": c.Who}})
	})
}
