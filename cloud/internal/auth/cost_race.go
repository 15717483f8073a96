//go:build race

package auth

// Cost of argon2id under the race detector, with which no program is built: there it takes a hundred times as long, and
// nothing but the cost is another.
const (
	memoryKiB = 8 << 10
	passes    = 1
)
