package health

import "reflect"

// Decode lets the fuzzer at the parser: what it takes, it writes again as the same.
func Decode(b []byte) (ok, same bool) {
	sensors, err := decode(b)
	if err != nil {
		return false, false
	}
	again, err := decode(encode(sensors))
	return true, err == nil && (len(sensors) == 0 && len(again) == 0 || reflect.DeepEqual(sensors, again))
}

// Seeds are digests as they are written.
func Seeds() [][]byte {
	s := sensor{id: "gas-1", kind: "gas", zone: "z1", limitMs: 123000, answers: answersYes, reason: 7, sinceMs: 1_795_300_000_000, heardMs: 1_795_300_000_001, score: 75, scoreMs: 1, turnMs: 2, offlinePM: 1000, brokenMs: -3, due: 20000}
	return [][]byte{encode(nil), encode([]sensor{s}), encode([]sensor{s, {id: "门-2", score: noScore}})}
}
