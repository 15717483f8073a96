package update

import (
	"fmt"
	"time"
)

// How a trial is judged. Times are those of the running program: a wrong clock changes nothing.
const (
	Healthy = 10 * time.Minute // on end, for it to be confirmed
	Limit   = 30 * time.Minute // after which it is given up
	Look    = 10 * time.Second // between two looks

	least = 30 * time.Second // of watching, whatever the cloud says
	most  = 6 * time.Hour
)

// times are those of a trial.
func (t *Trial) times() (healthy, limit time.Duration) {
	if t.WatchS == 0 {
		return Healthy, Limit
	}
	healthy = min(max(time.Duration(t.WatchS)*time.Second, least), most)
	return healthy, Limit / Healthy * healthy
}

// A Running is the program of a slot, as the gateway that it is sees it.
type Running struct {
	slots *Slots
	slot  string
}

// Running is the program in a slot.
func (s *Slots) Running(slot string) *Running { return &Running{s, slot} }

// InSlot says whether this program came by an update, and is not the installed one.
func (r *Running) InSlot() bool { return r.slot != Installed }

// Trial is the one that this program is on; nil: it is on none.
func (r *Running) Trial() (t *Trial, err error) {
	err = r.slots.alone(func() error {
		if k := r.slots.load(); r.slot != Installed && k.Trial != nil && k.Trial.Slot == r.slot {
			t = k.Trial
		}
		return nil
	})
	return t, err
}

// Confirm ends the trial: this program counts from now on.
func (r *Running) Confirm() error { return r.end(nil) }

// GiveUp ends the trial: from the next start on the program before it counts again.
func (r *Running) GiveUp(why Text) error { return r.end(&why) }

func (r *Running) end(why *Text) error {
	return r.slots.alone(func() error {
		k := r.slots.load()
		if k.Trial == nil || k.Trial.Slot != r.slot || r.slots.current() != r.slot {
			return nil // somebody has taken it back meanwhile
		}
		if why != nil {
			k.Trial.Over = why
			return r.slots.keep(k)
		}
		k.Last = &Outcome{What: Confirmed, Version: k.Trial.Version, Revision: k.Trial.Revision, To: r.slot, Why: Text{ZH: "运行正常", EN: "it runs well"}}
		k.Trial = nil
		return r.slots.keep(k)
	})
}

// News answers what people have not been told yet, and notes that they are. One that is told before a power cut may be told again.
func (r *Running) News() (told []Text, err error) {
	err = r.slots.alone(func() error {
		k := r.slots.load()
		if o := k.Last; o != nil && !o.Told {
			told, o.Told = append(told, o.Text()), true
		}
		if t := k.Trial; t != nil && !t.Told && t.Slot == r.slot {
			told, t.Told = append(told, Text{ZH: fmt.Sprintf("版本 %s 开始试运行，之前是 %s", t.Version, t.From),
				EN: fmt.Sprintf("version %s runs on trial, before it was %s", t.Version, t.From)}), true
		}
		if told == nil {
			return nil
		}
		return r.slots.keep(k)
	})
	return told, err
}

// Text says it to people.
func (o *Outcome) Text() Text {
	switch o.What {
	case Confirmed:
		return Text{ZH: "版本 " + o.Version + " 已确认：" + o.Why.ZH, EN: "version " + o.Version + " is confirmed: " + o.Why.EN}
	case RolledBack:
		return Text{ZH: "版本 " + o.Version + " 已回退：" + o.Why.ZH, EN: "version " + o.Version + " was taken back: " + o.Why.EN}
	}
	return Text{ZH: "版本 " + o.Version + " 不再使用：" + o.Why.ZH, EN: "version " + o.Version + " is no longer used: " + o.Why.EN}
}

// A Judge watches a trial. It is told at each look what is wrong, and decides. The zero Judge has seen nothing; it needs a Trial.
type Judge struct {
	Trial     *Trial
	began     time.Time
	well      time.Time // since when; zero: it is not
	connected bool      // once
	wrong     string    // last
}

// See takes a look, at a time of the machine's own clock: what is wrong (nil: nothing), and the uplink ("connected", "offline",
// "alone"). It answers Confirmed, RolledBack with the reason, or nothing yet.
func (j *Judge) See(now time.Time, wrong error, uplink string) (what string, why Text) {
	if j.began.IsZero() {
		j.began = now
	}
	j.connected = j.connected || uplink != "offline" || j.Trial.Offline
	switch {
	case wrong != nil:
		j.well, j.wrong = time.Time{}, wrong.Error()
	case j.well.IsZero():
		j.well = now
	}
	healthy, limit := j.Trial.times()
	if !j.well.IsZero() && now.Sub(j.well) >= healthy && j.connected {
		return Confirmed, why
	}
	if now.Sub(j.began) < limit {
		return "", why
	}
	minutes := int((limit + time.Minute - 1) / time.Minute)
	if !j.connected {
		return RolledBack, Text{ZH: fmt.Sprintf("%d 分钟内没有连上云端", minutes), EN: fmt.Sprintf("it had no connection to the cloud within %d minutes", minutes)}
	}
	return RolledBack, Text{ZH: fmt.Sprintf("%d 分钟内没有持续正常：%s", minutes, j.wrong), EN: fmt.Sprintf("it was not well within %d minutes: %s", minutes, j.wrong)}
}

// A Status is how the slots stand.
type Status struct {
	Installed string            `json:"installed"` // version
	Current   string            `json:"current"`   // slot; empty: the installed program
	Version   string            `json:"version"`   // that counts
	Slots     map[string]string `json:"slots"`     // slot → version, of those that are whole
	Trial     *Trial            `json:"trial,omitempty"`
	Last      *Outcome          `json:"last,omitempty"`
}

// Status reads how the slots stand.
func (s *Slots) Status(installed string) (st Status, err error) {
	err = s.alone(func() error {
		k := s.load()
		st = Status{Installed: installed, Current: s.current(), Version: installed, Slots: map[string]string{}, Trial: k.Trial, Last: k.Last}
		for _, slot := range []string{"a", "b"} {
			if m, err := s.whole(slot); err == nil {
				st.Slots[slot] = m.Version
				if slot == st.Current {
					st.Version = m.Version
				}
			}
		}
		return nil
	})
	return st, err
}
