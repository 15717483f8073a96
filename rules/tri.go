package rules

// A tri is a truth value of Kleene's logic. The order makes "and" the smaller and "or" the larger of two.
type tri uint8

const (
	no tri = iota
	maybe
	yes
)

func (a tri) and(b tri) tri { return min(a, b) }
func (a tri) or(b tri) tri  { return max(a, b) }
func (a tri) not() tri      { return yes - a }

func (a tri) String() string { return [...]string{"false", "unknown", "true"}[a] }

func truth(b bool) tri {
	if b {
		return yes
	}
	return no
}
