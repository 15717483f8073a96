package pushed

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/rules"
)

// How a trial is judged, by the clock of the running program.
const (
	Usual = 10 * time.Minute // of watching, where the cloud does not say
	Least = 30 * time.Second
	Most  = 6 * time.Hour
	Look  = 5 * time.Second // between two looks

	settle = 20 * time.Second // given to devices and rules to begin
	silent = time.Minute      // for which a device that answered is silent before that counts
	apart  = 3 * time.Minute  // for which the cloud is away before that counts
)

// A Sight is how the gateway stands at a look.
type Sight struct {
	Wrong     error             // the safety loop does not turn; nil: it does
	Silent    map[string]string // devices that do not answer, and their lines
	Crowded   []string          // lines that cannot keep their intervals
	Connected bool              // with the cloud
}

// A Judge decides on a trial. Its zero value with Before has not begun.
type Judge struct {
	Before Before

	began   time.Time
	dead    map[string]time.Time // since when a device is silent
	gone    time.Time            // since when the cloud is away; zero: it is there
	wrong   time.Time
	crowded time.Time
}

// See takes a look. done: the time is over; why: it got worse, and the trial is to end now.
func (j *Judge) See(now time.Time, s Sight) (done bool, why *rules.Text) {
	if j.began.IsZero() {
		j.began, j.dead = now, map[string]time.Time{}
	}
	up := now.Sub(j.began)
	if since(&j.wrong, s.Wrong != nil, now) > settle {
		return true, &rules.Text{ZH: "规则没有运行：" + s.Wrong.Error(), EN: "the rules do not run: " + s.Wrong.Error()}
	}
	if lost := j.lost(now, s); len(lost) > 0 && up > settle {
		return true, &rules.Text{ZH: "之前应答的设备不再应答：" + strings.Join(lost, "、"), EN: "devices that answered before do not any more: " + strings.Join(lost, ", ")}
	}
	if since(&j.gone, j.Before.Connected && !s.Connected, now) > apart {
		return true, &rules.Text{ZH: "之后连不上云端", EN: "the cloud could not be reached after it"}
	}
	full := slices.DeleteFunc(slices.Clone(s.Crowded), func(id string) bool {
		return !slices.Contains(j.Before.Changed, id) || slices.Contains(j.Before.Crowded, id)
	})
	if since(&j.crowded, len(full) > 0, now) > silent {
		return true, &rules.Text{ZH: "总线排不下：" + strings.Join(full, "、"), EN: "lines cannot keep their intervals: " + strings.Join(full, ", ")}
	}
	watch := time.Duration(j.Before.WatchS) * time.Second
	if up < watch || j.Before.Connected && !s.Connected || len(j.dead) > 0 || len(full) > 0 || s.Wrong != nil {
		return false, nil // what is under suspicion is not confirmed
	}
	return true, nil
}

// lost are devices on lines of which something was changed that answered before and have been silent for a while.
func (j *Judge) lost(now time.Time, s Sight) (all []string) {
	for _, id := range j.Before.Answered {
		channel, dead := s.Silent[id]
		if !dead || !slices.Contains(j.Before.Changed, channel) {
			delete(j.dead, id)
			continue
		}
		if j.dead[id].IsZero() {
			j.dead[id] = now
		}
		if now.Sub(j.dead[id]) >= silent {
			all = append(all, id)
		}
	}
	if len(all) > 10 {
		all = append(all[:10], fmt.Sprintf("… (%d)", len(all)))
	}
	return all
}

// since notes when something began to be so, and answers for how long it has been.
func since(at *time.Time, so bool, now time.Time) time.Duration {
	switch {
	case !so:
		*at = time.Time{}
		return 0
	case at.IsZero():
		*at = now
	}
	return now.Sub(*at)
}

// Watch is how long a trial takes, of what the cloud says.
func Watch(seconds uint32) uint32 {
	if seconds == 0 {
		return uint32(Usual / time.Second)
	}
	return uint32(min(max(time.Duration(seconds)*time.Second, Least), Most) / time.Second)
}
