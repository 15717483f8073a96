package report

import (
	"fmt"
	"reflect"
)

// Decode lets the fuzzer at the parser: what it takes, it writes again as the same.
func Decode(b []byte) (ok, same bool) {
	facts, err := decode(nil, b)
	if err != nil {
		return false, false
	}
	again, err := decode(nil, encode(facts))
	return true, err == nil && (len(facts) == 0 && len(again) == 0 || reflect.DeepEqual(facts, again))
}

// Seeds are blocks as they are written.
func Seeds() [][]byte {
	f := fact{id: "GJ-1", rule: "R16", people: [3]string{"张三"}, opened: 1_795_300_000_000, since: 1_795_299_999_000, recovered: 1_795_300_000_000, closed: 1_795_300_900_000, response: 5000, late: 1}
	return [][]byte{encode(nil), encode([]fact{f}), encode([]fact{f, {id: "GJ-2", response: none}})}
}

// Median is median, for tests.
func Median(of []int64) *int64 { return median(of) }

// Made is a block of n incidents of a month from a time on, as a busy street has them.
func Made(site string, n int, from int64) []byte {
	facts := make([]fact, n)
	for i := range facts {
		at := from + int64(i)*28*dayMs/int64(n)
		f := fact{id: fmt.Sprintf("GJ-%d-%s-%d", from, site, i), gateway: "gw-" + site, device: fmt.Sprint("dev-", i%40), rule: fmt.Sprint("R", i%30), severity: "C", category: "danger",
			source: "sensor", outcome: "real", people: [3]string{fmt.Sprint("p", i%50), fmt.Sprint("q", i%20)}, opened: at, since: at - 900, recovered: at + 600_000, closed: at + 3_600_000,
			response: int64(i * 7919 % 600_000), rating: int64(i % 6), burst: 1}
		for s := range f.took {
			f.took[s] = int64((i + 1) * (s + 1) * 104_729 % 5_000_000)
		}
		facts[i] = f
	}
	return encode(facts)
}
