// Package physics is what the simulated site would really do: batteries that charge, gas that leaks and is shut off,
// doors, and meters that add up. Everything is a function of simulated time and a seed, so that two plays of a scenario
// are the same. It knows no protocol; modbus, serial and rtsp show it to the outside. Nothing here may be used from two
// goroutines at once: app holds one lock around a site.
package physics

import "time"

// Noise answers a number from -1 to 1 that depends only on the seed and on which slice of time t falls into.
func Noise(seed uint64, t time.Time, slice time.Duration) float64 {
	x := seed + uint64(t.UnixNano()/int64(slice))*0x9E3779B97F4A7C15
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9
	x = (x ^ (x >> 27)) * 0x94D049BB133111EB
	x ^= x >> 31
	return float64(x>>11)/(1<<52) - 1
}
