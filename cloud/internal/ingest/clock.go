package ingest

import (
	"context"
	"database/sql"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

const (
	cloudError = 2000 // ms: a time that the cloud's clock gave is no better than a message's way; less is not corrected
	startSlack = 1000 // ms before a start that still count as of it
	liveError  = 5 * time.Minute
)

// booted notes in a hello when the gateway's present start was.
func (s *Service) booted(ctx context.Context, tx *sql.Tx, h *wire.Hello, now time.Time) error {
	if h.GetMonoMs() == 0 {
		return nil // a gateway that does not tell
	}
	mono := int64(h.GetMonoMs())
	own, cloud := h.GetTimeMs()-mono, now.UnixMilli()-mono
	b := org.Boot{Gateway: h.GetGateway(), Boot: h.GetBoot(), OffsetMs: own, Quality: org.TimeByOwn, StartMs: cloud}
	if h.GetClock() < wire.ClockSynced {
		b.OffsetMs, b.Quality, b.SkewMs = cloud, org.TimeByCloud, cloud-own
	}
	return org.Booted(ctx, tx, b)
}

// retime gives records of a time when the gateway's clock was not right the times that they have by what is known of
// their start, and learns of starts from records whose clock was right. It changes nothing but the items.
func (s *Service) retime(ctx context.Context, q db.Querier, gateway string, items []*item) error {
	known := map[uint32]org.Boot{}
	for _, it := range items {
		r := it.record
		if _, ok := known[r.GetBoot()]; ok || r.GetClock() < wire.ClockSynced || r.GetMonoMs() == 0 {
			continue
		}
		b := org.Boot{Gateway: gateway, Boot: r.GetBoot(), OffsetMs: r.GetWallMs() - int64(r.GetMonoMs()), Quality: org.TimeByOwn}
		known[r.GetBoot()] = b
		if !s.learned(gateway, r.GetBoot()) {
			it.teaches = &b
		}
	}
	for _, it := range items {
		if it.record.GetClock() >= wire.ClockSynced || it.code != "" {
			continue
		}
		b, ok := known[it.record.GetBoot()]
		if !ok {
			var err error
			if b, _, err = org.BootOf(ctx, q, gateway, it.record.GetBoot()); err != nil {
				return err
			}
			known[b.Boot] = b
		}
		if err := s.shift(it, b); err != nil {
			return err
		}
	}
	return nil
}

// learned says whether a record has told of the start before; only the newest one of a gateway is remembered.
func (s *Service) learned(gateway string, boot uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.taught[gateway]
	return ok && at == boot
}

// shift moves the times of one record that lie in its own start. Others are of another start: a timer that went on.
func (s *Service) shift(it *item, b org.Boot) error {
	r := it.record
	if b.Quality == org.TimeUnknown || r.GetMonoMs() == 0 {
		it.untimed = true
		return nil
	}
	by := b.OffsetMs + int64(r.GetMonoMs()) - r.GetWallMs()
	if by == 0 || (b.Quality == org.TimeByCloud && max(by, -by) <= cloudError) {
		return nil
	}
	start := r.GetWallMs() - int64(r.GetMonoMs()) - startSlack
	it.wallMs += by
	move := func(ms *int64) {
		if *ms >= start {
			*ms += by
		}
	}
	if it.event != nil {
		moveEvent(it.event, move)
		return nil
	}
	moved := false
	for i := range it.readings {
		if at := it.readings[i].Time.UnixMilli(); at >= start {
			it.readings[i].Time, moved = time.UnixMilli(at+by), true
		}
	}
	if !moved {
		return nil
	}
	s.encoding.Lock()
	defer s.encoding.Unlock()
	payload, err := s.encoder.Encode(it.readings)
	it.payload = payload
	return err
}

func moveEvent(e *wire.Event, move func(*int64)) {
	switch kind := e.GetKind().(type) {
	case *wire.Event_Alert:
		move(&kind.Alert.SinceMs)
		move(&kind.Alert.AtMs)
	case *wire.Event_Action:
		move(&kind.Action.AtMs)
	case *wire.Event_Device:
		move(&kind.Device.AtMs)
	case *wire.Event_Boot:
		move(&kind.Boot.AtMs)
	}
}

// present moves readings of the live lane by what the gateway's clock was wrong at its hello, if that brings them nearer to now.
func present(rs []device.Reading, b org.Boot, now time.Time) {
	newest := rs[0].Time
	for _, r := range rs {
		if r.Time.After(newest) {
			newest = r.Time
		}
	}
	by := time.Duration(b.SkewMs) * time.Millisecond
	if off := now.Sub(newest).Abs(); off < liveError || now.Sub(newest.Add(by)).Abs() >= off {
		return
	}
	for i := range rs {
		rs[i].Time = rs[i].Time.Add(by)
	}
}
