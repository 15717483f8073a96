package rules

import (
	"slices"
	"time"
)

// A Cover is what no test of a folder shows of one rule, or of one rung of its ladder.
type Cover struct {
	Rule    string   `json:"rule"`
	Level   int      `json:"level"`   // 0: the rule itself
	Missing []string `json:"missing"` // of "firing", "not_firing", "unknown", "restarted"
}

// sight is what tests have shown of a rule.
type sight struct {
	levels    map[int]bool // at which it fired
	quiet     bool         // that it does not fire was expected
	unknown   bool         // its condition was unknown while the test spoke of it
	restarted bool         // something was expected of it after a restart
}

// Coverage answers, rule by rule, what none of the reports has seen. A rung need only fire; that the rule can be quiet, unknown
// and restarted is asked once.
func Coverage(set *Set, reports []TestReport) []Cover {
	all := []Cover{}
	for _, t := range set.texts {
		for level := range t.rungs() + 1 {
			if c := cover(t.ID, level, reports); len(c.Missing) > 0 {
				all = append(all, c)
			}
		}
	}
	return all
}

func cover(rule string, level int, reports []TestReport) Cover {
	var fired, quiet, unknown, restarted bool
	for _, r := range reports {
		if s := r.seen[rule]; s != nil {
			fired = fired || s.levels[level]
			quiet, unknown, restarted = quiet || s.quiet, unknown || s.unknown, restarted || s.restarted
		}
	}
	c := Cover{Rule: rule, Level: level}
	for word, missing := range map[string]bool{"firing": !fired, "not_firing": !quiet && level == 0, "unknown": !unknown && level == 0, "restarted": !restarted && level == 0} {
		if missing {
			c.Missing = append(c.Missing, word)
		}
	}
	slices.Sort(c.Missing)
	return c
}

// of is what has been seen of a rule.
func (r *testRun) of(rule string) *sight {
	if r.seen[rule] == nil {
		r.seen[rule] = &sight{levels: map[int]bool{}}
	}
	return r.seen[rule]
}

// saw notes what an expectation shows.
func (r *testRun) saw(e expectText) {
	s := r.of(e.Rule)
	s.quiet = s.quiet || e.State == "none"
	s.restarted = s.restarted || r.restarted
}

// unknowns notes the rules whose condition is unknown for a subject that the test speaks of.
func (r *testRun) unknowns(at time.Duration) {
	for _, step := range r.plan.text.Steps {
		for _, e := range step.Expect {
			if s, a := r.engine.find(e.Rule, e.Subject); s != nil {
				f := r.engine.see(s, r.plan.start.Add(at).UnixMilli())
				f.maxAge = r.engine.maxAge(s, a.rule)
				if a.rule.expr.cond(f) == maybe {
					r.of(e.Rule).unknown = true
				}
			}
		}
	}
}

// look notes what fired in the whole test.
func (r *testRun) look() {
	for _, ev := range r.events {
		if ev.State == Firing {
			r.of(ev.Rule).levels[ev.Level] = true
		}
	}
}

// rungs is how many rungs a rule has above itself.
func (t *ruleText) rungs() int { return len(t.Ladder) }
