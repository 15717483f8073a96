package commission

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Ranges are runs of addresses, both ends included, in rising order and apart from each other.
type Ranges []Range

// A Range is one run, both ends included.
type Range struct{ First, Last int }

// MarshalText writes "1-32,40", as ParseRanges reads it.
func (r Ranges) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// String writes "1-32,40".
func (r Ranges) String() string { return r.join("-") }

// join writes the ranges with a dash of one's own.
func (r Ranges) join(dash string) string {
	parts := make([]string, len(r))
	for i, x := range r {
		if parts[i] = strconv.Itoa(x.First); x.Last != x.First {
			parts[i] += dash + strconv.Itoa(x.Last)
		}
	}
	return strings.Join(parts, ",")
}

// UnmarshalText reads "1-32,40"; limits are checked by the one who uses it.
func (r *Ranges) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = nil
		return nil
	}
	got, err := ParseRanges(string(text), 0, 0xFFFF)
	*r = got
	return err
}

// Count is how many addresses there are.
func (r Ranges) Count() int {
	n := 0
	for _, x := range r {
		n += x.Last - x.First + 1
	}
	return n
}

// All are the addresses in rising order.
func (r Ranges) All() []int {
	all := make([]int, 0, r.Count())
	for _, x := range r {
		for n := x.First; n <= x.Last; n++ {
			all = append(all, n)
		}
	}
	return all
}

// ParseRanges reads "1-32", "1,5,7-9" or "0x00-0x7F", every number from least to most.
func ParseRanges(text string, least, most int) (Ranges, error) {
	var all Ranges
	for _, part := range strings.Split(text, ",") {
		from, to, run := strings.Cut(part, "-")
		if !run {
			to = from
		}
		first, err := number(from, least, most)
		if err != nil {
			return nil, err
		}
		last, err := number(to, least, most)
		if err != nil {
			return nil, err
		}
		if last < first {
			return nil, fmt.Errorf("%q ends before it begins", strings.TrimSpace(part))
		}
		all = append(all, Range{first, last})
	}
	slices.SortFunc(all, func(a, b Range) int { return a.First - b.First })
	joined := all[:1]
	for _, x := range all[1:] {
		if end := &joined[len(joined)-1].Last; x.First <= *end+1 {
			*end = max(*end, x.Last)
			continue
		}
		joined = append(joined, x)
	}
	return joined, nil
}

func number(text string, least, most int) (int, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 0, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is no number", strings.TrimSpace(text))
	}
	if int(n) < least || int(n) > most {
		return 0, fmt.Errorf("%d is not in %d–%d", n, least, most)
	}
	return int(n), nil
}
