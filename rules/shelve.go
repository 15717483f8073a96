package rules

import "fmt"

// An alert that begins to fire often within a short time says nothing new: it is shelved, events go on.
const (
	chatterCount = 3
	chatterTime  = 60 * 1000      // ms
	shelfTime    = 30 * 60 * 1000 // ms
)

// A chatter is what is known of how often the alert of one rule and subject began to fire. Times are Unix ms.
type chatter struct {
	Begins [chatterCount]int64 `json:"begins"` // the last times, oldest first; 0: there was none
	Until  int64               `json:"until"`  // shelved until then; 0: it is not
}

// shelved says whether people are spared this alert now.
func (c *chatter) shelved(now int64) bool { return c.Until != 0 && now < c.Until }

// note takes down that the alert began to fire, and says whether that was once too often: from here on it is shelved.
func (c *chatter) note(now int64) bool {
	copy(c.Begins[:], c.Begins[1:])
	c.Begins[chatterCount-1] = now
	if c.Begins[0] == 0 || now-c.Begins[0] > chatterTime {
		return false
	}
	c.Until = now + shelfTime
	return true
}

// move follows a jump of the clock.
func (c *chatter) move(to func(int64) int64) {
	for i, t := range c.Begins {
		if t != 0 {
			c.Begins[i] = to(t)
		}
	}
	if c.Until != 0 {
		c.Until = to(c.Until-shelfTime) + shelfTime
	}
}

// tooOften tells, once, that people hear no more of an alert for a while.
func tooOften() Text {
	minutes := shelfTime / 60000
	return Text{
		ZH: fmt.Sprintf("（1 分钟内第 %d 次，此后 %d 分钟只记录不通知）", chatterCount, minutes),
		EN: fmt.Sprintf("(%d times within a minute; for the next %d minutes it is recorded only) ", chatterCount, minutes),
	}
}

// unshelve tells people of an alert that still fires when its time on the shelf is over.
func (e *Engine) unshelve(s *subject, a *alert, f *frame) {
	if a.State != Firing || !a.Shelved || a.chatter.shelved(f.now) {
		return
	}
	a.Shelved = false
	f.maxAge = e.maxAge(s, a.rule)
	if a.rule.at(a.Level).severity == SeverityA {
		return // people have heard of it all the time
	}
	a.Message = prefixed(Text{ZH: "仍在告警：", EN: "Still firing: "}, a.text(s, f, a.Level, [2]string{}))
	e.emit(s, a, f, Firing, nil)
	e.begun.note(s, a.rule, f.now)
}

// firings are the times at which alerts began to disturb people, for alarms(). Times are Unix ms.
type firings struct{ times []int64 }

// maxFirings bounds what is kept: more within a day is a storm by any measure.
const maxFirings = 4096

// note takes down that an alert began. What is in shadow disturbs nobody, and the site's own rules count others.
func (r *firings) note(s *subject, rule *rule, now int64) {
	if rule.mode == ShadowMode || s.device.Kind == "site" {
		return
	}
	r.times = append(r.times, now)
	if len(r.times) > maxFirings {
		r.times = append(r.times[:0], r.times[len(r.times)-maxFirings/2:]...)
	}
}

// within is the count that alarms() asks for: how many began to fire in the last so many ms before the frame's now.
func (r *firings) within(f *frame) func(over int64) float64 {
	return func(over int64) float64 {
		n := 0
		for i := len(r.times) - 1; i >= 0 && r.times[i] > f.now-over; i-- {
			n++
		}
		return float64(n)
	}
}

// keepChatter writes down how often an alert began to fire.
func (st *state) keepChatter(s *subject, a *alert) {
	if st.Chatter == nil {
		st.Chatter = map[string]chatter{}
	}
	st.Chatter[a.rule.text.ID+"/"+s.device.ID] = a.chatter
}
