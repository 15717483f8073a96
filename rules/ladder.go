package rules

// A rung is what an alert is at one severity: when it comes to it, what people are told, and what is done. Rung 0 is the
// rule itself; an alert on a rung has passed those below it.
type rung struct {
	text     string // of expr
	severity Severity
	expr     program
	clear    *program // rung 0, nil: when expr is false. Above, nil: it is left only when the alert ends
	hold     quantity // how long expr must be true
	clearFor quantity
	mode     Mode
	message  [2]template // zh, en
	card     []Text
	limit    *limitText
	actions  []actionText
	forbids  []forbidText
}

// at is a rung of the rule: 0 the rule itself.
func (r *rule) at(level int) *rung {
	if level == 0 {
		return &r.rung
	}
	return &r.ladder[level-1]
}

// A timer is what an alert knows of one rung. Times are Unix ms, 0 while the condition is not true.
type timer struct {
	Since int64 `json:"since,omitempty"` // when the rung's condition became true
	Clear int64 `json:"clear,omitempty"` // when its condition for clearing became true
}

// cond is the condition of a rung, false while a better rule speaks.
func (a *alert) cond(level int, f *frame) tri {
	if a.better() != nil {
		return no
	}
	return a.rule.at(level).expr.cond(f)
}

// quiet says that no rung's condition is true; most alerts are, nearly always.
func (a *alert) quiet(f *frame) bool {
	if a.rule.expr.cond(f) == yes {
		return a.better() != nil
	}
	for i := range a.rule.ladder {
		if a.rule.ladder[i].expr.cond(f) == yes {
			return a.better() != nil
		}
	}
	return true
}

// climb follows the conditions of the rungs from one upwards. It answers the highest whose hold time has passed, -1 when there
// is none, and whether the condition of any is true, or was and is not known to have ended.
func (a *alert) climb(from int, f *frame) (reached int, open bool) {
	reached = -1
	for i := from; i < len(a.timers); i++ {
		cond, t := a.cond(i, f), &a.timers[i]
		switch {
		case cond == no, cond == maybe && a.rule.text.Unknown.Pending == "reset":
			t.Since = 0
		case cond == yes:
			if t.Since == 0 {
				t.Since = f.now
			}
			if f.now-t.Since >= a.rule.at(i).hold.ms(f) {
				reached = i
			}
		}
		open = open || t.Since != 0
	}
	return reached, open
}

// descend is the rung to which a firing alert goes down: those that have a clear of their own and were seen to clear for as long
// as they ask are left, from the top, until one stays.
func (a *alert) descend(f *frame) int {
	level := a.Level
	for i := a.Level; i > 0; i-- {
		g := a.rule.at(i)
		if g.clear == nil {
			break
		}
		if a.cleared(i, a.cond(i, f).not().and(g.clear.cond(f)), f) && level == i {
			level = i - 1
		}
	}
	return level
}

// over says whether the alert has ended: rung 0 has cleared, no rung that it came to is still true, and no other is known to be.
func (a *alert) over(f *frame) bool {
	clear := a.cond(0, f).not()
	if a.rule.clear != nil {
		clear = clear.and(a.rule.clear.cond(f))
	}
	for i := 1; i < len(a.timers); i++ {
		switch cond := a.cond(i, f); {
		case i <= a.Level:
			clear = clear.and(cond.not())
		case cond == yes:
			clear = no
		}
	}
	return a.cleared(0, clear, f)
}

// cleared follows the condition for clearing of one rung, and says whether it has been true for as long as it must.
func (a *alert) cleared(level int, clear tri, f *frame) bool {
	if clear == maybe && a.rule.text.Unknown.Firing == "clear" {
		clear = yes
	}
	t := &a.timers[level]
	if clear != yes {
		t.Clear = 0
		return false
	}
	if t.Clear == 0 {
		t.Clear = f.now
	}
	return f.now-t.Clear >= a.rule.at(level).clearFor.ms(f)
}
