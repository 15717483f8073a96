package report

import "reflect"

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
