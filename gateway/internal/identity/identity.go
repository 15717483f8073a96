// Package identity notices that a meter was exchanged. It asks each device that has a serial number for it: when it begins
// to answer, and every hour. The app tells it who answers and what to do when the number is another.
//
// It promises: a change is told once, also over a restart in between; it is told only when the device has said the new number
// twice. Readings are not touched: they are the new meter's, and right. Its counters begin anew, which sessions know of.
package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/state"
)

const (
	// again is how often a device that answers is asked.
	again = time.Hour
	// retry is how soon one is asked again that did not say its number.
	retry = time.Minute
	// patience bounds a question.
	patience = 30 * time.Second
)

// Config of a Watch.
type Config struct {
	File    string          // where the numbers are kept
	Devices []device.Device // those without Identity are left alone
	Read    func(ctx context.Context, key device.Key) (device.Reading, error)
	Swapped func(d device.Device, old, now string) // must not block
	Now     func() time.Time
	Log     *slog.Logger
}

// A Watch knows which device hangs where.
type Watch struct {
	cfg     Config
	devices map[string]device.Device
	known   map[string]string // by device, also of those that are not configured now

	mu     sync.Mutex
	online map[string]bool
	due    map[string]bool
	wake   chan struct{}
}

// New reads what is known. It asks nobody.
func New(cfg Config) *Watch {
	w := &Watch{cfg: cfg, devices: map[string]device.Device{}, known: map[string]string{}, online: map[string]bool{}, due: map[string]bool{}, wake: make(chan struct{}, 1)}
	for _, d := range cfg.Devices {
		if d.Identity != nil {
			w.devices[d.ID] = d
		}
	}
	_, data, err := state.LoadSealed(cfg.File)
	if err == nil && data != nil {
		err = json.Unmarshal(data, &w.known)
	}
	if err != nil { // the numbers are learned anew; an exchange before that is not seen
		cfg.Log.Error("serial numbers of before are not known", "error", err)
	}
	if err != nil || w.known == nil { // "null" is JSON too
		w.known = map[string]string{}
	}
	return w
}

// Changed takes what a poller found out: a device that begins to answer is asked who it is.
func (w *Watch) Changed(id string, online bool) {
	if _, ours := w.devices[id]; !ours {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.online[id] = online
	if delete(w.due, id); !online {
		return
	}
	w.due[id] = true
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Run asks until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	if len(w.devices) == 0 {
		return
	}
	hourly, soon := time.NewTicker(again), time.NewTicker(retry)
	defer hourly.Stop()
	defer soon.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hourly.C:
			w.all()
		case <-soon.C:
		case <-w.wake:
		}
		for _, id := range w.waiting() {
			if w.ask(ctx, w.devices[id]) {
				w.done(id)
			}
		}
	}
}

// all makes everybody who answers due.
func (w *Watch) all() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, online := range w.online {
		if online {
			w.due[id] = true
		}
	}
}

func (w *Watch) waiting() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.due))
}

func (w *Watch) done(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.due, id)
}

// ask compares a device's number with the known one; false when it has to be asked again.
func (w *Watch) ask(ctx context.Context, d device.Device) bool {
	number, ok := w.number(ctx, d)
	if !ok || number == "" || number == w.known[d.ID] {
		return ok
	}
	if twice, ok := w.number(ctx, d); !ok || twice != number {
		return false // damage with right check bytes: meters' sums have 8 bits
	}
	old := w.known[d.ID]
	if w.known[d.ID] = number; old != "" {
		w.cfg.Log.Warn("device exchanged", "device", d.ID, "was", old, "is", number)
		w.cfg.Swapped(d, old, number)
	}
	if err := w.save(); err != nil {
		w.cfg.Log.Error("save serial numbers", "error", err)
	}
	return true
}

// number is what a device says; empty when it has none. false: it did not say.
func (w *Watch) number(ctx context.Context, d device.Device) (number string, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := w.cfg.Read(ctx, d.Identity.Key())
	switch {
	case err != nil:
		return "", false
	case r.Reason == device.NoSuchPoint || r.Reason == device.Unsupported || r.Reason == device.Refused:
		return "", true // a model of before the register
	case r.Quality != device.Good:
		return "", false
	case r.Value <= 0 || r.Value == 1<<32-1:
		return "", true // never written by its maker
	}
	return strconv.FormatFloat(r.Value, 'f', -1, 64), true
}

func (w *Watch) save() error {
	data, err := json.Marshal(w.known)
	if err != nil {
		return fmt.Errorf("encode serial numbers: %w", err)
	}
	return state.SaveSealed(w.cfg.File, w.cfg.Now(), data)
}
