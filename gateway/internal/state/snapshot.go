package state

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"
)

// A Snapshot is the memory of the rules at one moment, and how far the events log was then: what is behind that number is
// not in it, or may be.
type Snapshot struct {
	Epoch, Next uint64 // of the events log
	At          time.Time
	Data        []byte
}

const (
	snapshotMagic = "LSMEMORY"
	snapshotForm  = 1
	snapshotHead  = 48       // bytes before the compressed data
	snapshotMost  = 64 << 20 // bytes of data; more is damage
)

// snapshotOld is where the snapshot before the newest stays, should that one turn out to be unreadable.
func snapshotOld(file string) string { return file + ".old" }

// SaveSnapshot replaces a snapshot and keeps the one before it. It returns the bytes written when they are on disk.
func SaveSnapshot(file string, s Snapshot) (int, error) {
	data, err := s.encode()
	if err != nil {
		return 0, fmt.Errorf("encode snapshot: %w", err)
	}
	return len(data), replace(file, snapshotOld(file), data)
}

// LoadSnapshots reads the newest snapshot and the one before it, in this order, as far as they can be used; the errors say what
// is the matter with the others. No file at all is no error. One that cannot be used is put aside under the name .damaged: it must not
// take the place of the one before it when the next is saved.
func LoadSnapshots(file string) (found []Snapshot, problems []error) {
	for _, name := range []string{file, snapshotOld(file)} {
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var s Snapshot
		if err == nil {
			s, err = decodeSnapshot(data)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("read snapshot %s: %w", name, err), os.Rename(name, file+".damaged"))
			continue
		}
		found = append(found, s)
	}
	return found, slices.DeleteFunc(problems, func(err error) bool { return err == nil })
}

func (s Snapshot) encode() ([]byte, error) {
	out := bytes.NewBuffer(make([]byte, snapshotHead, snapshotHead+len(s.Data)/4))
	w, err := flate.NewWriter(out, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(s.Data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	b := out.Bytes()
	copy(b, snapshotMagic)
	b[8] = snapshotForm
	binary.LittleEndian.PutUint64(b[12:], s.Epoch)
	binary.LittleEndian.PutUint64(b[20:], s.Next)
	binary.LittleEndian.PutUint64(b[28:], uint64(s.At.UnixMilli()))
	binary.LittleEndian.PutUint64(b[36:], uint64(len(s.Data)))
	binary.LittleEndian.PutUint32(b[44:], checksum(b))
	return b, nil
}

// checksum covers all but itself.
func checksum(b []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(b[:44], table), table, b[snapshotHead:])
}

func decodeSnapshot(b []byte) (Snapshot, error) {
	if len(b) < snapshotHead || string(b[:8]) != snapshotMagic {
		return Snapshot{}, errors.New("it is no snapshot")
	}
	if checksum(b) != binary.LittleEndian.Uint32(b[44:]) {
		return Snapshot{}, errors.New("it is damaged")
	}
	if b[8] != snapshotForm {
		return Snapshot{}, fmt.Errorf("form %d, this program reads %d", b[8], snapshotForm)
	}
	size := binary.LittleEndian.Uint64(b[36:])
	if size > snapshotMost {
		return Snapshot{}, errors.New("it is damaged")
	}
	data, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b[snapshotHead:])), int64(size)+1))
	if err != nil || uint64(len(data)) != size {
		return Snapshot{}, errors.Join(errors.New("it is damaged"), err)
	}
	return Snapshot{
		Epoch: binary.LittleEndian.Uint64(b[12:]),
		Next:  binary.LittleEndian.Uint64(b[20:]),
		At:    time.UnixMilli(int64(binary.LittleEndian.Uint64(b[28:]))),
		Data:  data,
	}, nil
}
