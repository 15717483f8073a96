package rules

import (
	"fmt"
	"slices"

	"github.com/linshao/linshao/configs"
)

// checkUnless tells what is wrong with the rules that rules give way to.
func (s *Set) checkUnless(places map[string]place) configs.Problems {
	var problems configs.Problems
	for _, text := range s.texts {
		p, ok := places[text.ID]
		if !ok {
			continue
		}
		for i, id := range text.Unless {
			message, hint := "", ""
			switch better := s.text(id); {
			case better == nil:
				message, hint = fmt.Sprintf("there is no rule %q", id), nearest(id, s.ids())
			case id == text.ID:
				message = "a rule cannot give way to itself"
			case better.Kind != text.Kind && !above(better.Kind, text.Kind):
				message = fmt.Sprintf("%s judges a %s, this rule a %s: they never speak of the same device", id, better.Kind, text.Kind)
				hint = "a rule gives way to rules of its own kind, and to those of its channel, zone and site"
			case s.reaches(id, text.ID):
				message = fmt.Sprintf("%s already gives way to %s", id, text.ID)
			default:
				continue
			}
			problems = append(problems, p.file.Problem(fmt.Sprintf("%s.unless[%d]", p.path, i), message, hint))
		}
	}
	return problems
}

// above says whether a subject of one kind has a subject of the other kind above it: a device its channel, its zone and the site, a
// zone the site.
func above(better, kind string) bool {
	switch better {
	case kindChannel:
		return kind != kindZone && kind != kindSite
	case kindZone:
		return kind != kindSite
	}
	return better == kindSite
}

// text is the rule of an id; nil when there is none.
func (s *Set) text(id string) *ruleText {
	i := slices.IndexFunc(s.texts, func(t ruleText) bool { return t.ID == id })
	if i < 0 {
		return nil
	}
	return &s.texts[i]
}

// reaches says whether a rule gives way to another, directly or through others.
func (s *Set) reaches(from, to string) bool {
	seen := []string{from}
	for i := 0; i < len(seen); i++ {
		if t := s.text(seen[i]); t != nil {
			for _, id := range t.Unless {
				if id == to {
					return true
				}
				if !slices.Contains(seen, id) {
					seen = append(seen, id)
				}
			}
		}
	}
	return false
}

// precedence puts the rules that others give way to before those, and leaves the order as it is otherwise.
func precedence(rules []*rule) []*rule {
	var ordered []*rule
	seen := map[*rule]bool{}
	var visit func(r *rule)
	visit = func(r *rule) {
		if seen[r] {
			return
		}
		seen[r] = true
		for _, better := range rules {
			if slices.Contains(r.text.Unless, better.text.ID) {
				visit(better)
			}
		}
		ordered = append(ordered, r)
	}
	for _, r := range rules {
		visit(r)
	}
	return ordered
}

// givesWay says whether a rule is silent while a better one fires, as the site has set their modes. What fires in shadow is told to
// nobody, so nothing gives way to it; what only notifies would leave undone what this rule is armed for.
func (r *rule) givesWay(better *rule) bool {
	return better.mode != ShadowMode && (better.mode != NotifyOnly || !r.acts())
}

// acts says whether a rule writes anything, or keeps others from it.
func (r *rule) acts() bool {
	for i := range 1 + len(r.ladder) {
		if g := r.at(i); g.mode == Armed && len(g.actions)+len(g.forbids) > 0 {
			return true
		}
	}
	return false
}

// better is the firing alert that this one gives way to; nil when there is none.
func (a *alert) better() *alert {
	for _, b := range a.betters {
		if b.State == Firing {
			return b
		}
	}
	return nil
}

// end is how the end of an alert is told: as usual, or that another has taken over.
func (a *alert) end(usual Text) Text {
	if b := a.better(); b != nil {
		return Text{ZH: "已由 " + b.rule.text.ID + " 接替：", EN: "Taken over by " + b.rule.text.ID + ": "}
	}
	return usual
}
