package rules

import "slices"

// Only answers the set with some of its rules and those that they give way to, directly or through others: what the others say does
// not depend on the rest. Ids that the set does not have are left out.
func (s *Set) Only(ids []string) *Set {
	some := &Set{warnings: s.warnings}
	for _, t := range s.texts {
		if slices.ContainsFunc(ids, func(id string) bool { return id == t.ID || s.reaches(id, t.ID) }) {
			some.texts = append(some.texts, t)
		}
	}
	return some
}
