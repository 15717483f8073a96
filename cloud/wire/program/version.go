package program

import (
	"cmp"
	"strconv"
	"strings"
)

// Known says whether a version has an order: 1.4.0, v1.4.0, 1.5.0-rc.1. A commit has none.
func Known(version string) bool {
	_, _, ok := split(version)
	return ok
}

// Compare orders versions as semantic versioning does: below 0 when a is the older one. What has no order is older than what has.
func Compare(a, b string) int {
	an, ap, aok := split(a)
	bn, bp, bok := split(b)
	if !aok || !bok {
		return order(aok, bok)
	}
	for i := range an {
		if c := cmp.Compare(an[i], bn[i]); c != 0 {
			return c
		}
	}
	if ap == "" || bp == "" {
		return order(ap == "", bp == "") // 1.5.0-rc.1 comes before 1.5.0
	}
	as, bs := strings.Split(ap, "."), strings.Split(bp, ".")
	for i := range min(len(as), len(bs)) {
		if c := word(as[i], bs[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(as), len(bs))
}

func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// word orders one part of what stands behind the hyphen: numbers as such, and before words.
func word(a, b string) int {
	x, xerr := strconv.ParseUint(a, 10, 64)
	y, yerr := strconv.ParseUint(b, 10, 64)
	if xerr == nil && yerr == nil {
		return cmp.Compare(x, y)
	}
	if xerr == nil || yerr == nil {
		return order(yerr == nil, xerr == nil)
	}
	return strings.Compare(a, b)
}

func split(version string) (numbers [3]uint64, pre string, ok bool) {
	if len(version) > 64 {
		return numbers, "", false
	}
	v, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), "+")
	v, pre, _ = strings.Cut(v, "-")
	parts := strings.Split(v, ".")
	if len(parts) != len(numbers) {
		return numbers, "", false
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 64)
		if err != nil || p[0] == '+' {
			return numbers, "", false
		}
		numbers[i] = n
	}
	return numbers, pre, true
}
