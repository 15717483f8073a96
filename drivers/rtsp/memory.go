package rtsp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Of what is kept on disk.
const (
	longestMemory = 8 << 20 // bytes of a file; more is damage
	stale         = week * time.Hour
	savesAnHour   = 6 // a killed process forgets ten minutes, and a memory card is not worn out
)

// memory keeps the bit rates of a channel's cameras in a file, so that neither a crash of this process nor a restart of the
// gateway costs the days that a collapse is judged by.
type memory struct {
	file string // "": nothing is kept
	log  *slog.Logger

	mu    sync.Mutex
	known map[string]rates // by device
}

// rates are what is kept of one camera.
type rates struct {
	Saved   time.Time     `json:"saved"`
	Hours   []float64     `json:"hours"`   // kbit/s, oldest first
	Sum     float64       `json:"sum"`     // of the hour that was under way
	Count   int           `json:"count"`   // in Sum
	Elapsed time.Duration `json:"elapsed"` // of that hour
}

// sane says whether rates can be what was written, and are of use.
func (r *rates) sane(now time.Time) bool {
	bad := func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) || x < 0 }
	return !now.After(r.Saved.Add(stale)) && len(r.Hours) <= week && !slices.ContainsFunc(r.Hours, bad) && !bad(r.Sum) && r.Count >= 0 && r.Elapsed >= 0
}

// newMemory reads what the process before has kept. A file that cannot be used is told and overwritten in time.
func newMemory(folder, channel string, log *slog.Logger) *memory {
	m := &memory{log: log, known: map[string]rates{}}
	if folder == "" {
		return m
	}
	m.file = filepath.Join(folder, url.PathEscape(channel)+".rates.json")
	if err := m.load(time.Now()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.known = map[string]rates{}
		log.Warn("bit rates of before are lost", "error", err)
	}
	return m
}

func (m *memory) load(now time.Time) error {
	f, err := os.Open(m.file)
	if err != nil {
		return fmt.Errorf("read rates: %w", err)
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, longestMemory)).Decode(&m.known); err != nil {
		return fmt.Errorf("read rates %s: %w", m.file, err)
	}
	if m.known == nil { // the file says null
		return fmt.Errorf("read rates %s: there are none", m.file)
	}
	for dev, r := range m.known {
		if !r.sane(now) {
			delete(m.known, dev)
		}
	}
	return nil
}

// of is what is known of a device.
func (m *memory) of(dev string) (rates, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.known[dev]
	return r, ok
}

// save replaces the file by what the cameras are now. Those that nobody has asked for yet keep what they had.
func (m *memory) save(now map[string]rates) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for dev, r := range now {
		m.known[dev] = r
	}
	if len(m.known) == 0 {
		return
	}
	if err := m.write(); err != nil {
		m.log.Warn("bit rates are not kept", "error", err)
	}
}

func (m *memory) write() error {
	text, err := json.Marshal(m.known)
	if err != nil {
		return fmt.Errorf("encode rates: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(m.file), 0o700); err != nil {
		return fmt.Errorf("make folder of rates: %w", err)
	}
	f, err := os.OpenFile(m.file+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write rates: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write rates: %w", err)
	}
	if err := os.Rename(f.Name(), m.file); err != nil {
		return fmt.Errorf("replace rates: %w", err)
	}
	return nil
}

// remember saves now and then, and once at the end.
func (c *conn) remember() {
	tick := time.NewTicker(c.driver.Hour / savesAnHour)
	defer tick.Stop()
	for ended := false; !ended; {
		select {
		case <-tick.C:
		case <-c.ended:
			ended = true
		}
		c.mu.Lock()
		watchers := make(map[string]*watcher, len(c.devices))
		for dev, w := range c.devices {
			watchers[dev] = w
		}
		c.mu.Unlock()
		now := make(map[string]rates, len(watchers))
		for dev, w := range watchers {
			if r, ok := w.rates(); ok {
				now[dev] = r
			}
		}
		c.memory.save(now)
	}
}

// rates of a camera as they are to be kept; none while it has not been seen.
func (w *watcher) rates() (rates, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := &w.health.usual
	if !u.begun {
		return rates{}, false
	}
	return rates{Saved: time.Now(), Hours: slices.Clone(u.hours), Sum: u.sum, Count: u.count, Elapsed: max(0, w.clock.now()-u.hour)}, true
}
