// Package state keeps the gateway's small files: the boot counter, the rules' memory. Each is replaced as a whole, so that a
// power cut leaves the old one or the new one, never half of one. The app uses it.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Save replaces a file: the new content is on disk under another name before it takes the name, and the name is on disk before Save returns.
func Save(file string, data []byte) error { return replace(file, "", data) }

// replace is Save; the file that was there stays under the name old, if that is not empty.
func replace(file, old string, data []byte) error {
	tmp := file + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("create %s: %w", tmp, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", tmp, err)
	}
	if old != "" {
		if err := os.Rename(file, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keep %s: %w", file, err)
		}
	}
	if err := os.Rename(tmp, file); err != nil {
		return fmt.Errorf("replace %s: %w", file, err)
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return fmt.Errorf("sync folder of %s: %w", file, err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("sync folder of %s: %w", file, err)
	}
	return nil
}

// Ways in which the run before this one may have ended.
const (
	EndFirst   = "first"   // there was none
	EndClean   = "clean"   // it was asked to stop and did
	EndUnclean = "unclean" // power cut, crash, kill
	EndUnknown = "unknown" // the boot file was damaged
)

// A Boot counts the starts of a gateway.
type Boot struct {
	Number   uint32
	Previous string // how the run before ended
	Unsaved  error  // the disk did not take the count: the next start will not know of this one
	file     string
}

type bootFile struct {
	Boot  uint32 `json:"boot"`
	Clean bool   `json:"clean"`
}

// NextBoot counts a start in the folder. A damaged file starts the count anew from the time, in seconds, so that it still grows,
// and on a disk that takes nothing the number is the time too, so that no other start has it: the gateway always starts.
func NextBoot(dir string, unix int64) *Boot {
	b := &Boot{file: filepath.Join(dir, "boot.json"), Previous: EndFirst, Number: 1}
	data, err := os.ReadFile(b.file)
	var old bootFile
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		b.Previous, b.Number = EndUnknown, uint32(unix)
	case json.Unmarshal(data, &old) != nil || old.Boot == 0:
		b.Previous, b.Number = EndUnknown, uint32(unix)
	case old.Clean:
		b.Previous, b.Number = EndClean, old.Boot+1
	default:
		b.Previous, b.Number = EndUnclean, old.Boot+1
	}
	if b.Unsaved = b.save(false); b.Unsaved != nil {
		b.Number = uint32(unix)
	}
	return b
}

// End notes that this run ends as it should.
func (b *Boot) End() error { return b.save(true) }

// GiveUp notes that this run never began: the next start is to know how the one before it ended.
func (b *Boot) GiveUp() error { return b.save(b.Previous == EndClean || b.Previous == EndFirst) }

func (b *Boot) save(clean bool) error {
	data, err := json.Marshal(bootFile{b.Number, clean})
	if err != nil {
		return fmt.Errorf("write boot counter: %w", err)
	}
	return Save(b.file, data)
}
