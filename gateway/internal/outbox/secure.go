package outbox

import (
	"fmt"
	"path/filepath"
)

// secure writes the newest segment that was found anew when it could not be synced: what was read from it may be in the page
// cache only. A cursor that claims an orderly end would make the next start give numbers again. Nothing is written before both
// are right, nor before the folder of a new log is surely there after a power cut. It needs io.
func (l *Log) secure() error {
	if l.oldHint {
		if err := l.writeCursor(cursor{epoch: l.epoch, cum: l.acked, kernel: l.kernel()}, true); err != nil {
			return err
		}
	}
	if err := l.fixNames(); err != nil {
		return err
	}
	if l.shaky == nil {
		return nil
	}
	if l.shakyBytes == nil {
		data, err := readFile(l.cfg.disk, l.shaky.path)
		if err != nil {
			l.secured() // told as a gap; a bad sector must not stop the log
			return nil
		}
		l.shakyBytes = data
	}
	if err := writeFile(l.cfg.disk, l.shaky.path, l.shakyBytes, true); err != nil {
		return fmt.Errorf("write %s again: %w", filepath.Base(l.shaky.path), err)
	}
	l.secured()
	return nil
}

// fixNames makes durable the names that were found at the start: the last run may not have succeeded in it, and what older files
// tell of the numbers may only be deleted when that of the newest stays. Of a new log also those of the folders above. It needs io.
func (l *Log) fixNames() error {
	if l.adrift {
		if err := syncDir(l.cfg.disk, l.cfg.Dir); err != nil {
			return fmt.Errorf("sync folder: %w", err)
		}
		l.adrift = false
	}
	if l.loose {
		if err := syncParents(l.cfg.disk, l.cfg.Dir); err != nil {
			return fmt.Errorf("sync the folders above: %w", err)
		}
		l.loose = false
	}
	return nil
}

// hide keeps records from readers until they are secured. With Sync zero each batch but the last was synced before the next was
// written; the last may be one that a kill interrupted, a power cut could take it, and its numbers would be given again. With
// Sync above zero numbers are skipped after a power cut, and readers need not wait.
func (l *Log) hide(from uint64) {
	if l.cfg.Sync == 0 {
		l.veil = from
	}
}

// secured: the newest segment that was found is on disk, or given up.
func (l *Log) secured() {
	l.shaky, l.shakyBytes = nil, nil
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.veil > 0 {
		l.veil = 0
		l.signal()
	}
}
