//go:build !race

package auth

// Cost of argon2id, of RFC 9106's second choice: 64 MiB, 3 passes.
const (
	memoryKiB = 64 << 10
	passes    = 3
)
