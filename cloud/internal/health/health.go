// Package health knows how far the street can trust each of its devices, and for how long each could be seen. Ingest tells it
// what arrived (Sighted, Told), and Run keeps of every gateway that is this worker's one small row with all its devices
// (digest.go), so that a question about 30,000 devices reads some hundred rows and no reading. The states in it are judged when
// they are asked for, by the server's clock (state.go): an old "good" is never answered.
//
// It keeps besides: when devices broke down and were well again (breakdowns), for how long of each day the street could see them
// (days), when they are due for calibration (calibrate), and it makes an incident of a gateway that stays silent (silent).
// What is lost when the program ends is at most half a minute of when devices were heard, and makes a device look older than
// it is, never younger.
package health

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
)

// PointName is the point by which gateways tell the score of a device.
const PointName = "health"

// RoomPoint is the point by which gateways tell, of the device RoomDevice that they are themselves, for how many seconds they can
// keep what the cloud does not get.
const (
	RoomPoint  = "buffer_time"
	RoomDevice = "gateway"
)

// A Lease says which gateways are this worker's when several share the database.
type Lease interface{ Mine(gateway string) bool }

// Config is what a Service needs.
type Config struct {
	DB        *db.DB
	Incidents *incident.Service
	Changed   func(incident string) // called after an incident of a silent gateway has changed; may be nil
	Lease     Lease                 // nil: every gateway is ours
	Delivery  time.Duration         // how long a reading may be on its way: twice the gateways' outbox.linger
	Tell      time.Duration         // how long a gateway is silent before an incident is made of it
	Now       func() time.Time
	Zone      *time.Location // of days
	Log       *slog.Logger
}

// A Service keeps the health of the street's devices. It may be used by many goroutines.
type Service struct {
	cfg     Config
	started time.Time

	mu     sync.Mutex
	heard  map[string]map[string]Sighting // gateway → device, since the gateway's digest was written
	dirty  map[string]time.Time           // gateways with sightings, since when
	woken  map[string]bool                // gateways whose devices or states have changed
	looked map[string]time.Time           // when all of a gateway was looked at last
	wake   chan struct{}
}

// New makes a service; Run starts it.
func New(cfg Config) *Service {
	return &Service{cfg: cfg, started: cfg.Now(), heard: map[string]map[string]Sighting{}, dirty: map[string]time.Time{}, woken: map[string]bool{},
		looked: map[string]time.Time{}, wake: make(chan struct{}, 1)}
}

// A Sighting is what some readings say of a device, times in Unix ms.
type Sighting struct {
	Device  string
	HeardMs int64 // newest reading of a point of the device that is not bad; 0: none
	Score   int   // health, 0 to 100
	ScoreMs int64 // of the score; 0: none
	Room    int64 // seconds that the gateway can keep readings
	RoomMs  int64 // of the room; 0: none
}

// Sighted takes what a batch of a gateway's readings says. It never blocks. A time in the future counts as now: a gateway whose
// clock runs ahead must not look fresh for longer.
func (s *Service) Sighted(gateway string, seen []Sighting) {
	now := s.cfg.Now()
	ms := now.UnixMilli()
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.heard[gateway]
	if of == nil {
		of = make(map[string]Sighting, len(seen))
		s.heard[gateway] = of
	}
	for _, n := range seen {
		n.HeardMs, n.ScoreMs, n.RoomMs = min(n.HeardMs, ms), min(n.ScoreMs, ms), min(n.RoomMs, ms)
		of[n.Device] = newer(of[n.Device], n)
	}
	if s.dirty[gateway].IsZero() {
		s.dirty[gateway] = now
	}
}

// newer joins two sightings of one device.
func newer(a, b Sighting) Sighting {
	a.Device, a.HeardMs = b.Device, max(a.HeardMs, b.HeardMs)
	if b.ScoreMs > a.ScoreMs {
		a.Score, a.ScoreMs = b.Score, b.ScoreMs
	}
	if b.RoomMs > a.RoomMs {
		a.Room, a.RoomMs = b.Room, b.RoomMs
	}
	return a
}

// Gateway hears that the devices of a gateway, or their states, have changed. It never blocks.
func (s *Service) Gateway(gateway string) {
	s.mu.Lock()
	s.woken[gateway] = true
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

const (
	tick      = time.Second
	writeHurt = 30 * time.Second // sightings wait so long: most gateways send once a minute
	lookEvery = 10 * time.Minute // at all of a gateway
	lookMost  = 32               // gateways in one round
	tellEvery = 10 * time.Second
)

// Run keeps the digests until ctx ends, then writes what has been seen.
func (s *Service) Run(ctx context.Context) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for told := (time.Time{}); ; {
		err := s.Keep(ctx)
		if now := s.cfg.Now(); now.Sub(told) >= tellEvery || now.Before(told) {
			told = now
			err = errors.Join(err, s.TellSilent(ctx))
		}
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("health of devices not kept", "err", err)
		}
		select {
		case <-ctx.Done():
			return s.flush(context.WithoutCancel(ctx))
		case <-ticker.C:
		}
	}
}

// flush writes all sightings.
func (s *Service) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	s.mu.Lock()
	gateways := make([]string, 0, len(s.dirty))
	for g := range s.dirty {
		gateways = append(gateways, g)
	}
	s.mu.Unlock()
	if err := s.writeSightings(ctx, gateways); err != nil {
		s.cfg.Log.Warn("when devices were heard last is not written", "err", err) // the next readings tell it
	}
	return nil
}

// Keep brings the digests up to date: at once of what has changed, of the others from time to time. Run calls it.
func (s *Service) Keep(ctx context.Context) error {
	all, err := s.gateways(ctx)
	if err != nil {
		return err
	}
	now := s.cfg.Now()
	var full, seen []string
	s.mu.Lock()
	for _, g := range all {
		at, ok := s.looked[g]
		switch {
		case s.woken[g], !ok, now.Before(at):
			full = append(full, g)
		case now.Sub(at) >= lookEvery && len(full) < lookMost:
			full = append(full, g)
		case !s.dirty[g].IsZero() && now.Sub(s.dirty[g]) >= writeHurt:
			seen = append(seen, g)
		}
	}
	s.mu.Unlock()
	var errs []error
	for some := range slices.Chunk(full, lookMost) {
		errs = append(errs, s.look(ctx, some))
	}
	for some := range slices.Chunk(seen, 4*lookMost) {
		errs = append(errs, s.writeSightings(ctx, some))
	}
	return errors.Join(errs...)
}
