package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// SaveSealed replaces a file by data with a checksum, and the moment it is of. Unlike a snapshot it keeps none before it: what was
// true then may not be any more.
func SaveSealed(file string, at time.Time, data []byte) error {
	sealed, err := Snapshot{At: at, Data: data}.encode()
	if err != nil {
		return fmt.Errorf("encode %s: %w", file, err)
	}
	return Save(file, sealed)
}

// LoadSealed reads what SaveSealed wrote; nil when there is no file. One that cannot be used is put aside under the name .damaged.
func LoadSealed(file string) (at time.Time, data []byte, err error) {
	sealed, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return at, nil, nil
	}
	var s Snapshot
	if err == nil {
		s, err = decodeSnapshot(sealed)
	}
	if err != nil {
		return at, nil, errors.Join(fmt.Errorf("read %s: %w", file, err), os.Rename(file, file+".damaged"))
	}
	return s.At, s.Data, nil
}
