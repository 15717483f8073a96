package update

import (
	"crypto/ed25519"
	"io"

	"github.com/linshao/linshao/cloud/wire/program"
)

// A Manifest says what an update holds.
type Manifest = program.Manifest

// A Refused says in people's words why an update is not taken. Nothing has changed.
type Refused = program.Refused

// Program is what a manifest names: nothing else is taken for a gateway.
const Program = program.Program

// Write makes an update of a program: it fills in digest, size and program of the manifest, signs it, and answers it.
func Write(w io.Writer, key ed25519.PrivateKey, m Manifest, text []byte) (Manifest, error) {
	return program.Write(w, key, m, text)
}

// Inspect reads and checks a whole update file.
func Inspect(r io.Reader, key ed25519.PublicKey) (Manifest, error) { return program.Inspect(r, key) }

// Compare orders versions as semantic versioning does: below 0 when a is the older one. What has no order is older than what has.
func Compare(a, b string) int { return program.Compare(a, b) }

// Known says whether a version has an order: 1.4.0, v1.4.0, 1.5.0-rc.1. A commit has none.
func Known(version string) bool { return program.Known(version) }
