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
	b := org.Boot{Gateway: h.GetGateway(), Boot: h.GetBoot(), OffsetMs: own, Quality: org.TimeByOwn, StartMs: cloud, ApartMs: cloud - own}
	if h.GetClock() < wire.ClockSynced {
		b.OffsetMs, b.Quality, b.SkewMs = cloud, org.TimeByCloud, cloud-own
	}
	return org.Booted(ctx, tx, b)
}

// A stamp is one moment on the clocks of one start of a gateway.
type stamp struct {
	boot, clock uint32
	wallMs      int64
	monoMs      int64 // 0: a gateway that does not tell
}

func (it *item) recorded() stamp {
	r := it.record
	return stamp{r.GetBoot(), r.GetClock(), r.GetWallMs(), int64(r.GetMonoMs())}
}

// taken is the stamp of the readings or the event: the origin's when they were taken in another start than the record's.
func (it *item) taken() stamp {
	if o := it.origin; o != nil {
		return stamp{o.GetBoot(), o.GetClock(), o.GetWallMs(), int64(o.GetMonoMs())}
	}
	return it.recorded()
}

func (it *item) stamps() []stamp {
	if it.origin == nil {
		return []stamp{it.recorded()}
	}
	return []stamp{it.taken(), it.recorded()}
}

// retime gives records of a time when the gateway's clock was not right the times that they have by what is known of
// their start, and learns of starts from records whose clock was right. It changes nothing but the items.
func (s *Service) retime(ctx context.Context, q db.Querier, gateway string, items []*item) error {
	known := map[uint32]org.Boot{}
	for _, it := range items {
		for _, at := range it.stamps() {
			if _, ok := known[at.boot]; ok || at.clock < wire.ClockSynced || at.monoMs == 0 {
				continue
			}
			b := org.Boot{Gateway: gateway, Boot: at.boot, OffsetMs: at.wallMs - at.monoMs, Quality: org.TimeByOwn}
			known[at.boot] = b
			if !s.learned(gateway, at.boot) {
				it.teaches = append(it.teaches, b)
			}
		}
	}
	for _, it := range items {
		if it.code != "" || it.broken != nil {
			continue
		}
		for _, at := range it.stamps() {
			if _, ok := known[at.boot]; ok || at.clock >= wire.ClockSynced {
				continue
			}
			b, _, err := org.BootOf(ctx, q, gateway, at.boot)
			if err != nil {
				return err
			}
			known[b.Boot] = b
		}
		it.broken = guarded(func() error { return s.shift(it, known) })
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

// off says by how much a clock was wrong; ok is false when nothing tells.
func (at stamp) off(known map[uint32]org.Boot) (by int64, ok bool) {
	if at.clock >= wire.ClockSynced {
		return 0, true
	}
	b := known[at.boot]
	if b.Quality == org.TimeUnknown || at.monoMs == 0 {
		return 0, false
	}
	by = b.OffsetMs + at.monoMs - at.wallMs
	if b.Quality == org.TimeByCloud && max(by, -by) <= cloudError {
		by = 0
	}
	return by, true
}

// shift moves the times of one record that lie in the start in which they were taken. Others are of another start: a timer
// that went on.
func (s *Service) shift(it *item, known map[uint32]org.Boot) (err error) {
	by, ok := it.recorded().off(known)
	it.untimed = !ok
	it.wallMs += by
	at := it.taken()
	if it.origin != nil {
		by, ok = at.off(known)
		it.originMs = at.wallMs + by
	}
	it.astray = !ok
	if by == 0 || it.chunk != nil {
		return nil
	}
	start := at.wallMs - at.monoMs - startSlack
	if it.event != nil {
		moveEvent(it.event, func(ms *int64) {
			if *ms >= start {
				*ms += by
			}
		})
		return nil
	}
	if it.span.newest < start {
		return nil
	}
	if it.payload, err = s.moved(it.record.GetPayload(), start, by); err != nil {
		return err
	}
	it.span, _, err = s.scan(it.payload)
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
	case *wire.Event_Storage:
		move(&kind.Storage.SinceMs)
		move(&kind.Storage.AtMs)
	case *wire.Event_Rules:
		move(&kind.Rules.AtMs)
	case *wire.Event_Applied:
		move(&kind.Applied.AtMs)
	case *wire.Event_Config:
		move(&kind.Config.AtMs)
	case *wire.Event_Update:
		move(&kind.Update.AtMs)
	case *wire.Event_Notice:
		move(&kind.Notice.AtMs)
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
