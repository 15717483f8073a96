package uplink

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

const deadLimit = 4 << 20 // bytes of both files together

// deadLetters keeps what the cloud refused for whoever wants to look: JSON lines in two files that take turns.
type deadLetters struct {
	dir string // empty: nothing is kept
}

type deadLetter struct {
	At      time.Time `json:"at"`
	Stream  string    `json:"stream"`
	Epoch   string    `json:"epoch"`
	Seq     uint64    `json:"seq"`
	Code    string    `json:"code"`
	Type    uint32    `json:"type"`
	Boot    uint32    `json:"boot"`
	WallMs  int64     `json:"wallMs"`
	Payload []byte    `json:"payload"` // base64
}

// add appends records of a stream with the code of the refusal.
func (d deadLetters) add(g outbox.Gap, code string, records []outbox.Record) error {
	if d.dir == "" {
		return nil
	}
	path := filepath.Join(d.dir, "rejected.jsonl")
	var lines []byte
	for _, r := range records {
		line, err := json.Marshal(deadLetter{time.Now().UTC(), wire.StreamName(g.Stream), fmt.Sprintf("%016x", g.Epoch), r.Seq, code, r.Type, r.Boot, r.WallMs, r.Payload})
		if err != nil {
			return fmt.Errorf("keep rejected records: %w", err)
		}
		lines = append(append(lines, line...), '\n')
	}
	if info, err := os.Stat(path); err == nil && info.Size()+int64(len(lines)) > deadLimit/2 {
		if err := os.Rename(path, path+".old"); err != nil {
			return fmt.Errorf("keep rejected records: %w", err)
		}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keep rejected records: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("keep rejected records: %w", err)
	}
	_, err = f.Write(lines)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("keep rejected records: %w", err)
	}
	return nil
}
