package modbus

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

// A Journal writes what was served, one JSON line per read answer, so that a test can hold what arrived at the far end
// against what left here: {"us":…,"device":"bench-1","unit":1,"table":"holding","at":0,"values":[1,1,1]}.
// us is Unix microseconds, taken before the answer goes out. Answers that a fault damaged, delayed or dropped are not in it.
type Journal struct {
	mu   sync.Mutex
	f    *os.File
	w    *bufio.Writer
	line []byte
	err  error
}

// OpenJournal begins a new file.
func OpenJournal(path string) (*Journal, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	return &Journal{f: f, w: bufio.NewWriterSize(f, 1<<16)}, nil
}

// Flush hands everything to the system.
func (j *Journal) Flush() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.w.Flush(); err != nil && j.err == nil {
		j.err = fmt.Errorf("write journal: %w", err)
	}
	return j.err
}

// Close flushes and closes; the first error of all is answered.
func (j *Journal) Close() error {
	err := j.Flush()
	if e := j.f.Close(); err == nil && e != nil {
		err = fmt.Errorf("close journal: %w", e)
	}
	return err
}

// served notes the answer to a request PDU; s still holds its values.
func (j *Journal) served(device string, unit byte, pdu []byte, s *scratch) {
	if len(pdu) != 5 || pdu[0] < 1 || pdu[0] > 4 {
		return
	}
	table := [...]Table{Coils, Discretes, Holdings, Inputs}[pdu[0]-1]
	at, n := binary.BigEndian.Uint16(pdu[1:]), int(binary.BigEndian.Uint16(pdu[3:]))
	if n < 1 || table <= Discretes && n > len(s.bits) || table > Discretes && n > len(s.words) {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	b := append(j.line[:0], `{"us":`...)
	b = strconv.AppendInt(b, time.Now().UnixMicro(), 10)
	b = append(b, `,"device":`...)
	b = strconv.AppendQuote(b, device)
	b = append(b, `,"unit":`...)
	b = strconv.AppendUint(b, uint64(unit), 10)
	b = append(b, `,"table":"`...)
	b = append(b, table.String()...)
	b = append(b, `","at":`...)
	b = strconv.AppendUint(b, uint64(at), 10)
	b = append(b, `,"values":[`...)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		switch {
		case table > Discretes:
			b = strconv.AppendUint(b, uint64(s.words[i]), 10)
		case s.bits[i]:
			b = append(b, '1')
		default:
			b = append(b, '0')
		}
	}
	j.line = append(b, "]}\n"...)
	if _, err := j.w.Write(j.line); err != nil && j.err == nil {
		j.err = fmt.Errorf("write journal: %w", err)
	}
}
